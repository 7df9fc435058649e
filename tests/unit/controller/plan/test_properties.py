"""What holds for every plan, whatever the snapshot and the engine look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from status_state_controller.model import Container, Plan, Snapshot, Verb
from status_state_controller.plan.table import make_plan, name_holders
from status_state_controller.protection import protection

from ..world import STATES, container, original, snapshot

if TYPE_CHECKING:
    import random

WORDS = ("a", "b", "c", "d", "e", "f")
LABELS: tuple[dict[str, str], ...] = (
    {},
    {},
    {},
    {"status-state.role": "api"},
    {"status-state.ignore": "true"},
    {"status-state.ignore": "nonsense"},
    {"com.docker.swarm.node.id": "x"},
    {"io.kubernetes.pod.uid": "x"},
)
RULES: tuple[dict[str, str], ...] = ({}, {"status-state.restart": "on-failure"}, {"status-state.restart": "never"})
EXITS = ("", "Exited (0) 1 second ago", "Exited (1) 1 second ago")


@dataclass(frozen=True)
class World:
    """A snapshot, what is observed, and who is known to be whose successor."""

    held: Snapshot
    observed: tuple[Container, ...]
    successors: frozenset[tuple[str, str]]

    @property
    def plan(self) -> Plan:
        """What the controller makes of it."""
        return make_plan(self.held, self.observed, self.successors)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Few ids and few names, so that they are shared, swapped and stolen all the time."""
    labels = {word: draw(st.sampled_from(LABELS)) | draw(st.sampled_from(RULES)) for word in (*WORDS, "x", "y", "z")}
    originals = [original(word, labels=labels[word]) for word in draw(st.sets(st.sampled_from(WORDS)))]
    words = sorted(draw(st.sets(st.sampled_from((*WORDS, "x", "y", "z")))))
    names = draw(st.permutations((*WORDS, "x", "y", "z")))
    observed = [
        container(
            name if draw(st.booleans()) else word,
            draw(st.sampled_from(STATES)),
            word=word,
            labels=labels[word],  # a container can't lose or gain any while it lives
            status=draw(st.sampled_from((None, *EXITS))),
        )
        for word, name in zip(words, names, strict=False)
    ]
    observed = list({c.name: c for c in observed}.values())  # an engine has each name once
    held = snapshot(*originals)
    pairs = [(o.id, holder.id) for o, holder in name_holders(held, observed)]
    successors = frozenset(draw(st.sets(st.sampled_from(pairs)))) if pairs else frozenset[tuple[str, str]]()
    return World(held, tuple(observed), successors)


every_world = given(worlds())
thoroughly = settings(max_examples=50, deadline=None, database=None)


@thoroughly
@every_world
def test_no_plan_acts_on_a_protected_container(world: World) -> None:
    protected = {c.id for c in world.observed if protection(c.labels) is not None}
    assert not protected & {action.container.id for action in world.plan.actions}


@thoroughly
@every_world
def test_no_plan_stops_an_original_or_its_successor_or_starts_anything_else(world: World) -> None:
    for action in world.plan.actions:
        if action.verb == Verb.STOP:
            assert action.container in world.observed
            assert action.container.id not in world.held.by_id
            assert action.container.id not in {holder for _, holder in world.successors}
            assert action.container.state in {"running", "paused", "restarting"}
            continue
        assert action.original_id is not None
        assert world.held.by_id[action.original_id].name == action.container.name
        own = action.original_id == action.container.id
        takes_its_place = (action.original_id, action.container.id) in world.successors
        seen = {c.id: c for c in world.observed}
        if action.verb == Verb.RECREATE:
            assert own
            assert action.original_id not in seen or seen[action.original_id].state in {"dead", "removing"}
            continue
        assert action.container in world.observed
        if action.verb == Verb.RESTORE:
            assert not own
            assert not takes_its_place
            assert action.container.id not in world.held.by_id
            continue
        assert action.verb == Verb.START
        assert own or takes_its_place
        assert action.container.state in {"created", "exited"}


@thoroughly
@every_world
def test_no_plan_acts_twice_and_every_action_has_its_finding_with_the_same_reason(world: World) -> None:
    plan = world.plan
    acted = [action.container.id for action in plan.actions]
    helped = [action.original_id for action in plan.actions if action.original_id is not None]
    assert len(acted) == len(set(acted))
    assert len(helped) == len(set(helped))
    findings = {finding.container.id: finding.reason for finding in plan.findings}
    assert {action.container.id: action.reason for action in plan.actions}.items() <= findings.items()
    assert all(finding.reason for finding in plan.findings)


@thoroughly
@every_world
def test_an_original_that_is_gone_is_made_again_unless_somebody_has_its_name_or_it_need_not_run(world: World) -> None:
    present, names = {c.id for c in world.observed}, {c.name for c in world.observed}
    gone = {
        o.id
        for o in world.held.originals
        if o.id not in present
        and o.name not in names
        and protection(o.labels) is None
        and o.labels.get("status-state.restart") != "never"
    }
    assert gone <= {action.original_id for action in world.plan.actions if action.verb == Verb.RECREATE}


@thoroughly
@every_world
def test_a_container_that_runs_and_is_nobodys_is_stopped(world: World) -> None:
    names = {o.name for o in world.held.originals}
    strangers = {
        c.id
        for c in world.observed
        if c.id not in world.held.by_id
        and c.name not in names
        and protection(c.labels) is None
        and c.state in {"running", "paused", "restarting"}
    }
    stopped = {action.container.id for action in world.plan.actions if action.verb == Verb.STOP}
    assert strangers <= stopped


@thoroughly
@given(worlds(), st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_the_input(world: World, chance: random.Random) -> None:
    originals, observed = list(world.held.originals), list(world.observed)
    chance.shuffle(originals)
    chance.shuffle(observed)
    shuffled = make_plan(snapshot(*originals), iter(observed), world.successors)
    assert str(shuffled) == str(world.plan)
    assert shuffled == world.plan
