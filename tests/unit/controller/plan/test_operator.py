"""Deploys and operators over several checks: whole plans as text, and what is remembered from snapshot to snapshot."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from status_state_controller.model import Result
from status_state_controller.plan.memory import Attempts, Memory, for_snapshot
from status_state_controller.plan.timing import Timing
from status_state_controller.ssa.memory import read_memory, write_memory

from ..world import container, id_of, original, snapshot
from .host import Host, host

SERVICE = {
    "status-state.on-replace": "accept",
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "web",
}
NEWCOMER = "web-2: is a further container of the service web of shop"
REMOVED = "web-1: was removed, and other containers of the service web of shop run on"


def shop(*names: str) -> Host:
    """A compose service of these containers."""
    held = snapshot(*(original(name, labels=SERVICE) for name in names))
    return host(held, *(container(name, labels=SERVICE) for name in names))


def test_a_rolling_deploy_is_followed_and_never_fought() -> None:
    h = shop("web-1")
    assert str(h.look()) == ""
    h.put(container("web-2", labels=SERVICE, status="Up 2 seconds (health: starting)"))
    assert str(h.look(2)) == f"wait to accept {NEWCOMER}: until it is healthy"
    h.put(container("web-2", labels=SERVICE, status="Up 4 seconds (healthy)"))
    plan = h.look(2)
    assert (str(plan), plan.wake_in) == (f"wait to accept {NEWCOMER}: until it has run for 10 s", 6)
    del h.world[id_of("web-1")]  # sooner than it was accepted
    assert str(h.look(1)) == (
        f"wait to drop {REMOVED}: until web-2 is accepted\nwait to accept {NEWCOMER}: until it has run for 10 s"
    )
    h.put(container("web-2", labels=SERVICE, status="Up 10 seconds (healthy)"))
    plan = h.look(5)
    assert [str(action) for action in plan.actions] == [f"accept {NEWCOMER}"]
    for action in h.begin(plan):
        h.end(action)
    h.held = snapshot(*(original(name, labels=SERVICE) for name in ("web-1", "web-2")), id="snapshot-2")
    assert str(h.look(1)) == f"drop {REMOVED}"
    for action in h.begin(h.look()):
        h.end(action)
    h.held = snapshot(original("web-2", labels=SERVICE), id="snapshot-3")
    assert str(h.look(1)) == ""
    assert h.memory.attempts == {}


def test_an_accepted_newcomer_that_follows_no_deploys_is_recreated_at_once() -> None:
    h = host(snapshot(original("db")), container("db"), container("web"))
    assert str(h.look()) == "stop web: is not in the snapshot"
    h.held = snapshot(original("db"), original("web"), id="snapshot-2")
    del h.world[id_of("web")]  # before anybody has looked again
    assert str(h.look(1)) == "recreate web: was removed"


def test_what_is_scaled_down_right_after_it_was_accepted_leaves_the_snapshot() -> None:
    h = shop("web-1")
    h.put(container("web-2", labels=SERVICE, status="Up 10 seconds"))
    assert [str(action) for action in h.look().actions] == [f"accept {NEWCOMER}"]
    h.held = snapshot(*(original(name, labels=SERVICE) for name in ("web-1", "web-2")), id="snapshot-2")
    del h.world[id_of("web-2")]  # before anybody has looked again
    assert str(h.look(1)) == f"drop {REMOVED}".replace("web-1", "web-2")


def test_a_rolling_deploy_that_fails_brings_the_old_container_back() -> None:
    h = shop("web-1")
    h.look()
    del h.world[id_of("web-1")]
    h.put(container("web-2", "exited", labels=SERVICE))
    assert str(h.look(1)) == "wait to recreate web-1: was removed: it may be about to be replaced"
    assert str(h.look(60)) == "recreate web-1: was removed"


def test_going_back_brings_back_what_was_replaced_and_what_was_scaled_down() -> None:
    h = shop("web-1", "web-3")
    h.put(replace(container("web-2", labels=SERVICE), created_at=h.now - 60))
    old = (original("web-1", labels=SERVICE), original("web-3", labels=SERVICE))
    h.look()
    del h.world[id_of("web-3")]
    assert "drop web-3" in str(h.look(1))
    h.held = snapshot(*old, id="snapshot-2", rolled_back_at=h.now)
    expected = "recreate web-3: was removed\nstop web-2: is not in the snapshot"
    assert str(h.look(1)) == expected
    h.memory = read_memory(json.loads(json.dumps(write_memory(h.memory))))
    h.held = replace(h.held, id="snapshot-3", rolled_back_at=None)
    assert str(h.look(1)) == expected, "also when something else has been accepted since, by another controller"
    h.put(container("web-3", labels=SERVICE))
    h.look(1)
    del h.world[id_of("web-3")]
    assert "drop web-3" in str(h.look(1)), "what is removed after that is a deploy again"


def test_what_replaces_an_original_after_going_back_is_accepted() -> None:
    h = shop("web-1")
    h.held = replace(h.held, rolled_back_at=h.now)
    del h.world[id_of("web-1")]
    h.put(replace(h.impostor("web-1", labels=SERVICE), created_at=h.now - 1))
    assert str(h.look()).startswith("restore web-1")
    h.put(replace(h.named("web-1"), id=id_of("later"), created_at=h.now + 1))
    del h.world[id_of("impostor of web-1")]
    h.changes[id_of("later")] = {"Image": "sha256:2c1b"}
    assert str(h.look(20)).startswith("accept web-1")


def test_while_the_ssa_is_away_an_accept_waits_ever_longer_and_nothing_else_is_done() -> None:
    h = shop("web-1")
    del h.world[id_of("web-1")]
    h.impostor("web-1", labels=SERVICE)
    for wait in (0, 10, 20, 40):
        if wait:
            assert "after" in str(h.look(wait - 1))
            h.memory = read_memory(json.loads(json.dumps(write_memory(h.memory))))  # by another controller
        plan = h.look(1)
        (action,) = h.begin(plan)
        assert action.verb == "accept"
        h.end(action, Result.FAILED)
    del h.world[action.container.id]
    assert str(h.look(1)) == "recreate web-1: was removed", "and delays nobody else"
    assert h.memory.attempts == {}


def test_the_attempts_of_others_survive_an_accept_and_so_do_those_of_a_successor_that_was_accepted() -> None:
    web, again = id_of("web"), id_of("web again")
    memory = Memory("snapshot-1", {web: Attempts(3, 1.0), id_of("db"): Attempts(2, 1.0)}, frozenset({(web, again)}))
    found = for_snapshot(memory, snapshot(original("web", word="web again"), "db", id="snapshot-2"))
    assert found.attempts == {again: Attempts(3, 1.0), id_of("db"): Attempts(2, 1.0)}
    assert for_snapshot(memory, snapshot("web", "new", id="snapshot-2")).attempts == {web: Attempts(3, 1.0)}


def test_who_had_whose_place_is_known_after_going_back() -> None:
    h = host(snapshot("web"), container("web", word="web again"))
    h.changes[id_of("web again")] = {"HostConfig": {"NetworkMode": "host"}}  # unlike its recipe
    h.memory = Memory("snapshot-1", successors=frozenset({(id_of("web"), id_of("web again"))}))
    assert str(h.look()) == ""
    h.held = snapshot(original("web", word="web again"), id="snapshot-2")
    assert str(h.look()) == ""
    h.held = snapshot("web", id="snapshot-3", rolled_back_at=h.now)
    assert str(h.look()) == ""


def test_under_an_empty_snapshot_the_first_newcomer_sets_the_time_for_all_also_for_the_next_controller() -> None:
    h = host(snapshot(), container("a"), timing=Timing())
    assert h.look().waiting[0].until == h.now + 600
    h.memory = read_memory(json.loads(json.dumps(write_memory(h.memory))))
    del h.world[id_of("a")]
    h.look(300)
    h.put(container("b"))
    assert str(h.look(299)).startswith("wait to stop b")
    assert str(h.look(1)) == "stop b: is not in the snapshot"
    h.held = snapshot(id="snapshot-2")
    assert str(h.look(1)).startswith("wait to stop b"), "another empty snapshot, another time"


@pytest.mark.parametrize("grace", [0.0, 60.0])
def test_what_the_policy_accepts_has_lived_for_the_grace_of_newcomers(grace: float) -> None:
    from status_state_controller.wishes.policy import Entry, Policy

    policy = Policy((Entry(("*",), None, None, on_new="accept"),))
    h = host(snapshot("db", policy=policy), container("db"), container("new"))
    h.timing = Timing(new_container_grace=grace)
    assert bool(h.look().actions) == (grace == 0)
    assert [str(action) for action in h.look(60).actions] == ["accept new: is not in the snapshot"]
