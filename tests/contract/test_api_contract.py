"""The SSA's half of what the two services send each other: it writes, and reads, just what the golden files hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from status_state_api.app import create_app
from status_state_api.controller import ControllerRecord
from status_state_api.health.policy import read_policy
from status_state_api.health.verdicts import Verdicts
from status_state_api.memory import Memory
from status_state_api.schemas import Recipes
from status_state_api.security import KnownHosts
from status_state_api.status import Status
from status_state_api.store import Store
from status_state_api.view import EngineLook, Inspection, Listing
from status_state_api.watch import EngineWatch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

GOLDEN = Path(__file__).parent / "golden"
TOKEN = "the-token-of-the-pair"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
NOW = datetime(2026, 11, 23, 18, 0, 31, tzinfo=UTC)


def golden(name: str) -> Any:
    """A golden file."""
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


RECIPES = Recipes.model_validate(golden("recipes.json"))
POLICY = """
- match: [backup-*, ci-*]
  ignore: true
- match: web
  restart: on-failure
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


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of an SSA that resumes the golden snapshot from a real store."""
    engine, store = GoldenEngine(), Store(f"sqlite:///{tmp_path}/store.sqlite3")
    await store.open()
    await store.begin_run(RECIPES, None, None, None)
    watch = EngineWatch(engine, lambda: None)
    memory = Memory(engine, watch, store, on_start="resume", mountinfo="", boot_id=None)
    controller, verdicts = ControllerRecord(store), Verdicts()
    policy = read_policy(POLICY, "policy.yaml")
    app = create_app(
        status=Status(engine, watch, memory, controller, verdicts).document,
        ask_engine=watch.ask,
        memory=memory,
        controller=controller,
        policy=lambda: policy,
        verdicts=verdicts,
        token=TOKEN,
        hosts=KnownHosts([], list),
    )
    await memory.start()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://status-state-api:8000") as client:
        yield client
    await store.close()


async def test_the_recipes_are_served_as_the_controller_expects_them(client: httpx.AsyncClient) -> None:
    answer = await client.get("/snapshot/recipes", headers=BEARER)
    assert answer.json() == golden("recipes.json")
    assert answer.headers["etag"].startswith(f'"{RECIPES.snapshot.id}.')
    again = await client.get("/snapshot/recipes", headers={**BEARER, "If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_report_of_the_controller_is_taken_and_shown_as_it_was_sent(client: httpx.AsyncClient) -> None:
    answer = await client.post("/reports", json=golden("report.json"), headers=BEARER)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get("/status")).json()["controller"]["report"] == golden("report.json")


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
