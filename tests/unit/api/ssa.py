"""A whole SSA in memory, asked through its gate as a client asks it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from status_state_api.engine.watch import EngineWatch
from status_state_api.health.rules.policy import Policy
from status_state_api.health.verdicts import Verdicts
from status_state_api.http.app import create_app
from status_state_api.http.gate import KnownHosts
from status_state_api.http.status import Status
from status_state_api.journal.controller import ControllerRecord
from status_state_api.model import Problem, StatusDocument
from status_state_api.snapshot.holder import Memory

from .world import BOOT, NOW, OWN_ID, FakeEngine, FakeStore, entry, own_inspect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from datetime import datetime

TOKEN = "the-token-of-the-pair"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
REPORT: dict[str, Any] = {
    "at": "2026-11-23T18:00:30Z",
    "snapshot_id": "5" * 32,
    "dry_run": False,
    "sentence": "web had exited with code 137: started",
    "findings": [],
    "outcomes": [],
}


@dataclass
class Ssa:
    """An SSA beside two containers, and a client that asks it."""

    engine: FakeEngine
    store: FakeStore
    watch: EngineWatch
    memory: Memory
    controller: ControllerRecord
    client: httpx.AsyncClient
    verdicts: Verdicts
    policy: Policy = field(default_factory=Policy)
    now: datetime = NOW

    async def status(self) -> StatusDocument:
        """What `/status` says."""
        answer = await self.client.get("/status")
        assert answer.status_code == 200
        return StatusDocument.model_validate_json(answer.content)

    async def problem(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """The problem that this request comes upon."""
        answer = await self.client.request(method, path, **options)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = Problem.model_validate_json(answer.content)
        assert problem.status == answer.status_code
        return problem.status, problem.detail


@asynccontextmanager
async def beside_two_containers() -> AsyncGenerator[Ssa]:
    """An SSA that has not yet started, beside the containers `web` and `db`."""
    engine, store = FakeEngine(entry("web"), entry("db")), FakeStore()
    engine.inspects[OWN_ID] = own_inspect()
    watch = EngineWatch(engine, lambda: None)
    memory = Memory(engine, watch, store, on_start="auto", own_id=OWN_ID, boot_id=BOOT)
    controller = ControllerRecord(store, lambda: ssa.now)
    verdicts = Verdicts(lambda: ssa.now)
    app = create_app(
        status=Status(engine, watch, memory, controller, verdicts, now=lambda: ssa.now).document,
        ask_engine=watch.ask,
        memory=memory,
        controller=controller,
        policy=lambda: ssa.policy,
        verdicts=verdicts,
        token=TOKEN,
        hosts=KnownHosts(["host.example", "*.lan"], lambda: memory.own_names),
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        ssa = Ssa(engine, store, watch, memory, controller, client, verdicts)
        yield ssa
