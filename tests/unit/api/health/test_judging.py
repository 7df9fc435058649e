"""What observations amount to: answers of a probe, lines of a log, and the verdict that follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as thoroughness
from hypothesis import strategies as st
from status_state_api.health.judging import EVIDENCE_CHARACTERS, LogJudge, ProbeJudge, shorten
from status_state_api.health.logs.severity import Severity
from status_state_api.health.verdict import ProbeResult, State, Subject, Verdict

from .world import log_rule, probe_rule

if TYPE_CHECKING:
    from collections.abc import Iterable

OK = ProbeResult(State.OK, "answered 200")
BAD = ProbeResult(State.FAILING, "answered 500")
UNASKED = ProbeResult(State.UNKNOWN, "can't be asked")
SHOWN = "its probe http://:8080/health"
LATE = 1000.0
RUN = Subject("id", "web", "t0")


def judge_of(failures: int = 3, start_period: float = 30.0, *, proven: bool = True) -> ProbeJudge:
    """A judge of a probe."""
    return ProbeJudge(RUN, probe_rule(failures=failures, start_period=start_period), SHOWN, proven=proven)


def states(judge: ProbeJudge, answers: Iterable[ProbeResult], run_seconds: float = LATE) -> list[str]:
    """What is thought after each of these answers."""
    judged = [judge.note(answer, run_seconds) for answer in answers]
    return [verdict.state.value + ("?" if verdict.faltering else "") for verdict in judged]


def test_before_the_first_answer_nothing_is_known() -> None:
    assert judge_of().verdict == Verdict(RUN, "probe", State.UNKNOWN, f"{SHOWN} has not answered yet")


def test_so_many_failures_in_a_row_make_it_failing() -> None:
    assert states(judge_of(3), [OK, BAD, BAD, BAD, BAD]) == ["ok", "ok?", "ok?", "failing", "failing"]
    assert states(judge_of(1), [BAD]) == ["failing"]
    assert states(judge_of(2), [BAD, BAD]) == ["unknown?", "failing"]


def test_a_success_ends_the_row() -> None:
    assert states(judge_of(2), [OK, BAD, OK, BAD, BAD, OK]) == ["ok", "ok?", "ok", "ok?", "failing", "ok"]


def test_an_answer_that_could_not_be_had_ends_the_row() -> None:
    assert states(judge_of(2), [OK, BAD, UNASKED, BAD, BAD]) == ["ok", "ok?", "unknown", "unknown?", "failing"]
    assert states(judge_of(2), [BAD, BAD, UNASKED, BAD]) == ["unknown?", "failing", "unknown", "unknown?"]


def test_the_reasons_are_reported_in_words() -> None:
    judge = judge_of(2)
    assert judge.note(OK, LATE) == Verdict(RUN, "probe", State.OK, f"{SHOWN} answered 200")
    assert judge.note(BAD, LATE) == Verdict(RUN, "probe", State.OK, f"{SHOWN} answered 200", faltering=True)
    assert judge.note(BAD, LATE) == Verdict(RUN, "probe", State.FAILING, f"{SHOWN} answered 500, 2 times in a row")
    assert judge.note(UNASKED, LATE) == Verdict(RUN, "probe", State.UNKNOWN, f"{SHOWN} can't be asked", blocked=True)
    assert judge_of(1).note(BAD, LATE).reason == f"{SHOWN} answered 500"


def test_a_failing_stays_as_it_was_when_it_began() -> None:
    judge = judge_of(2)
    judge.note(BAD, LATE)
    began = judge.note(BAD, LATE)
    assert began.reason == f"{SHOWN} answered 500, 2 times in a row"
    assert judge.note(BAD, LATE) == began
    assert judge.note(ProbeResult(State.FAILING, "answered 503"), LATE) == began, "whatever it answers then"
    judge.note(OK, LATE)
    judge.note(BAD, LATE)
    assert (
        judge.note(ProbeResult(State.FAILING, "answered 503"), LATE).reason == f"{SHOWN} answered 503, 2 times in a row"
    )


@pytest.mark.parametrize("failures", [1, 2])
def test_a_probe_that_was_never_answered_well_fails_without_a_reason_to_act(failures: int) -> None:
    judge = judge_of(failures, proven=False)
    for _ in range(failures):
        judge.note(BAD, LATE)
    times = "" if failures == 1 else ", 2 times in a row"
    assert judge.verdict == Verdict(
        RUN,
        "probe",
        State.FAILING,
        f"{SHOWN} answered 500{times}. It has never succeeded since it was set, so nothing is restarted for "
        "that: is probe.url right?",
        actionable=False,
    )
    assert judge.note(BAD, LATE).actionable is False


def test_the_first_good_answer_proves_a_probe() -> None:
    judge = judge_of(1, proven=False)
    assert not judge.note(BAD, LATE).actionable
    judge.note(OK, LATE)
    assert judge.note(BAD, LATE) == Verdict(RUN, "probe", State.FAILING, f"{SHOWN} answered 500")


def test_an_answer_that_could_not_be_had_proves_nothing() -> None:
    judge = judge_of(1, proven=False)
    judge.note(UNASKED, LATE)
    assert not judge.note(BAD, LATE).actionable


def test_only_what_can_not_be_asked_is_blocked() -> None:
    judge = judge_of(2, start_period=30.0)
    blocked = [judge.note(answer, 1.0).blocked for answer in (BAD, UNASKED, OK, BAD, BAD)]
    assert blocked == [False, True, False, False, False]


def test_failures_within_the_start_period_do_not_count() -> None:
    judge = judge_of(2, start_period=30.0)
    assert states(judge, [BAD] * 9, run_seconds=29.9) == ["unknown"] * 9
    assert judge.verdict.reason == f"{SHOWN} answered 500, within its start period"
    assert states(judge, [BAD, BAD], run_seconds=30.0) == ["unknown?", "failing"]


def test_the_first_success_ends_the_start_period() -> None:
    judge = judge_of(2, start_period=30.0)
    assert states(judge, [BAD, OK, BAD, BAD], run_seconds=1.0) == ["unknown", "ok", "ok?", "failing"]


def test_an_answer_that_could_not_be_had_does_not_end_the_start_period() -> None:
    assert states(judge_of(1, start_period=30.0), [UNASKED, BAD], run_seconds=1.0) == ["unknown", "unknown"]


def test_without_a_start_period_failures_count_at_once() -> None:
    assert states(judge_of(1, start_period=0.0), [BAD], run_seconds=0.0) == ["failing"]


@thoroughness(deadline=None, database=None)
@given(st.lists(st.sampled_from([OK, BAD, UNASKED])), st.integers(1, 4))
def test_it_fails_exactly_after_so_many_failures_in_a_row(answers: list[ProbeResult], failures: int) -> None:
    judge, row = judge_of(failures), 0
    for answer in answers:
        verdict = judge.note(answer, LATE)
        row = row + 1 if answer is BAD else 0
        assert (verdict.state is State.FAILING) == (row >= failures)
        assert verdict.faltering == (0 < row < failures)


def log_judge(severity: str = "error", **keys: int) -> LogJudge:
    """A judge of a log."""
    return LogJudge(RUN, log_rule(severity, **keys), 330.0)


def note(judge: LogJudge, *times: float, severity: Severity = Severity.ERROR) -> None:
    """Have it read lines of these times."""
    for at in times:
        judge.note(severity, f"line of {at:g}", at)


def test_one_line_makes_a_log_failing_where_one_is_enough() -> None:
    judge = log_judge()
    assert judge.judge(0.0) == Verdict(RUN, "logs", State.OK, "its log has no line at or above error within 60 s")
    note(judge, 100.0)
    assert judge.judge(100.0) == Verdict(
        RUN, "logs", State.FAILING, "its log has a line at or above error within 60 s", ("line of 100",)
    )


@pytest.mark.parametrize(
    ("severity", "fails"),
    [
        (None, False),
        (Severity.DEBUG, False),
        (Severity.WARNING, False),
        (Severity.ERROR, True),
        (Severity.CRITICAL, True),
    ],
)
def test_only_lines_at_or_above_the_severity_count(severity: Severity | None, fails: bool) -> None:
    judge = log_judge("error")
    judge.note(severity, "a line", 100.0)
    assert (judge.judge(100.0).state is State.FAILING) == fails


@pytest.mark.parametrize(
    ("times", "fails"),
    [
        ((0, 1), False),
        ((0, 1, 2), True),
        ((0, 5, 10), True),
        ((0, 5, 10.1), False),
        ((0, 8, 12, 18), True),
        ((0, 8, 16, 24), False),
        ((0, 0, 0), True),
        ((12, 18, 11), True),
    ],
    ids=str,
)
def test_so_many_lines_within_so_long_make_a_log_failing(times: tuple[float, ...], fails: bool) -> None:
    judge = log_judge(count=3, within=10)
    note(judge, *times)
    verdict = judge.judge(times[-1])
    assert (verdict.state is State.FAILING) == fails
    assert verdict.reason == (
        "its log has 3 lines at or above error within 10 s"
        if fails
        else "its log has fewer than 3 lines at or above error within 10 s"
    )
    assert bool(verdict.evidence) == fails


@pytest.mark.parametrize(("within", "hold"), [(1, 330.0), (60, 330.0), (600, 600.0)])
def test_a_failing_log_stays_so_for_a_while(within: int, hold: float) -> None:
    judge = log_judge(within=within)
    note(judge, 100.0)
    assert judge.holds_until == 100.0 + hold
    assert judge.judge(100.0 + hold - 0.1).state is State.FAILING
    assert judge.judge(100.0 + hold).state is State.OK


def test_each_severe_line_prolongs_the_failing() -> None:
    judge = log_judge(count=2, within=10)
    note(judge, 100.0, 101.0, 150.0)
    assert judge.holds_until == 480.0
    assert judge.judge(479.0).state is State.FAILING


def test_what_made_a_log_failing_does_not_count_again() -> None:
    judge = log_judge(count=2, within=1000)
    note(judge, 100.0, 200.0)
    assert judge.judge(1199.0).state is State.FAILING
    assert judge.judge(1200.0).state is State.OK
    note(judge, 1200.0)
    assert judge.judge(1200.0) == Verdict(
        RUN, "logs", State.OK, "its log has fewer than 2 lines at or above error within 1000 s"
    )
    note(judge, 1201.0)
    assert judge.judge(1201.0).evidence == ("line of 1200", "line of 1201")


def test_the_evidence_is_at_most_three_lines() -> None:
    judge = log_judge(count=5)
    note(judge, *range(5))
    assert len(judge.judge(5.0).evidence) == 3


@pytest.mark.parametrize(("count", "evidence"), [(1, ("line of 90",)), (2, ("line of 90", "line of 91"))])
def test_the_evidence_is_no_more_lines_than_it_takes(count: int, evidence: tuple[str, ...]) -> None:
    judge = log_judge(count=count, within=10)
    if count > 1:
        note(judge, 0.0, 50.0)  # too far apart to count
    note(judge, *(90.0 + number for number in range(count)))
    assert judge.judge(92.0).evidence == evidence


def test_the_evidence_is_what_made_it_failing() -> None:
    judge = log_judge(count=2, within=10)
    note(judge, 1.0, 2.0, 3.0, 4.0, 5.0)
    assert judge.judge(5.0).evidence == ("line of 1", "line of 2")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("  several \t words\n", "several words"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("a\x00b\x07c\u202ed", "a b c d"),
        ("gr\u00fcn \u2713", "gr\u00fcn \u2713"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "\u2026"),
        ("x" * 1_000_000, "x" * 199 + "\u2026"),
        ("", ""),
    ],
    ids=range(9),
)
def test_a_line_is_shortened_for_people(text: str, shown: str) -> None:
    assert shorten(text) == shown


@thoroughness(deadline=None, database=None)
@given(st.text())
def test_what_is_shown_is_short_and_on_one_line(text: str) -> None:
    shown = shorten(text)
    assert len(shown) <= EVIDENCE_CHARACTERS
    assert shown.isprintable()


def test_the_evidence_is_shown_shortened() -> None:
    judge = log_judge()
    judge.note(Severity.ERROR, "\x1b[31m" + "x" * 500, 0.0)
    (line,) = judge.judge(0.0).evidence
    assert line == "[31m" + "x" * 195 + "\u2026"
