"""Moments and durations as people read them. Pure: `now` is always passed in."""

from __future__ import annotations

from datetime import UTC, datetime


def read_moment(text: str) -> datetime:
    """Read a moment of the SSA's JSON; raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def moment(text: str | None) -> str:
    """Return a moment of the SSA's JSON to the second; what can't be read as it is."""
    if not text:
        return "-"
    try:
        return f"{read_moment(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return text


def clock(text: str, now: str) -> str:
    """Return the time of day of a moment, with the date where that is another day than `now`."""
    shown = moment(text)
    return shown.split(" ", 1)[1] if shown.startswith(moment(now)[:10]) and " " in shown else shown


def seconds_between(now: str, then: str) -> float:
    """Return the seconds from `now` until `then`; 0 for what can't be read."""
    try:
        return (read_moment(then) - read_moment(now)).total_seconds()
    except ValueError:
        return 0.0


def duration(seconds: float) -> str:
    """Return a duration in its two largest units: `5 s`, `1 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    left = max(0, round(seconds))
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    for place, (name, size) in enumerate(units):
        if left >= size or size == 1:
            shown = f"{left // size} {name}"
            rest = left % size // units[place + 1][1] if size > 1 else 0
            return f"{shown} {rest} {units[place + 1][0]}" if rest else shown
    raise AssertionError("the last unit takes all")
