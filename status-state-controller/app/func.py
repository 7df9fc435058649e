"""What the controller does to the world: ping the SSA, start, restart and stop containers.

Each function does one thing once. Whether and when is decided elsewhere (plan.py, backoff.py, main.py); here every
action begins by looking again, because what was observed may have changed since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import ContainerError, EngineError
from .model import DOWN_STATES, RUNNING_STATES, Outcome, Result
from .observe.health import still_ill
from .plan.dependencies import namespaces
from .plan.table import restart_rule
from .protection import protection

if TYPE_CHECKING:
    from collections.abc import Callable

    from .engine.client import Engine
    from .model import Action, EngineIdentity, Snapshot
    from .plan.health import Verdicts
    from .ssa.link import Ssa


async def ping_ssa(ssa: Ssa, engine: EngineIdentity) -> tuple[bool, bool]:
    """Ask the SSA for the snapshot of this engine, by one conditional request.

    Returns:
        Whether it gave a usable answer, and whether the snapshot is another one than before.
    """
    return await ssa.read_snapshot(engine)


async def start(engine: Engine, action: Action, snapshot: Snapshot, attempting: Callable[[], None]) -> Outcome:
    """Start the container of an original that is down.

    Args:
        engine: where.
        action: what, and why.
        snapshot: the snapshot in force at this moment, which may be newer than the action.
        attempting: called just before the engine is told to start it.
    """
    original = snapshot.by_id.get(action.original_id or "")
    if original is None or protection(original.labels) is not None:
        return Outcome(action, Result.DROPPED, "it is no longer in the snapshot, or protected by now")
    try:
        seen = await _look_again(engine, action)
        if isinstance(seen, Outcome):
            return seen
        state = _name_and_state(seen)[1]
        if state == "running":
            return Outcome(action, Result.DONE, "it ran already")
        if state not in DOWN_STATES:
            return Outcome(action, Result.DROPPED, f"it is {state} by now")
        attempting()
        await engine.start(action.container.id)
    except (ContainerError, EngineError) as error:
        return Outcome(action, Result.FAILED, str(error))
    return Outcome(action, Result.DONE)


async def restart(
    engine: Engine, action: Action, snapshot: Snapshot, verdicts: Callable[[], Verdicts], attempting: Callable[[], None]
) -> Outcome:
    """Restart the container of an original that is ill, with its own stop signal and stop time-out.

    Args:
        engine: where.
        action: what, and why.
        snapshot: the snapshot in force at this moment, which may be newer than the action.
        verdicts: returns what the SSA says at the moment of the call.
        attempting: called just before the engine is told to restart it.
    """
    original = snapshot.by_id.get(action.original_id or "")
    if original is None or protection(original.labels) is not None or restart_rule(original.labels) == "never":
        return Outcome(action, Result.DROPPED, "it is no longer in the snapshot, or to be left alone by now")
    try:
        seen = await _look_again(engine, action)
        if isinstance(seen, Outcome):
            return seen
        state = _name_and_state(seen)[1]
        if state != "running":
            return Outcome(action, Result.DROPPED, f"it is {state} by now")
        if action.illness is None or not still_ill(seen, action.illness, verdicts()):
            return Outcome(action, Result.DROPPED, "it is well again, or was started anew")
        attempting()
        await engine.restart(action.container.id, seen["Config"].get("StopTimeout"))
        followed = await _restart_joined(engine, {action.container.id, original.name}, snapshot)
    except (ContainerError, EngineError) as error:
        return Outcome(action, Result.FAILED, str(error))
    along = f"and so were those that use its namespaces: {', '.join(followed)}" if followed else None
    return Outcome(action, Result.DONE, along)


async def _restart_joined(engine: Engine, parent: set[str], snapshot: Snapshot) -> list[str]:
    """Restart the originals that run in a namespace of a container just restarted; return their names.

    The engine has given it a new network: whoever joined the old one has none any more.
    """
    followed: list[str] = []
    for other in snapshot.originals:
        if not namespaces(other.inspect) or restart_rule(other.labels) == "never":
            continue
        seen = await engine.inspect(other.name)
        # Whoever has its name now need not be the one that joined.
        if seen is None or not parent.intersection(namespaces(seen)) or _name_and_state(seen)[1] != "running":
            continue
        if protection({**_labels(seen), **snapshot.policy.labels(other.name)}) is None:
            await engine.restart(seen["Id"], seen["Config"].get("StopTimeout"))
            followed.append(other.name)
    return followed


async def stop(engine: Engine, action: Action, snapshot: Snapshot) -> Outcome:
    """Stop a newcomer with its own stop signal and stop time-out. It is never removed.

    Args:
        engine: where.
        action: what, and why.
        snapshot: the snapshot in force at this moment, which may be newer than the action.
    """
    if action.container.id in snapshot.by_id:
        return Outcome(action, Result.DROPPED, "it belongs to the snapshot by now")
    try:
        seen = await engine.inspect(action.container.id)
        if seen is None:
            return Outcome(action, Result.DONE, "it was gone already")
        name, state = _name_and_state(seen)
        if name != action.container.name:
            return Outcome(action, Result.DROPPED, f"it was renamed to {name}")
        if state not in RUNNING_STATES:
            return Outcome(action, Result.DONE, "it was down already")
        if protection({**_labels(seen), **snapshot.policy.labels(name)}) is not None:
            return Outcome(action, Result.DROPPED, "the policy protects it by now")
        await engine.stop(action.container.id, seen["Config"].get("StopTimeout"))
    except (ContainerError, EngineError) as error:
        return Outcome(action, Result.FAILED, str(error))
    if seen["HostConfig"].get("AutoRemove"):
        return Outcome(action, Result.DONE, "the engine deletes it with its anonymous volumes: it was run with --rm")
    return Outcome(action, Result.DONE)


async def _look_again(engine: Engine, action: Action) -> dict[str, Any] | Outcome:
    """Look at the container of an original; return what is seen, or the outcome when it is no longer that one's."""
    seen = await engine.inspect(action.container.id)
    if seen is None:
        return Outcome(action, Result.DROPPED, "it is gone by now")
    name = _name_and_state(seen)[0]
    return seen if name == action.container.name else Outcome(action, Result.DROPPED, f"it was renamed to {name}")


def _labels(seen: dict[str, Any]) -> dict[str, str]:
    return seen["Config"].get("Labels") or {}


def _name_and_state(seen: dict[str, Any]) -> tuple[str, str]:
    return str(seen["Name"]).removeprefix("/"), str(seen["State"]["Status"])
