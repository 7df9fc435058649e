"""How long it took to heal an original: from which `die`, to which start."""

from __future__ import annotations

from datetime import timedelta

import pytest
from status_state_api.journal.availability import DOWN, UNKNOWN, UP, Change
from status_state_api.journal.entry import Entry
from status_state_api.metrics.heals import heal_seconds

from ..world import NOW


def action(**changed: object) -> Entry:
    """A start of `web` that took from 10.0 to 10.5."""
    usual = {"key": "k", "at": NOW + timedelta(seconds=10.5), "kind": "action", "by": "controller", "what": "start"}
    return Entry.model_validate({**usual, "finding": "stopped", "result": "done", "seconds": 0.5, **changed})


def seen(*changes: tuple[float, str]) -> list[Change]:
    """It went up and down so many seconds from now."""
    return [Change(NOW + timedelta(seconds=seconds), what) for seconds, what in changes]


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        pytest.param([(0, UP), (9, DOWN), (10.25, UP)], 1.25, id="down and up again"),
        pytest.param([(0, UP), (9, DOWN)], 1.5, id="its start was not heard of yet"),
        pytest.param([(0, UP), (9, DOWN), (10.25, UP), (10.3, DOWN)], 1.25, id="it crashed again at once"),
        pytest.param([(8, DOWN), (9.8, UP), (9.875, DOWN), (10.25, UP)], 0.375, id="it crashed before, too"),
        pytest.param([(9, DOWN), (10.25, UP), (12, DOWN), (22, UP)], 1.25, id="the report came late"),
        pytest.param([(0, UP)], None, id="nobody saw it go down"),
        pytest.param([(0, DOWN), (9, UNKNOWN), (10.25, UP)], None, id="not known since when"),
        pytest.param([], None, id="nothing is known"),
        pytest.param([(10.25, UP)], None, id="only its start is known"),
    ],
)
def test_the_time_is_that_of_its_own_outage(changes: list[tuple[float, str]], seconds: float | None) -> None:
    assert heal_seconds(action(), seen(*changes)) == seconds


@pytest.mark.parametrize(
    "changed",
    [
        {"result": "failed"},
        {"finding": "unhealthy"},
        {"finding": None},
        {"seconds": None},
        {"seconds": 1e300},
        {"seconds": float("nan")},
        {"at": "9999-12-31T23:59:59.99Z"},
    ],
    ids=str,
)
def test_what_heals_no_outage_has_no_time(changed: dict[str, object]) -> None:
    assert heal_seconds(action(**changed), seen((9, DOWN), (10.25, UP))) is None
