"""A whole SSA in memory, asked through its gate as a client asks it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from status_state_api.engine.watch import EngineWatch
from status_state_api.health.rules.policy import Policy
from status_state_api.health.verdicts import Verdicts
from status_state_api.http.answers.standings import Standings
from status_state_api.http.answers.status import Status
from status_state_api.http.app import create_app
from status_state_api.http.gate import KnownHosts
from status_state_api.http.routes.parts import Parts
from status_state_api.http.schemas import Problem, StatusDocument
from status_state_api.journal.controller import ControllerRecord
from status_state_api.journal.journal import Journal, Retention
from status_state_api.journal.notes import PauseNotes
from status_state_api.journal.uptime import Uptime
from status_state_api.metrics.metrics import Metrics
from status_state_api.pauses.book import PauseBook
from status_state_api.pauses.keeper import PauseKeeper
from status_state_api.process.bell import Bell
from status_state_api.process.ending import Ending
from status_state_api.snapshot.changes import SnapshotChanges
from status_state_api.snapshot.holder import SnapshotHolder

from .world import BOOT, NOW, OWN_ID, FakeClock, FakeEngine, FakeStore, entry, own_inspect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from datetime import datetime

    from starlette.types import ASGIApp
    from status_state_api.health.observer import Watched

TOKEN = "the-token-of-the-pair"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
REPORT: dict[str, Any] = {
    "at": "2026-11-23T18:00:30Z",
    "snapshot_id": "5" * 32,
    "dry_run": False,
    "sentence": "web had exited with code 137: started",
    "findings": [],
    "outcomes": [],
    "interval_seconds": 30.0,
}


@dataclass
class Policies:
    """The policy that is in force: the test's."""

    policy: Policy = field(default_factory=Policy)


class Followed:
    """Observes nobody, but knows whom it would; tells the controller, as the real one does."""

    def __init__(self, verdicts: Verdicts) -> None:
        self.names: list[str] = []
        self._verdicts = verdicts

    def follow(self, originals: Sequence[Watched]) -> None:
        """Observe these."""
        self.names = [original.name for original in originals]
        self._verdicts.wake()


@dataclass
class Ssa:
    """An SSA beside two containers, and a client that asks it."""

    engine: FakeEngine
    store: FakeStore
    watch: EngineWatch
    holder: SnapshotHolder
    controller: ControllerRecord
    client: httpx.AsyncClient
    verdicts: Verdicts
    policies: Policies
    app: ASGIApp
    parts: Parts
    followed: Followed
    clock: FakeClock
    now: datetime = NOW

    async def status(self) -> StatusDocument:
        """What `/status` says."""
        answer = await self.client.get("/status")
        assert answer.status_code == 200
        return StatusDocument.model_validate_json(answer.content)

    async def follow(self, path: str) -> tuple[dict[bytes, bytes], AsyncGenerator[bytes]]:
        """Ask for a stream with the token: its headers, and its parts as they come."""
        messages = asyncio.Queue[Any]()
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "http_version": "1.1",
            "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"authorization", BEARER["Authorization"].encode())],
        }
        serving = asyncio.create_task(self.app(scope, asyncio.Event().wait, messages.put))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - nothing is received
        headers = dict((await messages.get())["headers"])

        async def parts() -> AsyncGenerator[bytes]:
            while (message := await messages.get()).get("more_body"):
                yield message["body"]
            await serving

        return headers, parts()

    async def problem(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """The problem that this request comes upon."""
        answer = await self.client.request(method, path, **options)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = Problem.model_validate_json(answer.content)
        assert problem.status == answer.status_code
        return problem.status, problem.detail


@asynccontextmanager
async def beside_two_containers(beat_seconds: float = 15.0) -> AsyncGenerator[Ssa]:
    """An SSA that has not yet started, beside the containers `web` and `db`."""
    engine, store = FakeEngine(entry("web"), entry("db")), FakeStore()
    engine.inspects[OWN_ID] = own_inspect()
    bell = Bell()
    watch, policies = EngineWatch(engine, Ending(), bell=bell), Policies()
    controller = ControllerRecord(store, lambda: ssa.now, bell)
    verdicts = Verdicts(lambda: ssa.now, bell)
    journal = Journal(store, Retention(), lambda: ssa.now, bell=bell)
    nothing: Any = None
    uptime = Uptime(nothing, watch, nothing, journal, bell=bell)
    clock = FakeClock()
    book = PauseBook(store, verdicts, PauseNotes(journal), now=lambda: ssa.now, clock=clock)
    kept = (controller, book)
    holder = SnapshotHolder(engine, watch, store, policies, kept=kept, on_start="auto", own_id=OWN_ID, boot_id=BOOT)
    followed = Followed(verdicts)
    changes = SnapshotChanges(
        engine, watch, holder, store, policies, controller=controller, followers=(followed,), now=lambda: ssa.now
    )
    pauses = PauseKeeper(book, changes, retry_seconds=0.01)
    status = Status(
        engine,
        watch,
        holder,
        controller,
        verdicts,
        pauses=pauses,
        standings=Standings(holder, controller, policies),
        now=lambda: ssa.now,
    )
    metrics = Metrics("1.2.3", uptime, lambda: ssa.now)
    parts = Parts(
        status, watch, holder, controller, policies, verdicts, changes, pauses, journal, uptime, metrics, bell
    )
    app = create_app(parts, TOKEN, KnownHosts(["host.example", "*.lan"], holder), beat_seconds=beat_seconds)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        ssa = Ssa(engine, store, watch, holder, controller, client, verdicts, policies, app, parts, followed, clock)
        yield ssa
