"""The state of the moment as families of metrics, made from the document of `/status`. Pure.

A family without samples says that this is not known now: of the containers while the engine can't be asked, of the rest
before there is a snapshot or a report about it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import product
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily

from ..journal.entry import read_moment
from ..snapshot.standing import Standing
from .checks import HEADER, Checks
from .labels import KINDS, OTHER, name_label, one_of
from .running import Seconds

HEALTHS = ("failing", "unknown", "ok", "none")
"""The worse one first: a container may have several verdicts. `none` is one of which nothing is asked."""

TO_RUN = (Standing.ORIGINAL, Standing.REPLACED, Standing.MISSING)
"""Standings of originals that are to run. One that has finished, or is protected, may be down."""

Document = Mapping[str, Any]


def state_families(
    document: Document, version: str, running: Mapping[str, Seconds], checks: Checks | None
) -> Iterator[Metric]:
    """Make them.

    Args:
        document: the document of `/status`.
        version: of this service.
        running: for how long each original was to run, and did, by its name.
        checks: what the controller said last of its checks.
    """
    info = "The version of status-state-api, which always counts 1."
    yield _gauge("status_state_build_info", info, [((version,), 1)], "version")
    yield from _engine(document["engine"])
    yield from _snapshot(document["snapshot"])
    yield _containers(document)
    yield from _pauses(document["pauses"])
    yield from _controller(document, checks)
    yield from _originals(running)


def expected_names(document: Document) -> frozenset[str]:
    """Return the names of what is to run, as far as that is known."""
    standings = document["standings"] or ()
    return frozenset(one["container"]["name"] for one in standings if one["standing"] in TO_RUN)


def _engine(engine: Document) -> Iterator[Metric]:
    reachable = "Whether the engine can be asked: 1 or 0."
    yield _gauge("status_state_engine_reachable", reachable, [((), engine["reachable"])])
    known = [] if engine["version"] is None else [((name_label(engine["version"]),), 1)]
    yield _gauge("status_state_engine_info", "The engine's version, which always counts 1.", known, "version")


def _snapshot(snapshot: Document | None) -> Iterator[Metric]:
    originals = [] if snapshot is None else [((), len(snapshot["originals"]))]
    taken = [] if snapshot is None else [((), datetime.fromisoformat(snapshot["taken_at"]).timestamp())]
    yield _gauge("status_state_snapshot_originals", "Originals of the snapshot.", originals)
    yield _gauge("status_state_snapshot_timestamp_seconds", "When the snapshot was taken.", taken)


def _containers(document: Document) -> Metric:
    """Count the containers that run and the originals that don't."""
    health: dict[str, str] = {}
    for verdict in document["verdicts"]:
        verdicts = (verdict["verdict"], health.get(verdict["container"]["id"], "none"))
        health[verdict["container"]["id"]] = min(verdicts, key=HEALTHS.index)
    counts: list[tuple[tuple[str, ...], float]] = []
    if document["standings"] is not None:
        found = Counter((one["standing"], health.get(one["container"]["id"], "none")) for one in document["standings"])
        counts = [(pair, found[pair]) for pair in product(map(str, Standing), HEALTHS)]
    return _gauge(
        "status_state_containers",
        "Containers that run, and originals that don't, by what they are to the snapshot and by their worst verdict.",
        counts,
        "standing",
        "health",
    )


def _pauses(pauses: Iterable[Document]) -> Iterator[Metric]:
    scopes = Counter("all" if pause["container"] is None else "container" for pause in pauses)
    counts = [((scope,), scopes[scope]) for scope in ("all", "container")]
    yield _gauge("status_state_pauses", "Pauses in force: of all healing, or of one container.", counts, "scope")


def _controller(document: Document, checks: Checks | None) -> Iterator[Metric]:
    controller: Document = document["controller"]
    snapshot: Document | None = document["snapshot"]
    seen = controller["last_seen_at"]
    yield _gauge(
        "status_state_controller_last_seen_timestamp_seconds",
        "When the controller last asked for the snapshot, which it does at each full check.",
        [] if seen is None else [((), datetime.fromisoformat(seen).timestamp())],
    )
    told = SummaryMetricFamily(
        "status_state_controller_check_duration_seconds",
        f"Checks that the controller has completed, and how long they took, by its header {HEADER}.",
        labels=(),
    )
    if checks is not None:
        told.add_metric((), count_value=checks.completed, sum_value=checks.seconds)
    yield told
    report: Document | None = controller["report"]
    yield _gauge(
        "status_state_controller_dry_run",
        "Whether the controller only says what it would do: 1 or 0.",
        [] if report is None else [((), report["dry_run"])],
    )
    if report is not None and (snapshot is None or report["snapshot_id"] != snapshot["id"]):
        report = None  # what it tells is over
    found = None if report is None else Counter(one_of(one["kind"], KINDS) for one in report["findings"])
    yield _gauge(
        "status_state_findings",
        "Differences that the controller's last report tells of.",
        [] if found is None else [((kind,), found[kind]) for kind in (*KINDS, OTHER)],
        "kind",
    )
    yield from _backoffs(document, None if report is None else report["outcomes"])


def _backoffs(document: Document, outcomes: Iterable[Document] | None) -> Iterator[Metric]:
    """Tell of originals whose next attempt has to wait because one before it failed, or did not last."""
    paused = {pause["container"] for pause in document["pauses"]}
    originals = {one["name"] for one in (document["snapshot"] or {"originals": ()})["originals"]}
    now = datetime.fromisoformat(document["at"])
    until: dict[str, float] = {}
    for outcome in outcomes or ():
        name, attempt = outcome["container"]["name"], outcome.get("attempt")
        if outcome["result"] != "waiting" or not isinstance(attempt, int) or attempt < 2 or outcome["until"] is None:
            continue
        try:
            ends_at = read_moment(outcome["until"])
        except (ValueError, OverflowError):
            continue  # of the year 1, in another time zone
        if name in originals and not paused & {None, name} and ends_at > now:
            until[name] = ends_at.timestamp()
    count = [] if outcomes is None else [((), len(until))]
    yield _gauge("status_state_originals_in_backoff", "Originals whose next attempt waits for its back-off.", count)
    yield _gauge(
        "status_state_original_backoff_until_timestamp_seconds",
        "When the back-off of an original ends, while one is in force.",
        [((name_label(name),), at) for name, at in sorted(until.items())],
        "original",
    )


def _originals(running: Mapping[str, Seconds]) -> Iterator[Metric]:
    expected = CounterMetricFamily(
        "status_state_original_expected_seconds",
        "Time for which an original was to run, as far as it is known whether it did.",
        labels=("original",),
    )
    actual = CounterMetricFamily(
        "status_state_original_running_seconds", "Time of that for which it ran.", labels=("original",)
    )
    for name, seconds in sorted(running.items()):
        expected.add_metric((name_label(name),), seconds.expected)
        actual.add_metric((name_label(name),), seconds.running)
    yield expected
    yield actual


def _gauge(name: str, help_text: str, samples: Iterable[tuple[tuple[str, ...], float]], *labels: str) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family
