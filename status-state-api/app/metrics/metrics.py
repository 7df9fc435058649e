"""What `/metrics` answers: the door of this room.

The state of the moment is read from the document that `/status` answers with, so a scrape asks the engine for no more than
that does. What counts up is kept here, in memory: it begins at zero with this process, as Prometheus expects. Nothing is
registered globally, and nothing runs between two scrapes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ..journal.availability import Change
from ..journal.report import Report
from .actions import ActionMetrics
from .checks import Checks, read_checks
from .requests import RequestMetrics
from .running import RunningSeconds
from .state import expected_names, state_families


class KnowsUptime(Protocol):
    """Who follows which originals are up."""

    @property
    def recent(self) -> Mapping[str, Sequence[Change]]:
        """The last changes of each original, by name, the oldest first."""
        ...

    @property
    def is_current(self) -> bool:
        """Whether it follows them at this moment: else it finds out later what has become of them."""
        ...


class Metrics:
    """Counts, and answers `/metrics`.

    Args:
        version: of this service.
        uptime: knows when originals went up and down.
        now: the time of day, in UTC.
    """

    def __init__(
        self, version: str, uptime: KnowsUptime, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        disable_created_metrics()  # else each counter has a series more, which tells when this process began to count
        self._version = version
        self._uptime = uptime
        self._now = now
        self._running = RunningSeconds()
        self._checks: Checks | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._state = _State()
        self._registry.register(self._state)
        self._actions = ActionMetrics(self._registry)
        self.requests = RequestMetrics(self._registry)
        """Counts the requests to this service."""
        ProcessCollector(registry=self._registry)

    def take_report(self, report: Report) -> None:
        """Count what a report of the controller tells."""
        self._actions.take(report, self._uptime.recent)

    def take_checks(self, header: str | None) -> None:
        """Take note of how many checks the controller has made; an older one doesn't say."""
        self._checks = read_checks(header)

    def text(self, status: bytes) -> bytes:
        """Make the answer, in Prometheus' text format; `status` is the document of `/status` of this moment."""
        document: dict[str, Any] = orjson.loads(status)
        if self._uptime.is_current:
            self._running.add(self._uptime.recent, expected_names(document), self._now())
        self._state.families = state_families(document, self._version, self._running.totals, self._checks)
        return generate_latest(self._registry)


class _State(Collector):
    """Hands the registry the state of the moment."""

    families: Iterable[Metric] = ()

    def collect(self) -> Iterable[Metric]:
        """Return what was last put here."""
        return self.families
