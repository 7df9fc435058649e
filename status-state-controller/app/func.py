"""What the controller does to the world: ping the SSA, start, restart and stop containers.

Each function does one thing once. Whether and when is decided by the plan; that it is still right was seen just before.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from .errors import SsaError, SsaNotReady
from .model import DELETED_BY_THE_ENGINE, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from .engine.client import Engine
    from .model import Action, EngineIdentity, Inspect
    from .process.lasting import Lasting
    from .ssa.link import Ssa

log: FilteringBoundLogger = structlog.get_logger(__name__)


PATIENT_ATTEMPTS = 10
"""The two containers start together, and the SSA needs some seconds: no warning before it has had twenty. One that answers
why it has no snapshot yet, as while the engine is young, is waited for without a warning."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Whether the SSA gave a usable answer, and whether its snapshot is another one than before."""

    answered: bool
    is_new: bool = False


async def ping_ssa(ssa: Ssa, engine: EngineIdentity, lasting: Lasting) -> Ping:
    """Ask the SSA for the snapshot of this engine, by one conditional request; whatever goes wrong, the one held stays.

    Args:
        ssa: what is held from it.
        engine: which engine the snapshot must belong to.
        lasting: logs that there is no usable answer.
    """
    before = ssa.snapshot
    try:
        await ssa.refresh(engine)
    except SsaError as error:
        if before is None and (isinstance(error, SsaNotReady) or ssa.failed_attempts < PATIENT_ATTEMPTS):
            message = f"waiting for the first snapshot of the SSA, which may be just starting: {error}"
            lasting.awaits("ssa", "ssa_awaited", message)
            return Ping(answered=False)
        going_on = "healing goes on from the last one" if before else "nothing is done until there is one"
        lasting.begins("ssa", "ssa_lost", f"no snapshot from the SSA: {error}; {going_on}")
        return Ping(answered=False)
    lasting.ends("ssa", "ssa_back", "the SSA serves its snapshot")
    snapshot = ssa.snapshot
    if snapshot is None or snapshot is before:
        return Ping(answered=True)
    if before is not None and before.id == snapshot.id:
        if before.policy != snapshot.policy:
            entries = len(snapshot.policy.entries)
            log.info("policy_in_force", message="what the policy says of containers is in force", entries=entries)
        return Ping(answered=True)
    originals = len(snapshot.originals)
    log.info("snapshot_in_force", message="the snapshot is in force", snapshot=snapshot.id, originals=originals)
    return Ping(answered=True, is_new=True)


class Reading:
    """Reads what is desired: for each check, at once when the SSA tells of a change, and before what is done.

    Args:
        ssa: what is held from it.
        lasting: logs that there is no usable answer.
        steady: steady seconds.
        told: called with each ping.
        slow: how long it is waited for, in seconds, by who can go on with what is held.
    """

    def __init__(
        self, ssa: Ssa, lasting: Lasting, steady: Callable[[], float], told: Callable[[Ping], None], slow: float
    ) -> None:
        self._ssa = ssa
        self._lasting = lasting
        self._steady = steady
        self._told = told
        self._slow = slow
        self._task: asyncio.Task[None] | None = None
        self._began = float("-inf")

    def begin(self, engine: EngineIdentity) -> asyncio.Task[None]:
        """Ask, unless the SSA is being asked already; the task never raises."""
        if self._task is None or self._task.done():
            self._began = self._steady()
            self._task = asyncio.create_task(self._read(engine))
        return self._task

    async def refresh(self) -> None:
        """Make sure that what is held is not outdated: an operator may have spoken. Waits for a second at most.

        Nobody is asked while the SSA tells of changes and has told of none, or was asked less than a second ago.
        """
        snapshot = self._ssa.snapshot
        if snapshot is None or self._ssa.is_current:
            return
        if self._task is not None and self._task.done() and self._steady() - self._began < self._slow:
            return
        await asyncio.wait({self.begin(snapshot.engine)}, timeout=self._slow)

    async def change(self, action: Action) -> Outcome:
        """Have the snapshot changed as an action says, and hold the new one.

        Raises:
            SsaError: the SSA can't be reached, or refuses.
        """
        await self._ssa.change_snapshot(action)
        snapshot = self._ssa.snapshot
        if snapshot is not None:
            await asyncio.wait({self.begin(snapshot.engine)}, timeout=self._slow)
        return Outcome(action, Result.DONE)

    async def _read(self, engine: EngineIdentity) -> None:
        self._told(await ping_ssa(self._ssa, engine, self._lasting))


async def start(engine: Engine, action: Action) -> Outcome:
    """Start the container of an original that is down.

    Raises:
        ContainerError: the engine refused.
        EngineError: the engine could not be asked.
    """
    await engine.start(action.container.id)
    return Outcome(action, Result.DONE)


async def restart(engine: Engine, action: Action, seen: Inspect) -> Outcome:
    """Restart the container of an original, with its own stop signal and stop time-out; `seen` is its `inspect`.

    Raises:
        ContainerError: the engine refused.
        EngineError: the engine could not be asked.
    """
    await engine.restart(action.container.id, seen["Config"].get("StopTimeout"))
    return Outcome(action, Result.DONE)


async def stop(engine: Engine, action: Action, seen: Inspect) -> Outcome:
    """Stop a newcomer with its own stop signal and stop time-out; `seen` is its `inspect`. It is never removed.

    Raises:
        ContainerError: the engine refused.
        EngineError: the engine could not be asked.
    """
    await engine.stop(action.container.id, seen["Config"].get("StopTimeout"))
    if seen["HostConfig"].get("AutoRemove"):
        return Outcome(action, Result.DONE, DELETED_BY_THE_ENGINE)
    return Outcome(action, Result.DONE)
