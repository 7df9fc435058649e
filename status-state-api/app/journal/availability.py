"""For which share of the time an original was running and healthy. Pure.

Computed from the journal: `state` entries tell when an original went up or down, `verdict` entries when it began or
ceased to be failing. Time of which nothing is known (the SSA was away, the engine could not be asked) counts neither way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

WINDOWS_DAYS = (1, 7, 30)
HISTORY_SLOTS = 48
"""So many parts of the last day are told apart."""
SLOT = timedelta(days=1) / HISTORY_SLOTS

UP, DOWN, UNKNOWN = "up", "down", "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """An original went up or down, or it is not known any more; or, with a source, what that says of its health.

    `container` is its name, None for what is about all of them.
    """

    at: datetime
    what: str
    source: str | None = None
    container: str | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """How long an original was running and healthy, of the time for which that is known."""

    good_seconds: float
    known_seconds: float

    @property
    def share(self) -> float | None:
        """From 0 to 1; None when nothing is known."""
        return self.good_seconds / self.known_seconds if self.known_seconds > 0 else None


def availability(
    changes: Iterable[Change], now: datetime, *, known_since: datetime, windows_days: Sequence[int] = WINDOWS_DAYS
) -> dict[int, Share]:
    """Sum up one original's changes over each window.

    Args:
        changes: of this original, in any order; at least the first one after `known_since`.
        now: the end of the windows.
        known_since: nothing is known of the time before.
        windows_days: the windows, in days.
    """
    spans = _spans(sorted(changes, key=lambda change: change.at), now, known_since)
    shares: dict[int, Share] = {}
    for days in windows_days:
        begin = now - timedelta(days=days)
        good = known = 0.0
        for since, until, is_good in spans:
            seconds = (until - max(since, begin)).total_seconds()
            if seconds > 0 and is_good is not None:
                known += seconds
                good += seconds if is_good else 0.0
        shares[days] = Share(good, known)
    return shares


def history(changes: Iterable[Change], now: datetime, *, known_since: datetime) -> list[Share]:
    """Sum up one original's changes over each half hour of the last day, the oldest first. Arguments as above."""
    begin = now - HISTORY_SLOTS * SLOT
    good, known = [0.0] * HISTORY_SLOTS, [0.0] * HISTORY_SLOTS
    for since, until, is_good in _spans(sorted(changes, key=lambda change: change.at), now, known_since):
        at = max(since, begin)
        while is_good is not None and at < until:
            slot = min((at - begin) // SLOT, HISTORY_SLOTS - 1)
            end = min(until, begin + (slot + 1) * SLOT)
            known[slot] += (end - at).total_seconds()
            good[slot] += (end - at).total_seconds() if is_good else 0.0
            at = end
    return [Share(one, of) for one, of in zip(good, known, strict=True)]


def _spans(
    changes: Sequence[Change], now: datetime, known_since: datetime
) -> list[tuple[datetime, datetime, bool | None]]:
    """Cut the time into spans in which nothing changed: begin, end, and whether it was good; None when not known."""
    state = _before_the_first(changes)
    failing: dict[str, bool] = {}
    spans: list[tuple[datetime, datetime, bool | None]] = []
    marks = [Change(known_since, ""), *changes, Change(now, "")]
    for change, following in pairwise(marks):
        if change.source is not None:
            failing[change.source] = change.what == "failing"
        elif change.what:
            state = change.what
            if state != UP:
                failing.clear()  # what is said of a run ends with it
        good = None if state == UNKNOWN else state == UP and not any(failing.values())
        begin, end = max(change.at, known_since), min(following.at, now)
        if end > begin:
            spans.append((begin, end, good))
    return spans


def _before_the_first(changes: Sequence[Change]) -> str:
    """What was before the first change: what goes down was up. What goes up may not have been there before."""
    first = next((change.what for change in changes if change.source is None), UNKNOWN)
    return UP if first == DOWN else UNKNOWN


def reconciled(
    last: Change | None,
    *,
    started_at: datetime | None,
    finished_at: datetime | None,
    is_up: bool,
    unseen_since: datetime,
) -> list[Change]:
    """Work out from the engine's own times what has become of an original while nobody looked.

    Args:
        last: its last known change; None for none.
        started_at: when the container in its place was last started; None when there is none, or never.
        finished_at: when it last ended; None for never.
        is_up: whether it is up now.
        unseen_since: since when nobody has looked.
    """
    known = last.what if last is not None else UNKNOWN
    seen_at = last.at if last is not None else None
    if is_up and started_at is not None:
        if known == UP and seen_at is not None and started_at <= seen_at:
            return []
        if known != UP:
            return [Change(started_at if seen_at is None else max(started_at, seen_at), UP)]
        began = Change(started_at, UP)
        # It was up before, too: in another run. When that ended only its own container can tell.
        ended_at = finished_at if finished_at is not None and seen_at is not None and finished_at > seen_at else None
        gap = Change(unseen_since, UNKNOWN) if ended_at is None else Change(ended_at, DOWN)
        return [gap, began] if gap.at < began.at else [began]
    if is_up or known == DOWN:
        return []
    ended_at = finished_at if finished_at is not None and (seen_at is None or finished_at > seen_at) else unseen_since
    return [Change(ended_at, DOWN)]


def as_percentages(shares: Mapping[int, Share]) -> dict[str, float | None]:
    """As people read them, rounded down: 100 means without a gap."""
    return {f"{days}d": as_percentage(share) for days, share in shares.items()}


def as_percentage(share: Share) -> float | None:
    """As people read it, rounded down; None where nothing is known."""
    return None if share.share is None else int(share.share * 1_000_000) / 10_000
