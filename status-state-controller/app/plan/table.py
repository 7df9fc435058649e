"""What shall be done: snapshot and observed containers in, findings and actions out. Pure.

This is the truth table of docs/architecture.md, one sentence per rung. No I/O and no clock; the order is by name, so
that two plans of the same situation are the same text. What must be asked of the engine beforehand (is this container
made from the same configuration?) is asked by the caller for the pairs that `name_holders` returns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model import DOWN_STATES, RUNNING_STATES, Action, Condition, Container, Finding, Kind, Plan, Verb, aside_name
from ..policy import RESTART_LABEL
from ..protection import protection
from .dependencies import busy_with_newcomers, dependencies, namespaces
from .health import Hold, Illnesses
from .status_text import exit_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model import Original, Snapshot

REPLACEABLE_STATES = DOWN_STATES | {"dead", "removing"}
"""States of an original in which another container may have taken its place."""

MOVABLE_STATES = DOWN_STATES | {"running", "restarting"}
"""States in which a container whose parent is gone can be replaced; a paused one is somebody's intention."""

RESTART_RULES = ("always", "on-failure", "never")
ONEOFF_LABEL = "com.docker.compose.oneoff"


def restart_rule(labels: Mapping[str, str]) -> str:
    """Return `always`, `on-failure` or `never` for an original with these labels; a value that can't be read is the default."""
    rule = labels.get(RESTART_LABEL, "").strip().lower()
    if rule in RESTART_RULES:
        return rule
    return "never" if labels.get(ONEOFF_LABEL, "").lower() == "true" else "always"


def misread_restart_rule(labels: Mapping[str, str]) -> str | None:
    """Return the value of a restart label that is none of the rules, else None."""
    rule = labels.get(RESTART_LABEL)
    return None if rule is None or rule.strip().lower() in RESTART_RULES else rule


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a plan is made from, indexed."""

    snapshot: Snapshot
    by_id: Mapping[str, Container]
    by_name: Mapping[str, Container]
    successors: frozenset[tuple[str, str]]
    stuck: frozenset[str]
    illnesses: Illnesses
    unfinished: frozenset[str]
    places: frozenset[str]
    """Containers that are to be judged as the place of an original, not as newcomers."""

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        observed: Iterable[Container],
        successors: frozenset[tuple[str, str]] = frozenset(),
        stuck: frozenset[str] = frozenset(),
        *,
        illnesses: Illnesses = Illnesses(),  # noqa: B008 # frozen
        unfinished: frozenset[str] = frozenset(),
    ) -> Situation:
        """Index what is observed; see `make_plan` for the arguments."""
        containers = list(observed)
        by_id = {container.id: container for container in containers}
        by_name = {container.name: container for container in containers}
        places = frozenset(holder.id for _, holder in _name_holders(snapshot, by_id, by_name))
        return cls(snapshot, by_id, by_name, successors, stuck, illnesses, unfinished, places)

    def present(self, original: Original) -> Container | None:
        """Return the container that the original was, if it exists and was not put aside by a restore."""
        present = self.by_id.get(original.id)
        if present is None or present.state not in DOWN_STATES:
            return present
        return None if present.name == aside_name(original.name, original.id) else present

    def holder(self, original: Original) -> Container | None:
        """Return the other container that has the original's name, if there is one."""
        holder = self.by_name.get(original.name)
        return None if holder is None or holder.id == original.id else holder

    def is_nobodys(self, container: Container) -> bool:
        """Tell whether a container is neither an original nor protected."""
        return container.id not in self.snapshot.by_id and protection(container.labels) is None

    def is_newcomer(self, container: Container) -> bool:
        """Tell whether a container runs that nobody knows."""
        return container.state in RUNNING_STATES and container.id not in self.places and self.is_nobodys(container)


def name_holders(snapshot: Snapshot, observed: Iterable[Container]) -> list[tuple[Original, Container]]:
    """Return each original that is not up and whose name another container has, with that container."""
    containers = list(observed)
    by_id = {container.id: container for container in containers}
    return _name_holders(snapshot, by_id, {container.name: container for container in containers})


def _name_holders(
    snapshot: Snapshot, by_id: Mapping[str, Container], by_name: Mapping[str, Container]
) -> list[tuple[Original, Container]]:
    pairs: list[tuple[Original, Container]] = []
    for original in snapshot.originals:
        holder, present = by_name.get(original.name), by_id.get(original.id)
        replaceable = present is None or present.state in REPLACEABLE_STATES
        if holder is not None and holder.id != original.id and replaceable:
            pairs.append((original, holder))
    return pairs


def make_plan(
    snapshot: Snapshot,
    observed: Iterable[Container],
    successors: frozenset[tuple[str, str]] = frozenset(),
    stuck: frozenset[str] = frozenset(),
    *,
    illnesses: Illnesses = Illnesses(),  # noqa: B008 # frozen
    unfinished: frozenset[str] = frozenset(),
) -> Plan:
    """Compare what runs with the snapshot.

    Args:
        snapshot: the desired state.
        observed: every container of the engine, whatever its state.
        successors: pairs (id of the original, id of the container that holds its name) known to have the same
            image and the same configuration.
        stuck: ids of containers that the engine has been removing for too long to wait for.
        illnesses: what ails those that run.
        unfinished: ids of originals whose restart has failed: that they are down is nobody's intention.
    """
    situation = Situation.of(snapshot, observed, successors, stuck, illnesses=illnesses, unfinished=unfinished)
    steps = [step for original in snapshot.originals if (step := _judge(original, situation)) is not None]
    # Only what runs and is nobody's can be a newcomer; everything else is left as it is.
    newcomers = [container for container in situation.by_id.values() if situation.is_newcomer(container)]
    steps += [_step(container, Kind.NEW, "is not in the snapshot", Verb.STOP, None) for container in newcomers]
    steps = [(finding, _in_order(action, snapshot, newcomers)) for finding, action in steps]
    steps.sort(key=lambda step: (step[0].kind == Kind.NEW, step[0].container.name, step[0].container.id))
    return Plan(
        findings=tuple(finding for finding, _ in steps),
        actions=tuple(action for _, action in steps if action is not None),
    )


def _judge(original: Original, situation: Situation) -> tuple[Finding, Action | None] | None:
    """Judge one original by what is observed of it, and of the container that has its name."""
    present, holder = situation.present(original), situation.holder(original)
    if protection(original.labels) is not None:
        return None
    if _compose_waits(original, holder, situation):
        return None
    if present is None or present.state == "dead" or present.id in situation.stuck:
        return _judge_absent(original, present, holder, situation)
    parent = _parent_made_again(original, situation)
    if parent is not None and holder is None and present.state in MOVABLE_STATES:
        reason = f"uses a namespace of {parent}, which was made again"
        return _step(present, Kind.REPLACED, reason, Verb.RESTORE, original.id)
    return _judge_present(original, present, holder, situation)


def _judge_present(
    original: Original, present: Container, holder: Container | None, situation: Situation
) -> tuple[Finding, Action | None] | None:
    """Judge an original that still exists."""
    if present.state == "running":
        return _judge_running(original, present, situation)
    # It is paused by somebody, or the engine is at work on it: look again next time.
    if present.state not in DOWN_STATES:
        return None
    # Compose renames the old container before it starts the new one, which takes its place.
    if holder is not None and (original.id, holder.id) in situation.successors:
        return None
    if holder is not None:
        reason = f"is down under the name {present.name}, and its name is held by a different container"
        return _step(_named(original), Kind.REPLACED, reason, None, original.id)
    if present.name != original.name:
        reason = f"is down and was renamed to {present.name}: give it its name back to have it started"
        return _step(_named(original), Kind.STOPPED, reason, None, original.id)
    return _judge_down(original, present, situation)


def _judge_running(original: Original, place: Container, situation: Situation) -> tuple[Finding, Action | None] | None:
    """Judge the container that holds the place of an original and runs: is it well?"""
    illness = situation.illnesses.by_id.get(place.id)
    # What was never well since its start is no finding: a restart would not mend it.
    if illness is None or not illness.mendable or restart_rule(original.labels) == "never":
        return None
    hold = situation.illnesses.hold
    if hold is Hold.MANY:
        return _step(place, Kind.UNHEALTHY, f"{illness.reason}; {hold}", None, original.id)
    finding, action = _step(place, Kind.UNHEALTHY, illness.reason, Verb.RESTART, original.id)
    return finding, None if action is None else replace(action, illness=illness, hold=hold)


def _parent_made_again(original: Original, situation: Situation) -> str | None:
    """Return the name of the original whose namespace this one is in and which has been made again since, if any."""
    for reference in namespaces(original.inspect):
        parent = situation.snapshot.by_id.get(reference)
        if parent is None or parent.id in situation.by_id:
            continue
        successor = situation.holder(parent)
        if successor is not None and successor.state == "running" and (parent.id, successor.id) in situation.successors:
            return parent.name
    return None


def _judge_absent(
    original: Original,
    dead: Container | None,
    holder: Container | None,
    situation: Situation,
) -> tuple[Finding, Action | None] | None:
    """Judge an original that is gone, or that the engine holds as `dead`, which can't be started."""
    remains = dead
    if holder is not None and holder.state == "dead" and situation.is_nobodys(holder):
        remains, holder = holder, None
    if holder is None and restart_rule(original.labels) == "never":
        return None
    if holder is None:
        reason = "was removed" if remains is None else f"is {remains.state}: the engine could not remove it completely"
        return _step(_named(original), Kind.REMOVED, reason, Verb.RECREATE, original.id)
    protected = protection(holder.labels)
    if holder.id in situation.snapshot.by_id:
        reason = "was removed, and its name is held by another original"
        return _step(_named(original), Kind.REPLACED, reason, None, original.id)
    if (original.id, holder.id) not in situation.successors:
        return _judge_impostor(original, holder, protected)
    # The successor has taken the original's place and is treated as the original would be.
    if protected is not None:
        return None
    if holder.state in DOWN_STATES:
        return _judge_down(original, holder, situation)
    return _judge_running(original, holder, situation) if holder.state == "running" else None


def _judge_impostor(
    original: Original, impostor: Container, protected: str | None
) -> tuple[Finding, Action | None] | None:
    """Judge a different container that has the name of an original which is gone."""
    reason = "was replaced by a different container of the same name"
    if protected is not None:
        return _step(_named(original), Kind.REPLACED, f"{reason}, which {protected}", None, original.id)
    # The engine is at work on it, or the original need not run.
    if impostor.state == "removing" or restart_rule(original.labels) == "never":
        return None
    return _step(impostor, Kind.REPLACED, reason, Verb.RESTORE, original.id)


def _compose_waits(original: Original, holder: Container | None, situation: Situation) -> bool:
    """Tell whether compose has made a container and will start it once a dependency is healthy: it may take its time."""
    if holder is None or holder.state != "created":
        return False
    dependent_on = dependencies(original, situation.snapshot)
    awaited = (situation.by_name.get(other.name) for other in dependent_on if other.condition == Condition.HEALTHY)
    return any(other is not None and "health: starting" in other.status for other in awaited)


def _judge_down(original: Original, place: Container, situation: Situation) -> tuple[Finding, Action | None] | None:
    """Judge the container that holds the place of an original and is down."""
    rule = restart_rule(original.labels)
    code = exit_code(place.status)
    # Its rule says that it may end.
    if rule == "never" or (rule == "on-failure" and code == 0 and original.id not in situation.unfinished):
        return None
    reason = "was created but never started" if place.state == "created" else f"had exited with code {code}"
    if code is None and place.state != "created":
        reason = "had exited"
    return _step(place, Kind.STOPPED, reason, Verb.START, original.id)


def _in_order(action: Action | None, snapshot: Snapshot, newcomers: Iterable[Container]) -> Action | None:
    """Add to the action of an original whom it waits for."""
    # One that runs waits for nobody: what it depends on may be ill itself, and waiting for its turn.
    if action is None or action.original_id is None or action.verb is Verb.RESTART:
        return action
    original = snapshot.by_id[action.original_id]
    return replace(action, after=(*dependencies(original, snapshot), *busy_with_newcomers(original, newcomers)))


def _step(
    container: Container, kind: Kind, reason: str, verb: Verb | None, original_id: str | None
) -> tuple[Finding, Action | None]:
    action = None if verb is None else Action(verb, container, reason, original_id)
    return Finding(container, kind, reason), action


def _named(original: Original) -> Container:
    """Stand for an original that has no container of its own to point at."""
    return Container(id=original.id, name=original.name, state="", labels=original.labels)
