"""Brings the journal and what is known now together: how available each original was."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from .availability import UNKNOWN, WINDOWS_DAYS, Change, Share, availability, history
from .entry import NumberedEntry
from .journal import Journal, Query
from .uptime import Uptime

MOST_READ = 50_000
"""Entries that are summed up at once: more than a hundred containers that crash every five minutes leave in 30 days."""

STARTED = "started"
"""All verdicts begin anew with a start of this service."""


@dataclass(frozen=True, slots=True)
class Known:
    """How available one original was: over each window in days, and in each half hour of the last day."""

    shares: dict[int, Share]
    history: list[Share]


class Availability:
    """Sums up the journal of each original.

    Args:
        journal: what was noted.
        uptime: what is known now.
    """

    def __init__(self, journal: Journal, uptime: Uptime) -> None:
        self._journal = journal
        self._uptime = uptime

    async def of(self, names: Iterable[str]) -> tuple[datetime | None, dict[str, Known]]:
        """Return since when something is known, and what, by name. Raises `StoreUnavailable`."""
        first = await self._journal.first_at()
        if first is None:
            return None, {}
        now = self._journal.now()
        known_since = max(first, now - timedelta(days=max(WINDOWS_DAYS)))
        query = Query(limit=MOST_READ, kinds=("state", "verdict", "service"), since=known_since)
        entries = await self._journal.read(query)
        if len(entries) == MOST_READ:
            known_since = entries[-1].at
        changes, starts = _sort(entries)
        known = self._uptime.known
        found: dict[str, Known] = {}
        for name in names:
            own = [*changes[name], *starts, *_present(known.get(name), changes[name])]
            found[name] = Known(
                availability(own, now, known_since=known_since), history(own, now, known_since=known_since)
            )
        return known_since, found


def _sort(entries: Iterable[NumberedEntry]) -> tuple[dict[str, list[Change]], list[Change]]:
    changes: dict[str, list[Change]] = defaultdict(list)
    starts: list[Change] = []
    for entry in entries:
        if entry.kind == "service" and entry.what == STARTED:
            starts += [Change(entry.at, STARTED, source) for source in ("engine", "probe", "logs")]
        elif entry.container is not None and entry.kind in {"state", "verdict"}:
            changes[entry.container.name].append(Change(entry.at, entry.what, entry.source))
    return changes, starts


def _present(known: Change | None, changes: Iterable[Change]) -> list[Change]:
    """What is known now, where it began before anything that was read: an original that has been up for months."""
    if known is None or known.what == UNKNOWN or any(change.source is None for change in changes):
        return []
    return [known]
