"""Whether an action is still right at the moment when its turn has come: what was observed may have changed since. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model import (
    DOWN_STATES,
    REMAINS,
    RUNNING_STATES,
    TO_THE_SSA,
    Result,
    Verb,
    labels_of,
    name_of,
    started_at_of,
    state_of,
)
from ..protection import protection
from ..wishes.pauses import pause_of
from ..wishes.policy import ON_DOWN_LABEL, ON_REPLACE_LABEL, ON_UNHEALTHY_LABEL
from ..wishes.rules import ACCEPT, REPORT, RESTORE, STOP, on_new_rule, restart_rule, rule
from .dependencies import namespaces
from .health import still_unhealthy
from .situation import followed_service, is_put_aside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model import Action, Inspect, Original, Seen, Snapshot, Verdicts

Reason = tuple[Result, str]
"""Why an action is not carried out: `dropped`, or `done` because it is so already."""


def still_right(
    action: Action,
    snapshot: Snapshot,
    seen: Seen,
    verdicts: Verdicts,
    *,
    now: float,
    mass_failure: bool = False,
    is_judged: bool = True,
    is_stopping: bool = False,
) -> Reason | None:
    """Return why an action is not to be carried out any more; None when it is.

    Args:
        action: what, and why.
        snapshot: the snapshot in force at this moment, which may be newer than the action.
        seen: what was looked at just now.
        verdicts: what the SSA says now.
        now: seconds since 1970, for the pauses.
        is_judged: whether a plan was made by that snapshot already.
        is_stopping: whether somebody is stopping the container.
        mass_failure: whether so many are unhealthy by now that none of them is restarted for that.
    """
    original = snapshot.by_id.get(action.original_id or "")
    names = [action.container.name] if original is None else [action.container.name, original.name]
    if (pause := pause_of(snapshot.pauses, names, now)) is not None:
        return Result.DROPPED, f"healing is paused {pause}"
    if action.original_id is None:
        return _newcomer(action, snapshot, seen, is_judged=is_judged)
    if original is None:
        return Result.DROPPED, "it is no longer in the snapshot"
    if (why := _left_alone(action, original, is_stopping=is_stopping)) is not None:
        return Result.DROPPED, why
    match action.verb:
        case Verb.START | Verb.REATTACH:
            return _moved(action, seen) or _start(seen)
        case Verb.RESTART:
            return _moved(action, seen) or _restart(action, seen, verdicts, mass_failure=mass_failure)
        case Verb.RECREATE:
            return _recreate(original, snapshot, seen)
        case Verb.RESTORE:
            return _restore(action, original, snapshot, seen)
        case Verb.DROP:
            return _drop(original, seen)
        case Verb.ACCEPT | Verb.STOP:
            return _accept(action, snapshot, seen)


def _left_alone(action: Action, original: Original, *, is_stopping: bool) -> str | None:
    if protection(original.labels) is not None:
        return "it is protected by now"
    # What follows a stop would cut its time short, or undo it.
    if is_stopping and (action.verb is Verb.RESTART or (action.verb is Verb.RESTORE and action.images is None)):
        return "it is being stopped by now"
    return None if _is_asked_for(action, original) else "it is to be left alone by now"


def may_be_moved(
    holder: Inspect, original: Original, snapshot: Snapshot, given: Mapping[str, str] | None = None
) -> bool:
    """Tell whether the holder of an original's name is mere remains, and nobody's that is not to be touched."""
    if state_of(holder) not in REMAINS or _is_protected(holder, given, snapshot):
        return False
    return holder["Id"] == original.id or holder["Id"] not in snapshot.by_id


def comes_back(seen: Inspect | None, original: Original) -> bool:
    """Tell whether an original still exists, down under another name, and can have its own again.

    So can one that was put aside as an impostor and accepted since. One that was put aside because its namespace is no more
    could not be started.
    """
    if seen is None or state_of(seen) in REMAINS or name_of(seen) == original.name:
        return False
    is_useless = is_put_aside(original, name_of(seen), state_of(seen)) and bool(namespaces(original.inspect))
    return state_of(seen) in DOWN_STATES and not is_useless


def _newcomer(action: Action, snapshot: Snapshot, seen: Seen, *, is_judged: bool) -> Reason | None:
    if action.verb is not Verb.STOP:
        return _accept(action, snapshot, seen)
    if not snapshot.originals and not is_judged:
        return Result.DROPPED, "the snapshot is empty by now"  # newcomers have their time under it
    return _stop(action, snapshot, seen)


def _stop(action: Action, snapshot: Snapshot, seen: Seen) -> Reason | None:
    if action.container.id in snapshot.by_id:
        return Result.DROPPED, "it belongs to the snapshot by now"
    if seen.container is None:
        return Result.DONE, "it was gone already"
    if name_of(seen.container) != action.container.name:
        return Result.DROPPED, f"it was renamed to {name_of(seen.container)}"
    if state_of(seen.container) not in RUNNING_STATES:
        return Result.DONE, "it was down already"
    if _is_protected(seen.container, seen.given, snapshot):
        return Result.DROPPED, "the policy protects it by now"
    if not action.gone_back and _may_come(action, snapshot, seen.container):
        return Result.DROPPED, "it may live by now"
    return None


def _may_come(action: Action, snapshot: Snapshot, seen: Inspect) -> bool:
    """Tell whether a newcomer is not to be stopped, by what the policy says of it or by the service that it belongs to."""
    if on_new_rule(snapshot, action.container.name) != STOP:
        return True
    return followed_service(snapshot, labels_of(seen)) is not None


def _is_asked_for(action: Action, original: Original) -> bool:
    """Tell whether the rules of an original, which may be others by now, still ask for this."""
    if restart_rule(original.labels) == "never":
        return False
    on_replace = rule(original.labels, ON_REPLACE_LABEL)
    if action.verb in TO_THE_SSA:
        return on_replace == ACCEPT
    if action.verb is Verb.RESTORE and action.images is not None:
        return on_replace == RESTORE or (on_replace == ACCEPT and action.gone_back)
    is_up = action.verb is Verb.RESTART or (action.verb is Verb.RESTORE and action.container.state in RUNNING_STATES)
    return rule(original.labels, ON_UNHEALTHY_LABEL if is_up else ON_DOWN_LABEL) != REPORT


def _accept(action: Action, snapshot: Snapshot, seen: Seen) -> Reason | None:
    if action.container.id in snapshot.by_id:
        return Result.DONE, "it is in the snapshot already"
    if (moved := _moved(action, seen)) is not None or seen.container is None:
        return moved
    if state_of(seen.container) != "running":
        return Result.DROPPED, f"it is {state_of(seen.container)} by now"
    if action.original_id is None and not _may_come(action, snapshot, seen.container):
        return Result.DROPPED, "it is not to be accepted by now"
    is_protected = _is_protected(seen.container, seen.given, snapshot)
    return (Result.DROPPED, "it is protected by now") if is_protected else None


def _drop(original: Original, seen: Seen) -> Reason | None:
    if seen.original is not None and not is_put_aside(original, name_of(seen.original), state_of(seen.original)):
        return Result.DROPPED, "it exists again"
    return None if seen.holder is None else (Result.DROPPED, "its name was taken meanwhile")


def _moved(action: Action, seen: Seen) -> Reason | None:
    if seen.container is None:
        return Result.DROPPED, "it is gone by now"
    if name_of(seen.container) != action.container.name:
        return Result.DROPPED, f"it was renamed to {name_of(seen.container)}"
    return None


def _start(seen: Seen) -> Reason | None:
    state = "gone" if seen.container is None else state_of(seen.container)
    if state == "running":
        return Result.DONE, "it ran already"
    return None if state in DOWN_STATES else (Result.DROPPED, f"it is {state} by now")


def _restart(action: Action, seen: Seen, verdicts: Verdicts, *, mass_failure: bool) -> Reason | None:
    if seen.container is None or state_of(seen.container) != "running":
        return Result.DROPPED, f"it is {'gone' if seen.container is None else state_of(seen.container)} by now"
    if action.unhealthy is None:
        if action.started_at is not None and started_at_of(seen.container) != action.started_at:
            return Result.DROPPED, "it was started anew"
        return None  # it follows one whose namespace it shares: that one has been started again, and stays so
    if mass_failure:
        return Result.DROPPED, "many are unhealthy by now"
    if not still_unhealthy(seen.container, action.unhealthy, verdicts):
        return Result.DROPPED, "it is healthy again, or was started anew"
    return None


def _recreate(original: Original, snapshot: Snapshot, seen: Seen) -> Reason | None:
    if seen.original is not None and _exists(seen.original, original):
        return Result.DROPPED, "it exists again"
    if seen.holder is not None and not may_be_moved(seen.holder, original, snapshot, seen.given):
        return Result.DROPPED, "its name was taken meanwhile"
    return None


def _restore(action: Action, original: Original, snapshot: Snapshot, seen: Seen) -> Reason | None:
    # One that shares a namespace with a container that was recreated is replaced by itself, or by its successor.
    by_itself = action.images is None
    if action.container.id in snapshot.by_id and action.container.id != original.id:
        return Result.DROPPED, "the other container belongs to the snapshot by now"
    exists = seen.original is not None and _exists(seen.original, original)
    if not by_itself and exists and not comes_back(seen.original, original):
        return Result.DROPPED, "it exists again"
    if seen.holder is None or seen.holder["Id"] != action.container.id:
        return Result.DROPPED, "its name has changed hands meanwhile"
    if _is_protected(seen.holder, seen.given, snapshot):
        return Result.DROPPED, "the other container is protected by now"
    if by_itself and not namespaces(seen.holder):
        return Result.DROPPED, "it shares no namespace any more"
    return None


def _exists(seen: Inspect, original: Original) -> bool:
    """Tell whether an original is there; neither mere remains nor one that a restore has put aside is."""
    state = state_of(seen)
    return state not in REMAINS and not is_put_aside(original, name_of(seen), state)


def _is_protected(seen: Inspect, given: Mapping[str, str] | None, snapshot: Snapshot) -> bool:
    labels = labels_of(seen) if given is None else given
    return protection({**labels, **snapshot.policy.labels(name_of(seen))}) is not None
