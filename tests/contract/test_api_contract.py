"""The SSA's half of what the two services send each other: it writes, and reads, just what the golden files hold."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from status_state_api.engine.view import EngineLook, Inspection, Listing
from status_state_api.engine.watch import EngineWatch
from status_state_api.health.rules.policy_yaml import read_policy
from status_state_api.health.verdict import State, Subject, Verdict
from status_state_api.health.verdicts import Verdicts
from status_state_api.http.answers.standings import Standings
from status_state_api.http.answers.status import Status
from status_state_api.http.app import create_app
from status_state_api.http.gate import KnownHosts
from status_state_api.http.routes.parts import Parts
from status_state_api.journal.controller import ControllerRecord
from status_state_api.journal.journal import Journal, Retention
from status_state_api.journal.notes import PauseNotes
from status_state_api.journal.uptime import Uptime
from status_state_api.metrics.metrics import Metrics
from status_state_api.model import Pause, Recipes
from status_state_api.pauses.book import PauseBook
from status_state_api.pauses.keeper import PauseKeeper
from status_state_api.process.bell import Bell
from status_state_api.process.ending import Ending
from status_state_api.snapshot.changes import SnapshotChanges
from status_state_api.snapshot.holder import SnapshotHolder
from status_state_api.store.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from status_state_api.health.observer import Watched
    from status_state_api.health.rules.policy import Policy

GOLDEN = Path(__file__).parent / "golden"
TOKEN = "the-token-of-the-pair"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
DB_ID = "d0b10c6d5b4a39281706f5e4d3c2b1a0d0b10c6d5b4a39281706f5e4d3c2b1a0"
CACHE_ID = "cac40c6d5b4a39281706f5e4d3c2b1a0cac40c6d5b4a39281706f5e4d3c2b1a0"
NOW = datetime(2026, 11, 23, 18, 0, 31, tzinfo=UTC)


def golden(name: str) -> Any:
    """A golden file."""
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


RECIPES = Recipes.model_validate(golden("recipes.json"))
POLICY = """
- match: [backup-*, ci-*]
  ignore: true
  on-new: report
- match: web
  restart: on-failure
  on-down: restart
  on-replace: accept
  on-unhealthy: report
  logs.severity: critical
"""


class GoldenEngine:
    """The engine that the golden snapshot is of. Nothing needs to be asked of it."""

    address = "unix:///docker.sock"

    async def look(self) -> EngineLook:
        """Which engine it is."""
        return EngineLook(RECIPES.snapshot.engine, "20.10.24", NOW, "bridge", NOW - timedelta(hours=1))

    async def running(self) -> Listing:
        """Nothing."""
        return Listing(b"[]", ())

    async def container_ids(self) -> frozenset[str]:
        """None."""
        return frozenset()

    async def all(self) -> Listing:
        """Nothing."""
        return Listing(b"[]", ())

    async def ping(self) -> None:
        """It answers."""

    async def container(self, container_id: str) -> Inspection | None:
        """There is none."""
        assert container_id

    async def network(self, network_id: str) -> Inspection | None:
        """There is none."""
        assert network_id

    async def image(self, image_id: str) -> Inspection | None:
        """There is none."""
        assert image_id

    async def volume(self, name: str) -> Inspection | None:
        """There is none."""
        assert name


class Nobody:
    """Who observes the originals: nobody."""

    def follow(self, originals: Sequence[Watched]) -> None:
        """Observe nobody."""
        assert originals is not None


@dataclass(frozen=True)
class GoldenPolicies:
    """The policy that the golden recipes bring along."""

    policy: Policy = field(default_factory=lambda: read_policy(POLICY, "policy.yaml"))


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of an SSA that resumes the golden snapshot from a real store."""
    engine, store = GoldenEngine(), Store(f"sqlite:///{tmp_path}/store.sqlite3")
    await store.open()
    await store.begin_run(RECIPES, None, None, None)
    await store.put_pauses(
        RECIPES.snapshot.engine, [Pause.model_validate(one) for one in golden("recipes.json")["pauses"]]
    )
    watch, policies = EngineWatch(engine, Ending()), GoldenPolicies()
    controller, verdicts = ControllerRecord(store), Verdicts()
    journal = Journal(store, Retention(), lambda: NOW)
    nothing: Any = None
    uptime = Uptime(nothing, watch, nothing, journal)
    book = PauseBook(store, verdicts, PauseNotes(journal), now=lambda: NOW)
    holder = SnapshotHolder(
        engine, watch, store, policies, kept=(controller, book), on_start="resume", own_id=None, boot_id=None
    )
    changes = SnapshotChanges(engine, watch, holder, store, policies, controller=controller, followers=(Nobody(),))
    pauses = PauseKeeper(book, changes)
    status = Status(
        engine, watch, holder, controller, verdicts, pauses=pauses, standings=Standings(holder, controller, policies)
    )
    metrics = Metrics("1.2.3", uptime)
    parts = Parts(
        status, watch, holder, controller, policies, verdicts, changes, pauses, journal, uptime, metrics, Bell()
    )
    app = create_app(parts, TOKEN, KnownHosts([], holder))
    await holder.start()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://status-state-api:8000") as client:
        yield client
    await store.close()


async def test_the_recipes_are_served_as_the_controller_expects_them(client: httpx.AsyncClient) -> None:
    report = golden("report.json") | {"memory": golden("recipes.json")["memory"]}
    assert (await client.post("/reports", json=report, headers=BEARER)).status_code == 204
    answer = await client.get("/snapshot/recipes", headers=BEARER)
    assert answer.json() == golden("recipes.json")
    assert answer.headers["etag"].startswith(f'"{RECIPES.snapshot.id}.')
    again = await client.get("/snapshot/recipes", headers={**BEARER, "If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_report_about_two_thousand_originals_that_are_down_is_taken_with_its_memory(
    client: httpx.AsyncClient,
) -> None:
    report, kept = golden("report.json"), golden("recipes.json")["memory"]
    ids = [f"{number:064x}" for number in range(2000)]
    [attempt], [began] = kept["attempts"].values(), kept["unfinished"].values()
    memory = kept | {"attempts": dict.fromkeys(ids, attempt), "unfinished": dict.fromkeys(ids, began)}
    many = {field: [report[field][0] | {"reason": "x" * 200}] * len(ids) for field in ("findings", "outcomes")}
    assert (await client.post("/reports", json=report | many | {"memory": memory}, headers=BEARER)).status_code == 204
    answer = await client.get("/snapshot/recipes", headers=BEARER)
    assert len(answer.json()["memory"]["attempts"]) == len(ids)


async def test_a_report_of_the_controller_is_taken_and_shown_as_it_was_sent(client: httpx.AsyncClient) -> None:
    report = golden("report.json")
    answer = await client.post("/reports", json=report, headers=BEARER)
    assert (answer.status_code, answer.content) == (204, b"")
    del report["memory"]  # it is the controller's alone
    assert (await client.get("/status")).json()["controller"]["report"] == report


async def test_a_report_of_an_unhealthy_original_is_taken_and_shown_as_it_was_sent(client: httpx.AsyncClient) -> None:
    web = golden("report.json")["findings"][0]["container"]
    reason = "is unhealthy: its probe http://:8080/health answered 500, 3 times in a row"
    report = golden("report.json") | {
        "findings": [{"container": web, "kind": "unhealthy", "reason": reason}],
        "outcomes": [
            {
                "container": web,
                "action": "restart",
                "result": "waiting",
                "reason": reason,
                "detail": "one after the other",
                "until": None,
            }
        ],
    }
    answer = await client.post("/reports", json=report, headers=BEARER)
    assert (answer.status_code, answer.content) == (204, b"")
    del report["memory"]
    assert (await client.get("/status")).json()["controller"]["report"] == report


@pytest.mark.parametrize("case", golden("globs.json"), ids=lambda case: str(case["match"]))
def test_the_ssa_matches_the_golden_globs_as_the_controller_does(case: dict[str, Any]) -> None:
    text = yaml.safe_dump([{"match": case["match"], "ignore": True, "restart": "never"}])
    policy = read_policy(text, "policy.yaml")
    assert policy.problems == ()
    said = {"status-state.ignore": "true", "status-state.restart": "never"}
    assert {name: policy.apply(name, {}) for name in case["matches"]} == dict.fromkeys(case["matches"], said)
    assert [name for name in case["others"] if policy.apply(name, {})] == []
    nothing = dict.fromkeys(("on_down", "on_replace", "on_unhealthy", "on_new"))
    assert policy.handling() == [{"match": case["match"], "ignore": True, "restart": "never", **nothing}]


def golden_verdicts() -> Verdicts:
    """Verdicts of every kind, of which the controller needs only some."""
    verdicts = Verdicts(lambda: NOW)
    web = Subject(RECIPES.originals[0].id, "web", "2026-11-23T17:00:00.123456789Z")
    db = Subject(DB_ID, "db", "2026-11-23T17:30:00Z")
    cache = Subject(CACHE_ID, "cache", "2026-11-23T17:45:00Z")
    probe = "its probe http://:8080/health answered 500, 3 times in a row"
    verdicts.put(Verdict(web, "probe", State.FAILING, probe))
    log = "its log has 1 line of severity critical or above within 60 s"
    verdicts.put(Verdict(web, "logs", State.FAILING, log, ("CRITICAL disk is filling up", "CRITICAL no space left")))
    verdicts.put(Verdict(web, "engine", State.FAILING, "its health check fails"))
    log = "its log has 2 lines of severity error or above within 60 s"
    verdicts.put(Verdict(db, "logs", State.FAILING, log, ("ERROR connection lost", "ERROR no connection left")))
    verdicts.put(Verdict(db, "probe", State.UNKNOWN, "no route leads there"))
    verdicts.put(Verdict(cache, "probe", State.OK, "its probe answered 500, once", faltering=True))
    verdicts.put(Verdict(cache, "engine", State.FAILING, "its health check fails"))
    return verdicts


async def test_the_golden_line_of_verdicts_is_written_for_the_controller() -> None:
    engine = RECIPES.snapshot.engine
    desired = f'"{RECIPES.snapshot.id}.0123456789abcdef"'
    written = golden_verdicts().for_controller(engine, desired)
    assert json.loads(written.model_dump_json()) == golden("verdicts.json")
    async with aclosing(golden_verdicts().follow(engine, 15, lambda: desired)) as told:
        line = await anext(told)
    assert json.loads(line) == golden("verdicts.json")
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1, "a line is a document"


def without(document: Any, path: list[str | int]) -> Any:
    """A copy of the document without the field at this path."""
    copy = json.loads(json.dumps(document))
    inner = copy
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return copy


@pytest.mark.parametrize(
    "path",
    [
        *[[field] for field in ("at", "snapshot_id", "dry_run", "sentence", "findings", "outcomes")],
        *[["findings", 0, field] for field in ("container", "kind", "reason")],
        *[["outcomes", 0, field] for field in ("container", "action", "result", "reason")],
        *[["outcomes", 0, "container", field] for field in ("id", "name")],
    ],
    ids=lambda path: ".".join(map(str, path)),
)
async def test_a_report_that_lacks_something_is_refused(client: httpx.AsyncClient, path: list[str | int]) -> None:
    answer = await client.post("/reports", json=without(golden("report.json"), path), headers=BEARER)
    assert answer.status_code == 422
    assert ".".join(map(str, path)) in answer.text
