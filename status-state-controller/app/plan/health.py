"""Which originals are ill, and whether a restart may mend them. Pure; time is passed in.

A restart is no cure for everything. What was never well since its start is left alone: it may be a database that is
recovering. And when many fall ill together, the cause is the host or the network, not they. To tell that, an illness is
acted on only once nobody else has fallen ill for a while.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ILLNESS_SETTLES_SECONDS = 5.0
LONGEST_SETTLING_SECONDS = 30.0
"""The usual interval of health checks: whoever has fallen ill together has shown it by then."""
SSA_FINDS_OUT_SECONDS = 60.0
"""What three failures of a probe take by default, and its start period."""
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
    """What the SSA says: why runs of containers are failing, by id and start, and which are about to.

    `known` is False while it says nothing: then nobody is known to be failing, or to be well.
    """

    failing: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    faltering: frozenset[str] = frozenset()
    known: bool = False

    def reason(self, container_id: str, started_at: str) -> str | None:
        """Return why this run is failing; None when it is not."""
        return self.failing.get((container_id, started_at))


class Hold(StrEnum):
    """Why illnesses are not acted on now."""

    SETTLING = "unless others fall ill as well"
    MANY = "as most originals are, the cause is probably not in it"


@dataclass(frozen=True, slots=True)
class Illnesses:
    """The illnesses of all originals, by the id of the container that has the original's place.

    `others` are those that have just failed a check, though not yet often enough to be ill. `hold` tells why none of
    them is acted on now, if none is.
    """

    by_id: Mapping[str, Illness] = field(default_factory=dict[str, Illness])
    others: frozenset[str] = frozenset()
    hold: Hold | None = None

    @property
    def mendable(self) -> frozenset[tuple[str, str]]:
        """The runs that a restart may mend, by id and start."""
        return frozenset((key, illness.started_at) for key, illness in self.by_id.items() if illness.mendable)

    def many(self, originals: int) -> str | None:
        """Say that so many of the originals are ill at once that the cause can't be in them; None when it is not so."""
        ill = {container_id for container_id, illness in self.by_id.items() if illness.counts} | self.others
        if len(ill) < LEAST_OF_A_MASS or 2 * len(ill) <= originals:
            return None
        return f"{len(ill)} of {originals} originals are unhealthy at once"


class Settling:
    """Knows when it is clear how many are ill, and whether most of them were until just now."""

    def __init__(self) -> None:
        self._known: frozenset[tuple[str, str]] = frozenset()
        self._settled = True
        self._after_many = False
        self._first_at = 0.0
        self._last_at = 0.0

    def note(self, illnesses: Illnesses, now: float, *, many: bool) -> float:
        """Take note of who is ill now; return the seconds until that may be acted on, 0 for now.

        Args:
            illnesses: who is ill.
            now: the time.
            many: whether so many are ill that none of them is mended.
        """
        ill = illnesses.mendable
        # After many were ill the others recover one by one: that has to come to an end as well.
        changed = bool(ill - self._known) or (self._after_many and ill != self._known)
        self._known = ill
        if many:
            self._settled, self._after_many = False, True
            self._first_at = self._last_at = now
            return ILLNESS_SETTLES_SECONDS
        if not ill:
            self._settled, self._after_many = True, False
            return 0.0
        if changed:
            self._first_at = now if self._settled else self._first_at
            self._settled, self._last_at = False, now
        settled_at = min(self._last_at + ILLNESS_SETTLES_SECONDS, self._first_at + LONGEST_SETTLING_SECONDS)
        if now >= settled_at:
            self._settled, self._after_many = True, False
        return max(0.0, settled_at - now)


class Outbreak:
    """Whether many are ill at once, from when that shows until it is known to be over.

    While the SSA says nothing it is not over, if some of them were ill by its word: nor for a minute after, since the
    SSA itself has to find out anew.
    """

    def __init__(self) -> None:
        self.sentence: str | None = None
        """What is told of it, as it was at its beginning; None while there is none."""
        self._by_verdict = False
        self._unsure_until = 0.0

    def note(self, illnesses: Illnesses, originals: int, now: float, *, verdicts_known: bool) -> None:
        """Take note of who is ill now."""
        if not verdicts_known:
            self._unsure_until = now + SSA_FINDS_OUT_SECONDS
        many = illnesses.many(originals)
        if many is not None:
            self.sentence = self.sentence or many
            if verdicts_known:
                self._by_verdict = any(illness.verdict for illness in illnesses.by_id.values())
        elif not (self._by_verdict and now < self._unsure_until):
            self.sentence, self._by_verdict = None, False
