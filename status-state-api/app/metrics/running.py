"""For how long each original was to run, and for how long it ran. Pure.

Added up at each scrape, from the moments at which originals went up and down since the one before: how often that is
asked makes no difference. Time of which nothing is known counts neither way.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..journal.availability import Change, availability

WHOLE_DAYS = 36_500
"""Longer than any time between two scrapes."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long an original was expected to run, and how long of that it did."""

    expected: float = 0.0
    running: float = 0.0


class RunningSeconds:
    """Adds up, since the first scrape."""

    def __init__(self) -> None:
        self._until: datetime | None = None
        self.totals: Mapping[str, Seconds] = {}
        """By original; only of those that there still are."""

    def add(self, changes: Mapping[str, Sequence[Change]], expected: Collection[str], now: datetime) -> None:
        """Add the time since the last call.

        Args:
            changes: the last ones of each original, by name.
            expected: the names of those that are to run.
            now: until when.
        """
        since = now if self._until is None else self._until
        totals: dict[str, Seconds] = {}
        for name, known in changes.items():
            before = self.totals.get(name, Seconds())
            if name in expected:
                share = availability(known, now, known_since=since, windows_days=(WHOLE_DAYS,))[WHOLE_DAYS]
                totals[name] = Seconds(before.expected + share.known_seconds, before.running + share.good_seconds)
            else:
                totals[name] = before
        self.totals, self._until = totals, now
