"""What becomes an entry of the journal: each action that is over, once, however often its report is sent."""

from __future__ import annotations

from typing import Any

import pytest
from status_state_api.journal.entry import entries_of
from status_state_api.journal.report import Report

from ..world import NOW, container_id

MINUTE_AGO = "2026-11-23T17:59:00Z"
OUTCOME: dict[str, Any] = {
    "container": {"id": container_id("web"), "name": "web"},
    "action": "start",
    "result": "done",
    "reason": "had exited with code 137",
    "outcome_id": "a1b2",
    "at": MINUTE_AGO,
    "finding": "stopped",
    "seconds": 0.41,
    "attempt": 2,
}


def report(*outcomes: dict[str, Any]) -> Report:
    """A report with these outcomes."""
    told: dict[str, Any] = {
        "at": NOW,
        "snapshot_id": "5" * 32,
        "dry_run": False,
        "sentence": "",
        "findings": [],
        "outcomes": outcomes,
    }
    return Report.model_validate(told)


def test_an_action_that_is_over_is_told_whole() -> None:
    (entry,) = entries_of(report(OUTCOME))
    assert entry.model_dump(mode="json", exclude_none=True) == {
        "at": MINUTE_AGO,
        "kind": "action",
        "by": "controller",
        "container": {"id": container_id("web"), "name": "web"},
        "what": "start",
        "finding": "stopped",
        "reason": "had exited with code 137",
        "result": "done",
        "seconds": 0.41,
        "attempt": 2,
        "snapshot_id": "5" * 32,
    }
    assert entry.key == "a1b2"


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"result": "failed", "detail": "the engine says: no"}, 1),
        ({"result": "dropped"}, 1),
        ({"result": "waiting"}, 0),
        ({"result": "running"}, 0),
        ({"result": "dry_run"}, 0),
        ({"outcome_id": None}, 0),
        ({"outcome_id": "x" * 1000}, 0),
        ({"at": "yesterday"}, 0),
        ({"at": 5}, 0),
        ({"at": "9999-12-31T23:59:59-14:00"}, 0),
        ({"seconds": "long"}, 0),
        ({"attempt": [1]}, 0),
        ({"at": None, "seconds": None, "attempt": None, "finding": None}, 1),
    ],
    ids=str,
)
def test_what_is_over_is_written_and_what_is_wrong_harms_nothing_else(changes: dict[str, Any], count: int) -> None:
    other = OUTCOME | {"outcome_id": "other"}
    keys = [entry.key for entry in entries_of(report(OUTCOME | changes, other))]
    assert keys == ["a1b2"] * count + ["other"]
