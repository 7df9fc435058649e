"""What the controller does to the world: ping the SSA, start, restart and stop containers.

Each function does one thing once. Whether and when is decided by the plan; that it is still right was seen just before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from .errors import SsaError, SsaNotReady
from .model import Outcome, Result

if TYPE_CHECKING:
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
        entries = len(snapshot.policy.entries)
        log.info("policy_in_force", message="the policy's ignore and restart are in force", entries=entries)
        return Ping(answered=True)
    originals = len(snapshot.originals)
    log.info("snapshot_in_force", message="the snapshot is in force", snapshot=snapshot.id, originals=originals)
    return Ping(answered=True, is_new=True)


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
        return Outcome(action, Result.DONE, "the engine deletes it with its anonymous volumes: it was run with --rm")
    return Outcome(action, Result.DONE)
