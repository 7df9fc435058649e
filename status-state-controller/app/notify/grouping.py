"""When notifications are sent: the first at once, what follows in one message, and not too many in an hour. Pure.

Moments are steady seconds, passed in.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .message import Batch

if TYPE_CHECKING:
    from .message import Occasion


@dataclass(frozen=True, slots=True)
class Limits:
    """How messages are grouped and limited; in seconds."""

    apart: float = 30.0
    """What happens this soon after a message waits, and comes in one: a host that boots makes one message of many."""
    most: int = 20
    """Messages within `per`; services that people use at no charge refuse more than some ten in a minute."""
    per: float = 3600.0
    kept: int = 20
    """Occasions that one message holds: the latest; older ones are counted."""


class Grouping:
    """What waits to be sent, and when the last messages were.

    Args:
        limits: how many, and how far apart.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: deque[tuple[float, Occasion]] = deque(maxlen=limits.kept)
        self._left_out = 0
        self._sent: deque[float] = deque(maxlen=limits.most)

    def put(self, occasion: Occasion, at: float) -> None:
        """Have people notified of an occasion; `at` is when it was, in seconds since 1970."""
        self._left_out += len(self._waiting) == self._limits.kept
        self._waiting.append((at, occasion))

    @property
    def due_at(self) -> float | None:
        """When the next message is to be sent, which may be past; None while there is nothing to send."""
        return self._free_at if self._waiting else None

    def take(self, now: float, utc: float, *, is_end: bool = False) -> Batch | None:
        """Take what is to be sent now, None when nothing is.

        Args:
            now: this moment, in steady seconds.
            utc: the same in seconds since 1970.
            is_end: nothing will be sent later, so what only waits for others to come is sent now.
        """
        due = self.due_at
        if due is None or now < due - (self._limits.apart if is_end else 0.0):
            return None
        self._sent.append(now)
        is_last = self._free_at - now > self._limits.apart
        batch = Batch(tuple(self._waiting), self._left_out, utc + self._free_at - now if is_last else None)
        self._waiting.clear()
        self._left_out = 0
        return batch

    @property
    def _free_at(self) -> float:
        """When a message may be sent, as far as those before it are concerned."""
        if not self._sent:
            return float("-inf")
        after_last = self._sent[-1] + self._limits.apart
        is_full = len(self._sent) == self._limits.most
        return max(after_last, self._sent[0] + self._limits.per) if is_full else after_last
