"""Carries actions out: each is a task of its own, may outlive the check that began it, and delays or fails nobody else.

It decides nothing: the plan says what is begun, and `still_right` whether that is still right when its turn has come.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import structlog

from ..errors import ContainerError, EngineError, SourceMissing, SsaError
from ..func import restart, start, stop
from ..model import TO_THE_SSA, Outcome, Result, Verb
from ..plan.still_right import still_right
from .binds import require_bind_sources
from .look import look
from .reattach import reattach
from .recreate import recreate
from .restore import restore
from .slots import SLOT_SECONDS, Slots

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from ..engine.client import Engine
    from ..model import Action, Activity, Seen, Snapshot, Verdicts
    from ..ssa.memory import KeptMemory

log: FilteringBoundLogger = structlog.get_logger(__name__)

REMEMBERED_SECONDS = 300.0
"""How long the end of an action is remembered: longer than any check takes."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Steady seconds, and seconds since 1970."""

    steady: Callable[[], float]
    utc: Callable[[], float]


class Changing(Protocol):
    """What is desired may have changed, and may be changed."""

    async def refresh(self) -> None:
        """Make sure, within a second, that what is held is not outdated; never raises."""
        ...

    async def change(self, action: Action) -> Outcome:
        """Have the snapshot changed as the action says.

        Raises:
            SsaError: the SSA can't be reached, or refuses.
        """
        ...


class Desired(Protocol):
    """What is desired at this moment."""

    @property
    def snapshot(self) -> Snapshot | None:
        """The snapshot in force; None while there is none."""
        ...

    @property
    def verdicts(self) -> Verdicts:
        """What the SSA says of probes and logs."""
        ...


class Happening(Protocol):
    """What the engine's events say."""

    def activity(self, now: float) -> Activity:
        """Return what they say of this moment, in steady seconds."""
        ...


class Executor:
    """The actions under way, at most one per container, and at most one per place of an original.

    Args:
        engine: where they are done.
        desired: the snapshot and the verdicts of the moment.
        changing: makes sure that these are of this moment, and has the snapshot changed.
        memory: notes what became of each.
        clocks: for how long things take, and when they were.
        happening: tells who is being stopped.
        concurrency: how many starts, and how many stops, may be begun at once; the rest queue.
        slot_seconds: after how long one that takes longer is no longer counted.
        ended: called after each action, with the names by which others may wait for it.
    """

    def __init__(
        self,
        engine: Engine,
        desired: Desired,
        changing: Changing,
        memory: KeptMemory,
        clocks: Clocks,
        *,
        happening: Happening,
        concurrency: int,
        ended: Callable[[Action], None],
        slot_seconds: float = SLOT_SECONDS,
    ) -> None:
        self._engine = engine
        self._desired = desired
        self._changing = changing
        self._happening = happening
        self._memory = memory
        self._clocks = clocks
        # Separate limits: stops that take ten minutes each must not hold up a single start.
        self._starts = Slots(concurrency, slot_seconds)
        self._stops = Slots(concurrency, slot_seconds)
        self._changes = Slots(1, slot_seconds)  # the SSA makes them one after the other anyway
        self._tell_ended = ended
        self._running: dict[asyncio.Task[Outcome], Action] = {}
        self._ended_at: dict[str, float] = {}

    @property
    def any_running(self) -> bool:
        """Whether an action is under way."""
        return bool(self._running)

    def busy(self, since: float) -> frozenset[str]:
        """Return the ids of containers and originals at which an action is at work, or was since a moment.

        While an original is recreated its place has another id than before: both stand for the one place. What ended
        after the look at the engine (`since`, of the steady clock) makes that look stale.
        """
        ended = {place for place, at in self._ended_at.items() if at > since}
        return frozenset[str]().union(ended, *(action.places for action in self._running.values()))

    def begin(self, action: Action, stored: asyncio.Task[None] | None = None) -> asyncio.Task[Outcome]:
        """Begin an action; the task returns its outcome and never raises, unless it is cancelled.

        Args:
            action: what, and why.
            stored: ends once the SSA knows that it is begun; waited for, in case this process is ended in the middle.
        """
        task = asyncio.create_task(self._run(action, stored), name=str(action))
        self._running[task] = action
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        action, now = self._running.pop(task), self._clocks.steady()
        self._ended_at = {place: at for place, at in self._ended_at.items() if now - at < REMEMBERED_SECONDS}
        self._ended_at |= dict.fromkeys(action.places, now)
        if not task.cancelled():
            self._memory.end(task.result())
        self._tell_ended(action)

    async def _run(self, action: Action, stored: asyncio.Task[None] | None) -> Outcome:
        began = self._clocks.steady()
        if stored is not None:
            await asyncio.wait({stored})
        async with self._limit(action).one():
            outcome = await self._carry_out(action)
        seconds, ended_at = self._clocks.steady() - began, self._clocks.utc()
        return replace(outcome, seconds=seconds, key=uuid.uuid4().hex, ended_at=ended_at)

    def _limit(self, action: Action) -> Slots:
        if action.verb in TO_THE_SSA:
            return self._changes
        return self._stops if action.verb in {Verb.STOP, Verb.RESTART} else self._starts

    async def _carry_out(self, action: Action) -> Outcome:
        attempted_at: float | None = None
        try:
            await self._changing.refresh()
            snapshot = self._desired.snapshot
            if snapshot is None:
                return Outcome(action, Result.DROPPED, "there is no snapshot any more")
            seen = await look(self._engine, action, snapshot)
            # The snapshot and the verdicts after the look: an operator may have spoken meanwhile.
            snapshot = self._desired.snapshot or snapshot
            reason = still_right(
                action,
                snapshot,
                seen,
                self._desired.verdicts,
                now=self._clocks.utc(),
                mass_failure=self._memory.mass_failure,
                is_judged=snapshot.id == self._memory.value.snapshot_id,
                is_stopping=action.container.id in self._happening.activity(self._clocks.steady()).stopping,
            )
            if reason is not None:
                return Outcome(action, *reason)
            attempted_at = self._clocks.utc()
            outcome = await self._perform(action, snapshot, seen)
        except (ContainerError, EngineError, SsaError) as error:
            refused = isinstance(error, ContainerError) and not isinstance(error, SourceMissing)
            outcome = Outcome(action, Result.FAILED, str(error), refused=refused)
        except Exception as error:  # one container's bug must not become another's
            message = "an action failed in a way that was not foreseen; please report this"
            log.exception("bug", message=message, action=str(action))
            outcome = Outcome(action, Result.FAILED, f"unforeseen {type(error).__name__}: {error}")
            attempted_at = attempted_at or self._clocks.utc()  # it will fail again: that has to get rarer
        return replace(outcome, attempted_at=attempted_at)

    async def _perform(self, action: Action, snapshot: Snapshot, seen: Seen) -> Outcome:
        match action.verb:
            case Verb.START:
                await require_bind_sources(self._engine, seen.container or {})
                return await start(self._engine, action)
            case Verb.REATTACH:
                await require_bind_sources(self._engine, seen.container or {})
                return await reattach(self._engine, action, snapshot, seen)
            case Verb.RESTART:
                await require_bind_sources(self._engine, seen.container or {})  # else it is left running
                return await restart(self._engine, action, seen.container or {})
            case Verb.STOP:
                return await stop(self._engine, action, seen.container or {})
            case Verb.RECREATE:
                return await recreate(self._engine, action, snapshot, seen)
            case Verb.RESTORE:
                return await restore(self._engine, action, snapshot, seen)
            case Verb.ACCEPT | Verb.DROP:
                return await self._changing.change(action)
