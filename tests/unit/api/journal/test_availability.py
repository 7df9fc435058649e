"""For which share of the time an original was running and healthy, and what is worked out of the time nobody saw."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from status_state_api.journal.availability import Change, Share, as_percentages, availability, reconciled

from ..world import NOW

DAY = 86400.0


def ago(hours: float) -> datetime:
    """So many hours ago."""
    return NOW - timedelta(hours=hours)


def changes(*told: tuple[float, str] | tuple[float, str, str]) -> list[Change]:
    """Changes, by how many hours ago they were."""
    return [Change(ago(one[0]), one[1], one[2] if len(one) > 2 else None) for one in told]


@pytest.mark.parametrize(
    ("told", "known_hours", "good_hours"),
    [
        pytest.param(changes((100, "up")), 24, 24, id="up for long"),
        pytest.param(changes((6, "down")), 24, 18, id="down since: it was up before"),
        pytest.param(changes((6, "down"), (5, "up")), 24, 23, id="down for a while"),
        pytest.param(changes((5, "up"), (6, "down")), 24, 23, id="told in another order"),
        pytest.param(changes((6, "up")), 6, 6, id="up since: it may not have been there before"),
        pytest.param(changes((30, "down")), 24, 0, id="down for long"),
        pytest.param(changes((6, "unknown"), (4, "up")), 4, 4, id="nothing is known of what was before the unknown"),
        pytest.param(changes((30, "up"), (6, "unknown"), (4, "up")), 22, 22, id="the unknown counts neither way"),
        pytest.param(changes((30, "up"), (6, "failing", "probe")), 24, 18, id="failing since"),
        pytest.param(
            changes((30, "up"), (6, "failing", "probe"), (4, "ok", "probe")), 24, 22, id="failing for a while"
        ),
        pytest.param(
            changes((30, "up"), (6, "failing", "probe"), (5, "failing", "logs"), (4, "ok", "probe")),
            24,
            18,
            id="failing by one source is enough",
        ),
        pytest.param(
            changes((30, "up"), (6, "failing", "probe"), (4, "down"), (3, "up")), 24, 21, id="another run begins anew"
        ),
        pytest.param(
            changes((30, "up"), (6, "failing", "probe"), (4, "started", "probe")), 24, 22, id="a start begins anew"
        ),
        pytest.param([], 0, 0, id="nothing is known"),
    ],
)
def test_the_share_of_a_day(told: list[Change], known_hours: float, good_hours: float) -> None:
    shares = availability(told, NOW, known_since=ago(1000))
    assert shares[1] == Share(good_hours * 3600, known_hours * 3600)


def test_each_window_has_its_own_share_and_nothing_is_known_before_the_journal() -> None:
    shares = availability(changes((72, "up"), (30, "down"), (29, "up")), NOW, known_since=ago(96))
    assert shares == {1: Share(DAY, DAY), 7: Share(71 * 3600, 3 * DAY), 30: Share(71 * 3600, 3 * DAY)}
    assert as_percentages(shares) == {"1d": 100.0, "7d": 98.6111, "30d": 98.6111}


def test_a_gap_of_a_moment_is_no_hundred_per_cent() -> None:
    shares = availability(changes((1000, "up"), (2, "down"), (1.999999, "up")), NOW, known_since=ago(900))
    assert as_percentages(shares)["30d"] == 99.9999
    assert as_percentages({1: Share(0, 0)}) == {"1d": None}


@pytest.mark.parametrize(
    ("last", "started", "finished", "is_up", "expected"),
    [
        pytest.param((9, "up"), 9, None, True, [], id="the same run goes on"),
        pytest.param((9, "up"), 2, 3, True, [(3, "down"), (2, "up")], id="it ended and was started again"),
        pytest.param((9, "up"), 2, None, True, [(5, "unknown"), (2, "up")], id="another container has its place"),
        pytest.param((9, "up"), 2, 20, True, [(5, "unknown"), (2, "up")], id="it ended before it was last seen"),
        pytest.param((9, "down"), 2, 9, True, [(2, "up")], id="it was down and has been started"),
        pytest.param((9, "unknown"), 20, None, True, [(9, "up")], id="it has run all the time"),
        pytest.param(None, 20, None, True, [(20, "up")], id="it has never been seen"),
        pytest.param((9, "up"), 9, 3, False, [(3, "down")], id="it ended meanwhile"),
        pytest.param((9, "up"), None, None, False, [(5, "down")], id="it is gone: since when is not known"),
        pytest.param((9, "down"), 20, 9, False, [], id="it is still down"),
    ],
)
def test_what_nobody_saw_is_worked_out_from_the_engines_own_times(
    last: tuple[float, str] | None,
    started: float | None,
    finished: float | None,
    is_up: bool,
    expected: list[tuple[float, str]],
) -> None:
    found = reconciled(
        None if last is None else Change(ago(last[0]), last[1]),
        started_at=None if started is None else ago(started),
        finished_at=None if finished is None else ago(finished),
        is_up=is_up,
        unseen_since=ago(5),
    )
    assert found == changes(*expected)
