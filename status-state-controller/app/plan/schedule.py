"""When what is right to do is done: at once, or after a back-off, a grace, a turn, or others. Pure.

An original waits for nobody but what it depends on, and newcomers that hold something it needs. Nobody waits for ever:
a dependency that never gets ready is given up, and a failing original is tried again and again, ever more slowly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model import REMAINS, RUNNING_STATES, TO_THE_SSA, Action, Verb, Waiting
from ..model.status_text import up_seconds
from ..wishes.pauses import pause_of
from .dependencies import PROJECT_LABEL, Condition, blocks, dependencies, joined
from .health import STARTING, UNHEALTHY, Hold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Container, Original
    from .dependencies import After
    from .memory import Attempts, Memory, RefusedRestore
    from .situation import Situation
    from .timing import Timing

ONE_BY_ONE = "one after the other"

STARTS = frozenset({Verb.START, Verb.REATTACH})
"""What is done with a container that is there already."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is begun now, what waits, and in how many seconds to look again, None where nothing asks for it."""

    begin: tuple[Action, ...]
    waiting: tuple[Waiting, ...]
    memory: Memory
    wake_in: float | None


def schedule(
    actions: Iterable[Action],
    situation: Situation,
    memory: Memory,
    *,
    now: float,
    timing: Timing,
    keep_others: bool = False,
) -> Schedule:
    """Decide which of these actions are begun now.

    Args:
        actions: in their order; none of them acts on what another action is at work on.
        situation: what they were decided on.
        memory: when newcomers were first seen, attempts, turns.
        now: the time.
        timing: the periods.
        keep_others: whether these are only some of the actions: what the others wait for is not forgotten.
    """
    several = {one.container.id: replace(one, attempt=_count(memory, one) + 1) for one in actions}
    waits = {key: _wait(action, situation, memory, now, timing) for key, action in several.items()}
    waits |= _turns([several[key] for key, wait in waits.items() if wait is None], situation, memory, now, timing)
    acting = [several[key] for key, wait in waits.items() if wait is None]
    # Else a container that crashes again and again would make others wait for ever.
    since = dict(memory.waiting_since) if keep_others else {}
    begin: list[Action] = []
    # What these wait for is seen anyway, and nothing else makes them go on: no need to look again soon.
    patient = {wait.action.container.id for wait in waits.values() if wait is not None and wait.why == Hold.SETTLING}
    patient |= {action.container.id for action in several.values() if _refused(action, memory) is not None}
    patient |= {key for key, wait in waits.items() if wait is not None and wait.is_told and wait.until is None}
    for action in acting:
        others, bounded = _others(action, acting, situation)
        began = memory.waiting_since.get(action.original_id or "", now)
        if others and not (bounded and now - began >= timing.dependencies):
            since[action.original_id or ""] = began
            waits[action.container.id] = Waiting(action, f"after {', '.join(others)}", others=tuple(others))
            patient |= set[str]() if bounded else {action.container.id}
        else:
            since.pop(action.original_id or "", None)
            begin.append(_without(action, others) if others else action)
    waiting = tuple(wait for wait in waits.values() if wait is not None)
    wake_in = _wake_in((wait for wait in waiting if wait.action.container.id not in patient), now, timing)
    return Schedule(tuple(begin), waiting, replace(memory, waiting_since=since), wake_in)


def due_at(attempts: Attempts | None, timing: Timing) -> float | None:
    """Return when the next attempt may be made; None means at once.

    The first attempt is made at once, the following ones after 10 s, doubling up to 5 min, for ever: a temporary outage
    must not leave a service dead.
    """
    if attempts is None:
        return None
    # The exponent is bounded because a float overflows after a thousand attempts, which is three days.
    wait = min(timing.first_backoff * 2 ** min(attempts.count - 1, 16), timing.longest_backoff)
    return attempts.last_at + wait


def _count(memory: Memory, action: Action) -> int:
    attempts = memory.attempts.get(action.counted_by or "")
    return 0 if attempts is None else attempts.count


def _wait(action: Action, situation: Situation, memory: Memory, now: float, timing: Timing) -> Waiting | None:
    """Return why an action has to wait, whatever the others do; None when it need not."""
    original = situation.snapshot.by_id.get(action.original_id or "")
    names = [action.container.name, *([] if original is None else [original.name])]
    if (pause := pause_of(situation.snapshot.pauses, names, now)) is not None:
        return Waiting(action, f"healing is paused {pause}", pause.ends_at, is_told=True)
    if action.original_id is None and (wait := _grace(action, situation, memory, now, timing)) is not None:
        return wait
    if action.verb in TO_THE_SSA and (wait := _not_proven(action, situation, now, timing)) is not None:
        return wait
    if action.verb is Verb.STOP:
        return None
    gone_since = memory.gone_since.get(action.original_id or "")
    if action.verb is Verb.RECREATE and gone_since is not None and now < gone_since + timing.replacement:
        return Waiting(action, "it may be about to be replaced", gone_since + timing.replacement)
    if action.unhealthy is not None and situation.hold is Hold.SETTLING:
        return Waiting(action, situation.hold)
    project = None if original is None else original.labels.get(PROJECT_LABEL)
    activity = situation.observed.activity
    # Compose may have stopped it, or be about to make it again. It has not made anything crash.
    may_be_compose = action.verb not in STARTS or action.container.id in activity.stopped_on_request
    if may_be_compose and project in activity.stopping_projects:
        return Waiting(action, f"compose is stopping containers of {project}")
    if (refused := _refused(action, memory)) is not None:
        return Waiting(action, f"{refused.reason} (tried again when its image or the other container changes)")
    due = due_at(memory.attempts.get(action.counted_by or ""), timing)
    if due is not None and now < due:
        attempts = action.attempt - 1
        return Waiting(action, f"after {attempts} attempt{'s' if attempts > 1 else ''}", due)
    return None


def _grace(action: Action, situation: Situation, memory: Memory, now: float, timing: Timing) -> Waiting | None:
    """Return for how long a newcomer is let live as it is."""
    until = memory.newcomers_since.get(action.container.id, now) + timing.new_container_grace
    if action.verb is Verb.STOP and not situation.snapshot.originals and memory.first_newcomer_at is not None:
        first_until = memory.first_newcomer_at + timing.empty_snapshot_grace
        if now < first_until and until < first_until:
            return Waiting(action, "the snapshot is empty: newcomers may live that long", first_until)
    return Waiting(action, "newcomers may live that long", until) if now < until else None


def _not_proven(action: Action, situation: Situation, now: float, timing: Timing) -> Waiting | None:
    """Return why the snapshot is not changed yet: what fails at once must not become an original."""
    container, service = action.container, None
    if action.verb is Verb.DROP and action.original_id is not None:
        service = situation.service(situation.snapshot.by_id[action.original_id].labels)
        others = [] if service is None else situation.runs_of(service)
        if not others or others[0].id in situation.places:
            return None
        return Waiting(action, f"until {others[0].name} is accepted", others=(others[0].name,), is_told=True)
    if action.original_id is None and (other := situation.renamed(container)) is not None:
        return Waiting(action, f"until {other[1].name} is down", is_told=True)
    present = situation.by_id.get(action.original_id or "")
    if present is not None and present.state in RUNNING_STATES:
        return Waiting(action, f"until {present.name} is down", is_told=True)
    if container.state != "running":
        return Waiting(action, f"it is {container.state}", is_told=True)
    if STARTING in container.status or UNHEALTHY in container.status:
        return Waiting(action, "until it is healthy", is_told=True)
    missing = timing.accepted_after - up_seconds(container.status)
    if missing > 0:
        return Waiting(action, f"until it has run for {timing.accepted_after:g} s", now + missing)
    return None


def _turns(
    actions: Iterable[Action], situation: Situation, memory: Memory, now: float, timing: Timing
) -> dict[str, Waiting]:
    """Return who has to wait, by container, because unhealthy originals are restarted one by one.

    One that is long in stopping does not hold up the others for ever.
    """
    began = memory.restart_began
    is_taken = began is not None and began[0] in situation.observed.busy and now - began[1] < timing.restart_turn
    waits: dict[str, Waiting] = {}
    for action in actions:
        if action.unhealthy is not None and is_taken:
            waits[action.container.id] = Waiting(action, ONE_BY_ONE)
        is_taken = is_taken or (action.unhealthy is not None and timing.restart_turn > 0)
    return waits


def _others(action: Action, acting: list[Action], situation: Situation) -> tuple[list[str], bool]:
    """Return the names of those that an action has to wait for, and whether that wait is bounded."""
    if action.original_id is None or action.verb is Verb.RESTART or action.verb in TO_THE_SSA:
        return [], True  # what runs waits for nobody: what it depends on may be unhealthy itself, and wait for its turn
    original, snapshot = situation.snapshot.by_id[action.original_id], situation.snapshot
    if action.verb not in STARTS and (missing := _missing(original, situation)):
        return missing, False  # without them it can't be made
    healed = (one.original_id for one in acting if one.verb not in TO_THE_SSA and one.original_id is not None)
    names = {snapshot.by_id[original_id].name for original_id in healed}
    found = [after.name for after in dependencies(original, snapshot) if _is_awaited(after, names, situation)]
    stopped = {one.container.id for one in acting if one.verb is Verb.STOP} | situation.observed.busy
    found += [one.name for one in situation.newcomers if one.id in stopped and blocks(one, original)]
    return found, True


def _missing(original: Original, situation: Situation) -> list[str]:
    """Return the names of originals that are gone, or mere remains, and whose namespaces, volumes or links it uses."""
    snapshot = situation.snapshot
    others = map(snapshot.meant_by, joined(original.inspect))
    places = {other.name: situation.place(other) for other in others if other is not None}
    return sorted(name for name, place in places.items() if place is None or place.state in REMAINS)


def _is_awaited(after: After, acting: set[str], situation: Situation) -> bool:
    """Tell whether a dependency is not ready yet, and may become so; what can't be told holds nobody up."""
    other = situation.snapshot.by_name[after.name]
    place = situation.place(other)
    if after.name in acting or {other.id, place.id if place else other.id} & situation.observed.busy:
        return True
    if place is None or place.state != "running":
        return False
    if after.condition is Condition.COMPLETED:
        return True
    return after.condition is Condition.HEALTHY and (STARTING in place.status or UNHEALTHY in place.status)


def _without(action: Action, others: Iterable[str]) -> Action:
    return replace(action, reason=f"{action.reason} ({', '.join(others)} took too long to wait for)")


def _refused(action: Action, memory: Memory) -> RefusedRestore | None:
    """Return the refusal of this restore, while the images are still those that it was tried with."""
    refused = memory.refused.get((action.original_id or "", action.container.id))
    return refused if refused is not None and refused.images == action.images else None


def _wake_in(waiting: Iterable[Waiting], now: float, timing: Timing) -> float | None:
    return min((timing.look_again if one.until is None else one.until - now for one in waiting), default=None)


def newcomer_times(
    newcomers: Iterable[Container], memory: Memory, now: float, *, keep_others: bool
) -> dict[str, float]:
    """Return since when each newcomer has been seen, by its id; with `keep_others` those that were not looked at as well."""
    times = {one.id: memory.newcomers_since.get(one.id, now) for one in newcomers}
    return {**memory.newcomers_since, **times} if keep_others else times
