"""What runs in the background of the server: the start, then the watch; and the orderly stop.

It wires nothing and serves nothing. Whatever ends unexpectedly here ends the process: a service whose memory has died
must not look alive.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import structlog

from .engine.watch import EngineWatch
from .errors import StatusStateError
from .health.supervisor import HealthSupervisor
from .journal.controller import ControllerRecord
from .snapshot.holder import Memory
from .store.store import Store

STOP_SECONDS = 5.0
"""How long a busy store is waited for at the stop; the engine kills 10 s after it has asked to stop."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Service:
    """Runs in the background. `end` ends the process as failed, leaving marks alone."""

    def __init__(
        self,
        memory: Memory,
        watch: EngineWatch,
        controller: ControllerRecord,
        store: Store,
        health: HealthSupervisor,
        *,
        end: Callable[[], None],
    ) -> None:
        self._memory = memory
        self._watch = watch
        self._health = health
        self._controller = controller
        self._store = store
        self._end = end
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

    async def stop_in_order(self) -> None:
        """Record that somebody asked the process to stop; called before the connections are drained."""
        self._health.close()
        await self._cancel()  # a start that is still under way must not take a snapshot any more
        try:
            async with asyncio.timeout(STOP_SECONDS):
                recorded = await self._memory.record_stop()
        except StatusStateError as error:
            cause, remedy = error.cause, error.remedy
        except TimeoutError:
            cause, remedy = f"the store was busy for {STOP_SECONDS:.0f} s", "See what else uses it"
        else:
            log.info("stopping as asked", recorded=recorded)
            return
        log.error(
            "stopping as asked, but that could not be recorded: the next start will resume the snapshot",
            cause=cause,
            remedy=remedy,
        )

    async def _run(self) -> None:
        try:
            held = await self._memory.start()
            if held is None:
                self._end()
                return
            await self._controller.load(held.snapshot.engine)
            supervising = asyncio.create_task(self._health.run(held.watched))
            try:
                await self._watch.run(held.snapshot.engine)
            finally:
                supervising.cancel()
        except StatusStateError as error:
            log.error("this service ends", cause=error.cause, remedy=error.remedy)  # noqa: TRY400 - told in words
            self._end()
        except Exception:
            log.exception("this service ends because of a defect in it")
            self._end()

    async def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _close_store(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._store.close()
        except (StatusStateError, TimeoutError):
            log.warning("the store is still busy at the end: it is left as it is")
