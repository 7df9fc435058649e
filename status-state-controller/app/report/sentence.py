"""How findings and outcomes are reported: in a sentence for people, and by the name that a log line has. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..model import Outcome, Result, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Finding

MOST_NAMED = 20
"""How many findings a sentence names before it counts the rest."""

IN_SYNC = "in sync"

_DONE = {
    Verb.START: "started",
    Verb.REATTACH: "reattached",
    Verb.RESTART: "restarted",
    Verb.RECREATE: "recreated",
    Verb.RESTORE: "restored",
    Verb.STOP: "stopped",
    Verb.ACCEPT: "accepted as an original",
    Verb.DROP: "dropped from the snapshot",
}
DRIFT_REPORTED, NEWCOMER_STOPPED, STOP_FAILED = "drift_reported", "newcomer_stopped", "stop_failed"
ACCEPTED, ACCEPT_FAILED, DROPPED, DROP_FAILED = "accepted", "accept_failed", "dropped", "drop_failed"
OF_VERBS = {
    Verb.STOP: (NEWCOMER_STOPPED, STOP_FAILED),
    Verb.ACCEPT: (ACCEPTED, ACCEPT_FAILED),
    Verb.DROP: (DROPPED, DROP_FAILED),
}
"""The names of what has been done, and of what has failed, where that is no healing."""

EVENTS = {
    Result.DONE: "healed",
    Result.FAILED: "heal_failed",
    Result.WAITING: "action_waiting",
    Result.RUNNING: "action_running",
    Result.DROPPED: "action_dropped",
    Result.DRY_RUN: "dry_run",
}


def event_name(outcome: Outcome | None) -> str:
    """Return the name of the log line about a finding with this outcome; None: nothing is done about it."""
    if outcome is None:
        return DRIFT_REPORTED
    if outcome.action.verb in OF_VERBS and outcome.result in {Result.DONE, Result.FAILED}:
        done, failed = OF_VERBS[outcome.action.verb]
        return done if outcome.result is Result.DONE else failed
    return EVENTS[outcome.result]


def tell_finding(finding: Finding, outcome: Outcome | None) -> str:
    """Tell cause and effect in one sentence: what was found, and what became of it."""
    effect = "nothing is done about it" if outcome is None else _effect(outcome)
    return f"{finding.container.name} {finding.reason}: {effect}"


def tell(findings: Iterable[Finding], outcomes: Iterable[Outcome]) -> str:
    """Tell of a whole check in one sentence."""
    outcome_of = {outcome.action.container.id: outcome for outcome in outcomes}
    parts = [tell_finding(finding, outcome_of.get(finding.container.id)) for finding in findings]
    if not parts:
        return IN_SYNC
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
            until = "" if outcome.until is None else f" at {datetime.fromtimestamp(outcome.until, UTC):%H:%M:%S} UTC"
            return f"next {verb}{until}{detail}"
        case Result.DROPPED:
            return f"no {verb} after all: {outcome.detail}"
        case Result.DRY_RUN:
            return f"would {verb} it (dry run)"
