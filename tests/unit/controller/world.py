"""The pretended world of the controller's unit tests: containers, recipes, an SSA and a clock that do as they are told."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from status_state_controller.model import Container, EngineIdentity, Original, Snapshot
from status_state_controller.settings import Settings
from status_state_controller.wishes.policy import Policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from pathlib import Path

ENGINE = EngineIdentity(id="T7KA:ZLBD", name="kiosk-17", none_network_id="5d6f")
OTHER_ENGINE = replace(ENGINE, none_network_id="0000")  # a clone: the same id and name
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STARTED_AT = "2026-11-23T11:00:00.123456789Z"
"""When every container began to run, as the engine spells it."""
IMAGE = "nginx:1.27"
IMAGE_ID = "sha256:1b0a"
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
        "Image": IMAGE_ID,
        "Config": {"Image": IMAGE, "Env": ["PASSWORD=hunter2"], "Labels": labels or {}},
        "HostConfig": {"NetworkMode": "bridge"},
    }


def original(name: str, *, word: str | None = None, labels: dict[str, str] | None = None) -> Original:
    """An original of that name."""
    inspect = recipe(name, word=word, labels=labels)
    return Original(inspect["Id"], name, IMAGE, inspect["Image"], inspect)


def well(name: str, *, labels: dict[str, str] | None = None) -> Original:
    """An original that was healthy when the snapshot was taken."""
    plain = original(name, labels=labels)
    state = {"Status": "running", "StartedAt": STARTED_AT, "Health": {"Status": "healthy"}}
    return replace(plain, inspect=dict(plain.inspect) | {"State": state})


def snapshot(
    *originals: Original | str,
    id: str = "snapshot-1",  # noqa: A002 # the word of the contract
    engine: EngineIdentity = ENGINE,
    policy: Policy = Policy(),  # noqa: B008 # frozen
    **others: Any,
) -> Snapshot:
    """A snapshot of these originals."""
    plain = (original(o) if isinstance(o, str) else o for o in originals)
    return Snapshot(id, engine, tuple(replace(o, policy=policy.labels(o.name)) for o in plain), policy=policy, **others)


def recipes_document(held: Snapshot) -> dict[str, Any]:
    """The answer of `GET /snapshot/recipes` for a snapshot."""
    owner = held.engine
    return {
        "snapshot": {
            "id": held.id,
            "taken_at": "2026-11-23T18:00:00Z",
            "reason": "startup" if held.rolled_back_at is None else "rolled_back",
            "engine": {"id": owner.id, "name": owner.name, "none_network_id": owner.none_network_id},
        },
        "count": len(held.originals),
        "originals": [
            {"id": o.id, "name": o.name, "image": o.image, "image_id": o.image_id, "inspect": dict(o.inspect)}
            for o in held.originals
        ],
        "networks": [dict(definition) for definition in held.networks.values()],
        "volumes": [dict(definition) for definition in held.volumes.values()],
        "images": [{"Id": image.id, "RepoDigests": list(image.digests)} for image in held.images.values()],
        "policy": [
            {name: list(value) if name == "match" else value for name, value in asdict(entry).items()}
            for entry in held.policy.entries
        ],
        "pauses": [
            {
                "container": pause.container,
                "until": datetime.fromtimestamp(pause.until, UTC).isoformat(),
                "begun_at": NOON.isoformat(),
                "reason": pause.reason,
                "accept_at_end": pause.accept_at_end,
            }
            for pause in held.pauses
        ],
    }


def verdicts_document(
    failing: Iterable[tuple[str, str, str]] = (),
    faltering: Iterable[str] = (),
    engine: EngineIdentity = ENGINE,
    desired: str | None = None,
) -> dict[str, Any]:
    """One line of `GET /verdicts`; `failing` are name, start and reason, `faltering` are names."""
    return {
        "engine": {"id": engine.id, "name": engine.name, "none_network_id": engine.none_network_id},
        "failing": [
            {
                "container": {"id": id_of(name), "name": name},
                "started_at": started_at,
                "source": "probe",
                "since": "2026-11-23T11:59:00Z",
                "reason": reason,
            }
            for name, started_at, reason in failing
        ],
        "faltering": [id_of(name) for name in faltering],
        "desired": desired,
    }


def verdicts_line(*failing: str, engine: EngineIdentity = ENGINE, desired: str | None = None) -> bytes:
    """One line of `GET /verdicts`, which says that these are failing in their present run."""
    told = ((name, STARTED_AT, "its probe answered 500") for name in failing)
    document = verdicts_document(told, engine=engine, desired=desired)
    return json.dumps(document).encode() + b"\n"


def settings(folder: Path, **others: Any) -> Settings:
    """Settings with their files in `folder`, where the token lies already; events are off unless asked for."""
    token_file = folder / "token"
    token_file.write_text("open-sesame\n")
    usual: dict[str, Any] = {
        "ssa_url": "http://ssa:8000",
        "token_file": token_file,
        "heartbeat_file": folder / "heartbeat",
        "react_to_events": False,
        "empty_snapshot_grace": 0,
    }
    return Settings(**usual | others)


class FakeClock:
    """Steady seconds, and the time that people read, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        """Steady seconds."""
        return self.seconds

    def utc_now(self) -> datetime:
        """What a wall clock shows."""
        return NOON + timedelta(seconds=self.seconds - 1000.0)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


class Lines(httpx.AsyncByteStream):
    """An answer that goes on: what is put in comes out, until there is None, or an error."""

    def __init__(self, *chunks: bytes | Exception | None) -> None:
        self.queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        for chunk in chunks:
            self.queue.put_nowait(chunk)

    def put(self, chunk: bytes | Exception | None) -> None:
        """Put in one more."""
        self.queue.put_nowait(chunk)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """What was put in."""
        while (chunk := await self.queue.get()) is not None:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


class Network(httpx.AsyncBaseTransport):
    """A network of one server, whose answers arrive as a stream, as real ones do."""

    def __init__(self, answer: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask the server."""
        await request.aread()
        answer = await self._answer(request)
        if isinstance(answer.stream, Lines):
            return answer
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(answer.content))


class FakeSsa:
    """An SSA: serves a snapshot, takes reports, or misbehaves."""

    def __init__(self, held: Snapshot | None) -> None:
        self.held = held
        self.away = False
        self.tag = ""  # the ETag of what is held; while there is none, its id stands for it
        self.answer: httpx.Response | None = None  # instead of a snapshot
        self.refuses_reports: httpx.Response | None = None
        self.refuses_changes: httpx.Response | None = None
        self.changes: list[dict[str, Any]] = []
        self.after_change: Snapshot | None = None  # what is held once the snapshot was changed
        self.refuses_verdicts: httpx.Response | None = None
        self.requests: list[str] = []
        self.told_of_checks: list[str] = []  # with each question for the snapshot
        self.reports: list[dict[str, Any]] = []
        self.hang: asyncio.Event | None = None
        self.verdicts = Lines()
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
        if request.url.path == "/verdicts":
            return self.refuses_verdicts or httpx.Response(200, stream=self.verdicts)
        if request.url.path == "/reports":
            return self._take(json.loads(request.content))
        if request.url.path == "/snapshot" and request.method == "POST":
            return self._change(json.loads(request.content))
        self.told_of_checks.append(request.headers.get("Status-State-Checks", ""))
        if self.answer is not None:
            return self.answer
        if self.held is None:
            return httpx.Response(503, json={"detail": "there is no snapshot yet"})
        if request.headers.get("If-None-Match") == (self.tag or f'"{self.held.id}"'):
            return httpx.Response(304)
        headers = {"ETag": self.tag} if self.tag else {}
        return httpx.Response(200, json=recipes_document(self.held), headers=headers)

    def _change(self, change: dict[str, Any]) -> httpx.Response:
        if self.refuses_changes is not None:
            return self.refuses_changes
        self.changes.append(change)
        if self.after_change is not None:
            self.held = self.after_change
        return httpx.Response(200, json={"changed": True})

    def _take(self, report: dict[str, Any]) -> httpx.Response:
        if self.refuses_reports is not None:
            return self.refuses_reports
        self.reports.append(report)
        self.report_arrived.set()
        return httpx.Response(204)
