"""How many checks were completed, and how long they took: the SSA is told whenever it is asked, and shows it to Prometheus."""

from __future__ import annotations

from dataclasses import dataclass

HEADER = "Status-State-Checks"


@dataclass(slots=True)
class CheckCount:
    """The checks that were completed since this process began, and the seconds that they took in all."""

    completed: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.completed += 1
        self.seconds += seconds

    def header(self) -> dict[str, str]:
        """Return the header that tells it, a dictionary by RFC 9651."""
        return {HEADER: f"completed={self.completed}, seconds={self.seconds:.3f}"}
