"""Pauses: the times in which an operator does not want anything healed, of all containers or of one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause, as the SSA lists it.

    `container` is an exact name, None for all; `until` is in seconds since 1970. One with `accept_at_end` lasts until the
    SSA does not list it any more: before, the present has not become the snapshot, and healing would undo it.
    """

    container: str | None
    until: float
    reason: str | None = None
    accept_at_end: bool = False

    @property
    def ends_at(self) -> float | None:
        """When it ends by itself; None when the SSA tells its end."""
        return None if self.accept_at_end else self.until

    def __str__(self) -> str:
        """Until when, and why, to be read after `healing is paused`."""
        because = f" ({self.reason})" if self.reason else ""
        return f"until {datetime.fromtimestamp(self.until, UTC):%Y-%m-%d %H:%M:%S} UTC{because}"


def pause_of(pauses: Iterable[Pause], names: Iterable[str], now: float) -> Pause | None:
    """Return the pause that holds for one of these names at this moment, the longest one; None when there is none."""
    concerned = {None, *names}
    lasting = [one for one in pauses if one.container in concerned and (one.accept_at_end or now < one.until)]
    return max(lasting, key=lambda one: (one.accept_at_end, one.until), default=None)
