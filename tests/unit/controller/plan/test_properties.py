"""What holds for every plan, whatever the snapshot, the engine and the memory look like."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from status_state_controller.model import Activity, Original, Result, Verb, Verdicts
from status_state_controller.plan.plan import make_plan
from status_state_controller.protection import protection
from status_state_controller.wishes.pauses import Pause

from ..world import STARTED_AT, STATES, container, id_of, original, snapshot, well
from .host import OTHER_IMAGE_ID, Host, host, sharing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from status_state_controller.model import Container
    from status_state_controller.plan.plan import Plan

WORDS: tuple[str, ...] = ("a", "b", "c", "d", "e", "f")
EVERYBODY: tuple[str, ...] = (*WORDS, "x", "y", "z")
LABELS: tuple[dict[str, str], ...] = (
    {},
    {},
    {},
    {"status-state.ignore": "true"},
    {"status-state.ignore": "nonsense"},
    {"com.docker.swarm.node.id": "x"},
)
SERVICE = {"com.docker.compose.project": "shop", "com.docker.compose.service": "a"}
RULES: tuple[dict[str, str], ...] = (
    {},
    {},
    {"status-state.restart": "on-failure"},
    {"status-state.restart": "never"},
    {"com.docker.compose.project": "shop", "com.docker.compose.service": "a"},
    {"status-state.on-down": "report", "status-state.on-replace": "report", "status-state.on-unhealthy": "report"},
    {"status-state.on-replace": "accept"},
    {"status-state.on-replace": "accept"} | SERVICE,
    {"com.docker.compose.project": "shop", "com.docker.compose.depends_on": "a:service_healthy:false"},
)
EXITS = (None, "", "Exited (0) 1 second ago", "Up 2 seconds", "Up 10 minutes (unhealthy)", "Up 1 hour (healthy)")


@dataclass(frozen=True)
class Moment:
    """A host after some checks, and the plan of the last one."""

    h: Host
    before: Host
    plan: Plan
    only: frozenset[str] | None

    @property
    def acts(self) -> list[tuple[str, Container, str | None]]:
        """Verb, container and original of all that is begun or waits."""
        several = [*self.plan.actions, *(wait.action for wait in self.plan.waiting)]
        return [(str(one.verb), one.container, one.original_id) for one in several]


def originals(chance: Random, labels: dict[str, dict[str, str]]) -> list[Original]:
    """Some of six, which were healthy or not, and share namespaces or not."""
    several = list[Original]()
    for word in some(chance, WORDS):
        one = chance.choice((original, well))(word, labels=labels[word])
        several.append(sharing(one, chance.choice(WORDS)) if chance.random() < 0.25 else one)
    return several


def some(chance: Random, words: tuple[str, ...]) -> list[str]:
    """Any number of them."""
    return [word for word in words if chance.random() < 0.6]


def change(chance: Random, h: Host, labels: dict[str, dict[str, str]]) -> None:
    """Let everything be different from before, and time pass."""
    h.world.clear()
    names = dict(zip(EVERYBODY, chance.sample(EVERYBODY, len(EVERYBODY)), strict=True))
    for word in some(chance, EVERYBODY):
        name = names[word] if chance.random() < 0.4 else word
        if name not in {one.name for one in h.world.values()}:  # an engine has each name once
            status, state = chance.choice(EXITS), chance.choice((*STATES, "running"))
            h.put(container(name, state, word=word, labels=labels[word], status=status))
            h.states[id_of(word)] = {"Health": {"Status": "unhealthy", "FailingStreak": chance.randint(0, 4)}}
            h.changes[id_of(word)] = {"Image": OTHER_IMAGE_ID} if chance.random() < 0.5 else {}
    failing = {(id_of(word), STARTED_AT): "x" for word in some(chance, WORDS)} if chance.random() < 0.5 else {}
    h.verdicts = Verdicts(failing, known=chance.random() < 0.8)
    stopping = frozenset(id_of(word) for word in some(chance, WORDS)[:1])
    h.activity = Activity(stopping, frozenset({"shop"} if chance.random() < 0.5 else ()), stopping)
    h.now += chance.choice((0.0, 1.0, 5.0, 30.0, 700.0, -3600.0))


def moment_of(seed: int) -> Moment:
    """Few ids and few names, so that they are shared, swapped and stolen all the time; and some checks before this one.

    Of a seed, since to draw each choice takes ten times as long as to plan.
    """
    chance = Random(seed)  # noqa: S311 # nothing is kept secret by it
    labels = {word: chance.choice(LABELS) | chance.choice(RULES) for word in EVERYBODY}
    h = host(snapshot(*originals(chance, labels)))
    for _ in range(chance.randint(0, 3)):
        change(chance, h, labels)
        for action in h.begin(h.look()):
            if chance.random() < 0.7:
                h.end(action, chance.choice((Result.DONE, Result.FAILED, Result.DROPPED)))
    if chance.random() < 0.8:
        change(chance, h, labels)
    only = None if chance.random() < 0.7 else frozenset(map(id_of, some(chance, EVERYBODY)))
    before = replace(h)
    return Moment(h, before, h.look(only=only), only)


every_moment = given(st.integers(0, 2**32).map(moment_of))
thoroughly = settings(max_examples=100, deadline=None, database=None)


@thoroughly
@every_moment
def test_nothing_protected_busy_or_out_of_the_snapshot_is_acted_on_and_no_place_twice(moment: Moment) -> None:
    held, before = moment.h.held, moment.before
    protected = {one.id for one in before.world.values() if protection(one.labels) is not None}
    protected |= {one.id for one in held.originals if protection(one.labels) is not None}
    places = Counter[str]()
    for verb, acted, original_id in moment.acts:
        places.update({acted.id, original_id or acted.id})
        assert not {acted.id, original_id} & protected
        assert not {acted.id, original_id} & before.busy
        assert original_id is None or original_id in held.by_id
        rules: Mapping[str, str] = {} if original_id is None else held.by_id[original_id].labels
        if verb in {Verb.ACCEPT, Verb.DROP}:
            assert original_id is None or rules["status-state.on-replace"] == "accept"
            assert acted.id not in held.by_id or verb == Verb.DROP
            assert verb != Verb.DROP or original_id not in before.world
        elif verb == Verb.STOP:
            assert original_id is None
            assert acted.state in {"running", "paused", "restarting"}
            assert acted.id not in held.by_id
        else:
            assert held.by_id[original_id or ""].labels.get("status-state.restart") != "never"
        if verb in {Verb.START, Verb.REATTACH, Verb.RECREATE}:
            assert rules.get("status-state.on-down") != "report"
        if verb == Verb.RESTART:
            assert rules.get("status-state.on-unhealthy") != "report"
            assert acted.state == "running"
            assert acted.id not in before.activity.stopping
        if verb == Verb.RECREATE:
            assert before.world.get(acted.id, container("x", "dead")).state in {"dead", "removing"}
        if acted.id != original_id and verb in {Verb.START, Verb.RESTART}:
            assert (original_id, acted.id) in moment.plan.memory.successors
    assert not [place for place, count in places.items() if count > 1]


@thoroughly
@every_moment
def test_what_is_begun_or_waits_are_the_findings_that_something_is_done_about(moment: Moment) -> None:
    findings = [(finding.container.id, finding.reason) for finding in moment.plan.findings]
    assert len(findings) == len(set(findings))
    done = [*moment.plan.actions, *(wait.action for wait in moment.plan.waiting)]
    reasons = dict(findings)
    for action in done:
        assert action.reason.startswith(reasons[action.container.id]), "a reason may tell without whom"
    names = [(finding.kind == "new", finding.container.name) for finding in moment.plan.findings]
    assert names == sorted(names)


@thoroughly
@every_moment
def test_it_is_looked_again_within_the_interval_but_not_at_once(moment: Moment) -> None:
    assert 0 < moment.plan.wake_in <= moment.h.timing.interval
    assert all(wait.until is None or wait.until > moment.h.now for wait in moment.plan.waiting)


@thoroughly
@given(st.integers(0, 2**32).map(moment_of), st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_the_input_nor_on_how_often_it_is_made(
    moment: Moment, chance: Random
) -> None:
    originals, world = list(moment.before.held.originals), list(moment.before.world.items())
    chance.shuffle(originals)
    chance.shuffle(world)
    shuffled = replace(moment.before, held=snapshot(*originals), world=dict(world))
    assert str(shuffled.look(only=moment.only)) == str(moment.plan)
    again = moment.before
    inspects = {key: again.inspect(key) for key, one in again.world.items() if one.state != "dead"}
    observed = replace(again.observe(inspects), images={name: again.image(name) for name in again.images})
    known = again.held, observed, again.verdicts, again.memory, again.now
    twice = [make_plan(*known, timing=again.timing, only=moment.only) for _ in range(2)]
    assert twice[0] == twice[1]
    assert str(twice[0]) == str(moment.plan), "to know more than was asked for changes nothing"


@thoroughly
@every_moment
def test_who_runs_and_is_nobodys_is_stopped_and_who_is_gone_is_made_again(moment: Moment) -> None:
    before, held = moment.before, moment.h.held
    if moment.only is not None:
        return
    names = {one.name for one in before.world.values()}
    strangers = {
        one.id
        for one in before.world.values()
        if one.state in {"running", "paused", "restarting"}
        and one.id not in held.by_id
        and one.name not in held.by_name
        and protection(one.labels) is None
    }
    gone = {
        one.id
        for one in held.originals
        if one.id not in before.world
        and one.name not in names
        and protection(one.labels) is None
        and one.labels.get("status-state.restart") != "never"
        and one.labels.get("status-state.on-down") != "report"
    }
    acted = {(verb, original_id or acted.id) for verb, acted, original_id in moment.acts}
    stopped, made = (
        {key for verb, key in acted if verb in verbs} for verbs in (("stop", "accept"), ("recreate", "drop"))
    )
    assert strangers - before.busy <= stopped
    assert gone - before.busy <= made


@thoroughly
@every_moment
def test_in_a_pause_everything_waits_and_the_same_is_found(moment: Moment) -> None:
    before = moment.before
    pause = Pause(None, before.now + 60, "deploy")
    plan = replace(before, held=replace(before.held, pauses=(pause,))).look(only=moment.only)
    assert plan.actions == ()
    assert {(one.container.id, one.kind, one.reason) for one in plan.findings} == {
        (one.container.id, one.kind, one.reason) for one in moment.plan.findings
    }
    assert plan.memory.attempts == moment.plan.memory.attempts
