"""Counts the requests to this service, and how long they waited for their answer."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from .labels import one_of

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

ANSWER_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""In seconds. `/status` takes as long as the engine does: some milliseconds, and at most `SSA_ENGINE_TIMEOUT`."""


class RequestMetrics:
    """What is counted of requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "status_state_http_requests",
            "Requests that were answered.",
            ["method", "route", "code"],
            registry=registry,
        )
        self._seconds = Histogram(
            "status_state_http_request_duration_seconds",
            "Time from a request to the begin of its answer.",
            ["route"],
            buckets=ANSWER_BUCKETS,
            registry=registry,
        )
        self._counters: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, route: str, code: int, seconds: float) -> None:
        """Count an answer; `route` is the template of its path: of these there must be a bounded number."""
        key = (one_of(method, METHODS), route, code)
        counters = self._counters.get(key)  # looking each of them up by its labels costs as much as counting
        if counters is None:
            counters = self._requests.labels(key[0], route, code), self._seconds.labels(route)
            self._counters[key] = counters
        counters[0].inc()
        counters[1].observe(seconds)
