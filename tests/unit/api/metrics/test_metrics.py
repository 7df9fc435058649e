"""`GET /metrics`, asked as Prometheus asks it: what is counted, what is not known, and that it never fails."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from status_state_api.health.verdict import State, Subject, Verdict
from status_state_api.journal.availability import DOWN, UP, Change

from ..ssa import BEARER, REPORT, Ssa, beside_two_containers
from ..world import HUNG, NOW, REFUSED, container_id, entry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from prometheus_client.metrics_core import Metric

DOCUMENTED = Path(__file__).parents[4] / "docs" / "metrics.md"
CHECKS = {"Status-State-Checks": "completed=412, seconds=9.318"}


@pytest.fixture
async def ssa() -> AsyncGenerator[Ssa]:
    """An SSA that holds a snapshot of `db` and `web`."""
    async with beside_two_containers() as ssa:
        await ssa.holder.start()
        yield ssa


async def scrape(ssa: Ssa) -> dict[str, Metric]:
    """The families by name."""
    answer = await ssa.client.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def values(family: Metric, *labels: str, of: str = "") -> dict[tuple[str, ...], float]:
    """The samples that are not zero, by their labels."""
    named = [one for one in family.samples if one.name.endswith(of) and one.value]
    return {tuple(one.labels[label] for label in labels): one.value for one in named}


def outcome(key: str | None, result: str = "done", **more: Any) -> dict[str, Any]:
    """What became of starting `web`, five seconds after it has gone down."""
    reference = {"id": container_id("web"), "name": "web"}
    document = {"container": reference, "action": "start", "result": result, "reason": "had exited"}
    ended = {"outcome_id": key, "at": "2026-11-23T18:00:05Z", "finding": "stopped", "seconds": 0.5, "attempt": 1}
    return {**document, **({} if key is None else ended), **more}


async def report(ssa: Ssa, *outcomes: dict[str, Any], **more: Any) -> None:
    """Have the controller send a report about the present snapshot."""
    assert ssa.holder.held is not None
    document = {**REPORT, "snapshot_id": ssa.holder.held.snapshot.id, "outcomes": list(outcomes), **more}
    assert (await ssa.client.post("/reports", json=document, headers=BEARER)).status_code == 204


def changes(ssa: Ssa, monkeypatch: pytest.MonkeyPatch, of: Mapping[str, Sequence[Change]]) -> None:
    """Have the originals gone up and down at these times."""
    monkeypatch.setattr(type(ssa.parts.uptime), "recent", property(lambda _: of))


async def test_every_metric_is_documented_with_its_type_and_labels(ssa: Ssa, monkeypatch: pytest.MonkeyPatch) -> None:
    changes(ssa, monkeypatch, {"web": [Change(NOW, DOWN), Change(NOW + timedelta(seconds=1), UP)]})
    await report(ssa, outcome("k"), outcome(None, "waiting", attempt=2, until="2026-11-23T18:10:00Z"))
    await ssa.client.get("/snapshot/recipes", headers={**BEARER, **CHECKS})
    shown: set[tuple[str, str, frozenset[str]]] = set()
    for family in (await scrape(ssa)).values():
        assert family.samples, f"{family.name} has no sample: the test makes too little happen"
        assert family.documentation.endswith("." if family.name.startswith("status_state") else ("", "."))
        labels = frozenset(label for one in family.samples for label in one.labels) - {"le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        shown.add((name, family.type, labels))
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|(.*?)\|", DOCUMENTED.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {(name, kind, frozenset(re.findall(r"\w+", labels))) for name, kind, labels in rows}
    assert shown == documented


async def test_an_action_counts_once_although_its_report_comes_twice(ssa: Ssa) -> None:
    failed = outcome("b", "failed", action="recreate")
    for _ in range(2):
        await report(ssa, outcome("a"), failed, outcome("c", "running"), outcome("d", action="invented\n"))
    families = await scrape(ssa)
    actions = values(families["status_state_actions"], "action", "outcome")
    assert actions == {("start", "done"): 1, ("recreate", "failed"): 1, ("other", "done"): 1}
    assert families["status_state_controller_reports"].samples[0].value == 2
    zeros = [one for one in families["status_state_actions"].samples if one.value == 0]
    assert len(zeros) == 3 * 8 - 2, "else Prometheus would not see the first action as an increase"


async def test_the_time_to_heal_is_reported_from_the_exit_to_the_start(
    ssa: Ssa, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes(ssa, monkeypatch, {"web": [Change(NOW, DOWN), Change(NOW + timedelta(seconds=4.75), UP)]})
    await report(ssa, outcome("a"), outcome("b", "failed"), outcome("c", finding="unhealthy", action="restart"))
    heals = (await scrape(ssa))["status_state_heal_duration_seconds"]
    assert values(heals, "finding", of="_sum") == {("stopped",): 4.75}
    assert values(heals, "finding", of="_count") == {("stopped",): 1}


async def test_containers_are_counted_by_standing_and_worst_verdict(ssa: Ssa) -> None:
    ssa.engine.entries = [entry("web"), entry("miner"), entry("cache", **{"status-state.ignore": "true"})]
    web = Subject(container_id("web"), "web", "")
    ssa.verdicts.put(Verdict(web, "engine", State.UNKNOWN, "x"))
    ssa.verdicts.put(Verdict(web, "probe", State.OK, "x"))
    ssa.verdicts.put(Verdict(web, "logs", State.FAILING, "x"))
    containers = (await scrape(ssa))["status_state_containers"]
    assert values(containers, "standing", "health") == {
        ("original", "failing"): 1,
        ("missing", "none"): 1,
        ("newcomer", "none"): 1,
        ("protected", "none"): 1,
    }
    assert len(containers.samples) == 7 * 4


async def test_findings_count_while_they_are_about_this_snapshot(ssa: Ssa) -> None:
    finding = {"container": {"id": "1", "name": "x"}, "kind": "new", "reason": "x"}
    await report(ssa, findings=[finding, finding, {**finding, "kind": "invented"}], dry_run=True)
    families = await scrape(ssa)
    assert values(families["status_state_findings"], "kind") == {("new",): 2, ("other",): 1}
    assert values(families["status_state_controller_dry_run"]) == {(): 1}
    await report(ssa, findings=[finding], snapshot_id="5" * 32)
    assert not (await scrape(ssa))["status_state_findings"].samples


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        pytest.param({}, True, id="in force"),
        pytest.param({"until": "2026-11-23T18:10:00"}, True, id="without a time zone"),
        pytest.param({"until": "2026-11-23T17:59:59Z"}, False, id="over"),
        pytest.param({"until": None}, False, id="waits for something else"),
        pytest.param({"attempt": 1}, False, id="first attempt"),
        pytest.param({"attempt": "2"}, False, id="rubbish"),
        pytest.param({"until": "0001-01-01T00:00:00+14:00"}, False, id="before all time"),
        pytest.param({"container": {"id": "1", "name": "miner"}}, False, id="no original"),
    ],
)
async def test_a_back_off_in_force_is_reported(ssa: Ssa, more: dict[str, Any], *, counts: bool) -> None:
    await report(ssa, outcome(None, "waiting", **{"attempt": 2, "until": "2026-11-23T18:10:00Z", **more}))
    families = await scrape(ssa)
    assert families["status_state_originals_in_backoff"].samples[0].value == counts
    until = values(families["status_state_original_backoff_until_timestamp_seconds"], "original")
    assert until == ({("web",): (NOW + timedelta(minutes=10)).timestamp()} if counts else {})
    pause = {"for": 60, "containers": ["web"]}
    assert (await ssa.client.post("/pause", json=pause, headers=BEARER)).status_code == 200
    families = await scrape(ssa)
    assert not families["status_state_originals_in_backoff"].samples[0].value, "it waits for the end of the pause"
    assert values(families["status_state_pauses"], "scope") == {("container",): 1}


async def test_the_seconds_that_an_original_was_to_run_and_ran_add_up(
    ssa: Ssa, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [Change(NOW - timedelta(hours=1), UP)]
    changes(ssa, monkeypatch, {"web": known, "db": known})
    await scrape(ssa)
    changes(ssa, monkeypatch, {"web": [*known, Change(NOW + timedelta(seconds=20), DOWN)], "db": known})
    ssa.now = NOW + timedelta(seconds=60)
    await scrape(ssa)
    monkeypatch.setattr(type(ssa.parts.uptime), "is_current", property(lambda _: False))
    ssa.now = NOW + timedelta(seconds=90)
    families = await scrape(ssa)
    expected, ran = (families[f"status_state_original_{what}_seconds"] for what in ("expected", "running"))
    assert values(expected, "original") == {("web",): 60, ("db",): 60}
    assert values(ran, "original") == {("web",): 20, ("db",): 60}
    monkeypatch.undo()
    changes(ssa, monkeypatch, {"db": known})
    assert values((await scrape(ssa))["status_state_original_expected_seconds"], "original") == {("db",): 90}


async def test_one_that_may_be_down_is_not_expected_to_run(ssa: Ssa, monkeypatch: pytest.MonkeyPatch) -> None:
    ssa.engine.entries[0] = entry("web", **{"status-state.ignore": "true"})
    changes(ssa, monkeypatch, {"web": [Change(NOW - timedelta(hours=1), UP)]})
    await scrape(ssa)
    ssa.now = NOW + timedelta(seconds=60)
    assert not values((await scrape(ssa))["status_state_original_expected_seconds"], "original")


async def test_hostile_names_are_labels_that_prometheus_can_read(ssa: Ssa, monkeypatch: pytest.MonkeyPatch) -> None:
    name = 'a"} 1\n# TYPE \\ \ud800 é'

    def to_run(_: object) -> set[str]:
        return {name}

    monkeypatch.setattr("status_state_api.metrics.metrics.expected_names", to_run)
    changes(ssa, monkeypatch, {name: [Change(NOW - timedelta(hours=1), UP)]})
    await scrape(ssa)
    ssa.now = NOW + timedelta(seconds=1)
    shown = values((await scrape(ssa))["status_state_original_running_seconds"], "original")
    assert shown == {('a"} 1\n# TYPE \\ \\ud800 é',): 1}


@pytest.mark.parametrize("error", [REFUSED, HUNG], ids=["refused", "hung"])
async def test_a_scrape_works_while_the_engine_is_away(ssa: Ssa, error: Exception) -> None:
    ssa.engine.error = error
    families = await scrape(ssa)
    assert families["status_state_engine_reachable"].samples[0].value == 0
    assert not families["status_state_containers"].samples
    assert families["status_state_snapshot_originals"].samples[0].value == 2
    assert families["status_state_snapshot_timestamp_seconds"].samples


async def test_a_scrape_works_before_there_is_a_snapshot() -> None:
    async with beside_two_containers() as ssa:
        families = await scrape(ssa)
        assert not families["status_state_snapshot_originals"].samples
        assert families["status_state_build_info"].samples[0].labels == {"version": "1.2.3"}


async def test_an_engine_that_hangs_is_not_waited_for_long(ssa: Ssa, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(ssa.engine, "running", hang)
    monkeypatch.setattr("status_state_api.http.routes.metrics.PATIENCE_SECONDS", 0.01)
    assert not (await scrape(ssa))["status_state_containers"].samples


async def test_a_scrape_costs_the_engine_one_question(ssa: Ssa) -> None:
    ssa.engine.asked.clear()
    await scrape(ssa)
    assert ssa.engine.asked == ["running"]


@pytest.mark.parametrize(
    "header",
    ["completed=1", "completed=-1, seconds=1.0", "completed=1, seconds=nan", "x", "", "completed=1e9, seconds=1"],
)
async def test_what_is_no_count_of_checks_is_taken_for_none(ssa: Ssa, header: str) -> None:
    await ssa.client.get("/snapshot/recipes", headers={**BEARER, "Status-State-Checks": header})
    assert not (await scrape(ssa))["status_state_controller_check_duration_seconds"].samples


async def test_the_controller_tells_of_its_checks_when_it_asks(ssa: Ssa) -> None:
    await ssa.client.get("/snapshot/recipes", headers={**BEARER, **CHECKS})
    families = await scrape(ssa)
    checks = families["status_state_controller_check_duration_seconds"].samples
    assert {one.name.rpartition("_")[2]: one.value for one in checks} == {"count": 412, "sum": 9.318}
    seen = families["status_state_controller_last_seen_timestamp_seconds"].samples[0].value
    assert seen == NOW.timestamp()


async def test_requests_count_by_the_template_of_their_route(ssa: Ssa) -> None:
    for path in ("/status", "/healthz", "/healthz", "/nothing", "/status/", "/metrics/../x?y"):
        await ssa.client.get(path)
    await ssa.client.head("/healthz")
    await ssa.client.get("/status", headers={"Host": "evil.example"})
    await ssa.client.request("PURGE", "/healthz")
    for snapshot_id in ("a" * 32, "b" * 32):
        await ssa.client.post(f"/snapshots/{snapshot_id}/rollback")
    families = await scrape(ssa)
    assert values(families["status_state_http_requests"], "method", "route", "code") == {
        ("GET", "/status", "200"): 1,
        ("GET", "/status", "421"): 1,
        ("GET", "/healthz", "200"): 2,
        ("HEAD", "/healthz", "200"): 1,
        ("other", "/healthz", "405"): 1,
        ("GET", "other", "404"): 3,
        ("POST", "/snapshots/{snapshot_id}/rollback", "401"): 2,
    }
    latencies = values(families["status_state_http_request_duration_seconds"], "route", of="_count")
    assert latencies[("/healthz",)] == 4


async def test_a_stream_counts_when_it_begins(ssa: Ssa) -> None:
    _, parts = await ssa.follow("/verdicts")
    assert json.loads(await anext(parts))["failing"] == []
    requests = (await scrape(ssa))["status_state_http_requests"]
    assert values(requests, "method", "route", "code") == {("GET", "/verdicts", "200"): 1}
