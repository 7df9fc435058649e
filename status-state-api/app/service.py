"""What runs in the background of the server: the start, then the watch; and the orderly stop.

It wires nothing and serves nothing. Whatever ends unexpectedly here ends the process: a service whose memory has died
must not look alive.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from .engine.watch import EngineWatch, Keeper
from .errors import StatusStateError
from .health.observer import Watched
from .journal.journal import Journal
from .journal.uptime import Uptime
from .process.ending import Ending
from .snapshot.held import Held

STOP_SECONDS = 5.0
"""How long a busy store is waited for at the stop; the engine kills 10 s after it has asked to stop."""
CLOSE_SECONDS = 1.0

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Holder(Keeper, Protocol):
    """Who captures or resumes the snapshot, and holds it."""

    async def start(self) -> Held | None:
        """Return the snapshot; None when there can be none now."""
        ...

    async def record_stop(self) -> bool:
        """Record an orderly stop, and tell whether it was."""
        ...


class HealthOfOriginals(Protocol):
    """Who observes the originals."""

    async def run(self, originals: Sequence[Watched]) -> None:
        """Observe them for ever."""
        ...

    def close(self) -> None:
        """Let nobody wait for verdicts any longer."""
        ...


class EndsPauses(Protocol):
    """Who ends the pauses."""

    async def run(self) -> None:
        """End each at its time, for ever."""
        ...


class Closable(Protocol):
    """What is to be closed at the end."""

    async def close(self) -> None:
        """Close it."""
        ...


class Service:
    """Runs in the background, and ends the process where it can't go on."""

    def __init__(
        self,
        holder: Holder,
        watch: EngineWatch,
        *,
        store: Closable,
        health: HealthOfOriginals,
        pauses: EndsPauses,
        journal: Journal,
        uptime: Uptime,
        ending: Ending,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._holder = holder
        self._watch = watch
        self._store = store
        self._health = health
        self._pauses = pauses
        self._journal = journal
        self._uptime = uptime
        self._ending = ending
        self._stop_seconds = stop_seconds
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncGenerator[None]:
        """Run for as long as the server does."""
        self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            await self._cancel()
            await self._close_store()

    async def finish(self) -> None:
        """Let nobody wait any longer, and record an orderly stop; called before the connections are drained."""
        self._health.close()
        if self._ending.is_failure:
            return
        await self._cancel()  # a start that is still under way must not capture a snapshot any more
        try:
            async with asyncio.timeout(self._stop_seconds):
                recorded = await self._holder.record_stop()
                await self._journal.finish()
        except StatusStateError as error:
            cause, remedy = error.cause, error.remedy
        except TimeoutError:
            cause, remedy = f"the store was busy for {self._stop_seconds:g} s", "See what else uses it"
        else:
            log.info("stopping", message="This service stops as asked.", recorded=recorded)
            return
        log.error(
            "stop_unrecorded",
            message="This service stops as asked, but that can't be recorded: the next start will resume the snapshot.",
            cause=cause,
            remedy=remedy,
        )

    async def _run(self) -> None:
        try:
            held = await self._holder.start()
            if held is None:
                self._ending.fail()
                return
            self._uptime.follow(held.watched)
            beside = [
                asyncio.create_task(self._health.run(held.watched)),
                asyncio.create_task(self._journal.run(held.snapshot.engine, held.snapshot.id)),
                asyncio.create_task(self._uptime.run()),
                asyncio.create_task(self._pauses.run()),
            ]
            try:
                await self._watch.run(self._holder)
            finally:
                for task in beside:
                    task.cancel()
        except StatusStateError as error:
            log.error(  # noqa: TRY400 - told in words
                "service_failed", message="This service ends.", cause=error.cause, remedy=error.remedy
            )
            self._ending.fail()
        except Exception:
            log.exception("service_bug", message="This service ends because of a bug in it; please report this.")
            self._ending.fail()

    async def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _close_store(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._store.close()
        except (StatusStateError, TimeoutError):
            log.warning("store_busy", message="The store is still busy at the end: it is left as it is.")
