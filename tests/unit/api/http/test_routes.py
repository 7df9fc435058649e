"""The HTTP interface: what each path answers, with an engine and without, before there is a snapshot and after."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
from status_state_api.health.rules.policy_yaml import read_policy
from status_state_api.http.app import create_api
from status_state_api.http.schemas import Ready, StatusDocument
from status_state_api.model import Recipes, Snapshot
from status_state_api.shown.status import status_text

from ..ssa import BEARER, REPORT, Ssa, beside_two_containers
from ..world import DISK_FULL, HUNG, IDENTITY, NOW, REFUSED, SECRET, Lines, entry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.fixture
async def ssa() -> AsyncGenerator[Ssa]:
    """An SSA that has not yet started."""
    async with beside_two_containers() as ssa:
        yield ssa


@pytest.fixture
async def started(ssa: Ssa) -> Ssa:
    """An SSA that holds a snapshot."""
    await ssa.holder.start()
    ssa.engine.asked.clear()
    return ssa


async def test_status_shows_the_engine_the_originals_and_what_runs(started: Ssa) -> None:
    started.engine.entries.append(entry("miner"))
    status = await started.status()
    assert status.at == NOW
    assert status.engine.model_dump() == {
        "reachable": True,
        "error": None,
        **IDENTITY.model_dump(),
        "version": "20.10.24",
    }
    assert status.snapshot is not None
    assert [original.name for original in status.snapshot.originals] == ["db", "web"]
    assert [container.name for container in status.running or []] == ["db", "miner", "web"]
    assert status.controller.model_dump() == {
        "last_seen_at": None,
        "last_seen_seconds_ago": None,
        "report": None,
        "report_age_seconds": None,
    }


async def test_the_next_status_shows_what_has_changed_since(started: Ssa) -> None:
    await started.status()
    del started.engine.entries[0]
    assert [container.name for container in (await started.status()).running or []] == ["db"]


async def test_a_running_container_is_shown_as_docker_ps_shows_it(started: Ssa) -> None:
    answer = await started.client.get("/status")
    assert answer.json()["running"][1] == {
        "id": entry("web")["Id"],
        "name": "web",
        "image": "nginx:1.27",
        "image_id": "sha256:1b0a",
        "command": "nginx",
        "created_at": "2025-11-23T16:00:00Z",
        "state": "running",
        "status": "Up 2 hours",
        "labels": {},
        "ports": [{"ip": "127.0.0.1", "private_port": 80, "public_port": 8080, "type": "tcp"}],
    }


async def test_the_document_has_the_fields_that_its_description_has_in_their_order(started: Ssa) -> None:
    await started.client.post("/reports", json=REPORT, headers=BEARER)
    answer = await started.client.get("/status")
    described = StatusDocument.model_validate_json(answer.content).model_dump(mode="json")
    given = answer.json()
    for document in (given, described):
        del document["at"]  # the same moment may be written in two ways
    assert json.dumps(given) == json.dumps(described)


async def test_each_status_costs_one_question_to_the_engine_and_the_snapshot_none(started: Ssa) -> None:
    for path in ("/status", "/snapshot", "/status", "/healthz"):
        await started.client.get(path)
    await started.client.get("/snapshot/recipes", headers=BEARER)
    assert started.engine.asked == ["running", "running"]


async def test_status_works_before_there_is_a_snapshot(ssa: Ssa) -> None:
    status = await ssa.status()
    assert (status.snapshot, status.engine.id, status.engine.reachable) == (None, None, True)
    assert [container.name for container in status.running or []] == ["db", "web"]


@pytest.mark.parametrize("path", ["/snapshot", "/snapshot/recipes", "/readyz"])
async def test_what_needs_a_snapshot_says_what_it_waits_for(ssa: Ssa, path: str) -> None:
    ssa.engine.error = REFUSED
    starting = asyncio.create_task(ssa.holder.start())
    while not ssa.engine.asked:  # noqa: ASYNC110 - pytest's time-out ends it
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    answer = await ssa.client.get(path, headers=BEARER)
    assert answer.headers["retry-after"] == "5"
    assert await ssa.problem("GET", path, headers=BEARER) == (503, f"No snapshot is held yet: {str(REFUSED)[:-1]}.")
    starting.cancel()


async def test_a_report_is_refused_until_it_can_be_kept_with_its_engine(ssa: Ssa) -> None:
    assert (await ssa.problem("POST", "/reports", json=REPORT, headers=BEARER))[0] == 503


async def test_the_snapshot_is_served_without_its_recipes(started: Ssa) -> None:
    answer = await started.client.get("/snapshot")
    snapshot = Snapshot.model_validate_json(answer.content)
    assert [original.name for original in snapshot.originals] == ["db", "web"]
    assert (snapshot.reason, snapshot.engine) == ("startup", IDENTITY)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_recipes_are_served_with_the_token_and_an_etag(started: Ssa) -> None:
    answer = await started.client.get("/snapshot/recipes", headers=BEARER)
    recipes = Recipes.model_validate_json(answer.content)
    assert recipes == started.store.snapshots[0]
    assert answer.headers["etag"] == f'"{recipes.snapshot.id}"'
    assert SECRET in answer.text


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [("{etag}", 304), ("W/{etag}", 304), ('"other", {etag}', 304), ("*", 304), ('"other"', 200), ("", 200)],
)
async def test_recipes_are_not_sent_again_to_one_who_has_them(started: Ssa, if_none_match: str, status: int) -> None:
    etag = f'"{started.store.snapshots[0].snapshot.id}"'
    headers = {**BEARER, "If-None-Match": if_none_match.format(etag=etag)}
    answer = await started.client.get("/snapshot/recipes", headers=headers)
    assert (answer.status_code, answer.headers["etag"]) == (status, etag)
    assert (answer.content == b"") is (status == 304)


async def test_status_shows_when_the_controller_was_last_seen(started: Ssa) -> None:
    await started.client.get("/snapshot/recipes", headers=BEARER)
    started.now += timedelta(seconds=4.25)
    controller = (await started.status()).controller
    assert (controller.last_seen_at, controller.last_seen_seconds_ago) == (NOW, 4.2)


async def test_a_clock_that_is_set_back_makes_nothing_younger_than_now(started: Ssa) -> None:
    await started.client.get("/snapshot/recipes", headers=BEARER)
    started.now -= timedelta(hours=1)
    assert (await started.status()).controller.last_seen_seconds_ago == 0.0


async def test_a_report_is_stored_and_shown_with_its_age(started: Ssa) -> None:
    answer = await started.client.post("/reports", json={**REPORT, "extra": {"kept": True}}, headers=BEARER)
    assert (answer.status_code, answer.content) == (204, b"")
    started.now += timedelta(seconds=61)
    status = (await started.client.get("/status")).json()
    assert status["controller"]["report"] == {**REPORT, "extra": {"kept": True}}
    assert status["controller"]["report_age_seconds"] == 61.0
    assert json.loads(started.store.reports[0][1]) == {**REPORT, "extra": {"kept": True}}


async def test_the_last_report_survives_a_restart(started: Ssa) -> None:
    started.store.reports.append((NOW - timedelta(hours=1), json.dumps(REPORT)))
    await started.controller.load(IDENTITY)
    assert (await started.status()).controller.report_age_seconds == 3600.0


WHOLE = json.dumps(REPORT)
DAMAGED = {
    "cut": WHOLE[:-9],
    "empty": "",
    "NaN": WHOLE[:-1] + ', "extra": NaN}',
    "half a surrogate pair": WHOLE[:-1] + ', "extra": "\\ud800"}',
    "a field short": json.dumps({**REPORT, "sentence": None}),
    "another thing": "[]",
    "more after it": WHOLE + ",",
    "nested deep": WHOLE[:-1] + ', "extra": ' + "[" * 2000 + "]" * 2000 + "}",
}


@pytest.mark.parametrize("document", DAMAGED.values(), ids=DAMAGED)
async def test_what_is_stored_and_damaged_is_dropped_and_said_once(started: Ssa, document: str) -> None:
    started.store.reports.append((NOW, document))
    started.store.memory = document[:-3]
    with Lines() as lines:
        await started.controller.load(IDENTITY)
        for _ in range(2):
            assert (await started.status()).controller.report is None
    assert lines.events == ["stored_report_dropped", "stored_memory_dropped"]
    assert await memory(started) is None
    assert (await started.client.post("/reports", json=REPORT, headers=BEARER)).status_code == 204
    assert (await started.status()).controller.report is not None


MEMORY = {"attempts": {"web": [1.5, None, "wörd", True, 2**70]}, "secret": SECRET}


async def memory(ssa: Ssa) -> object:
    """The memory that comes with the recipes."""
    return (await ssa.client.get("/snapshot/recipes", headers=BEARER)).json()["memory"]


async def test_the_controllers_memory_is_given_back_with_the_recipes_and_shown_to_nobody_else(started: Ssa) -> None:
    assert await memory(started) is None
    with Lines() as lines:
        for sent in (
            {**REPORT, "memory": {"old": 1}},
            {**REPORT, "memory": MEMORY},
            REPORT,
            {**REPORT, "memory": None},
        ):
            assert (await started.client.post("/reports", json=sent, headers=BEARER)).status_code == 204
            assert (await started.client.get("/status")).json()["controller"]["report"] == REPORT
    assert await memory(started) == MEMORY
    assert [json.loads(document) for _, document in started.store.reports] == [REPORT] * 4
    assert lines.captured == []


async def test_the_memory_does_not_change_the_etag(started: Ssa) -> None:
    etags: set[str] = set()
    for number in range(2):
        await started.client.post("/reports", json={**REPORT, "memory": {"number": number}}, headers=BEARER)
        answer = await started.client.get("/snapshot/recipes", headers=BEARER)
        etags.add(answer.headers["etag"])
        assert answer.json()["memory"] == {"number": number}
    assert len(etags) == 1


async def test_the_memory_survives_a_restart_and_one_that_is_stored_does_not_displace_a_newer_one(started: Ssa) -> None:
    started.store.memory = json.dumps(MEMORY)
    await started.controller.load(IDENTITY)
    assert await memory(started) == MEMORY
    await started.client.post("/reports", json={**REPORT, "memory": {"newer": 1}}, headers=BEARER)
    started.store.memory = json.dumps(MEMORY)
    await started.controller.load(IDENTITY)
    assert await memory(started) == {"newer": 1}


async def test_a_memory_that_can_not_be_stored_is_held_and_stored_with_the_next_report(started: Ssa) -> None:
    started.store.error = DISK_FULL
    assert (await started.problem("POST", "/reports", json={**REPORT, "memory": MEMORY}, headers=BEARER))[0] == 503
    assert await memory(started) == MEMORY
    started.store.error = None
    await started.client.post("/reports", json=REPORT, headers=BEARER)
    assert json.loads(started.store.memory or "") == MEMORY


def nested(levels: int) -> bytes:
    """A report with a memory of that many levels."""
    return (
        json.dumps({**REPORT, "memory": "HERE"}).encode().replace(b'"HERE"', b'{"a":' * levels + b"1" + b"}" * levels)
    )


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (nested(31), 204),
        (nested(32), 422),
        (nested(100_000), 400),
        (nested(1).replace(b"1}", b"NaN}"), 422),
        (nested(1).replace(b"1}", b"-1e999}"), 422),
        (nested(0), 422),
        (json.dumps({**REPORT, "memory": [1]}).encode(), 422),
        (json.dumps({**REPORT, "memory": "x"}).encode(), 422),
        (json.dumps({**REPORT, "findings": json.loads("[" * 40 + "]" * 40)}).encode(), 422),
    ],
    ids=["deep", "too deep", "endless", "NaN", "infinite", "a number", "a list", "a word", "deep elsewhere"],
)
async def test_a_memory_is_any_json_object_of_bounded_depth(started: Ssa, content: bytes, status: int) -> None:
    headers = {**BEARER, "Content-Type": "application/json"}
    answer = await started.client.post("/reports", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert (await memory(started) is None) is (status != 204)


async def test_a_stored_report_does_not_displace_a_newer_one(started: Ssa) -> None:
    await started.client.post("/reports", json={**REPORT, "sentence": "newer"}, headers=BEARER)
    started.store.reports[:] = [(NOW - timedelta(hours=1), json.dumps(REPORT))]
    await started.controller.load(IDENTITY)
    report = (await started.status()).controller.report
    assert report is not None
    assert report.sentence == "newer"


async def test_a_report_that_can_not_be_stored_is_shown_and_reported_once(started: Ssa) -> None:
    started.store.error = DISK_FULL
    with Lines() as lines:
        for _ in range(3):
            status, detail = await started.problem("POST", "/reports", json=REPORT, headers=BEARER)
            assert (status, "the disk is full" in detail) == (503, True)
        assert (await started.status()).controller.report is not None
        started.store.error = None
        await started.client.post("/reports", json=REPORT, headers=BEARER)
    assert lines.events == ["report_unstored", "reports_stored_again"]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"{", "body.1: JSON decode error"),
        (b"{}", "body.sentence: Field required"),
        (json.dumps({**REPORT, "at": "soon"}).encode(), "body.at: "),
        (json.dumps({**REPORT, "findings": [{}]}).encode(), "body.findings.0.container: Field required"),
    ],
)
async def test_a_wrong_report_is_refused_with_all_that_is_wrong(started: Ssa, content: bytes, wrong: str) -> None:
    headers = {**BEARER, "Content-Type": "application/json"}
    answer = await started.client.post("/reports", content=content, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert any(error.startswith(wrong) for error in answer.json()["errors"])
    assert started.controller.report is None


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("GET", "/nothing", 404, "/docs"),
        ("GET", "/page/nothing.js", 404, "/page/nothing.js"),
        ("DELETE", "/status", 405, "DELETE"),
        ("GET", "/reports", 405, "GET"),
    ],
)
async def test_what_is_not_there_is_reported(started: Ssa, method: str, path: str, status: int, word: str) -> None:
    told, detail = await started.problem(method, path)
    assert (told, word in detail) == (status, True)


async def test_a_wrong_method_is_answered_with_the_right_ones(started: Ssa) -> None:
    answers = [await started.client.delete(path) for path in ("/status", "/snapshot", "/docs")]
    assert [answer.headers["allow"] for answer in answers] == ["GET", "GET, POST", "GET"]


async def test_a_bug_is_reported_as_such_without_its_innards(started: Ssa) -> None:
    started.engine.error = RuntimeError(SECRET)
    status, detail = await started.problem("GET", "/status")
    assert (status, "bug" in detail, SECRET in detail) == (500, True, False)


@pytest.mark.parametrize("error", [REFUSED, HUNG], ids=["refused", "hung"])
async def test_without_its_engine_it_keeps_serving_and_says_what_to_do(started: Ssa, error: Any) -> None:
    started.engine.error = error
    for _ in range(5):
        status = await started.status()
        assert status.running is None
        assert (status.engine.reachable, status.engine.error) == (False, str(error))
        assert status.engine.id == IDENTITY.id
        assert status.snapshot is not None
    assert started.engine.asked == ["running"], "a lost engine is asked by the watch alone"
    assert (await started.client.get("/snapshot")).status_code == 200
    assert (await started.client.get("/snapshot/recipes", headers=BEARER)).status_code == 200
    assert (await started.client.get("/healthz")).json() == {"alive": True}
    assert await started.problem("GET", "/readyz") == (503, f"The engine can't be asked: {error}")


async def test_readiness_asks_the_engine(started: Ssa) -> None:
    answer = await started.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, Ready().model_dump())
    assert started.engine.asked == ["ping"]
    started.engine.error = HUNG
    assert (await started.problem("GET", "/readyz"))[0] == 503


async def test_status_is_answered_ahead_of_the_application_as_the_application_does(started: Ssa) -> None:
    direct = await started.client.get("/status")
    api = create_api(started.parts, "x")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://localhost") as client:
        routed = await client.get("/status")
    assert (routed.status_code, routed.content) == (direct.status_code, direct.content)
    assert dict(direct.headers) == dict(routed.headers)
    assert (await started.problem("POST", "/status"))[0] == 405


async def test_status_tells_the_standing_of_each_container(started: Ssa) -> None:
    async def told() -> dict[str, str]:
        return {one.container.name: one.standing for one in (await started.status()).standings or []}

    started.engine.entries.append(entry("miner"))
    assert await told() == {"db": "original", "miner": "newcomer", "web": "original"}
    started.policies.policy = read_policy("- match: miner\n  ignore: true\n", "policy.yaml")
    assert (await told())["miner"] == "protected"
    started.engine.entries[0] = entry("web") | {"Id": "9" * 64}
    assert (await told())["web"] == "original"
    about = {"container": {"id": "9" * 64, "name": "web"}, "kind": "replaced", "reason": "was replaced"}
    report = REPORT | {"findings": [about]}
    await started.client.post("/reports", json=report, headers=BEARER)
    assert (await told())["web"] == "original", "the report is about another snapshot"
    assert started.holder.held is not None
    report["snapshot_id"] = started.holder.held.snapshot.id
    await started.client.post("/reports", json=report, headers=BEARER)
    assert (await told())["web"] == "replaced"
    del started.engine.entries[0]
    assert (await told())["web"] == "missing"
    started.engine.error = HUNG
    assert (await started.status()).standings is None


@pytest.mark.parametrize(
    ("query", "accept", "form"),
    [
        ("", "*/*", "application/json"),
        ("", "text/html,*/*", "application/json"),
        ("", "text/plain", "text/plain; charset=utf-8"),
        ("", "text/plain, application/json", "application/json"),
        ("?format=text", "application/json", "text/plain; charset=utf-8"),
        ("?format=json", "text/plain", "application/json"),
    ],
)
async def test_status_is_text_for_those_who_ask_for_it(started: Ssa, query: str, accept: str, form: str) -> None:
    answer = await started.client.get(f"/status{query}", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, form)
    assert answer.headers["cache-control"] == "no-store"
    if "text" in form:
        assert answer.text == status_text(orjson.loads((await started.client.get("/status")).content), 80)
        assert answer.text.endswith("\nin sync\n")


async def test_the_width_of_the_text_may_be_asked_for(started: Ssa) -> None:
    started.engine.entries.append(entry("miner") | {"Image": "i" * 200})
    lines = (await started.client.get("/status?format=text&width=60")).text.splitlines()
    assert max(map(len, lines[lines.index("") : -2])) == 60
    assert "i" * 200 in (await started.client.get("/status?format=text&width=400")).text
    assert (await started.problem("GET", "/status?format=xml"))[0] == 422


async def test_the_documentation_needs_no_outside_resource(started: Ssa) -> None:
    page = await started.client.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    for file in ("docs/swagger-ui-bundle.js", "docs/swagger-ui.css", "docs/favicon-32x32.png"):
        assert file in page.text
        answer = await started.client.get(f"/{file}")
        assert answer.status_code == 200
        assert len(answer.content) > 500
    assert "openapi.json" in page.text
