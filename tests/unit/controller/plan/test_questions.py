"""What the plan wants to see closely: nothing while nothing has drifted, and never more than it needs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from status_state_controller.plan.plan import questions

from ..world import IMAGE, IMAGE_ID, STATES, container, id_of, original, snapshot
from .host import Host, host, sharing


def asked(h: Host, seconds: float = 0.0) -> set[str]:
    """The names of containers and images that a look wants to see."""
    h.look(seconds)
    return h.asked


def test_nothing_is_asked_while_nothing_has_drifted() -> None:
    names = [f"web-{number}" for number in range(50)]
    h = host(snapshot(*names), *(container(name) for name in names))
    assert [asked(h, 30) for _ in range(3)] == [set()] * 3


@pytest.mark.parametrize("state", STATES)
def test_who_has_an_originals_name_is_asked_only_where_the_original_may_have_to_give_way(state: str) -> None:
    h = host(snapshot("web"), container("old", state, word="web"), container("web", word="holder"))
    assert asked(h) == ({"web"} if state in {"created", "exited", "dead", "removing"} else set())


@pytest.mark.parametrize("labels", [{"status-state.ignore": "true"}, {"status-state.role": "api"}], ids=str)
def test_nobody_is_asked_for_a_protected_original(labels: dict[str, str]) -> None:
    assert asked(host(snapshot(original("web", labels=labels)), container("web", word="holder"))) == set()


def test_newcomers_and_originals_that_are_down_are_not_asked_about() -> None:
    assert asked(host(snapshot("web", "db", "gone"), container("web", "exited"), container("miner"))) == set()


def test_networks_are_listed_and_volumes_looked_at_only_for_who_is_to_be_started() -> None:
    down, up = container("web", "exited"), container("db")
    attached = {"networks": frozenset({("back", "1"), ("bridge", "2")}), "volumes": frozenset({"data", "remote", "x"})}
    held = replace(snapshot("web", "db"), volumes={"data": {"Driver": "local"}, "remote": {"Driver": "nfs"}})
    assert asked(host(held, down, replace(up, **attached))) == set()
    h = host(held, replace(down, **attached), up, networks={"back": {"1"}}, volumes={"data"})
    assert asked(h) == {"networks", "data"}
    assert str(h.look()) == "start web: had exited with code 137"
    h.look(only=[id_of("db")])
    assert h.asked == set()
    assert asked(host(held, replace(down, networks=frozenset({("bridge", "2")})), up)) == set()
    never = replace(held, originals=snapshot(original("web", labels={"status-state.restart": "never"})).originals)
    assert asked(host(never, replace(down, **attached))) == set()


def test_a_successor_is_asked_about_once_for_each_snapshot_and_while_it_stands_there() -> None:
    again = container("web", word="web again")
    h = host(snapshot("web"), again)
    assert [asked(h), asked(h, 30)] == [{"web"}, set()]
    h.held = snapshot("web", "db", id="snapshot-2")
    h.put(container("db"))
    assert asked(h) == set(), "what has taken its place stays in it"
    h.world.clear()
    assert str(h.look()) == "recreate db: was removed\nrecreate web: was removed"


def test_the_images_of_an_original_are_asked_about_at_each_look_while_an_impostor_has_its_name() -> None:
    h = host(snapshot("web"))
    h.impostor("web")
    assert asked(h) == {"web", IMAGE, IMAGE_ID}
    assert asked(h, 30) == {IMAGE, IMAGE_ID}, "the impostor is known by now"
    h.held = snapshot("web", id="snapshot-2")
    assert asked(h) == {"web", IMAGE, IMAGE_ID}


def test_a_holder_that_is_gone_when_it_is_looked_at_is_left_for_the_next_look() -> None:
    h = host(snapshot("web"), container("web", word="holder"))
    h.inspect = lambda container_id: None  # pyright: ignore[reportAttributeAccessIssue]
    assert str(h.look()) == ""
    assert h.asked == {"web"}


def test_both_are_asked_about_where_one_has_run_longer_than_that_whose_namespace_it_uses() -> None:
    h = host(snapshot(sharing(original("app"), "vpn"), "vpn", "db"), *map(container, ("app", "vpn", "db")))
    assert asked(h) == set()
    h.put(container("vpn", status="Up 10 seconds"))
    assert asked(h) == {"app", "vpn"}
    assert str(h.look()) == "", "the list is not precise: they were started together"
    h.put(container("vpn", status="Up 10 seconds"), started_at="2026-11-23T11:00:00.2Z")
    assert str(h.look()) == "restart app: uses a namespace of vpn, which was started again since"
    h.put(container("vpn", status="Up 10 seconds"), started_at="2026-11-23T11:00:00.12Z")
    assert str(h.look()) == "", "it was started before it: fractions are compared as such"


@pytest.mark.parametrize("state", ["created", "exited", "restarting"])
def test_a_successor_that_is_down_is_asked_whose_namespace_it_uses(state: str) -> None:
    h = host(snapshot(sharing(original("app"), "vpn"), "vpn"), container("vpn", word="vpn 3"))
    h.put(container("app", state, word="app again"))
    h.changes[id_of("app again")] = {"HostConfig": {"NetworkMode": f"container:{id_of('vpn 2')}"}}
    h.look()
    h.memory = h.memory.__class__(
        successors=frozenset({(id_of("app"), id_of("app again")), (id_of("vpn"), id_of("vpn 3"))})
    )
    assert asked(h) == {"app"}
    assert str(h.look()) == "restore app: uses a namespace of vpn, which was recreated"


def test_who_shares_the_namespace_of_a_parent_that_was_made_again_is_a_successor_all_the_same() -> None:
    h = host(snapshot(sharing(original("app"), "vpn"), "vpn"))
    h.put(container("app", word="app again"), container("vpn", word="vpn again"))
    again = {"HostConfig": {"NetworkMode": f"container:{id_of('vpn again')}"}}
    h.changes[id_of("app again")] = again
    assert str(h.look()) == ""
    h.changes[id_of("app again")] = {"HostConfig": {"NetworkMode": f"container:{id_of('stranger')}"}}
    h.memory = h.memory.__class__()
    difference = f"NetworkMode: container:vpn → container:{id_of('stranger')[:12]}"
    assert str(h.look()) == f"restore app: was replaced by a different container of the same name ({difference})"


def test_what_was_answered_is_not_asked_again() -> None:
    h = host(snapshot("web"))
    h.impostor("web")
    observed = h.observe({id_of("impostor of web"): None})
    assert questions(h.held, observed, h.verdicts, h.memory).containers == frozenset()
