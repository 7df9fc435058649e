"""When what is right is done: at once, or after a back-off, a grace, a turn, compose, and what it depends on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from status_state_controller.model import Activity, Container, Result, Verb
from status_state_controller.plan.memory import Attempts
from status_state_controller.plan.schedule import due_at
from status_state_controller.plan.timing import Timing

from ..world import IMAGE, container, id_of, original, snapshot, well
from .host import OTHER_IMAGE_ID, PROMPT, Host, host, sharing

if TYPE_CHECKING:
    from status_state_controller.model import Original
    from status_state_controller.plan.plan import Plan

WEB, DB = id_of("web"), id_of("db")
UNHEALTHY = "is unhealthy: its health check fails with exit code 7"
HAD_EXITED = "had exited with code 137"


def service(name: str, depends_on: str = "", project: str = "shop", **labels: str) -> Original:
    """An original that compose has made for a service."""
    own = {"com.docker.compose.project": project, "com.docker.compose.service": name}
    return original(name, labels=own | ({"com.docker.compose.depends_on": depends_on} if depends_on else {}) | labels)


def begun_by(plan: Plan) -> list[str]:
    """What a plan begins."""
    return [f"{action.verb} {action.container.name}" for action in plan.actions]


def why(plan: Plan) -> dict[str, str]:
    """What each that waits is waiting for."""
    return {wait.action.container.name: wait.why for wait in plan.waiting}


def try_once(h: Host, result: Result = Result.DONE) -> Plan:
    """Carry out what is due, and let the originals go down again at once."""
    plan = h.look()
    for action in h.begin(plan):
        h.end(action, result)
    return plan


# Back-off.


def test_the_first_attempt_is_made_at_once_and_the_next_ones_wait_twice_as_long_up_to_five_minutes() -> None:
    h, waits = host(snapshot("web"), container("web", "exited")), list[float]()
    for attempt in range(1, 10):
        plan = try_once(h)
        waits.append(0.0)
        if attempt > 1:
            assert begun_by(plan) == []
            (wait,) = plan.waiting
            assert wait.until is not None
            waits[-1] = wait.until - h.now
            assert plan.wake_in == min(30.0, waits[-1])
            assert begun_by(h.look(waits[-1] - 0.1)) == []
            h.now += 0.1
            plan = try_once(h)
        assert [(action.verb, action.attempt) for action in plan.actions] == [(Verb.START, attempt)]
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300, 300]


@settings(max_examples=50, deadline=None, database=None)
@given(st.integers(min_value=1, max_value=5000), st.floats(min_value=0, max_value=1e9))
def test_it_is_never_given_up_however_many_attempts_there_were(count: int, last_at: float) -> None:
    waits = [(due_at(Attempts(one, last_at), Timing()) or 0.0) - last_at for one in (count, count + 1)]
    assert waits == sorted(waits)
    assert all(10 <= round(wait) <= 300 for wait in waits)
    assert due_at(None, Timing()) is None


@pytest.mark.parametrize(
    ("up", "again_at_once"), [("Up 9 minutes", False), ("Up 10 minutes", True), ("Up 3 days", True)]
)
def test_only_ten_minutes_of_running_make_the_attempts_forgotten(up: str, *, again_at_once: bool) -> None:
    h = host(snapshot("web"), container("web", "exited"))
    for seconds in (0, 10, 20):
        h.now += seconds
        try_once(h)
    h.put(container("web", status=up))
    h.look(1)
    h.put(container("web", "exited"))
    assert begun_by(h.look(1)) == ["start web"] * again_at_once


def test_all_that_is_tried_for_an_original_counts_together_and_nobody_elses() -> None:
    h = host(snapshot(well("web"), "db"), container("web", "exited"), container("db"))
    try_once(h)
    del h.world[WEB]
    assert why(h.look(9)) == {"web": "after 1 attempt"}
    assert begun_by(h.look(1)) == ["recreate web"]
    try_once(h)
    h.put(container("web", word="web again"), container("db", "exited"))
    h.say(web="its probe answered 500")
    assert str(h.look(5)).splitlines() == [
        f"start db: {HAD_EXITED}",
        "wait to restart web: is unhealthy: its probe answered 500: unless others become unhealthy as well",
    ]
    assert why(h.look(5)) == {"web": "after 2 attempts"}
    h.put(container("db"))
    assert begun_by(h.look(10)) == ["restart web"]


def test_an_attempt_that_did_not_reach_the_engine_is_none() -> None:
    h = host(snapshot("web"), container("web", "exited"))
    for _ in range(3):
        (action,) = h.begin(h.look())
        assert action.attempt == 1
        h.end(action, Result.DROPPED, attempted=False)


def test_a_stop_is_tried_again_at_each_check() -> None:
    h = host(snapshot(), container("miner"))
    for _ in range(3):
        assert begun_by(try_once(h, Result.FAILED)) == ["stop miner"]


def test_where_an_action_is_at_work_nothing_is_planned_nor_reported() -> None:
    h = host(snapshot("web", "db"), container("web", "exited"), container("miner"))
    h.begin(h.look())
    assert str(h.look(600)) == ""


# Grace.


def test_newcomers_may_live_for_the_grace_and_are_stopped_when_it_has_passed() -> None:
    h = host(snapshot(), container("miner"), timing=replace(PROMPT, new_container_grace=60))
    plan = h.look()
    assert (begun_by(plan), plan.waiting[0].until, plan.wake_in) == ([], h.now + 60, 30)
    h.put(container("late"))
    assert h.look(59).wake_in == 1
    plan = h.look(1)
    assert (begun_by(plan), list(why(plan))) == (["stop miner"], ["late"])


def test_a_newcomer_that_was_down_in_between_has_its_grace_again() -> None:
    h = host(snapshot(), container("miner"), timing=replace(PROMPT, new_container_grace=60))
    h.look()
    h.put(container("miner", "exited"))
    h.look(30)
    h.put(container("miner"))
    assert begun_by(h.look(30)) == []
    assert begun_by(h.look(60)) == ["stop miner"]


def test_a_look_at_one_container_lets_no_grace_begin_anew() -> None:
    h = host(snapshot("web"), container("web", "exited"), container("miner"), timing=Timing(new_container_grace=60))
    h.look(only=[])
    assert begun_by(h.look(30, only=[WEB])) == ["start web"]
    assert begun_by(h.look(30)) == ["start web", "stop miner"]


# Turns.


def ward(*names: str) -> Host:
    """Originals that have become unhealthy together and settled; as many others are healthy."""
    others = [f"other-{name}" for name in names]
    h = host(snapshot(*(well(name) for name in names), *others), *(container(one) for one in (*names, *others)))
    for name in names:
        h.judge(name, "unhealthy")
    h.look()
    h.now += 5
    return h


def test_unhealthy_originals_are_restarted_one_after_the_other() -> None:
    h = ward("a", "b", "c")
    plan = h.look()
    assert str(plan).splitlines() == [
        f"restart a: {UNHEALTHY}",
        f"wait to restart b: {UNHEALTHY}: one after the other",
        f"wait to restart c: {UNHEALTHY}: one after the other",
    ]
    (action,) = h.begin(plan)
    assert begun_by(h.look(3)) == []
    h.judge("a", "starting")
    h.end(action)
    assert begun_by(h.look(1)) == ["restart b"]


def test_one_that_takes_long_to_restart_holds_the_next_up_for_fifteen_seconds() -> None:
    h = ward("a", "b", "c")
    h.begin(h.look())
    assert why(h.look(14.5)) == dict.fromkeys("bc", "one after the other")
    plan = h.look(0.5)
    assert begun_by(plan) == ["restart b"]
    h.begin(plan)
    assert begun_by(h.look(14.5)) == []
    assert begun_by(h.look(0.5)) == ["restart c"]


def test_one_that_waits_for_its_next_attempt_lets_the_others_go_first() -> None:
    h = ward("a", "b")
    h.memory = replace(h.memory, attempts={id_of("a"): Attempts(3, h.now)})
    assert str(h.look()).splitlines() == [
        f"restart b: {UNHEALTHY}",
        f"wait to restart a: {UNHEALTHY}: after 3 attempts",
    ]


def test_starts_take_no_turns() -> None:
    h = ward("a", "b")
    h.put(*(container(f"other-{name}", "exited") for name in "ab"))
    assert begun_by(h.look()) == ["restart a", "start other-a", "start other-b"]


# Compose at work.


@pytest.mark.parametrize(
    ("project", "on_request", "begins"),
    [("shop", True, []), ("shop", False, ["start web"]), ("blog", True, ["start web"])],
)
def test_what_was_stopped_together_is_not_started_while_compose_stops_more(
    project: str, begins: list[str], *, on_request: bool
) -> None:
    h = host(snapshot(service("web"), service("db")), container("web", "exited"), container("db"))
    stopped = frozenset({WEB}) if on_request else frozenset[str]()
    h.activity = Activity(frozenset({DB}), frozenset({project}), stopped)
    plan = h.look()
    assert begun_by(plan) == begins
    assert plan.wake_in == (30 if begins else 1), "it is looked at again soon, since no event may tell of the end"
    h.activity = Activity(stopped_on_request=stopped)
    assert begun_by(h.look(1)) == ["start web"]


def test_nothing_is_made_again_while_compose_stops_containers_of_its_project() -> None:
    h = host(snapshot(service("web"), service("db"), service("blog", project="blog"), "plain"), container("db"))
    h.impostor("web")
    h.activity = Activity(frozenset({DB}), frozenset({"shop"}))
    plan = h.look()
    assert (begun_by(plan), plan.wake_in) == (["recreate blog", "recreate plain"], 1)
    assert why(plan) == {"web": "compose is stopping containers of shop"}


# What it depends on.


def app(depends_on: str, db: Container | None, *others: Container, rule: str = "always") -> Host:
    """`web`, which is down, depends on `db`."""
    held = snapshot(service("web", depends_on), service("db", **{"status-state.restart": rule}))
    return host(held, container("web", "exited"), *others, *([] if db is None else [db]))


STARTED, HEALTHY, COMPLETED = (
    f"db:service_{condition}:false" for condition in ("started", "healthy", "completed_successfully")
)


@pytest.mark.parametrize(
    ("depends_on", "db", "begins"),
    [
        (STARTED, container("db"), ["start web"]),
        (STARTED, container("db", status="Up 1 second (health: starting)"), ["start web"]),
        (STARTED, container("db", "exited"), ["start db"]),
        (STARTED, None, ["recreate db"]),
        (HEALTHY, container("db", status="Up 9 seconds (healthy)"), ["start web"]),
        (HEALTHY, container("db", status="Up 1 second (health: starting)"), []),
        (HEALTHY, container("db", status="Up 1 minute (unhealthy)"), []),
        (HEALTHY, container("db"), ["start web"]),
        (HEALTHY, container("db", "paused"), ["start web"]),
        (HEALTHY, container("db", "exited"), ["start db"]),
        (COMPLETED, container("db"), []),
        (COMPLETED, container("db", "exited"), ["start db"]),
        (COMPLETED, container("db", "exited", status="Exited (0) 1 second ago"), ["start db"]),
    ],
    ids=str,
)
def test_an_original_waits_for_what_it_depends_on(depends_on: str, db: Container | None, begins: list[str]) -> None:
    plan = app(depends_on, db).look()
    assert plan.wake_in == (1 if plan.waiting else 30)
    assert begun_by(plan) == begins
    assert why(plan) == ({} if "start web" in begins else {"web": "after db"})
    assert [wait.others for wait in plan.waiting] == [("db",)] * len(plan.waiting)


@pytest.mark.parametrize("status", ["Exited (0) 1 second ago", "Exited (1) 1 second ago"])
def test_a_job_that_ended_and_is_not_run_again_holds_nobody_up(status: str) -> None:
    assert begun_by(app(COMPLETED, container("db", "exited", status=status), rule="never").look()) == ["start web"]


def test_what_can_not_become_ready_holds_nobody_up() -> None:
    for depends_on in (STARTED, HEALTHY, COMPLETED):
        assert begun_by(app(depends_on, None, rule="never").look()) == ["start web"]


@pytest.mark.parametrize("late", ["never healthy", "its start never ends"])
def test_a_dependency_is_given_up_after_a_minute_and_that_is_reported(late: str) -> None:
    never_healthy = late == "never healthy"
    db = container("db", status="Up 1 second (health: starting)") if never_healthy else container("db", "exited")
    h = app(HEALTHY if never_healthy else STARTED, db)
    h.begin(h.look())
    assert begun_by(h.look(59)) == []
    (web,) = h.look(1).actions
    assert str(web) == f"start web: {HAD_EXITED} (db took too long to wait for)"


def test_the_minute_goes_on_while_others_are_looked_at() -> None:
    h = app(HEALTHY, container("db", status="Up 1 second (health: starting)"))
    h.look()
    for _ in range(5):
        h.look(10, only=[id_of("crashes again and again")])
    assert begun_by(h.look(9)) == []
    plan = h.look(1, only=[WEB])
    assert begun_by(plan) == ["start web"]
    h.begin(plan)
    assert h.memory.waiting_since == {}, "another wait has its own minute"


def test_a_dependency_that_fails_is_not_waited_for_any_longer() -> None:
    h = app(STARTED, container("db", "exited"))
    assert begun_by(try_once(h, Result.FAILED)) == ["start db"]
    assert begun_by(h.look(1)) == ["start web"]


def test_a_chain_is_begun_at_its_end_and_each_waits_for_the_next() -> None:
    held = snapshot(service("a", "b:service_started:false"), service("b", "c:service_started:false"), service("c"))
    h = host(held, *(container(name, "exited") for name in "abc"))
    begins = list[list[str]]()
    for _ in range(4):
        plan = h.look(1)
        begins.append(begun_by(plan))
        h.carry_out(plan)
    assert begins == [["start c"], ["start b"], ["start a"], []]


def test_those_that_depend_on_each_other_wait_for_a_minute_and_no_longer() -> None:
    held = snapshot(service("a", "b:service_started:false"), service("b", "a:service_started:false"))
    h = host(held, container("a", "exited"), container("b", "exited"))
    assert begun_by(h.look()) == []
    assert begun_by(h.look(59)) == []
    assert begun_by(h.look(1)) == ["start a", "start b"]


def test_who_waits_holds_up_nobody_else() -> None:
    h = app(HEALTHY, container("db", status="Up 1 second (health: starting)"), container("miner"))
    h.held = snapshot(*h.held.originals, "plain")
    assert begun_by(h.look()) == ["recreate plain", "stop miner"]


def test_one_that_is_unhealthy_waits_for_nobody_it_depends_on() -> None:
    held = snapshot(service("a", "z:service_healthy:false"), service("z"), "plain")
    h = host(held, container("a"), container("z"), container("plain"))
    for health in ("healthy", "unhealthy"):
        h.judge("a", health)
        h.judge("z", health)
        h.look(60)
    plan = h.look(5)
    assert (begun_by(plan), why(plan)) == (["restart a"], {"z": "one after the other"})


def test_followers_wait_until_their_parent_has_come_back() -> None:
    h = host(snapshot("db", sharing(original("web"), "db")), container("web"), container("db"))
    h.say(db="its probe answered 500")
    h.look()
    plan = h.look(5)
    assert str(plan) == "restart db: is unhealthy: its probe answered 500"
    h.carry_out(plan)
    h.put(container("db", status="Up 1 second"), started_at="2026-11-23T12:00:05Z")
    plan = h.look(1)
    assert str(plan) == "restart web: uses a namespace of db, which was started again since"
    h.carry_out(plan)
    h.put(container("web", status="Up 1 second"), started_at="2026-11-23T12:00:06Z")
    assert str(h.look(1)) == "", "and that is all"


@pytest.mark.parametrize("dead", [False, True])
@pytest.mark.parametrize("mode", ["NetworkMode", "IpcMode", "PidMode", "VolumesFrom", "Links"])
def test_who_is_made_with_a_container_that_is_gone_waits_for_it_without_a_bound(mode: str, *, dead: bool) -> None:
    web = original("web")
    if mode in {"VolumesFrom", "Links"}:
        config = {mode: ["db:ro" if mode == "VolumesFrom" else "/db:/web/db"]}
        web = replace(web, inspect=dict(web.inspect) | {"HostConfig": config})
    else:
        web = sharing(web, "db", mode)
    h = host(snapshot(web, "db"), *[container("db", "dead")] * dead)
    for _ in range(20):
        plan = h.look(60)
        assert "recreate web" not in begun_by(plan)
        assert plan.wake_in == 30, "nothing is to be seen any sooner"
        h.begin(plan)
    h.busy = frozenset()
    h.world.clear()
    h.put(container("db", word="db again"))
    assert begun_by(h.look(60)) == ["recreate web"]


# Newcomers in the way.


def needing(**fields: Any) -> Original:
    """`web`, which is gone, with this in its recipe."""
    web = original("web")
    return replace(web, inspect=dict(web.inspect) | fields)


PORT = needing(HostConfig={"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}})
ADDRESS = needing(NetworkSettings={"Networks": {"shop": {"IPAMConfig": {"IPv4Address": "172.18.0.9"}}}})
WITH_PORT = replace(container("miner"), ports=frozenset({("0.0.0.0", 8080, "tcp")}))  # noqa: S104 # as the engine lists it
WITH_ADDRESS = replace(container("miner"), addresses=frozenset({("shop", "172.18.0.9")}))


@pytest.mark.parametrize(("web", "miner"), [(PORT, WITH_PORT), (ADDRESS, WITH_ADDRESS)], ids=["port", "address"])
def test_a_newcomer_that_holds_what_an_original_needs_is_stopped_first(web: Original, miner: Container) -> None:
    h = host(snapshot(web), miner, container("other"))
    plan = h.look()
    assert (begun_by(plan), why(plan)) == (["stop miner", "stop other"], {"web": "after miner"})
    first, other = h.begin(plan)
    h.end(other)
    h.put(container("other", "exited"))
    assert begun_by(h.look(5)) == [], "its stop is under way"
    h.end(first)
    h.put(container("miner", "exited"))
    assert begun_by(h.look(1)) == ["recreate web"]


def test_a_newcomer_that_never_stops_is_given_up_after_a_minute() -> None:
    h = host(snapshot(PORT), WITH_PORT)
    h.begin(h.look())
    assert begun_by(h.look(59)) == []
    assert begun_by(h.look(1)) == ["recreate web"]


def test_whoever_is_protected_is_never_waited_for() -> None:
    h = host(snapshot(PORT), replace(WITH_PORT, labels={"status-state.ignore": "true"}))
    assert begun_by(h.look()) == ["recreate web"]


# Restores that were refused.


def refused() -> Host:
    """The engine has refused to put `web` back in the place of an impostor."""
    h = host(snapshot("web"))
    h.impostor("web")
    (action,) = h.begin(h.look())
    assert action.verb is Verb.RESTORE
    h.end(action, Result.FAILED, refused=True, detail="no such device")
    h.now += 600
    return h


def test_a_restore_that_the_engine_has_refused_waits_for_a_change() -> None:
    h = refused()
    for _ in range(3):
        plan = h.look(600)
        assert begun_by(plan) == []
        assert [(list(why(plan)), wait.until) for wait in plan.waiting] == [(["web"], None)]
        assert plan.wake_in == 30
    assert "no such device" in str(h.look())


@pytest.mark.parametrize("change", ["image name", "image id", "impostor", "snapshot"])
def test_a_restore_is_tried_again_once_something_has_changed(change: str) -> None:
    h = refused()
    if change == "image name":
        h.images[IMAGE] = OTHER_IMAGE_ID
    elif change == "image id":
        h.images.clear()
    elif change == "snapshot":
        h.held = replace(h.held, id="snapshot-2")
    else:
        h.world.clear()
        another = container("web", word="another impostor")
        h.put(another)
        h.changes[another.id] = {"Image": OTHER_IMAGE_ID}
    assert begun_by(h.look()) == ["restore web"]


def test_a_restore_that_failed_otherwise_is_tried_again_after_its_back_off() -> None:
    h = host(snapshot("web"))
    h.impostor("web")
    (action,) = h.begin(h.look())
    h.end(action, Result.FAILED)
    assert begun_by(h.look(9)) == []
    assert begun_by(h.look(1)) == ["restore web"]


# When to look again.


def test_the_next_look_is_after_the_interval_or_when_something_is_due() -> None:
    h = host(snapshot("web"), container("web"), timing=Timing(interval=7))
    assert h.look().wake_in == 7
    h.put(container("web", "exited"))
    try_once(h)
    assert h.look(6).wake_in == 4
    assert h.look(3.5).wake_in == 0.5
