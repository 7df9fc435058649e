"""Brings the journal and what is known now together: how available each original was.

Everyone may ask for it, and it is a month of entries that is summed up: those who ask together share one answer, and the
event loop is not held up meanwhile.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ..engine.shared import SharedCall
from .availability import UNKNOWN, WINDOWS_DAYS, Change, Share, availability, history
from .journal import Journal
from .uptime import Uptime

MOST_READ = 50_000
"""Entries that are summed up at once: more than a hundred containers that crash every five minutes leave in 30 days."""

STARTED = "started"
"""All verdicts begin anew with a start of this service."""


class NamesOriginals(Protocol):
    """Who knows the snapshot in force."""

    def original_names(self) -> Iterable[str]:
        """The names of the originals; none while there is no snapshot."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """How available one original was: over each window in days, and in each half hour of the last day."""

    shares: dict[int, Share]
    history: list[Share]


Shares = tuple[datetime | None, dict[str, Known]]


class Availability:
    """Sums up the journal of each original.

    Args:
        journal: what was noted.
        uptime: what is known now.
        names: whose.
    """

    def __init__(self, journal: Journal, uptime: Uptime, names: NamesOriginals) -> None:
        self._journal = journal
        self._uptime = uptime
        self._names = names
        self._shared = SharedCall(self._sum_up)

    async def shares(self) -> Shares:
        """Return since when something is known, and what, by name. Raises `StoreUnavailable`."""
        return await self._shared.get()

    async def _sum_up(self) -> Shares:
        first = await self._journal.first_at()
        if first is None:
            return None, {}
        now = self._journal.now()
        known_since = max(first, now - timedelta(days=max(WINDOWS_DAYS)))
        told = await self._journal.changes(known_since, MOST_READ)
        if len(told) == MOST_READ:
            known_since = told[-1].at
        names, known = list(self._names.original_names()), self._uptime.known
        return known_since, await asyncio.to_thread(_shares_of, names, told, known, now, known_since)


def _shares_of(
    names: Iterable[str], told: Iterable[Change], known: Mapping[str, Change], now: datetime, known_since: datetime
) -> dict[str, Known]:
    changes, starts = _sort(told)
    found: dict[str, Known] = {}
    for name in names:
        own = [*changes[name], *starts, *_present(known.get(name), changes[name])]
        found[name] = Known(availability(own, now, known_since=known_since), history(own, now, known_since=known_since))
    return found


def _sort(told: Iterable[Change]) -> tuple[dict[str, list[Change]], list[Change]]:
    changes: dict[str, list[Change]] = defaultdict(list)
    starts: list[Change] = []
    for one in told:
        if one.container is not None:
            changes[one.container].append(one)
        elif one.what == STARTED:
            starts += [Change(one.at, STARTED, source) for source in ("engine", "probe", "logs")]
    return changes, starts


def _present(known: Change | None, changes: Iterable[Change]) -> list[Change]:
    """What is known now, where it began before anything that was read: an original that has been up for months."""
    if known is None or known.what == UNKNOWN or any(change.source is None for change in changes):
        return []
    return [known]
