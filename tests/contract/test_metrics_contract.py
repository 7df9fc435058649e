"""What the SSA's metrics go by is what the controller says: its words, its header, and which attempt it waits for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from status_state_api.metrics import checks, labels
from status_state_controller.model import Action, Container, Kind, Outcome, Result, Verb
from status_state_controller.ssa.checks import HEADER, CheckCount
from status_state_controller.ssa.wire import write_report


def test_kinds_and_verbs_are_those_of_the_controller() -> None:
    assert (set(labels.KINDS), set(labels.VERBS)) == (set(Kind), set(Verb))


@pytest.mark.parametrize("seconds", [0.0, 0.0312, 1e9])
def test_the_ssa_reads_what_the_controller_says_of_its_checks(seconds: float) -> None:
    count = CheckCount()
    count.add(seconds)
    said = count.header()
    assert HEADER == checks.HEADER
    assert checks.read_checks(said[checks.HEADER]) == checks.Checks(1, round(seconds, 3))


def test_a_report_tells_which_attempt_waits() -> None:
    start = Action(Verb.START, Container("1", "web", "exited", ""), "had exited", "1", attempt=3)
    outcomes = [Outcome(start, Result.WAITING, until=60.0), Outcome(start, Result.RUNNING)]
    at = datetime(2026, 11, 23, tzinfo=UTC)
    report = write_report(
        at=at,
        snapshot_id="x",
        dry_run=False,
        sentence="x",
        findings=[],
        outcomes=outcomes,
        memory={},
        interval_seconds=30.0,
    )
    assert [outcome.get("attempt") for outcome in report["outcomes"]] == [3, None]
