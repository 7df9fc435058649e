"""The plan: what differs, what is done about it now, what waits, and what must be remembered. Pure.

`questions` says what must be looked at closely before `make_plan` can tell: asked again with the answers, until there is
nothing left to ask. No I/O and no clock; the order is by name, so that two plans of one situation are the same text.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..model.status_text import up_seconds
from ..protection import protection
from ..wishes.rules import ACCEPT, on_new_rule
from .dependencies import ids_told, namespaces
from .health import Health, judge_health, wants_look
from .memory import Memory, clamped, for_snapshot, subject
from .needs import asks_for_networks, known_volumes
from .notices import Notice, empty, ending, misread_labels, paused, silent
from .schedule import newcomer_times, schedule
from .situation import Situation, follows_deploys, undecided_holders
from .table import MOVABLE_STATES, judge, may_run_longer, to_be_started
from .timing import Timing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Action, Finding, Observed, Snapshot, Verdicts, Waiting
    from .table import Step


@dataclass(frozen=True, slots=True)
class Questions:
    """Ids of containers to inspect, names and ids of images and names of volumes to look up, whether to list the networks."""

    containers: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
    networks: bool = False

    def __bool__(self) -> bool:
        """Tell whether there is anything to ask."""
        return bool(self.containers or self.images or self.volumes or self.networks)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found, what is begun now, what waits, in a stable order.

    `notices` are what people should know besides; `memory` is for the next plan; `wake_in` are the seconds until then.
    """

    findings: tuple[Finding, ...] = ()
    actions: tuple[Action, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    notices: tuple[Notice, ...] = ()
    memory: Memory = field(default_factory=Memory)
    wake_in: float = 0.0

    def __str__(self) -> str:
        """One line per action, then one per action that waits, then one per finding that nothing is done about."""
        acted = {action.container.id for action in self.actions} | {wait.action.container.id for wait in self.waiting}
        lines = [*map(str, self.actions), *map(str, self.waiting)]
        lines += [f"report {f.container.name}: {f.reason}" for f in self.findings if f.container.id not in acted]
        return "\n".join(lines)


def questions(
    snapshot: Snapshot, observed: Observed, verdicts: Verdicts, memory: Memory, *, only: frozenset[str] | None = None
) -> Questions:
    """Say what has to be looked at closely besides the list: nothing while nothing has drifted.

    Args:
        snapshot: the desired state.
        observed: the list, and what was looked at so far.
        verdicts: what the SSA says.
        memory: of the last check.
        only: as for `make_plan`.
    """
    memory = for_snapshot(memory, snapshot)
    situation = Situation.of(snapshot, observed, memory)
    wanted = undecided_holders(situation) | _shared_namespaces(situation)
    wanted |= {one.id for one in situation.newcomers if on_new_rule(snapshot, one.name) == ACCEPT}
    if only is None:
        wanted |= wants_look(situation.places, observed, verdicts, memory)
    impostors = [snapshot.by_id[original_id] for original_id, _ in situation.impostors]
    images = {image for original in impostors for image in (original.image, original.image_id)}
    images |= situation.unknown_images
    down = [one for one in to_be_started(situation) if only is None or one.id in only]
    volumes = frozenset[str]().union(*(known_volumes(one, snapshot) for one in down))
    return Questions(
        frozenset(wanted - observed.inspects.keys() - observed.silent),
        frozenset(images - observed.images.keys()),
        volumes - observed.volumes.keys(),
        observed.networks is None and any(map(asks_for_networks, down)),
    )


def make_plan(
    snapshot: Snapshot,
    observed: Observed,
    verdicts: Verdicts,
    memory: Memory,
    now: float,
    *,
    timing: Timing = Timing(),  # noqa: B008 # frozen
    only: frozenset[str] | None = None,
) -> Plan:
    """Compare what runs with the snapshot.

    Args:
        snapshot: the desired state.
        observed: what is there, with the answers to `questions`.
        verdicts: what the SSA says of probes and logs.
        memory: of the last check.
        now: seconds since 1970.
        timing: the periods to go by.
        only: ids of containers to act on, because the rest of the host has not settled; None for all. Nobody's health is
            judged then.
    """
    memory = clamped(for_snapshot(memory, snapshot), now)
    situation = Situation.of(snapshot, observed, memory)
    memory = _remembered(situation, now, timing, keep_others=only is not None)
    health = Health(memory)
    if only is None:
        health = judge_health(
            situation.places, observed, verdicts, memory, now=now, timing=timing, originals=len(snapshot.originals)
        )
        memory = health.memory
    stuck = frozenset(key for key, since in memory.removing_since.items() if now - since >= timing.removing)
    situation = replace(situation, memory=memory, stuck=stuck, unhealthy=health.unhealthy, hold=health.hold)
    steps = _steps(situation, only)
    actions = [one.action for one in steps if one.action]
    planned = schedule(actions, situation, memory, now=now, timing=timing, keep_others=only is not None)
    wake_ins = [timing.interval, planned.wake_in or timing.interval, health.settles_in or timing.interval]
    return Plan(
        findings=tuple(one.finding for one in steps),
        actions=planned.begin,
        waiting=planned.waiting,
        notices=(*health.notices, *_notices(snapshot, observed, now, timing)),
        memory=planned.memory,
        wake_in=min(wake_ins),
    )


def _notices(snapshot: Snapshot, observed: Observed, now: float, timing: Timing) -> Iterable[Notice]:
    """Return what people should know, whatever the health of the originals."""
    pauses = (*paused(snapshot, now), *ending(snapshot, now))
    return (*empty(snapshot, timing), *pauses, *misread_labels(observed), *silent(observed))


def _steps(situation: Situation, only: frozenset[str] | None) -> list[Step]:
    """Judge all, and leave out what this check does not act on."""
    steps = judge(situation)
    if only is not None:
        steps = [one for one in steps if one.finding.container.id in only or (one.action and one.action.places & only)]
    # What an action is at work on is reported by the check that began it.
    return [one for one in steps if one.action is None or not one.action.places & situation.observed.busy]


def _remembered(situation: Situation, now: float, timing: Timing, *, keep_others: bool) -> Memory:
    """Take over what is seen: who has recovered, who is new, who is being removed, who has whose place."""
    memory, observed = situation.memory, situation.observed
    attempts, running = dict(memory.attempts), set[str]()
    for place_id, original in situation.places.items():
        place = situation.by_id[place_id]
        if place.state != "running" or {place_id, original.id} & observed.busy:
            continue
        running.add(original.id)
        if up_seconds(place.status) >= timing.recovered_after:
            attempts.pop(original.id, None)
    followed = [one for one in situation.snapshot.originals if follows_deploys(one)]
    seen = {one.id for one in followed if situation.place(one) is not None} | memory.seen
    gone = (one for one in followed if one.id in seen and situation.is_free(one))
    removing = (container.id for container in observed.containers if container.state == "removing")
    # An id never comes back. What an action has just made may not be in the list yet.
    lasting = {
        one for one in memory.successors | memory.refused.keys() if one[1] in situation.by_id or one[0] in observed.busy
    }
    known = situation.by_id.keys() | situation.snapshot.by_id.keys() | observed.busy
    first = memory.first_newcomer_at
    return replace(
        memory,
        attempts={key: one for key, one in attempts.items() if subject(key) in known},
        interrupted=memory.interrupted - running,
        unfinished={key: one for key, one in memory.unfinished.items() if key not in running and subject(key) in known},
        successors=(memory.successors & lasting) | situation.successors,
        impostors=situation.impostors,
        refused={pair: one for pair, one in memory.refused.items() if pair in lasting},
        newcomers_since=newcomer_times(situation.newcomers, memory, now, keep_others=keep_others),
        removing_since={key: memory.removing_since.get(key, now) for key in removing},
        first_newcomer_at=now if first is None and situation.newcomers and not situation.snapshot.originals else first,
        seen=frozenset(seen),
        gone_since={one.id: memory.gone_since.get(one.id, now) for one in gone},
        references=ids_told(situation.snapshot),
    )


def _shared_namespaces(situation: Situation) -> set[str]:
    """Return who must be looked at to tell whether somebody is in a namespace that is no more."""
    snapshot, wanted = situation.snapshot, set[str]()
    for original in snapshot.originals:
        place, references = situation.place(original), namespaces(original.inspect)
        if place is None or not references or protection(original.labels) is not None:
            continue
        if place.id != original.id and place.state in MOVABLE_STATES - {"running"}:
            wanted.add(place.id)  # it was recreated: with which container's namespace its recipe does not tell
        parents = map(snapshot.meant_by, references)
        for parent in (situation.place(one) for one in parents if one is not None):
            if parent is not None and may_run_longer(place, parent):
                wanted |= {place.id, parent.id}
    return wanted
