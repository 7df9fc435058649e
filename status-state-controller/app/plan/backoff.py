"""How long a failing original has to wait for its next attempt. Pure; time is passed in.

The first attempt is made at once, the following ones after 10 s, doubling up to 5 min, for ever: a temporary outage
must not leave a service dead. An original has recovered when it has *run* for 10 min; that a command succeeded proves
nothing, and a back-off reset by it never grows. (The figures are those of the kubelet.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST_WAIT_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 300.0
RECOVERED_AFTER_SECONDS = 600.0


@dataclass(slots=True)
class _Attempts:
    count: int
    last_at: float


class Backoff:
    """The attempts made for each original, by its id. Times are seconds of any one steady clock."""

    def __init__(self) -> None:
        self._attempts: dict[str, _Attempts] = {}

    def due_at(self, original_id: str) -> float | None:
        """Return when the next attempt may be made; None means at once."""
        attempts = self._attempts.get(original_id)
        if attempts is None:
            return None
        # The exponent is bounded because a float overflows after a thousand attempts, which is three days.
        wait = min(FIRST_WAIT_SECONDS * 2 ** min(attempts.count - 1, 16), LONGEST_WAIT_SECONDS)
        return attempts.last_at + wait

    def attempted(self, original_id: str, now: float) -> None:
        """Count an attempt made at `now`, whatever came of it."""
        attempts = self._attempts.setdefault(original_id, _Attempts(0, now))
        attempts.count += 1
        attempts.last_at = now

    def ran(self, original_id: str, up_seconds: float) -> None:
        """Forget the attempts of an original that has run for long enough."""
        if up_seconds >= RECOVERED_AFTER_SECONDS:
            self._attempts.pop(original_id, None)

    def keep_only(self, original_ids: Iterable[str]) -> None:
        """Forget whoever is not in the snapshot any more."""
        kept = set(original_ids)
        self._attempts = {key: value for key, value in self._attempts.items() if key in kept}

    def attempts(self, original_id: str) -> int:
        """Return how many attempts were made since it last ran for long enough."""
        attempts = self._attempts.get(original_id)
        return attempts.count if attempts else 0
