"""Who is unhealthy, and when that is acted on: whoever was healthy in this very run, and not while most are unhealthy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from status_state_controller.model import Activity, Unhealthy, Verdicts
from status_state_controller.plan.health import still_unhealthy

from ..world import NOON, STARTED_AT, container, id_of, original, snapshot, well
from .host import Host, host

WEB = id_of("web")
FAILS = "is unhealthy: its health check fails with exit code 7"
ANOTHER_RUN = "2026-11-23T11:30:00Z"


def running(*names: str, healthy: bool = False) -> Host:
    """Originals that run; `healthy` ones were so when the snapshot was taken."""
    make = well if healthy else original
    return host(snapshot(*(make(name) for name in names)), *(container(name) for name in names))


def seen_healthy(*names: str) -> Host:
    """Originals that were seen healthy a minute ago, and have turned unhealthy."""
    h = running(*names)
    for name in names:
        h.judge(name, "healthy")
    h.look()
    h.now += 60
    for name in names:
        h.judge(name, "unhealthy")
    return h


def restarts(h: Host) -> list[str]:
    """Who is restarted once it has settled; nobody waits then but for a turn."""
    h.look()
    plan = h.look(5)
    several = [action.container.name for action in plan.actions]
    return several + [wait.action.container.name for wait in plan.waiting if wait.why == "one after the other"]


def left_alone(h: Host) -> list[str]:
    """Who is told to be left alone."""
    return [one.fields["container"] for one in h.look().notices if one.event == "unhealthy_left_alone"]


def mass_failure(h: Host, seconds: float = 0.0) -> str:
    """The sentence that most are unhealthy, or nothing."""
    return "".join(one.sentence.partition(":")[0] for one in h.look(seconds).notices if one.event == "mass_failure")


# Who was healthy in this run.


def test_one_that_was_seen_healthy_and_fails_now_is_restarted() -> None:
    h = seen_healthy("web")
    assert restarts(h) == ["web"]
    (action,) = h.look().actions
    assert action.unhealthy == Unhealthy(STARTED_AT, FAILS)
    assert left_alone(h) == []


def test_one_that_was_never_seen_healthy_is_left_alone_and_that_is_reported() -> None:
    h = running("web", "db")
    h.judge("web", "unhealthy")
    h.judge("db", "unhealthy")
    assert restarts(h) == []
    assert left_alone(h) == ["db", "web"]
    h.judge("web", "healthy")
    assert left_alone(h) == ["db"]


@pytest.mark.parametrize(
    ("health", "started_at", "acts"),
    [
        ("healthy", STARTED_AT, True),
        ("healthy", ANOTHER_RUN, False),
        ("starting", STARTED_AT, False),
        ("unhealthy", STARTED_AT, False),
    ],
)
def test_one_that_was_healthy_at_the_snapshot_is_restarted_in_that_run(
    health: str, started_at: str, *, acts: bool
) -> None:
    state = {"Status": "running", "StartedAt": STARTED_AT, "Health": {"Status": health}}
    web = replace(original("web"), inspect={**original("web").inspect, "State": state})
    h = host(snapshot(web))
    h.put(container("web"), started_at=started_at)
    h.judge("web", "unhealthy")
    assert restarts(h) == ["web"] * acts


def test_a_successor_was_not_there_at_the_snapshot() -> None:
    h = host(snapshot(well("web")), container("web", word="web again"))
    h.judge("web", "unhealthy")
    assert restarts(h) == []
    h.judge("web", "healthy")
    h.look(30)
    h.judge("web", "unhealthy")
    assert restarts(h) == ["web"]


def test_one_that_was_seen_healthy_before_its_last_start_is_left_alone() -> None:
    h = seen_healthy("web")
    h.put(container("web", status="Up 30 seconds (unhealthy)"), started_at=ANOTHER_RUN)
    h.judge("web", "unhealthy")
    h.put(replace(h.named("web"), status="Up 30 seconds (unhealthy)"))
    assert restarts(h) == []
    h.judge("web", "healthy")
    h.look(30)
    h.judge("web", "unhealthy")
    assert restarts(h) == ["web"]


@pytest.mark.parametrize(("up", "acts"), [("Up 10 seconds", False), ("Up 11 seconds", True)])
def test_what_was_seen_healthy_right_after_a_start_may_have_been_so_before_it(up: str, *, acts: bool) -> None:
    h = running("web")
    h.judge("web", "healthy")
    h.look()
    h.judge("web", "unhealthy")
    h.put(replace(h.named("web"), status=f"{up} (unhealthy)"))
    plan = h.look(9.9)  # the list was made a moment after it was asked for
    assert bool(plan.waiting) == acts


@pytest.mark.parametrize(("after_start", "acts"), [(-1, False), (1, True)])
def test_one_that_the_engine_reported_to_be_healthy_in_this_run_is_restarted(after_start: float, *, acts: bool) -> None:
    h = running("web")
    h.judge("web", "unhealthy")
    started_at = NOON.timestamp() - 3600 + 0.123  # by the engine's clock, as the report is
    h.activity = Activity(healthy_at={WEB: started_at + after_start})
    assert restarts(h) == ["web"] * acts


def test_a_report_that_it_is_healthy_is_remembered() -> None:
    h = running("web")
    h.activity = Activity(healthy_at={WEB: NOON.timestamp() - 60})
    h.look()
    h.activity = Activity()
    h.judge("web", "unhealthy")
    assert restarts(h) == ["web"]


def test_what_was_seen_of_a_container_is_forgotten_when_it_is_gone_and_not_while_it_is_paused() -> None:
    h = seen_healthy("web", "db")
    failing = h.named("web"), h.named("db")
    h.put(replace(failing[0], state="paused", status="Up 5 minutes (Paused)"))
    del h.world[id_of("db")]
    h.look(30)
    h.put(*failing)
    assert restarts(h) == ["web"]


def test_a_clock_that_is_set_back_proves_nobody_healthy() -> None:
    h = seen_healthy("web")
    h.now -= 3600
    h.put(container("web", status="Up 30 seconds (unhealthy)"), started_at="2026-11-23T10:59:00Z")
    h.states[WEB]["Health"] = {"Status": "unhealthy", "FailingStreak": 3}
    assert restarts(h) == []


# What counts as unhealthy.


@pytest.mark.parametrize(
    ("retries", "streak", "acts"),
    [(None, 3, True), (None, 2, False), (5, 4, False), (5, 5, True), (1, 1, True), (0, 2, False)],
)
def test_it_is_unhealthy_by_checks_that_failed_not_by_a_pause(retries: int | None, streak: int, *, acts: bool) -> None:
    h = seen_healthy("web")
    config: dict[str, Any] = {} if retries is None else {"Healthcheck": {"Retries": retries}}
    h.changes[WEB] = {"Config": dict(original("web").inspect["Config"]) | config}
    h.judge("web", "unhealthy", FailingStreak=streak)
    assert restarts(h) == ["web"] * acts


@pytest.mark.parametrize("checks", [None, []], ids=repr)
def test_a_health_check_that_left_no_trace_fails_without_a_code(checks: object) -> None:
    h = seen_healthy("web")
    h.judge("web", "unhealthy", Log=checks)
    assert [finding.reason for finding in h.look().findings] == ["is unhealthy: its health check fails"]


def test_the_reason_stays_as_it_was_first_seen_in_a_run() -> None:
    h = seen_healthy("web")
    h.look()
    h.judge("web", "unhealthy", Log=[{"ExitCode": 9}])
    assert [finding.reason for finding in h.look(5).findings] == [FAILS]


def test_what_a_health_check_printed_is_not_reported() -> None:
    h = seen_healthy("web")
    h.judge("web", "unhealthy", Log=[{"ExitCode": 7, "Output": "PASSWORD=hunter2"}])
    assert "hunter2" not in f"{h.look()}{h.look(5)}{h.memory}"


@pytest.mark.parametrize("meanwhile", ["gone", "exited", "paused", "healthy"])
def test_whoever_is_healthy_or_down_when_looked_at_is_not_unhealthy(meanwhile: str) -> None:
    h = seen_healthy("web")
    listed = h.named("web")
    if meanwhile == "gone":
        h.inspect = lambda container_id: None  # pyright: ignore[reportAttributeAccessIssue]
    elif meanwhile == "healthy":
        h.states[WEB]["Health"] = {"Status": "healthy", "FailingStreak": 0}
    else:
        h.states[WEB]["Status"] = meanwhile
    assert str(h.look()) == ""
    assert h.named("web") == listed


# What the SSA says.


def test_a_verdict_counts_whatever_the_health_check_says_once_it_has_passed() -> None:
    for health in ("", "healthy", "unhealthy"):
        h = seen_healthy("web") if health == "unhealthy" else running("web")
        if health == "healthy":
            h.judge("web", health)
        h.say(web="its log has 3 lines of severity error")
        h.look()
        assert str(h.look(5)) == "restart web: is unhealthy: its log has 3 lines of severity error"
        assert h.look().actions[0].unhealthy == Unhealthy(
            STARTED_AT, "is unhealthy: its log has 3 lines of severity error", by_verdict=True
        )


@pytest.mark.parametrize("health", ["starting", "unhealthy"])
def test_a_verdict_on_one_that_has_not_passed_its_health_check_in_this_run_is_left_alone(health: str) -> None:
    h = running("web")
    h.judge("web", health)
    h.say(web="its probe answered 500")
    assert restarts(h) == []


def test_a_verdict_about_another_run_or_container_means_nothing() -> None:
    h = host(snapshot("web", "paused"), container("web"), container("paused", "paused"))
    runs = [(WEB, ANOTHER_RUN), (id_of("miner"), STARTED_AT), (id_of("paused"), STARTED_AT)]
    h.verdicts = Verdicts(dict.fromkeys(runs, "its probe answered 500"), known=True)
    assert restarts(h) == []
    seen = seen_healthy("web")
    seen.verdicts = Verdicts({(WEB, ANOTHER_RUN): "x"}, known=True)
    assert restarts(seen) == ["web"], "its health check counts all the same"


def state(health: str | None, started_at: str = STARTED_AT) -> dict[str, Any]:
    """What `inspect` says of a run of `web`."""
    told: dict[str, Any] = {} if health is None else {"Health": {"Status": health}}
    return {"Id": WEB, "State": {"Status": "running", "StartedAt": started_at} | told}


FAILING = Verdicts({(WEB, STARTED_AT): "its probe answered 500"}, known=True)


@pytest.mark.parametrize(
    ("by_verdict", "seen", "verdicts", "lasts"),
    [
        (False, state("unhealthy"), Verdicts(), True),
        (False, state("unhealthy", ANOTHER_RUN), Verdicts(), False),
        (False, state("healthy"), FAILING, False),
        (False, state("starting"), FAILING, False),
        (False, state(None), FAILING, False),
        (True, state("healthy"), FAILING, True),
        (True, state(None), FAILING, True),
        (True, state("unhealthy"), Verdicts(), False),
        (True, state(None, ANOTHER_RUN), FAILING, False),
        (True, state(None, ANOTHER_RUN), Verdicts({(WEB, ANOTHER_RUN): "x"}), False),
    ],
)
def test_it_is_unhealthy_for_as_long_as_the_same_run_has_the_same_cause(
    seen: dict[str, Any], verdicts: Verdicts, *, by_verdict: bool, lasts: bool
) -> None:
    assert still_unhealthy(seen, Unhealthy(STARTED_AT, "x", by_verdict), verdicts) == lasts


# Many at once.


def hospital(number: int, originals: int, *, healthy: bool = True) -> Host:
    """So many of the originals are unhealthy, and were healthy at the snapshot."""
    h = running(*(f"c{count}" for count in range(originals)), healthy=healthy)
    for count in range(number):
        h.judge(f"c{count}", "unhealthy")
    return h


@pytest.mark.parametrize(
    ("number", "originals", "many"),
    [
        (2, 2, False),
        (2, 3, False),
        (3, 3, True),
        (3, 5, True),
        (3, 6, False),
        (4, 6, True),
        (5, 10, False),
        (6, 10, True),
    ],
)
def test_more_than_half_of_the_originals_and_at_least_three_are_many(
    number: int, originals: int, *, many: bool
) -> None:
    h = hospital(number, originals)
    assert mass_failure(h) == (f"{number} of {originals} originals are unhealthy at once" if many else "")
    assert restarts(h) == [] if many else [f"c{count}" for count in range(number)]


def test_what_was_never_healthy_does_not_count_and_what_was_so_before_its_start_does() -> None:
    assert mass_failure(hospital(3, 4, healthy=False)) == ""
    h = hospital(3, 4)
    for count in range(2):
        h.states[id_of(f"c{count}")]["StartedAt"] = ANOTHER_RUN
    assert mass_failure(h) == "3 of 4 originals are unhealthy at once"
    assert left_alone(h) == ["c0", "c1"]


def test_those_that_have_just_failed_a_check_count_while_somebody_is_unhealthy() -> None:
    h = hospital(1, 4)
    h.judge("c1", "healthy", FailingStreak=1)
    h.judge("c2", "healthy", FailingStreak=0)
    h.judge("c3", "healthy", FailingStreak=None)
    h.verdicts = Verdicts(faltering=frozenset({id_of("c0"), id_of("gone")}), known=True)
    assert mass_failure(h) == ""
    h.verdicts = Verdicts(faltering=frozenset({id_of("c3")}), known=True)
    assert mass_failure(h) == "3 of 4 originals are unhealthy at once"
    h.judge("c0", "healthy")
    assert mass_failure(h) == ""


def test_a_mass_failure_is_reported_as_it_began_until_it_is_over_and_then_the_rest_settles_anew() -> None:
    h = hospital(3, 5)
    began = "3 of 5 originals are unhealthy at once"
    assert mass_failure(h) == began
    h.judge("c3", "unhealthy")
    assert mass_failure(h, 30) == began
    assert h.look().wake_in == 5, "its end is looked for"
    h.judge("c0", "healthy")
    h.judge("c1", "healthy")
    plan = h.look()
    assert plan.notices == ()
    assert [wait.why for wait in plan.waiting] == ["unless others become unhealthy as well"] * 2
    h.judge("c2", "healthy")
    assert restarts(h) == ["c3"], "once nobody has recovered for five seconds"
    for name in ("c0", "c1", "c2", "c4"):
        h.judge(name, "unhealthy")
    assert mass_failure(h) == "5 of 5 originals are unhealthy at once"


def told_by_the_ssa(*names: str) -> Host:
    """Four originals, of which the SSA says that these fail."""
    h = running("a", "b", "c", "d")
    h.say(**dict.fromkeys(names, "its probe answered 500"))
    return h


def test_a_mass_failure_that_the_ssa_tells_of_is_not_over_before_it_can_know() -> None:
    h = told_by_the_ssa("a", "b", "c")
    assert mass_failure(h)
    h.verdicts = Verdicts()
    for seconds in (100, 10):
        assert mass_failure(h, seconds), "it is silent"
    h.say(a="its probe answered 500")
    assert mass_failure(h, 59.9), "it finds out anew"
    assert restarts(h) == ["a"]


def test_a_clock_that_is_set_back_does_not_make_it_last_for_hours() -> None:
    h = told_by_the_ssa("a", "b", "c")
    h.look()
    h.verdicts = Verdicts()
    h.look(10)
    h.say(a="its probe answered 500")
    assert mass_failure(h, -7200)
    assert mass_failure(h, 60) == ""


def test_a_mass_failure_that_the_ssa_tells_of_is_over_when_it_says_so() -> None:
    h = told_by_the_ssa("a", "b", "c")
    assert mass_failure(h)
    h.say(a="its probe answered 500")
    assert mass_failure(h) == ""


def test_a_mass_failure_that_health_checks_tell_of_is_over_when_they_say_so_though_the_ssa_is_silent() -> None:
    h = hospital(3, 4)
    assert mass_failure(h)
    h.judge("c0", "healthy")
    assert mass_failure(h) == ""


def test_one_that_both_tell_of_is_not_over_while_the_ssa_is_silent() -> None:
    h = hospital(3, 4)
    h.say(c0="x", c1="x", c2="x", c3="x")
    assert mass_failure(h)
    h.verdicts = Verdicts()
    assert mass_failure(h, 1)
    h.judge("c0", "healthy")
    h.judge("c1", "healthy")
    assert mass_failure(h, 1)


def test_while_the_ssa_is_silent_nobody_is_called_unhealthy_for_that() -> None:
    h = told_by_the_ssa("a", "b")
    h.look()
    h.verdicts = Verdicts()
    assert restarts(h) == []


# Settling.


def settles(h: Host, seconds: float, **health: str) -> float:
    """Let time pass and health checks say so; return in how many seconds it is acted on, 0 for now."""
    for name, word in health.items():
        h.judge(name, word)
    plan = h.look(seconds)
    holds = any("unless" in wait.why for wait in plan.waiting)
    assert not (holds and plan.actions)
    return plan.wake_in if holds else 0.0


def many_others(*names: str) -> Host:
    """Originals that were healthy at the snapshot, among so many that no mass failure comes of them."""
    return running(*names, *(f"other-{number}" for number in range(20)), healthy=True)


def test_it_is_acted_on_when_nobody_else_has_become_unhealthy_for_five_seconds() -> None:
    h = many_others("a", "b")
    assert settles(h, 0, a="unhealthy") == 5
    assert settles(h, 3) == 2
    assert settles(h, 1, b="unhealthy") == 5
    assert settles(h, 4.5) == 0.5
    assert settles(h, 0.5) == 0
    assert settles(h, 100) == 0


def test_one_that_recovers_meanwhile_lets_nobody_wait_longer() -> None:
    h = many_others("a", "b")
    settles(h, 0, a="unhealthy", b="unhealthy")
    assert settles(h, 4, b="healthy") == 1


def test_who_is_unhealthy_in_another_run_has_become_so_anew() -> None:
    h = many_others("a")
    h.activity = Activity(healthy_at={id_of("a"): NOON.timestamp()})
    settles(h, 0, a="unhealthy")
    h.states[id_of("a")]["StartedAt"] = ANOTHER_RUN
    assert settles(h, 4) == 5


def test_however_many_become_unhealthy_one_after_the_other_nobody_waits_for_more_than_half_a_minute() -> None:
    names = [f"c{number}" for number in range(9)]
    h = many_others(*names)
    waits = [settles(h, 4 if name != "c0" else 0, **{name: "unhealthy"}) for name in names[:8]]
    assert waits == [5, 5, 5, 5, 5, 5, 5, 2]
    assert settles(h, 1.5, c8="unhealthy") == 0.5
    assert settles(h, 0.5) == 0


def test_when_all_are_healthy_again_it_begins_anew() -> None:
    h = many_others("a")
    settles(h, 0, a="unhealthy")
    settles(h, 20, a="healthy")
    assert settles(h, 100, a="unhealthy") == 5


def test_those_that_become_unhealthy_settle_though_another_has_been_so_for_long() -> None:
    h = many_others("stays", "a", "b")
    settles(h, 0, stays="unhealthy")
    assert settles(h, 5) == 0
    assert settles(h, 300, a="unhealthy") == 5
    assert settles(h, 4, b="unhealthy") == 5
    assert settles(h, 5) == 0


def test_what_is_left_alone_is_not_waited_for() -> None:
    h = many_others("a")
    h.held = snapshot(*h.held.originals, "db")
    h.put(container("db"))
    settles(h, 0, a="unhealthy")
    assert settles(h, 4, db="unhealthy") == 1


def test_after_a_mass_failure_nobody_waits_for_more_than_half_a_minute_either() -> None:
    h = running("a", "b", "c", "d", healthy=True)
    for name in "abc":
        h.judge(name, "unhealthy")
    assert mass_failure(h)
    for second in range(4, 28, 4):
        changed = ("b", "c") if second % 8 else ("c", "b")
        assert settles(h, 4, **{changed[0]: "healthy", changed[1]: "unhealthy"}) == 5
    assert settles(h, 4, b="healthy", c="unhealthy") == 2
    assert settles(h, 2) == 0


# What is looked at closely.


def test_while_nobody_seems_unhealthy_nobody_is_looked_at() -> None:
    h = host(
        snapshot("plain", "well", "starting", "paused", "gone"), container("miner", status="Up 5 minutes (unhealthy)")
    )
    h.put(container("plain"), container("well"), container("starting"), container("paused", "paused"))
    h.judge("well", "healthy")
    h.judge("starting", "starting", FailingStreak=2)
    for _ in range(3):
        h.look(30)
        assert h.asked == set()


def test_all_with_a_health_check_are_looked_at_once_one_may_be_restarted() -> None:
    h = hospital(1, 3)
    h.judge("c1", "healthy")
    h.look()
    assert h.asked == {"c0", "c1"}
    left = hospital(1, 3, healthy=False)
    left.judge("c1", "healthy")
    left.look()
    assert left.asked == {"c0"}


def test_a_look_at_a_few_judges_nobodys_health_and_forgets_nothing() -> None:
    h = seen_healthy("web")
    h.look()
    before = h.memory.settling
    plan = h.look(1, only=[WEB])
    assert (str(plan), plan.notices, h.asked, h.memory.settling) == ("", (), set(), before)
    assert settles(h, 4) == 0
