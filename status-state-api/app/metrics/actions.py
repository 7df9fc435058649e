"""Counts what the controller has done, by its reports: each action once, though a report may come twice."""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

from ..journal.availability import Change
from ..journal.entry import ENDED_RESULTS, entries_of
from ..journal.report import Report
from .heals import HEALED_FINDINGS, heal_seconds
from .labels import OTHER, VERBS, one_of

MOST_REMEMBERED = 10_000
"""Keys of actions that were counted: a controller keeps a hundred reports, each of which may come again."""

HEAL_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""In seconds. An exit is healed in less than one; the back-off makes it minutes."""


class ActionMetrics:
    """What is counted of the controller's reports."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counted: dict[str, None] = {}
        self._reports = Counter(
            "status_state_controller_reports", "Reports of the controller that were received.", registry=registry
        )
        self._actions = Counter(
            "status_state_actions",
            "Actions of the controller that are over.",
            ["action", "outcome"],
            registry=registry,
        )
        for verb in VERBS:  # from the start, so that Prometheus sees the first one as an increase
            for result in ENDED_RESULTS:
                self._actions.labels(verb, result)
        self._heals = Histogram(
            "status_state_heal_duration_seconds",
            "Time from the exit of an original until it ran again by an action of the controller.",
            ["finding"],
            buckets=HEAL_BUCKETS,
            registry=registry,
        )
        for finding in HEALED_FINDINGS:
            self._heals.labels(finding)

    def take(self, report: Report, changes: Mapping[str, Sequence[Change]]) -> None:
        """Count; `changes` are the last ones of each original, by name."""
        self._reports.inc()
        for action in entries_of(report):
            if action.key in self._counted:
                continue
            self._counted[action.key] = None
            if len(self._counted) > MOST_REMEMBERED:
                del self._counted[next(iter(self._counted))]
            self._actions.labels(one_of(action.what, VERBS), action.result or OTHER).inc()
            name = "" if action.container is None else action.container.name
            seconds = heal_seconds(action, changes.get(name, ()))
            if seconds is not None:
                self._heals.labels(action.finding).observe(seconds)
