"""What is told of a check: one sentence for the log, one document for the SSA, kept until it is delivered."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from ..model import Finding, Outcome, Result, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_NAMED = 20
"""How many findings a sentence names before it counts the rest."""

MOST_KEPT = 100
"""How many undelivered reports are kept; the oldest are dropped first."""

_DONE = {
    Verb.START: "started",
    Verb.RESTART: "restarted",
    Verb.RECREATE: "recreated",
    Verb.RESTORE: "restored",
    Verb.STOP: "stopped",
}


def tell(findings: Iterable[Finding], outcomes: Iterable[Outcome]) -> str:
    """Tell cause and effect in one sentence: what was found of whom, and what became of it."""
    outcome_of = {outcome.action.container.id: outcome for outcome in outcomes}
    parts: list[str] = []
    for finding in findings:
        outcome = outcome_of.get(finding.container.id)
        effect = "nothing is done about it" if outcome is None else _effect(outcome)
        parts.append(f"{finding.container.name} {finding.reason}: {effect}")
    if not parts:
        return "in sync"
    rest = len(parts) - MOST_NAMED
    return "; ".join(parts[:MOST_NAMED]) + (f"; and {rest} more" if rest > 0 else "")


def _effect(outcome: Outcome) -> str:
    verb = outcome.action.verb
    detail = f" ({outcome.detail})" if outcome.detail else ""
    match outcome.result:
        case Result.DONE:
            return _DONE[verb] + detail
        case Result.RUNNING:
            return f"still being {_DONE[verb]}{detail}"
        case Result.FAILED:
            return f"{verb} failed: {outcome.detail}"
        case Result.WAITING:
            until = f" at {outcome.until:%H:%M:%S} UTC" if outcome.until else ""
            return f"next {verb}{until}{detail}"
        case Result.DROPPED:
            return f"no {verb} after all: {outcome.detail}"
        case Result.DRY_RUN:
            return f"would {verb} it (dry run)"


class Outbox:
    """Reports that the SSA has not taken yet, oldest first."""

    def __init__(self) -> None:
        self._kept: deque[dict[str, Any]] = deque(maxlen=MOST_KEPT)

    def put(self, report: dict[str, Any]) -> None:
        """Keep a report until it is taken."""
        self._kept.append(report)

    def first(self) -> dict[str, Any] | None:
        """Return the oldest report, None when there is none."""
        return self._kept[0] if self._kept else None

    def taken(self, report: dict[str, Any]) -> None:
        """Let go of a report; it may have been dropped meanwhile."""
        if self._kept and self._kept[0] is report:
            self._kept.popleft()

    def __len__(self) -> int:
        return len(self._kept)
