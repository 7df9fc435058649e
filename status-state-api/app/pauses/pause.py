"""Which pauses are in force at a time, and which have to be ended: decisions only.

Pure: no I/O, no clock. Two clocks are passed in: the time that people read, and steady seconds. A pause is over when
either says so: by the first alone, one would last for hours after the clock was set back, and by the second alone, one
would be longer by the time in which nothing ran.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..model import Pause

LONGEST_SECONDS = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Running:
    """A pause, and the steady time at which it is over at the latest."""

    pause: Pause
    deadline: float


def begin_pause(
    container: str | None, *, seconds: float, reason: str | None, accept_at_end: bool, by: str | None, now: datetime
) -> Pause:
    """Make a pause from now on; `container` is None for all."""
    begun_at = now.replace(microsecond=0)
    until = begun_at + timedelta(seconds=max(1, round(seconds)))
    return Pause(container=container, until=until, begun_at=begun_at, reason=reason, accept_at_end=accept_at_end, by=by)


def take_up(pause: Pause, now: datetime, steady: float) -> Running:
    """Take up a pause that has just begun, or was stored: it never lasts longer than it was asked for."""
    whole = (pause.until - pause.begun_at).total_seconds()
    left = (pause.until - now).total_seconds()
    return Running(pause, steady + max(0.0, min(whole, left)))


def is_over(one: Running, now: datetime, steady: float) -> bool:
    """Tell whether its time has passed."""
    return now >= one.pause.until or steady >= one.deadline


def in_force(running: Iterable[Running], now: datetime, steady: float) -> tuple[Pause, ...]:
    """Return those to be obeyed, by name, that of all first: one with `accept_at_end` also beyond its time, until it was ended."""
    listed = [one.pause for one in running if one.pause.accept_at_end or not is_over(one, now, steady)]
    return tuple(sorted(listed, key=lambda pause: pause.container or ""))


def seconds_left(running: Iterable[Running], now: datetime, steady: float) -> float | None:
    """Return how long until the next one is over; None when there is none."""
    left = [min((one.pause.until - now).total_seconds(), one.deadline - steady) for one in running]
    return max(0.0, min(left)) if left else None


@dataclass(frozen=True, slots=True)
class Share:
    """What becomes of the snapshot at the end of pauses: the whole present, or these names."""

    everything: bool
    names: tuple[str, ...]


def share_at_end(ending: Sequence[Pause]) -> Share | None:
    """Return what is to be accepted when these end; None for nothing."""
    wished = [pause.container for pause in ending if pause.accept_at_end]
    if not wished:
        return None
    return Share(None in wished, tuple(sorted(name for name in wished if name is not None)))
