"""The pauses that were begun and have not been ended: held in memory, and stored, so that they survive a restart.

Which are in force `pause` decides; `keeper` ends them.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog
from pydantic import ValidationError

from ..model import EngineIdentity, Pause
from .pause import Running, begin_pause, in_force, is_over, seconds_left, take_up

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class PauseStore(Protocol):
    """What is asked of the store."""

    async def read_pauses(self, engine: EngineIdentity) -> list[str]:
        """The pauses of this engine, each `model.Pause` as JSON."""
        ...

    async def put_pauses(self, engine: EngineIdentity, begun: Sequence[Pause]) -> None:
        """Keep these pauses, each in the place of one of the same scope."""
        ...

    async def delete_pauses(self, engine: EngineIdentity, scopes: Sequence[str | None]) -> None:
        """Forget the pauses of these scopes."""
        ...


class TellsController(Protocol):
    """Who tells the controller that the desired state may have changed."""

    def wake(self) -> None:
        """Tell it."""
        ...


class NotesPauses(Protocol):
    """Who keeps the journal."""

    def pause_begun(self, pause: Pause) -> None:
        """Note that it is in force."""
        ...

    def pause_ended(self, pause: Pause, why: str, by: str | None) -> None:
        """Note that it is not any more."""
        ...


class PauseBook:
    """Holds the pauses of one engine.

    Args:
        store: where they survive.
        controller: is told when they change.
        notes: hears when one begins and ends.
        now: the time that people read.
        clock: steady seconds.
    """

    def __init__(
        self,
        store: PauseStore,
        controller: TellsController,
        notes: NotesPauses,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._controller = controller
        self._notes = notes
        self._now = now
        self._clock = clock
        self._engine: EngineIdentity | None = None
        self._running: dict[str | None, Running] = {}
        self.changed = asyncio.Event()
        """Set whenever one has begun or ended; who waits for it clears it."""

    async def load(self, engine: EngineIdentity) -> None:
        """Fetch what is stored of this engine. Raises `StoreUnavailable`. What is damaged is dropped."""
        loaded: list[Pause] = []
        for document in await self._store.read_pauses(engine):
            try:
                loaded.append(Pause.model_validate_json(document))
            except ValidationError:
                log.warning("stored_pause_dropped", message="A stored pause is damaged: it is no longer in force.")
        self._engine, self._running = engine, {}
        self._take_up(loaded)

    def in_force(self) -> tuple[Pause, ...]:
        """Return those to be obeyed now."""
        return in_force(self._running.values(), self._now(), self._clock())

    def of_scopes(self, scopes: Iterable[str | None] | None) -> list[Pause]:
        """Return the pauses of these scopes as far as there are any; of all scopes for None."""
        wanted = self._running if scopes is None else dict.fromkeys(scopes)
        return [self._running[scope].pause for scope in wanted if scope in self._running]

    def over(self) -> list[Pause]:
        """Return those whose time has passed."""
        now, steady = self._now(), self._clock()
        return [one.pause for one in self._running.values() if is_over(one, now, steady)]

    def seconds_left(self) -> float | None:
        """Return how long until the next one is over; None when there is none."""
        return seconds_left(self._running.values(), self._now(), self._clock())

    async def begin(
        self, scopes: Sequence[str | None], seconds: float, *, reason: str | None, accept_at_end: bool, by: str | None
    ) -> None:
        """Pause these from now on, each in the place of its pause before. Raises `StoreUnavailable`."""
        now = self._now()
        begun = [
            begin_pause(scope, seconds=seconds, reason=reason, accept_at_end=accept_at_end, by=by, now=now)
            for scope in dict.fromkeys(scopes)
        ]
        await self._store.put_pauses(self._of_engine(), begun)
        self._take_up(begun)
        for pause in begun:
            log.info(
                "pause_begun",
                message="Nothing is healed until the pause ends.",
                container=pause.container or "all",
                until=pause.until.isoformat(),
                reason=pause.reason,
                accept_at_end=pause.accept_at_end,
                by=pause.by,
            )
            self._notes.pause_begun(pause)

    async def end(self, pauses: Sequence[Pause], why: str, by: str | None) -> None:
        """Have these no longer in force. Raises `StoreUnavailable`."""
        await self._store.delete_pauses(self._of_engine(), [pause.container for pause in pauses])
        for pause in pauses:
            self._running.pop(pause.container, None)
            log.info(
                "pause_ended",
                message="The pause has ended: healing goes on.",
                container=pause.container or "all",
                why=why,
                accepted=pause.accept_at_end,
            )
            self._notes.pause_ended(pause, why, by)
        self._tell()

    def _take_up(self, pauses: Sequence[Pause]) -> None:
        now, steady = self._now(), self._clock()
        self._running |= {pause.container: take_up(pause, now, steady) for pause in pauses}
        self._tell()

    def _tell(self) -> None:
        self.changed.set()
        self._controller.wake()

    def _of_engine(self) -> EngineIdentity:
        if self._engine is None:
            raise AssertionError("pauses begin and end only once a snapshot is held, and they are loaded before")
        return self._engine
