"""What differs from the snapshot, and what is right to do about it: the truth table of docs/architecture.md. Pure.

One sentence per rung. When it is done (back-off, turns, dependencies) is decided by `schedule`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model import DOWN_STATES, REMAINS, Action, Container, Finding, Kind, Verb, started_at_of
from ..model.status_text import exit_code, up_seconds
from ..protection import protection
from ..wishes.policy import ON_DOWN_LABEL, ON_REPLACE_LABEL, ON_UNHEALTHY_LABEL
from ..wishes.rules import ACCEPT, REPORT, is_oneoff, on_new_rule, restart_rule, rule
from .dependencies import Condition, dependencies, namespaces
from .health import STARTING, Hold
from .needs import tell_lost
from .situation import follows_deploys

if TYPE_CHECKING:
    from ..model import Inspect, Original
    from .situation import Situation

UP_STATES = frozenset({"running", "restarting"})
"""States in which a container works, or is tried again and again by the engine."""

MOVABLE_STATES = DOWN_STATES | UP_STATES
"""States in which a container whose parent is gone can be replaced; a paused one is somebody's intention."""


@dataclass(frozen=True, slots=True)
class Step:
    """A finding, and the action that is right for it, if there is one."""

    finding: Finding
    action: Action | None = None


def judge(situation: Situation) -> list[Step]:
    """Judge every original, and every container that is none; in order of their names, newcomers last."""
    steps = [step for original in situation.snapshot.originals if (step := _judge(original, situation)) is not None]
    # Only what runs and is nobody's can be a newcomer; everything else is left as it is.
    steps += [_judge_newcomer(one, situation) for one in situation.newcomers]
    return sorted(
        steps, key=lambda step: (step.finding.kind == Kind.NEW, step.finding.container.name, step.finding.container.id)
    )


def to_be_started(situation: Situation) -> list[Container]:
    """Return the containers that have the place of an original, are down, and should not be."""
    places = ((situation.by_id[place_id], original) for place_id, original in situation.places.items())
    down = ((place, original) for place, original in places if place.state in DOWN_STATES)
    return [place for place, original in down if not _may_be_down(original, place, situation)]


def _judge_newcomer(one: Container, situation: Situation) -> Step:
    """Judge a container that runs and is nobody's: it may be part of a deploy, or the policy may let it live."""
    reason, is_recent = "is not in the snapshot", not situation.is_gone_back_from(one)
    if (other := situation.renamed(one)) is not None and is_recent:
        original, present = other
        reason = f"has the name of an original that is {present.state} under the name {present.name}"
        if rule(original.labels, ON_REPLACE_LABEL) == REPORT:
            return _step(one, Kind.NEW, f"{reason} (on-replace: report)", None, None)
        return _step(one, Kind.NEW, reason, Verb.ACCEPT, None)
    if (service := situation.service(one.labels)) is not None and is_recent:
        return _step(one, Kind.NEW, f"is a further container of the service {service}", Verb.ACCEPT, None)
    on_new = on_new_rule(situation.snapshot, one.name)
    if on_new == REPORT:
        return _step(one, Kind.NEW, f"{reason} (on-new: report)", None, None)
    if on_new != ACCEPT or not is_recent:
        step = _step(one, Kind.NEW, reason, Verb.STOP, None)
        return step if is_recent or step.action is None else replace(step, action=replace(step.action, gone_back=True))
    seen = situation.observed.inspects.get(one.id)
    if is_oneoff(one.labels) or seen is None or _is_passing(seen):
        return _step(one, Kind.NEW, f"{reason}, and is not made to last (on-new: accept)", None, None)
    return _step(one, Kind.NEW, reason, Verb.ACCEPT, None)


def _is_passing(seen: Inspect) -> bool:
    """Tell whether a container is made to be removed soon: by `--rm`, or for a step of the engine's own builder.

    That one names the image by its id, as people hardly do.
    """
    return bool(seen["HostConfig"].get("AutoRemove")) or seen["Config"].get("Image", "").startswith("sha256:")


def _judge(original: Original, situation: Situation) -> Step | None:
    """Judge one original by what is observed of it, and of the container that has its name."""
    present, holder = situation.present(original), situation.holder(original)
    if protection(original.labels) is not None:
        return None
    # Its own work is under way, or whether the other container takes its place is not known yet.
    if situation.is_undecided(original, holder) or _compose_waits(original, holder, situation):
        return None
    if present is None or present.state == "dead" or present.id in situation.stuck:
        return _judge_absent(original, present, holder, situation)
    return _judge_present(original, present, holder, situation)


def _judge_present(
    original: Original, present: Container, holder: Container | None, situation: Situation
) -> Step | None:
    """Judge an original that still exists."""
    if present.state in UP_STATES:
        return _judge_up(original, present, situation)
    # It is paused by somebody, or the engine is at work on it: look again next time.
    if present.state not in DOWN_STATES:
        return None
    # Compose v1 renamed the old container before it started the new one, which takes its place.
    if holder is not None and situation.is_successor(original, holder):
        return None
    if holder is not None:
        reason = f"is down under the name {present.name}, and its name is held by"
        if holder.id in situation.snapshot.by_id:
            return _step(_named(original), Kind.REPLACED, f"{reason} another original", None, original.id)
        reason = f"{reason} a different container{situation.difference(original, holder)}"
        if holder.state in REMAINS:
            return _step(_named(original), Kind.REPLACED, reason, None, original.id)
        if _may_be_down(original, present, situation):
            return None
        return _judge_impostor(original, holder, situation, reason)
    if present.name != original.name:
        reason = f"is down and was renamed to {present.name}: give it its name back to have it started"
        return _step(_named(original), Kind.STOPPED, reason, None, original.id)
    return _judge_down(original, present, situation)


def _judge_up(original: Original, place: Container, situation: Situation) -> Step | None:
    """Judge the container that has the place of an original and is up: is it healthy, and in the namespaces it should be?"""
    # What is being stopped fails its checks: that is somebody's wish, and a restart would cut its stop time-out short.
    if restart_rule(original.labels) == "never" or place.id in situation.observed.activity.stopping:
        return None
    if (step := _judge_namespaces(original, place, situation)) is not None:
        return _by_rule(step, original, ON_UNHEALTHY_LABEL)
    unhealthy = situation.unhealthy.get(place.id)
    # What has not been healthy since its start is no finding: a restart would not fix it.
    if unhealthy is None or not unhealthy.restartable:
        return None
    if situation.hold is Hold.MASS_FAILURE:
        return _step(place, Kind.UNHEALTHY, f"{unhealthy.reason}; {situation.hold}", None, original.id)
    step = _by_rule(
        _step(place, Kind.UNHEALTHY, unhealthy.reason, Verb.RESTART, original.id), original, ON_UNHEALTHY_LABEL
    )
    return step if step.action is None else replace(step, action=replace(step.action, unhealthy=unhealthy))


def _judge_namespaces(original: Original, place: Container, situation: Situation) -> Step | None:
    """Judge whether a container is in namespaces that are no more, because another original was started or recreated."""
    for reference in namespaces(original.inspect):
        parent = situation.snapshot.meant_by(reference)
        parent_place = None if parent is None else situation.place(parent)
        if parent is None or parent_place is None or parent_place.state != "running":
            continue
        joined = set(
            namespaces(
                situation.observed.inspects.get(place.id) or (original.inspect if place.id == original.id else {})
            )
        )
        if joined & {parent_place.id, parent_place.name}:
            if place.state == "running" and _runs_longer(place, parent_place, situation):
                reason = f"uses a namespace of {parent.name}, which was started again since"
                step = _step(place, Kind.UNHEALTHY, reason, Verb.RESTART, original.id)
                seen = situation.observed.inspects.get(place.id)
                if step.action is None or seen is None:
                    return step
                return replace(step, action=replace(step.action, started_at=started_at_of(seen)))
        elif joined and not situation.are_up(joined):
            reason = f"uses a namespace of {parent.name}, which was recreated"
            return _step(place, Kind.REPLACED, reason, Verb.RESTORE, original.id)
    return None


def may_run_longer(place: Container, parent: Container) -> bool:
    """Tell whether the list says that a container has run for longer than the one whose namespace it shares.

    The list is precise to a second at best, and each line of it was written at another moment: it says where to look.
    """
    return place.state == parent.state == "running" and up_seconds(place.status) > up_seconds(parent.status)


def _runs_longer(place: Container, parent: Container, situation: Situation) -> bool:
    if not may_run_longer(place, parent):
        return False
    seen, parent_seen = (situation.observed.inspects.get(one.id) for one in (place, parent))
    return seen is not None and parent_seen is not None and started_at_of(seen) < started_at_of(parent_seen)


def _judge_absent(
    original: Original, dead: Container | None, holder: Container | None, situation: Situation
) -> Step | None:
    """Judge an original that is gone, or that the engine holds as `dead`, which can't be started."""
    remains = dead
    lasts = holder is not None and (holder.state == "dead" or holder.id in situation.stuck)
    if holder is not None and lasts and situation.is_nobodys(holder):
        remains, holder = holder, None
    if holder is None and restart_rule(original.labels) == "never":
        return None
    if holder is None and remains is None and (step := _judge_scaled_down(original, situation)) is not None:
        return step
    if holder is None:
        reason = "was removed" if remains is None else f"is {remains.state}: the engine could not remove it completely"
        step = _step(_named(original), Kind.REMOVED, reason, Verb.RECREATE, original.id)
        return _by_rule(step, original, ON_DOWN_LABEL)
    if holder.id in situation.snapshot.by_id:
        reason = "was removed, and its name is held by another original"
        return _step(_named(original), Kind.REPLACED, reason, None, original.id)
    if not situation.is_successor(original, holder):
        reason = f"was replaced by a different container of the same name{situation.difference(original, holder)}"
        return _judge_impostor(original, holder, situation, reason)
    # The successor has taken the original's place and is treated as the original would be.
    if protection(holder.labels) is not None:
        return None
    if holder.state in DOWN_STATES:
        return _judge_down(original, holder, situation)
    return _judge_up(original, holder, situation) if holder.state in UP_STATES else None


def _judge_impostor(original: Original, impostor: Container, situation: Situation, reason: str) -> Step | None:
    """Judge a different container that has the name of an original which is gone, or down under another name."""
    protected = protection(impostor.labels)
    if protected is not None:
        return _step(_named(original), Kind.REPLACED, f"{reason}, which {protected}", None, original.id)
    # The engine is at work on it, or the original need not run.
    if impostor.state == "removing" or restart_rule(original.labels) == "never":
        return None
    on_replace = rule(original.labels, ON_REPLACE_LABEL)
    if on_replace == REPORT:
        return _step(_named(original), Kind.REPLACED, f"{reason} (on-replace: report)", None, original.id)
    if on_replace == ACCEPT and not situation.is_gone_back_from(impostor):
        return _step(impostor, Kind.REPLACED, reason, Verb.ACCEPT, original.id)
    step = _step(impostor, Kind.REPLACED, reason, Verb.RESTORE, original.id)
    seen = (situation.observed.images.get(original.image), situation.observed.images.get(original.image_id))
    by_name, by_id = (None if image is None else image.id for image in seen)
    if step.action is None:
        return step
    return replace(step, action=replace(step.action, images=(by_name, by_id), gone_back=on_replace == ACCEPT))


def _judge_scaled_down(original: Original, situation: Situation) -> Step | None:
    """Judge an original that is gone while its compose service, which follows deploys, runs on: there are fewer by now."""
    service = situation.service(original.labels)
    if service is None or not follows_deploys(original) or original.id not in situation.memory.seen:
        return None
    if not situation.runs_of(service):
        return None
    reason = f"was removed, and other containers of the service {service} run on"
    return _step(_named(original), Kind.REMOVED, reason, Verb.DROP, original.id)


def _compose_waits(original: Original, holder: Container | None, situation: Situation) -> bool:
    """Tell whether compose has made a container and will start it once a dependency is healthy: it may take its time."""
    if holder is None or holder.state != "created" or situation.is_own_work(original, holder):
        return False
    dependent_on = dependencies(original, situation.snapshot)
    awaited = (situation.by_name.get(other.name) for other in dependent_on if other.condition == Condition.HEALTHY)
    return any(other is not None and STARTING in other.status for other in awaited)


def _may_be_down(original: Original, place: Container, situation: Situation) -> bool:
    """Tell whether its rule says that it need not run, or has finished."""
    rule = restart_rule(original.labels)
    finished = rule == "on-failure" and exit_code(place.status) == 0
    return rule == "never" or (finished and not situation.was_interrupted(original))


def _judge_down(original: Original, place: Container, situation: Situation) -> Step | None:
    """Judge the container that has the place of an original and is down."""
    code = exit_code(place.status)
    if _may_be_down(original, place, situation):
        return None
    # It can't be started in a namespace that is no more.
    if (step := _judge_namespaces(original, place, situation)) is not None:
        return _by_rule(step, original, ON_DOWN_LABEL)
    reason = "was created but never started" if place.state == "created" else f"had exited with code {code}"
    if code is None and place.state != "created":
        reason = "had exited"
    lost = tell_lost(place, situation.snapshot, situation.observed)
    step = _step(place, Kind.STOPPED, reason + lost, Verb.REATTACH if lost else Verb.START, original.id)
    return _by_rule(step, original, ON_DOWN_LABEL)


def _by_rule(step: Step, original: Original, label: str) -> Step:
    """Leave the action out where the original's rule is to report only."""
    if rule(original.labels, label) != REPORT:
        return step
    finding = step.finding
    reason = f"{finding.reason} ({label.removeprefix('status-state.')}: report)"
    return Step(replace(finding, reason=reason))


def _step(container: Container, kind: Kind, reason: str, verb: Verb | None, original_id: str | None) -> Step:
    action = None if verb is None else Action(verb, container, reason, original_id)
    return Step(Finding(container, kind, reason), action)


def _named(original: Original) -> Container:
    """Stand for an original that has no container of its own to point at."""
    return Container(id=original.id, name=original.name, state="", labels=original.labels)
