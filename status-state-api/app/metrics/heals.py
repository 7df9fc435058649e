"""How long an original was down until the controller had it run again. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..journal.availability import DOWN, UP, Change
from ..journal.entry import Entry

HEALED_FINDINGS = ("stopped", "removed")
"""Findings of an original that is down. One that is unhealthy or replaced runs, so no `die` tells since when it is wrong."""

SLACK = timedelta(milliseconds=100)
"""The engine tells when a container started, the controller when it asked for that: to the millisecond, each by itself."""


def heal_seconds(action: Entry, changes: Sequence[Change]) -> float | None:
    """Return how long it took from the engine's `die` until the original ran again.

    Args:
        action: what the controller did, as its report tells.
        changes: the last moments at which this original went up and down, the oldest first.

    Returns:
        None where nothing was healed by this, or nobody saw the `die`.
    """
    if action.result != "done" or action.finding not in HEALED_FINDINGS or action.seconds is None:
        return None
    try:
        earliest, latest = action.at - timedelta(seconds=action.seconds) - SLACK, action.at + SLACK
    except (OverflowError, ValueError):
        return None  # no controller took so long
    ups = [number for number, change in enumerate(changes) if change.what == UP and earliest <= change.at <= latest]
    # Its start may not have been heard of yet: then it is still the last change that it went down.
    down_at = (ups[-1] if ups else len(changes)) - 1
    if down_at < 0 or changes[down_at].what != DOWN:
        return None
    up_at: datetime = changes[ups[-1]].at if ups else action.at
    return max(0.0, (up_at - changes[down_at].at).total_seconds())
