"""What is known of earlier checks: attempts, what the controller has made, and what it was doing when it was ended."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from status_state_controller.model import Action, Container, Result, Verb, aside_name, restored_name
from status_state_controller.plan.memory import (
    Attempts,
    HealthySeen,
    MassFailure,
    Memory,
    RefusedRestore,
    Settling,
    Unfinished,
    begun,
    clamped,
    for_snapshot,
)
from status_state_controller.plan.timing import Timing
from status_state_controller.ssa.memory import read_memory, write_memory

from ..world import IMAGE_ID, container, id_of, original, snapshot
from .host import OTHER_IMAGE_ID, Host, host

if TYPE_CHECKING:
    from status_state_controller.plan.plan import Plan

WEB, DB = id_of("web"), id_of("db")
PAIR = (WEB, id_of("web again"))


def killed(h: Host) -> Host:
    """Let another process go on: it knows what the SSA has kept, and nothing is at work."""
    h.memory = read_memory(json.loads(json.dumps(write_memory(h.memory))))
    h.busy = frozenset()
    return h


def made(h: Host, name: str, state: str, after: float = 3.0, image: str = IMAGE_ID) -> Container:
    """A container that was made so long after the action had begun; it does not look like its recipe."""
    one = replace(container(name, state, word="web again"), created_at=h.now + after)
    h.changes[one.id] = {"HostConfig": {"NetworkMode": "host"}, "Image": image}
    return one


def begin(h: Host, verb: Verb) -> Plan:
    """Begin the one action that is right."""
    plan = h.look()
    assert [action.verb for action in h.begin(plan)] == [verb]
    return plan


# A controller that is ended in the middle of an action.


@pytest.mark.parametrize(
    ("step", "does"),
    [
        ("told the SSA", "recreate web: was removed"),
        ("made it", "start web: was created but never started"),
        ("started it", ""),
    ],
)
def test_a_controller_that_is_killed_while_it_recreates_takes_its_work_for_no_impostor(step: str, does: str) -> None:
    h = host(snapshot("web"))
    begin(h, Verb.RECREATE)
    if step != "told the SSA":
        h.put(made(h, "web", "created" if step == "made it" else "running"))
    killed(h)
    assert str(h.look(5)) == (does and f"wait to {does}: after 1 attempt"), "the attempt counts"
    assert str(h.look(5)) == does
    if does.startswith("recreate"):
        return
    h.put(made(h, "web", "exited", after=-7))
    assert str(h.look(600)) == "start web: had exited with code 137"
    assert str(killed(h).look()) == "start web: had exited with code 137", "that it is a successor is remembered"


REPLACED = "restore web: was replaced by a different container of the same name (image: sha256:1b0a → sha256:2c1b)"


@pytest.mark.parametrize("step", range(6))
def test_a_controller_that_is_killed_while_it_restores_goes_on_where_it_was(step: int) -> None:
    h = host(snapshot("web"))
    impostor = h.impostor("web")
    begin(h, Verb.RESTORE)
    temporary = restored_name("web", impostor.id)
    aside = replace(impostor, name=aside_name("web", impostor.id), state="exited")
    worlds: list[tuple[tuple[Container, ...], str]] = [
        ((), REPLACED),
        ((made(h, temporary, "created"),), REPLACED),
        (
            (made(h, temporary, "created"), replace(impostor, state="exited")),
            REPLACED,
        ),
        ((made(h, temporary, "created"), aside), "recreate web: was removed"),
        ((made(h, "web", "created"), aside), "start web: was created but never started"),
        ((made(h, "web", "running"), aside), ""),
    ]
    world, does = worlds[step]
    h.put(*world)
    killed(h)
    assert str(h.look(5)) == (does and f"wait to {does}: after 1 attempt")
    assert str(h.look(5)) == does


@pytest.mark.parametrize(
    ("after", "image", "own"),
    [
        (-3.0, IMAGE_ID, False),
        (-1.0, IMAGE_ID, True),
        (600.0, IMAGE_ID, True),
        (601.0, IMAGE_ID, False),
        (3.0, OTHER_IMAGE_ID, False),
    ],
)
def test_what_somebody_else_made_meanwhile_is_an_impostor(after: float, image: str, *, own: bool) -> None:
    h = host(snapshot("web"))
    begin(h, Verb.RECREATE)
    h.put(made(h, "web", "running", after, image))
    assert bool(killed(h).look(600).actions) == (not own)


def test_a_start_makes_nothing_and_the_impostor_of_a_restore_is_still_one() -> None:
    h = host(snapshot("web"), container("web", "exited"))
    begin(h, Verb.START)
    del h.world[WEB]
    h.put(made(h, "web", "running"))
    assert [action.verb for action in killed(h).look(600).actions] == [Verb.RESTORE]
    again = host(snapshot("web"))
    again.put(replace(again.impostor("web"), created_at=again.now))
    again.changes[again.named("web").id] = {"HostConfig": {"NetworkMode": "host"}}
    begin(again, Verb.RESTORE)
    assert [action.verb for action in killed(again).look(600).actions] == [Verb.RESTORE]


def test_a_controller_that_is_killed_in_a_crash_loop_tries_no_sooner() -> None:
    h = host(snapshot("web"), container("web", "exited"))
    for seconds in (0, 10, 20):
        (action,) = h.begin(h.look(seconds))
        h.end(action)
    assert str(killed(h).look(39)).endswith("after 3 attempts")
    assert [action.attempt for action in killed(h).look(1).actions] == [4]


def test_newcomers_have_no_second_grace_and_what_was_seen_healthy_is_known_after_a_restart() -> None:
    h = host(snapshot("web"), container("web"), container("miner"), timing=Timing(new_container_grace=60))
    h.judge("web", "healthy")
    h.look()
    h.judge("web", "unhealthy")
    killed(h).look(55)
    assert [str(action) for action in h.look(5).actions] == [
        "restart web: is unhealthy: its health check fails with exit code 7",
        "stop miner: is not in the snapshot",
    ]


# What became of actions.


def test_what_was_made_is_a_successor_however_it_looks() -> None:
    h = host(snapshot("web"))
    (action,) = begin(h, Verb.RECREATE).actions
    h.end(action, made_id=PAIR[1])
    assert h.memory.successors == {PAIR}
    h.put(made(h, "web", "running", after=7200))
    assert str(h.look()) == ""
    assert h.asked == set()


def test_what_was_made_or_refused_is_forgotten_once_it_is_gone_and_not_before_it_is_listed() -> None:
    h = host(snapshot("web"))
    again = container("web", word="web again")
    refused = {(WEB, "gone"): RefusedRestore((None, None), "no"), (WEB, again.id): RefusedRestore((None, None), "no")}
    h.memory = replace(h.look().memory, successors=frozenset({PAIR}), refused=refused)
    h.busy = frozenset({WEB})
    assert (h.look().memory.successors, h.memory.refused) == ({PAIR}, refused)
    h.busy = frozenset()
    h.put(again)
    assert (h.look().memory.successors, list(h.memory.refused)) == ({PAIR}, [(WEB, again.id)])
    h.world.clear()
    assert (h.look().memory.successors, h.memory.refused) == (set(), {})


@pytest.mark.parametrize(
    ("result", "attempted", "counts"),
    [(Result.DONE, True, 2), (Result.FAILED, True, 2), (Result.FAILED, False, 1), (Result.DROPPED, False, 1)],
)
def test_an_attempt_counts_once_the_engine_was_reported(result: Result, counts: int, *, attempted: bool) -> None:
    h = host(snapshot("web"), container("web", "exited"))
    for outcome in ((Result.DONE, True), (result, attempted)):
        (action,) = h.begin(h.look(10))
        assert WEB in h.memory.unfinished
        h.now += 3
        h.end(action, outcome[0], attempted=outcome[1])
        assert h.memory.unfinished == {}
    last_at = h.now if counts == 2 else h.now - 13
    assert h.memory.attempts == {WEB: Attempts(counts, last_at)}, "and it is waited from when the engine was told"


def test_a_newcomer_leaves_no_trace() -> None:
    h = host(snapshot(), container("miner"))
    before = h.look().memory
    (action,) = h.begin(h.look())
    h.end(action, Result.FAILED)
    assert h.memory == before


def test_an_original_whose_restart_failed_has_not_finished_until_it_runs() -> None:
    h = host(snapshot("web"), container("web"))
    restart = Action(Verb.RESTART, container("web"), "is unhealthy", WEB)
    h.memory = begun(h.look().memory, [restart], h.now)
    h.end(restart, Result.FAILED)
    assert h.memory.interrupted == {WEB}
    h.put(container("web", "exited"))
    start = Action(Verb.START, container("web", "exited"), "x", WEB)
    h.memory = begun(h.look().memory, [start], h.now)
    h.end(start, Result.FAILED)
    assert h.memory.interrupted == {WEB}
    h.put(container("web"))
    assert h.look().memory.interrupted == set()


def test_a_restart_that_is_under_way_is_remembered_while_the_list_still_shows_what_it_restarts() -> None:
    h = host(snapshot("web"), container("web", status="Up 10 minutes"))
    h.memory = begun(h.look().memory, [Action(Verb.RESTART, container("web"), "is unhealthy", WEB)], h.now)
    h.busy = frozenset({WEB})
    h.look()
    assert (list(h.memory.unfinished), list(h.memory.attempts)) == ([WEB], [WEB])


def test_a_restart_that_was_cut_off_is_remembered_through_the_next_action() -> None:
    h = host(snapshot("web"), container("web"))
    h.memory = begun(h.look().memory, [Action(Verb.RESTART, container("web"), "is unhealthy", WEB)], h.now)
    h.put(container("web", "exited"))
    start = Action(Verb.START, container("web", "exited"), "x", WEB)
    h.memory = begun(killed(h).look().memory, [start], h.now)
    assert h.memory.interrupted == {WEB}
    h.end(start, Result.DONE)
    assert h.memory.interrupted == set()


# Another snapshot, and another time.


FULL = Memory(
    snapshot_id="snapshot-1",
    attempts={WEB: Attempts(2, 100.0), DB: Attempts(1, 100.0)},
    successors=frozenset({PAIR, (DB, "x")}),
    impostors={(WEB, "y"): "env.COLOUR: set → other"},
    unfinished={one: Unfinished(Verb.START, one, 100.0) for one in (WEB, DB)},
    interrupted=frozenset({WEB, DB}),
    refused={(WEB, "y"): RefusedRestore((None, None), "no")},
    newcomers_since={"miner": 100.0},
    removing_since={"old": 100.0},
    waiting_since={WEB: 100.0, DB: 100.0},
    healthy={WEB: HealthySeen(100.0, 100.0)},
    settling=Settling(frozenset({(WEB, "run")}), False, False, 90.0, 100.0),
    mass_failure=MassFailure("many", True, 100.0),
    restart_began=(WEB, 100.0),
)


def test_the_same_snapshot_under_another_policy_lets_nothing_be_forgotten() -> None:
    assert for_snapshot(FULL, snapshot(original("web", labels={"status-state.ignore": "true"}))) is FULL


def test_for_another_snapshot_those_that_left_it_and_what_was_judged_against_the_old_one_are_forgotten() -> None:
    found = for_snapshot(FULL, snapshot("web", id="snapshot-2"))
    assert found == replace(
        FULL,
        snapshot_id="snapshot-2",
        attempts={WEB: Attempts(2, 100.0)},
        impostors={},
        unfinished={WEB: Unfinished(Verb.START, WEB, 100.0)},
        interrupted=frozenset({WEB}),
        refused={},
        waiting_since={WEB: 100.0},
    )


def test_a_clock_that_goes_on_changes_nothing() -> None:
    assert clamped(FULL, 100.0) is FULL


def test_after_a_clock_was_set_back_no_moment_lies_in_the_future() -> None:
    found = clamped(FULL, 50.0)
    assert found.attempts == {WEB: Attempts(2, 50.0), DB: Attempts(1, 50.0)}
    assert (found.newcomers_since, found.removing_since) == ({"miner": 50.0}, {"old": 50.0})
    assert found.waiting_since == {WEB: 50.0, DB: 50.0}
    assert found.healthy == {WEB: HealthySeen(None, 100.0)}, "an event is by the engine's own clock"
    assert (found.settling.first_at, found.settling.last_at) == (50.0, 50.0)
    assert found.restart_began == (WEB, 50.0)
    assert clamped(FULL, 95.0).settling.first_at == 90.0


@pytest.mark.parametrize(
    "moment",
    ["attempts", "newcomers_since", "removing_since", "waiting_since", "healthy", "settling", "restart_began"],
)
def test_any_moment_in_the_future_is_noticed(moment: str) -> None:
    alone = replace(Memory(), **{moment: getattr(FULL, moment)})
    assert clamped(alone, 50.0) != alone


@pytest.mark.parametrize(("seconds", "acts"), [(-7200, False), (7200, True)])
def test_a_clock_that_is_set_stretches_no_back_off_beyond_what_it_is(seconds: float, *, acts: bool) -> None:
    h = host(snapshot("web"), container("web", "exited"))
    (action,) = h.begin(h.look())
    h.end(action)
    assert bool(h.look(seconds).actions) == acts
    assert len(h.look(10).actions) == 1
