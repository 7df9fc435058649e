"""The truth table, row by row: whole plans are compared as text, so that an extra action is noticed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from status_state_controller.model import Container, Kind, Plan, Verb
from status_state_controller.plan.health import Hold, Illness, Illnesses
from status_state_controller.plan.table import make_plan, misread_restart_rule, name_holders, restart_rule

from ..world import STARTED_AT, STATES, container, id_of, original, snapshot

IS_DEAD = "recreate web: is dead: the engine could not remove it completely"
PROTECTIONS = {
    "a role": {"status-state.role": "api"},
    "ignored": {"status-state.ignore": "true"},
    "ignored, in capitals": {"status-state.ignore": "TRUE"},
    "ignored by a word that can't be read": {"status-state.ignore": "maybe"},
    "of Swarm": {"com.docker.swarm.service.name": "web"},
    "of Kubernetes": {"io.kubernetes.pod.name": "web-0"},
}


def successor_pair(of: str = "web", holder: str = "web again") -> frozenset[tuple[str, str]]:
    """The pair that says: the container with the id of `holder` is made as the original `of` was."""
    return frozenset({(id_of(of), id_of(holder))})


def plan(*observed: Container, successors: frozenset[tuple[str, str]] = frozenset()) -> Plan:
    """The plan for the one original `web`."""
    return make_plan(snapshot("web"), observed, successors)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("running", ""),
        ("paused", ""),
        ("restarting", ""),
        ("removing", ""),
        ("created", "start web: was created but never started"),
        ("exited", "start web: had exited with code 137"),
        ("dead", IS_DEAD),
    ],
)
def test_an_original_is_judged_by_its_state(state: str, expected: str) -> None:
    assert str(plan(container("web", state))) == expected


def test_an_original_that_is_gone_is_recreated() -> None:
    found = plan()
    assert str(found) == "recreate web: was removed"
    assert [finding.kind for finding in found.findings] == [Kind.REMOVED]
    assert [(action.container.id, action.original_id) for action in found.actions] == [(id_of("web"), id_of("web"))]


@pytest.mark.parametrize("name", ["web", "web-old"])
def test_an_original_that_the_engine_has_been_removing_for_too_long_is_recreated(name: str) -> None:
    removing = container(name, "removing", word="web")
    found = make_plan(snapshot("web"), [removing], stuck=frozenset({removing.id}))
    assert str(found) == "recreate web: is removing: the engine could not remove it completely"


def test_an_original_is_recreated_though_a_dead_container_holds_its_name() -> None:
    assert str(plan(container("web", "dead", word="remains"))) == IS_DEAD


@pytest.mark.parametrize("labels", PROTECTIONS.values(), ids=PROTECTIONS.keys())
def test_an_original_whose_name_is_held_by_a_dead_protected_container_is_only_reported(labels: dict[str, str]) -> None:
    found = plan(container("web", "dead", word="remains", labels=labels))
    assert found.actions == (), "it would be renamed, and what is protected is never touched"
    assert [finding.container.name for finding in found.findings] == ["web"]


@pytest.mark.parametrize(("rule", "acts"), [("always", True), ("on-failure", True), ("never", False)])
def test_an_original_that_need_not_run_is_not_made_again(rule: str, *, acts: bool) -> None:
    held = snapshot(original("web", labels={"status-state.restart": rule}))
    assert bool(make_plan(held, []).actions) == acts
    assert bool(make_plan(held, [container("web", word="impostor")]).actions) == acts


def test_an_original_whose_exit_code_is_not_told_is_started() -> None:
    assert str(plan(container("web", "exited", status=""))) == "start web: had exited"


@pytest.mark.parametrize("state", STATES)
def test_a_container_outside_of_the_snapshot_is_stopped_while_it_runs(state: str) -> None:
    runs = state in {"running", "paused", "restarting"}
    expected = "stop miner: is not in the snapshot" if runs else ""
    assert str(plan(container("web"), container("miner", state))) == expected


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("labels", PROTECTIONS.values(), ids=PROTECTIONS.keys())
def test_a_protected_container_is_left_alone_in_every_state(labels: dict[str, str], state: str) -> None:
    assert str(plan(container("web"), container("other", state, labels=labels))) == ""


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("labels", PROTECTIONS.values(), ids=PROTECTIONS.keys())
def test_a_protected_container_is_left_alone_even_if_the_snapshot_holds_it(labels: dict[str, str], state: str) -> None:
    held = snapshot(original("web", labels=labels))
    assert make_plan(held, [container("web", state, labels=labels)]).actions == ()


@pytest.mark.parametrize("value", ["false", "False", " no ", "0", "off"])
def test_an_ignore_label_that_says_no_does_not_protect(value: str) -> None:
    other = container("miner", labels={"status-state.ignore": value})
    assert str(plan(container("web"), other)) == "stop miner: is not in the snapshot"


@pytest.mark.parametrize("state", ["running", "paused", "restarting", "removing"])
def test_a_renamed_original_that_is_not_down_is_left_alone(state: str) -> None:
    assert str(plan(container("web-old", state, word="web"))) == ""


@pytest.mark.parametrize("state", ["created", "exited"])
def test_a_renamed_original_that_is_down_is_only_reported(state: str) -> None:
    expected = "report web: is down and was renamed to web-old: give it its name back to have it started"
    assert str(plan(container("web-old", state, word="web"))) == expected


def test_a_newcomer_under_the_name_of_an_original_that_runs_renamed_is_stopped() -> None:
    observed = container("web-old", word="web"), container("web", word="web again")
    assert str(plan(*observed)) == "stop web: is not in the snapshot"


@pytest.mark.parametrize("state", ["created", "exited"])
@pytest.mark.parametrize("holder_state", ["running", "created", "exited"])
def test_an_original_that_is_down_gives_way_to_its_successor(state: str, holder_state: str) -> None:
    observed = container("web-old", state, word="web"), container("web", holder_state, word="web again")
    assert str(plan(*observed, successors=successor_pair())) == ""


def test_a_successor_is_not_stopped_while_the_engine_still_removes_the_original() -> None:
    observed = container("web-old", "removing", word="web"), container("web", word="web again")
    assert str(plan(*observed, successors=successor_pair())) == ""
    assert [(o.name, holder.id) for o, holder in name_holders(snapshot("web"), observed)] == [
        ("web", id_of("web again"))
    ]


def test_an_original_that_is_down_is_not_started_while_its_name_is_held_by_a_different_container() -> None:
    found = plan(container("web-old", "exited", word="web"), container("web", word="web again"))
    assert not [action for action in found.actions if action.verb == Verb.START]
    assert [(f.container.name, f.kind) for f in found.findings if f.kind != Kind.NEW] == [("web", Kind.REPLACED)]


@pytest.mark.parametrize("dead", [False, True], ids=["gone", "dead"])
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("running", ""),
        ("paused", ""),
        ("restarting", ""),
        ("removing", ""),
        ("created", "start web: was created but never started"),
        ("exited", "start web: had exited with code 137"),
    ],
)
def test_a_successor_takes_the_place_of_an_original_that_is_gone(state: str, expected: str, *, dead: bool) -> None:
    observed = [container("web", state, word="web again")] + [container("old", "dead", word="web")] * dead
    found = plan(*observed, successors=successor_pair())
    assert str(found) == expected
    assert {(action.container.id, action.original_id) for action in found.actions} <= {
        (id_of("web again"), id_of("web"))
    }


def test_a_successor_that_is_dead_is_reported_as_the_original_would_be() -> None:
    found = plan(container("web", "dead", word="web again"), successors=successor_pair())
    assert [(finding.container.name, finding.kind) for finding in found.findings] == [("web", Kind.REMOVED)]


@pytest.mark.parametrize("state", ["created", "exited"])
@pytest.mark.parametrize("labels", PROTECTIONS.values(), ids=PROTECTIONS.keys())
def test_a_successor_that_is_protected_is_left_alone(labels: dict[str, str], state: str) -> None:
    found = plan(container("web", state, word="web again", labels=labels), successors=successor_pair())
    assert found.actions == ()


def test_a_successor_that_compose_holds_back_until_a_dependency_is_healthy_is_left_to_compose() -> None:
    labels = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
        "com.docker.compose.depends_on": "db:service_healthy:false",
    }
    db_labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "db"}
    held = snapshot(original("web", labels=labels), original("db", labels=db_labels))
    web = container("web", "created", word="web again", labels=labels)
    starting = container("db", status="Up 2 seconds (health: starting)", labels=db_labels)
    assert str(make_plan(held, [web, starting], successor_pair())) == ""
    healthy = container("db", status="Up 20 seconds (healthy)", labels=db_labels)
    expected = "start web: was created but never started [after db is healthy]"
    assert str(make_plan(held, [web, healthy], successor_pair())) == expected


IMPOSTOR_STATES = [state for state in STATES if state not in {"dead", "removing"}]


@pytest.mark.parametrize("state", IMPOSTOR_STATES)
def test_an_original_is_restored_in_the_place_of_an_impostor(state: str) -> None:
    found = plan(container("web", state, word="impostor"))
    assert str(found) == "restore web: was replaced by a different container of the same name"
    assert [finding.kind for finding in found.findings] == [Kind.REPLACED]
    assert [(a.container.id, a.original_id) for a in found.actions] == [(id_of("impostor"), id_of("web"))]


def test_an_impostor_that_is_being_removed_is_waited_for() -> None:
    assert plan(container("web", "removing", word="impostor")).actions == ()


@pytest.mark.parametrize("state", IMPOSTOR_STATES)
@pytest.mark.parametrize("labels", PROTECTIONS.values(), ids=PROTECTIONS.keys())
def test_an_impostor_that_is_protected_is_only_reported(labels: dict[str, str], state: str) -> None:
    found = plan(container("web", state, word="impostor", labels=labels))
    assert found.actions == ()
    assert str(found).startswith("report web: was replaced by a different container of the same name")
    assert [finding.kind for finding in found.findings] == [Kind.REPLACED]


@pytest.mark.parametrize(
    "successors", [frozenset[tuple[str, str]](), successor_pair("web", "db")], ids=["different", "alike"]
)
def test_an_original_that_holds_the_name_of_another_is_only_reported(successors: frozenset[tuple[str, str]]) -> None:
    found = make_plan(snapshot("web", "db"), [container("web", word="db")], successors)
    assert str(found) == "report web: was removed, and its name is held by another original"


def test_two_originals_that_swapped_their_names_are_left_alone_while_they_run() -> None:
    assert str(make_plan(snapshot("web", "db"), [container("web", word="db"), container("db", word="web")])) == ""


@pytest.mark.parametrize(
    ("rule", "status", "starts"),
    [
        ("always", "Exited (0) 1 second ago", True),
        ("always", "Exited (1) 1 second ago", True),
        ("on-failure", "Exited (0) 1 second ago", False),
        ("on-failure", "Exited (1) 1 second ago", True),
        ("on-failure", "Exited (137) 1 second ago", True),
        ("on-failure", "", True),
        ("never", "Exited (0) 1 second ago", False),
        ("never", "Exited (1) 1 second ago", False),
        ("On-Failure ", "Exited (0) 1 second ago", False),
        ("sometimes", "Exited (0) 1 second ago", True),
    ],
)
def test_the_restart_rule_decides_whether_an_original_that_ended_is_started(
    rule: str, status: str, *, starts: bool
) -> None:
    held = snapshot(original("web", labels={"status-state.restart": rule}))
    successor = container("web", "exited", word="web again", status=status)
    for observed in (container("web", "exited", status=status), successor):
        found = make_plan(held, [observed], successor_pair())
        assert [action.verb for action in found.actions] == [Verb.START] * starts
        assert bool(found.findings) == starts


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        ({}, "always"),
        ({"com.docker.compose.oneoff": "False"}, "always"),
        ({"com.docker.compose.oneoff": "True"}, "never"),
        ({"com.docker.compose.oneoff": "True", "status-state.restart": "always"}, "always"),
        ({"com.docker.compose.oneoff": "True", "status-state.restart": "sometimes"}, "never"),
        ({"status-state.restart": " ON-FAILURE"}, "on-failure"),
    ],
)
def test_the_restart_rule_is_read_from_the_labels(labels: dict[str, str], rule: str) -> None:
    assert restart_rule(labels) == rule


def test_a_restart_label_that_can_not_be_read_is_told() -> None:
    assert misread_restart_rule({"status-state.restart": "sometimes"}) == "sometimes"
    assert misread_restart_rule({"status-state.restart": "Never"}) is None
    assert misread_restart_rule({}) is None


def test_a_plan_names_originals_before_newcomers_and_each_in_the_order_of_names() -> None:
    held = snapshot("web", "db", "cache", "gone")
    observed = [
        container("zz", "paused"),
        container("web", "exited", status="Exited (1) 2 hours ago"),
        container("db"),
        container("aa", "restarting"),
        container("cache", "created"),
    ]
    assert str(make_plan(held, observed)).splitlines() == [
        "start cache: was created but never started",
        "recreate gone: was removed",
        "start web: had exited with code 1",
        "stop aa: is not in the snapshot",
        "stop zz: is not in the snapshot",
    ]


def test_of_an_empty_snapshot_everything_that_runs_is_new() -> None:
    observed = [container("b"), container("a"), container("c", "exited")]
    assert str(make_plan(snapshot(), observed)) == "stop a: is not in the snapshot\nstop b: is not in the snapshot"


def test_with_nothing_on_the_engine_every_original_is_recreated() -> None:
    assert str(make_plan(snapshot("web", "db"), [])) == "recreate db: was removed\nrecreate web: was removed"


def test_nothing_at_all_is_in_sync() -> None:
    assert make_plan(snapshot(), []) == Plan()


@pytest.mark.parametrize("state", STATES)
def test_who_holds_an_originals_name_is_asked_only_when_the_original_may_have_to_give_way(state: str) -> None:
    observed = [container("old", state, word="web"), container("web", word="holder")]
    asked = [(o.name, holder.id) for o, holder in name_holders(snapshot("web"), observed)]
    if state in {"created", "exited", "dead"}:
        assert asked == [("web", id_of("holder"))]
    elif state != "removing":  # that one has a test of its own
        assert asked == []


def test_an_original_under_its_own_name_has_no_holder() -> None:
    assert name_holders(snapshot("web"), [container("web", "exited")]) == []


def ill(*words: str, mendable: bool = True, counts: bool = True) -> Illnesses:
    """The illnesses of these containers."""
    illness = Illness(
        STARTED_AT, "is unhealthy: its health check fails", verdict=False, mendable=mendable, counts=counts
    )
    return Illnesses({id_of(word): illness for word in words})


def judged(*observed: Container, illnesses: Illnesses, rule: str = "") -> Plan:
    """The plan for the one original `web`, which may carry a restart rule."""
    held = snapshot(original("web", labels={"status-state.restart": rule} if rule else {}))
    return make_plan(held, observed, successor_pair(), illnesses=illnesses)


RESTARTS = "restart web: is unhealthy: its health check fails"


def test_an_original_that_runs_and_is_ill_is_restarted() -> None:
    illnesses = ill("web")
    found = judged(container("web"), illnesses=illnesses)
    assert str(found) == RESTARTS
    assert [finding.kind for finding in found.findings] == [Kind.UNHEALTHY]
    (action,) = found.actions
    assert (action.container.id, action.original_id) == (id_of("web"), id_of("web"))
    assert action.illness == illnesses.by_id[id_of("web")], "the action knows what it is to mend"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("paused", ""),
        ("restarting", ""),
        ("removing", ""),
        ("created", "start web: was created but never started"),
        ("exited", "start web: had exited with code 137"),
        ("dead", IS_DEAD),
    ],
)
def test_an_original_that_is_ill_and_does_not_run_is_judged_by_its_state(state: str, expected: str) -> None:
    assert str(judged(container("web", state), illnesses=ill("web"))) == expected


def test_what_was_never_well_since_its_start_is_no_finding() -> None:
    assert judged(container("web"), illnesses=ill("web", mendable=False)) == Plan()


@pytest.mark.parametrize(("rule", "restarts"), [("always", True), ("on-failure", True), ("never", False)])
def test_the_restart_rule_decides_whether_an_original_that_is_ill_is_restarted(rule: str, *, restarts: bool) -> None:
    expected = RESTARTS if restarts else ""
    assert str(judged(container("web"), illnesses=ill("web"), rule=rule)) == expected
    again = container("web", word="web again")
    assert str(judged(again, illnesses=ill("web again"), rule=rule)) == expected


def test_a_successor_that_is_ill_is_restarted_in_the_originals_place() -> None:
    found = judged(container("web", word="web again"), illnesses=ill("web again"))
    assert str(found) == RESTARTS
    assert [(action.container.id, action.original_id) for action in found.actions] == [
        (id_of("web again"), id_of("web"))
    ]


@pytest.mark.parametrize("state", ["paused", "restarting"])
def test_a_successor_that_is_ill_and_does_not_run_is_left_alone(state: str) -> None:
    assert judged(container("web", state, word="web again"), illnesses=ill("web again")) == Plan()


def test_the_illness_of_a_container_that_no_longer_has_the_place_means_nothing() -> None:
    assert judged(container("web", word="web again"), illnesses=ill("web")) == Plan()


@pytest.mark.parametrize("labels", PROTECTIONS.values(), ids=PROTECTIONS.keys())
def test_a_protected_original_is_not_restarted_though_it_is_ill(labels: dict[str, str]) -> None:
    held = snapshot(original("web", labels=labels))
    assert make_plan(held, [container("web", labels=labels)], illnesses=ill("web")) == Plan()
    plain = snapshot("web")
    again = container("web", word="web again", labels=labels)
    assert make_plan(plain, [again], successor_pair(), illnesses=ill("web again")).actions == ()


def test_an_original_whose_parent_was_made_again_is_restored_though_it_is_ill() -> None:
    parent, child = original("parent"), original("web")
    mode = {"HostConfig": {"NetworkMode": f"container:{parent.id}"}}
    held = snapshot(parent, replace(child, inspect=dict(child.inspect) | mode))
    observed = [container("parent", word="parent again"), container("web")]
    found = make_plan(held, observed, successor_pair("parent", "parent again"), illnesses=ill("web"))
    assert [action.verb for action in found.actions] == [Verb.RESTORE]


def ward_of_six(hold: Hold | None) -> Plan:
    """Four originals are ill, of which one shall never be restarted; one is down, one is well; and a newcomer."""
    held = snapshot("a", "b", "c", "d", "e", original("f", labels={"status-state.restart": "never"}))
    observed = [
        *(container(name) for name in ("f", "c", "b", "a")),
        container("d", "exited", status="Exited (1) 1 second ago"),
        container("e"),
        container("miner"),
    ]
    return make_plan(held, observed, illnesses=replace(ill("c", "b", "a", "f"), hold=hold))


def test_when_most_originals_are_ill_that_is_found_and_all_else_is_healed() -> None:
    reason = f"is unhealthy: its health check fails; {Hold.MANY}"
    found = ward_of_six(Hold.MANY)
    assert str(found).splitlines() == [
        "start d: had exited with code 1",
        "stop miner: is not in the snapshot",
        f"report a: {reason}",
        f"report b: {reason}",
        f"report c: {reason}",
    ]
    assert [(f.container.name, f.kind) for f in found.findings[:3]] == [(name, Kind.UNHEALTHY) for name in "abc"]


@pytest.mark.parametrize("hold", [None, Hold.SETTLING])
def test_the_restarts_of_those_that_are_ill_tell_whether_they_are_to_be_begun_already(hold: Hold | None) -> None:
    found = ward_of_six(hold)
    assert str(found).splitlines() == [
        "restart a: is unhealthy: its health check fails",
        "restart b: is unhealthy: its health check fails",
        "restart c: is unhealthy: its health check fails",
        "start d: had exited with code 1",
        "stop miner: is not in the snapshot",
    ]
    assert [action.hold for action in found.actions] == [hold, hold, hold, None, None]


@pytest.mark.parametrize(
    ("rule", "status", "starts"),
    [
        ("on-failure", "Exited (0) 1 second ago", True),
        ("on-failure", "Exited (1) 1 second ago", True),
        ("always", "Exited (0) 1 second ago", True),
        ("never", "Exited (0) 1 second ago", False),
    ],
)
def test_an_original_that_is_down_because_its_restart_failed_has_not_finished(
    rule: str, status: str, *, starts: bool
) -> None:
    held = snapshot(original("web", labels={"status-state.restart": rule}))
    for word in ("web", "web again"):
        down = container("web", "exited", word=word, status=status)
        found = make_plan(held, [down], successor_pair(), unfinished=frozenset({id_of("web")}))
        assert [action.verb for action in found.actions] == [Verb.START] * starts
    other = make_plan(
        held, [container("web", "exited", status="Exited (0) 1 second ago")], unfinished=frozenset({id_of("db")})
    )
    assert bool(other.actions) == (rule == "always")
