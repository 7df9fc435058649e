"""Which originals are ill, and whether a restart may mend them. Pure; time is passed in.

A restart is no cure for everything. What was never well since its start is left alone: it may be a database that is
recovering. And when many fall ill together, the cause is the host or the network, not they. To tell that, an illness is
acted on only once nobody else has fallen ill for a while.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ILLNESS_SETTLES_SECONDS = 5.0
LONGEST_SETTLING_SECONDS = 30.0
"""The usual interval of health checks: whoever has fallen ill together has shown it by then."""
LEAST_OF_A_MASS = 3
"""Design, section 3: more than half of the originals, and at least three."""


@dataclass(frozen=True, slots=True)
class Illness:
    """What ails one run of a container.

    `verdict` tells that the SSA says so, else it is the engine's health check. `mendable` is False for what was never
    well since its start; `counts` tells whether it counts when many are ill at once.
    """

    started_at: str
    reason: str
    verdict: bool
    mendable: bool = True
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the SSA says: why runs of containers are failing, by id and start, and which are about to."""

    failing: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    faltering: frozenset[str] = frozenset()

    def reason(self, container_id: str, started_at: str) -> str | None:
        """Return why this run is failing; None when it is not."""
        return self.failing.get((container_id, started_at))


@dataclass(frozen=True, slots=True)
class Illnesses:
    """The illnesses of all originals, by the id of the container that has the original's place.

    `others` are those that have just failed a check, though not yet often enough to be ill.
    """

    by_id: Mapping[str, Illness] = field(default_factory=dict[str, Illness])
    others: frozenset[str] = frozenset()

    def many(self, originals: int) -> str | None:
        """Say that so many of the originals are ill at once that the cause can't be in them; None when it is not so."""
        ill = {container_id for container_id, illness in self.by_id.items() if illness.counts} | self.others
        if len(ill) < LEAST_OF_A_MASS or 2 * len(ill) <= originals:
            return None
        return f"{len(ill)} of {originals} originals are unhealthy at once"


class Settling:
    """Knows how long to wait until it is clear how many are ill."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()
        self._first_at = 0.0
        self._last_at = 0.0

    def note(self, illnesses: Illnesses, now: float, *, many: bool) -> float:
        """Take note of who is ill now; return the seconds until that may be acted on.

        Args:
            illnesses: who is ill.
            now: the time.
            many: whether so many are ill that none of them is mended; once that has passed it settles anew.
        """
        ill = {(key, illness.started_at) for key, illness in illnesses.by_id.items() if illness.mendable}
        if not self._known:
            self._first_at = now
        if ill - self._known or many:
            self._last_at = now
        if many:
            self._first_at = now
        self._known = ill
        if not ill:
            return 0.0
        settled_at = min(self._last_at + ILLNESS_SETTLES_SECONDS, self._first_at + LONGEST_SETTLING_SECONDS)
        return max(0.0, settled_at - now)
