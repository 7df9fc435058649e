"""When a check is due and of whom: unasked exits at once, all else when the host has settled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as thoroughness
from hypothesis import strategies as st
from status_state_controller.model import Event, StopPolicy
from status_state_controller.observe.triggers import Triggers, Turn, signal_number

from ..world import id_of

WEB, DB = id_of("web"), id_of("db")
FAR = 1e9
"""When the next periodic check is due, where that doesn't matter."""


def event(action: str, of: str = WEB, *, signal: str = "", project: str = "") -> Event:
    """A change that the engine reports."""
    return Event(of, action, signal, project, "1.000000000")


class Host:
    """Notes events, and asks for the next turn."""

    def __init__(self, settle: float = 0.5, stop_policy: StopPolicy | None = None) -> None:
        self.triggers = Triggers(settle)
        self.stop_policy = stop_policy or StopPolicy()

    def happens(self, at: float, action: str, of: str = WEB, *, signal: str = "", project: str = "") -> None:
        """Let the engine report a change."""
        self.triggers.note(event(action, of, signal=signal, project=project), at, self.stop_policy)

    def turn(self, at: float, periodic_at: float = FAR) -> Turn:
        """What the loop does next."""
        return self.triggers.next_turn(at, periodic_at)


def test_without_events_the_periodic_check_is_waited_for_and_is_of_everything() -> None:
    host = Host()
    assert host.turn(100, periodic_at=130) == Turn(30)
    assert host.turn(130, periodic_at=130) == Turn(0, None)


def test_an_exit_that_nobody_asked_for_is_looked_at_immediately_and_that_container_alone() -> None:
    host = Host()
    host.happens(100, "die")
    assert host.turn(100) == Turn(0, frozenset({WEB}))


def test_an_unasked_exit_is_looked_at_immediately_once_and_everything_when_it_has_settled() -> None:
    host = Host()
    host.happens(100, "die")
    host.turn(100)
    assert host.turn(100.1).seconds == pytest.approx(0.4)
    assert host.turn(100.5) == Turn(0, None)
    assert host.turn(100.6, periodic_at=130).seconds == pytest.approx(29.4)


def test_unasked_exits_of_several_containers_are_looked_at_together() -> None:
    host = Host()
    host.happens(100, "die")
    host.happens(100, "die", DB)
    assert host.turn(100) == Turn(0, frozenset({WEB, DB}))


def test_an_exit_is_urgent_in_the_midst_of_other_changes() -> None:
    host = Host()
    host.happens(100, "start", DB)
    host.happens(100.1, "die")
    assert host.turn(100.1) == Turn(0, frozenset({WEB}))


@pytest.mark.parametrize("name", ["15", "TERM", "SIGTERM", "9", "KILL", "SIGKILL"])
def test_an_exit_after_the_stop_signal_or_a_kill_was_asked_for(name: str) -> None:
    host = Host()
    host.happens(100, "kill", signal=name)
    host.happens(100.2, "die")
    assert host.turn(100.2).seconds == pytest.approx(0.5)
    assert host.turn(100.7) == Turn(0, None)


def test_the_stop_signal_is_the_containers_own() -> None:
    host = Host(stop_policy=StopPolicy("SIGQUIT", 10))
    host.happens(100, "kill", signal="3")
    host.happens(100.2, "die")
    assert host.turn(100.2).seconds > 0
    host = Host(stop_policy=StopPolicy("SIGQUIT", 10))
    host.happens(100, "kill", signal="15")  # sent by somebody; to this container it is not the signal to stop
    host.happens(100.2, "die")
    assert host.turn(100.2) == Turn(0, frozenset({WEB}))


@pytest.mark.parametrize("name", ["1", "HUP", "SIGHUP", "10", "28", "WINCH"])
def test_a_signal_that_does_not_stop_is_no_change(name: str) -> None:
    host = Host()
    host.happens(100, "kill", signal=name)
    assert host.turn(100, periodic_at=130) == Turn(30)
    host.happens(101, "die")
    assert host.turn(101) == Turn(0, frozenset({WEB}))


@pytest.mark.parametrize(("stop_timeout", "after", "asked"), [(10, 14.9, True), (10, 15.1, False), (60, 64, True)])
def test_an_exit_was_asked_for_within_the_stop_time_out_and_five_seconds(
    stop_timeout: float, after: float, *, asked: bool
) -> None:
    host = Host(stop_policy=StopPolicy("SIGTERM", stop_timeout))
    host.happens(100, "kill", signal="15")
    host.turn(100.5)
    host.happens(100 + after, "die")
    assert (host.turn(100 + after).only is None) == asked


def test_the_kill_of_one_container_does_not_ask_for_the_exit_of_another() -> None:
    host = Host()
    host.happens(100, "kill", DB, signal="15")
    host.happens(100.1, "die")
    assert host.turn(100.1) == Turn(0, frozenset({WEB}))


def test_one_kill_asks_for_one_exit() -> None:
    host = Host()
    for time, action, name in ((100, "kill", "15"), (100.1, "die", ""), (100.2, "start", ""), (101, "die", "")):
        host.happens(time, action, signal=name)
    assert host.turn(101) == Turn(0, frozenset({WEB}))


def test_a_container_that_caught_its_kill_and_was_started_again_exits_unasked() -> None:
    host = Host()
    host.happens(100, "kill", signal="15")
    host.happens(100.1, "start")
    host.happens(101, "die")
    assert host.turn(101) == Turn(0, frozenset({WEB}))


def test_a_container_whose_stop_never_ended_because_the_engine_did_is_stopping_no_more_once_it_is_started() -> None:
    host = Host()
    host.happens(100, "kill", signal="15", project="shop")
    host.happens(101, "start", project="shop")
    activity = host.triggers.activity(101)
    assert (activity.stopping, activity.stopping_projects) == (frozenset(), frozenset())


def test_a_container_that_the_engine_has_started_again_is_not_urgent_any_more() -> None:
    host = Host()
    host.happens(100, "die")
    host.happens(100.01, "start")
    assert host.turn(100.01).seconds == pytest.approx(0.5)


def test_a_restart_by_an_operator_is_judged_when_it_is_over() -> None:
    host = Host()
    for time, action, name in ((100, "kill", "15"), (109, "kill", "9"), (109.1, "die", ""), (109.2, "stop", "")):
        host.happens(time, action, signal=name)
        turn = host.turn(time)
        assert turn.only is None
    for time, action in ((109.3, "start"), (109.31, "restart")):
        host.happens(time, action)
    assert host.turn(109.4).seconds > 0
    assert host.turn(109.9) == Turn(0, None)


def test_other_changes_settle_until_nothing_has_happened_for_a_while() -> None:
    host = Host()
    for tenth in range(10):
        now = 100 + tenth * 0.4
        host.happens(now, "create")
        assert host.turn(now).seconds == pytest.approx(0.5)
    assert host.turn(104.09).seconds == pytest.approx(0.01)
    assert host.turn(104.1) == Turn(0, None)


def test_a_host_that_never_settles_is_judged_after_five_seconds() -> None:
    host = Host()
    now = 100.0
    while now < 104.9:
        host.happens(now, "create")
        assert host.turn(now).seconds > 0
        now += 0.3
    host.happens(104.9, "create")
    assert host.turn(104.9).seconds == pytest.approx(0.1)
    assert host.turn(105) == Turn(0, None)


def test_the_five_seconds_begin_anew_after_each_check() -> None:
    host = Host()
    host.happens(100, "create")
    host.happens(104.9, "create")
    assert host.turn(105) == Turn(0, None)
    host.happens(105.1, "create")
    assert host.turn(105.1).seconds == pytest.approx(0.5)


def test_a_periodic_check_waits_for_the_host_to_settle() -> None:
    host = Host()
    host.happens(129.9, "create")
    assert host.turn(130, periodic_at=130).seconds == pytest.approx(0.4)
    assert host.turn(130.4, periodic_at=130) == Turn(0, None)


def test_a_settling_time_of_zero_judges_at_once() -> None:
    host = Host(settle=0)
    host.happens(100, "create")
    assert host.turn(100) == Turn(0, None)


def test_a_check_can_be_asked_for_without_an_event() -> None:
    host = Host()
    host.triggers.expect(100)
    assert host.turn(100).seconds == pytest.approx(0.5)
    assert host.turn(100.5) == Turn(0, None)


def test_compose_is_at_work_on_a_project_from_the_kill_to_the_end_of_a_container() -> None:
    host = Host()
    host.happens(100, "kill", signal="15", project="shop")
    host.happens(100, "kill", DB, signal="15", project="shop")
    host.happens(100.1, "kill", id_of("plain"), signal="15")
    assert host.triggers.activity(101).stopping_projects == {"shop"}
    host.happens(102, "die", project="shop")
    assert host.triggers.activity(102).stopping_projects == {"shop"}
    host.happens(103, "die", DB, project="shop")
    assert host.triggers.activity(103).stopping_projects == set()


def test_compose_is_taken_to_be_at_work_for_fifteen_seconds_at_most() -> None:
    host = Host(stop_policy=StopPolicy("SIGTERM", 600))
    host.happens(100, "kill", signal="15", project="shop")
    assert host.triggers.activity(114.9).stopping_projects == {"shop"}
    assert host.triggers.activity(115).stopping_projects == set()


def test_who_was_asked_to_end_is_being_stopped_until_it_has_ended_for_ten_minutes_at_most() -> None:
    host = Host(stop_policy=StopPolicy("SIGTERM", 1))
    host.happens(100, "kill", signal="15")
    host.happens(100, "kill", DB, signal="1")
    assert host.triggers.activity(699.9).stopping == {WEB}
    assert host.triggers.activity(700).stopping == set()
    host.happens(130, "die")
    assert host.triggers.activity(131).stopping == set()


def test_a_signal_that_does_not_stop_puts_nobody_to_work() -> None:
    host = Host()
    host.happens(100, "kill", signal="1", project="shop")
    assert host.triggers.activity(100).stopping_projects == set()


@pytest.mark.parametrize(
    ("name", "number"),
    [("15", 15), ("TERM", 15), ("SIGTERM", 15), (" sigquit ", 3), ("SIGRTMIN+3", 37), ("RTMIN", 34), ("", None), ("X", None)],
)  # fmt: skip
def test_signals_are_read_as_the_engine_writes_them(name: str, number: int | None) -> None:
    assert signal_number(name) == number


@given(st.lists(st.tuples(st.sampled_from(["create", "start", "destroy", "stop"]), st.floats(0, 3)), max_size=30))
@thoroughness(max_examples=50, deadline=None, database=None)
def test_however_events_come_everything_is_checked_within_five_seconds_of_the_first(
    happening: list[tuple[str, float]],
) -> None:
    host, now = Host(), 100.0
    waiting_since: float | None = None
    for action, gap in happening:
        now += gap
        host.happens(now, action)
        waiting_since = now if waiting_since is None else waiting_since
        turn = host.turn(now)
        if turn.seconds == 0:
            assert turn.only is None
            waiting_since = None
        else:
            assert now + turn.seconds <= waiting_since + 5 + 1e-6
