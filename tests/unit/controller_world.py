"""The pretended world of the controller's unit tests: an engine, an SSA and a clock that do as they are told."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from status_state_controller.engine import Engine
from status_state_controller.model import Container, EngineIdentity, Original, Snapshot
from status_state_controller.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

ENGINE = EngineIdentity(id="T7KA:ZLBD", name="kiosk-17", none_network_id="5d6f")
OTHER_ENGINE = replace(ENGINE, none_network_id="0000")  # a clone: the same id and name
DEFAULT_STATUS = {
    "running": "Up 5 minutes",
    "paused": "Up 5 minutes (Paused)",
    "restarting": "Restarting (1) 5 seconds ago",
    "removing": "Removal In Progress",
    "exited": "Exited (137) 5 minutes ago",
    "created": "Created",
    "dead": "Dead",
}
STATES = tuple(DEFAULT_STATUS)


def id_of(word: str) -> str:
    """A container id that is the same for the same word."""
    return hashlib.sha256(word.encode()).hexdigest()


def container(
    name: str,
    state: str = "running",
    *,
    word: str | None = None,
    status: str | None = None,
    labels: dict[str, str] | None = None,
) -> Container:
    """One line of the engine's list; its id is that of `word`, or else of its name."""
    return Container(
        id_of(word or name), name, state, DEFAULT_STATUS[state] if status is None else status, labels or {}
    )


def recipe(name: str, *, word: str | None = None, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """The engine's `inspect` of a container, as far as it matters."""
    return {
        "Id": id_of(word or name),
        "Name": f"/{name}",
        "Image": "sha256:1b0a",
        "Config": {"Image": "nginx:1.27", "Env": ["PASSWORD=hunter2"], "Labels": labels or {}},
        "HostConfig": {"NetworkMode": "bridge"},
    }


def original(name: str, *, word: str | None = None, labels: dict[str, str] | None = None) -> Original:
    """An original of that name."""
    inspect = recipe(name, word=word, labels=labels)
    return Original(inspect["Id"], name, "nginx:1.27", inspect["Image"], inspect)


def snapshot(*originals: Original | str, id: str = "snapshot-1", engine: EngineIdentity = ENGINE) -> Snapshot:  # noqa: A002 # the word of the contract
    """A snapshot of these originals."""
    return Snapshot(id, engine, tuple(original(o) if isinstance(o, str) else o for o in originals))


def recipes_document(held: Snapshot) -> dict[str, Any]:
    """The answer of `GET /snapshot/recipes` for a snapshot."""
    owner = held.engine
    return {
        "snapshot": {
            "id": held.id,
            "taken_at": "2026-11-23T18:00:00Z",
            "reason": "startup",
            "engine": {"id": owner.id, "name": owner.name, "none_network_id": owner.none_network_id},
        },
        "count": len(held.originals),
        "originals": [
            {"id": o.id, "name": o.name, "image": o.image, "image_id": o.image_id, "inspect": dict(o.inspect)}
            for o in held.originals
        ],
        "networks": [],
        "volumes": [],
    }


def settings(folder: Path, **others: Any) -> Settings:
    """Settings with their files in `folder`, where the token lies already."""
    token_file = folder / "token"
    token_file.write_text("open-sesame\n")
    return Settings(ssa_url="http://ssa:8000", token_file=token_file, heartbeat_file=folder / "heartbeat", **others)


class FakeClock:
    """Steady seconds, and the time that people read, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self._noon = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> float:
        """Steady seconds."""
        return self.seconds

    def utc_now(self) -> datetime:
        """What a wall clock shows."""
        return self._noon + timedelta(seconds=self.seconds - 1000.0)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


class FakeEngine(Engine):
    """An engine with containers in memory, which notes every call and fails or hangs on request."""

    def __init__(self, *containers: Container) -> None:
        super().__init__({}, threads=1)
        self.who = ENGINE
        self.world = {c.id: c for c in containers}
        self.inspects: dict[str, dict[str, Any]] = {}
        self.unlisted: set[str] = set()  # ids that only the list lacks
        self.calls: list[str] = []
        self.failures: dict[str, BaseException] = {}  # by verb, or by "verb name"
        self.hangs: dict[str, asyncio.Event] = {}  # by verb, or by "verb name": until set
        self.reached: dict[str, asyncio.Event] = {}

    @property
    def acts(self) -> list[str]:
        """The calls that change the world."""
        return [call for call in self.calls if call.startswith(("start", "stop"))]

    def hang(self, call: str) -> asyncio.Event:
        """Let `call` hang until the event is set; `reached[call]` tells when it was made."""
        self.reached[call] = asyncio.Event()
        return self.hangs.setdefault(call, asyncio.Event())

    def put(self, *containers: Container) -> None:
        """Add containers, or replace those of the same id."""
        self.world |= {c.id: c for c in containers}

    async def identity(self) -> EngineIdentity:  # noqa: D102 # as its base
        await self._note("identity", "")
        return self.who

    async def containers(self) -> list[Container]:  # noqa: D102 # as its base
        await self._note("list", "")
        return [c for c in self.world.values() if c.id not in self.unlisted]

    async def inspect(self, container_id: str) -> dict[str, Any] | None:  # noqa: D102 # as its base
        found = self.world.get(container_id)
        await self._note("inspect", found.name if found else container_id[:12])
        found = self.world.get(container_id)
        if found is None:
            return None
        known = recipe(found.name, labels=dict(found.labels)) | self.inspects.get(container_id, {})
        return known | {"Id": container_id, "Name": f"/{found.name}", "State": {"Status": found.state}}

    async def start(self, container_id: str) -> None:  # noqa: D102 # as its base
        await self._note("start", self.world[container_id].name)
        self.world[container_id] = replace(self.world[container_id], state="running", status="Up 1 second")

    async def stop(self, container_id: str, stop_timeout_seconds: int | None) -> None:  # noqa: D102 # as its base
        await self._note("stop", self.world[container_id].name, f" {stop_timeout_seconds}")
        self.world[container_id] = replace(self.world[container_id], state="exited", status="Exited (0) 1 second ago")

    async def _note(self, verb: str, name: str, more: str = "") -> None:
        call = f"{verb} {name}".strip()
        self.calls.append(call + more)
        for key in (verb, call):
            if key in self.hangs:
                self.reached[key].set()
                await self.hangs[key].wait()
            if key in self.failures:
                raise self.failures[key]


class Network(httpx.AsyncBaseTransport):
    """A network of one server, whose answers arrive as a stream, as real ones do."""

    def __init__(self, answer: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask the server."""
        await request.aread()
        answer = await self._answer(request)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(answer.content))


class FakeSsa:
    """An SSA: serves a snapshot, takes reports, or misbehaves."""

    def __init__(self, held: Snapshot | None) -> None:
        self.held = held
        self.away = False
        self.answer: httpx.Response | None = None  # instead of a snapshot
        self.refuses_reports: httpx.Response | None = None
        self.requests: list[str] = []
        self.reports: list[dict[str, Any]] = []
        self.hang: asyncio.Event | None = None
        self.reached = asyncio.Event()
        self.report_arrived = asyncio.Event()

    @property
    def client(self) -> httpx.AsyncClient:
        """A client that leads here."""
        return httpx.AsyncClient(base_url="http://ssa:8000", transport=Network(self._answer))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.path}")
        self.reached.set()
        if self.hang is not None:
            await self.hang.wait()
        if self.away:
            raise httpx.ConnectError("All connection attempts failed")
        if request.headers["Authorization"] != "Bearer open-sesame":
            return httpx.Response(401)
        if request.url.path == "/reports":
            return self._take(json.loads(request.content))
        if self.answer is not None:
            return self.answer
        if self.held is None:
            return httpx.Response(503, json={"detail": "there is no snapshot yet"})
        if request.headers.get("If-None-Match") == f'"{self.held.id}"':
            return httpx.Response(304)
        return httpx.Response(200, json=recipes_document(self.held))

    def _take(self, report: dict[str, Any]) -> httpx.Response:
        if self.refuses_reports is not None:
            return self.refuses_reports
        self.reports.append(report)
        self.report_arrived.set()
        return httpx.Response(204)
