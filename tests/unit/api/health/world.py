"""What the tests of the originals' health have in common: rules, runs, and an engine whose streams the test writes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from status_state_api.engine.streams import Endpoint, open_stream
from status_state_api.health.logs.lines import write_moment
from status_state_api.health.probe.proven import ProvenProbes
from status_state_api.health.probe.route import Route
from status_state_api.health.rules.rules import Setting, label_settings, read_rules
from status_state_api.health.run import Run, read_run

from ..world import FakeEngine, container_id, inspect

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from status_state_api.engine.view import Inspection
    from status_state_api.health.probe.prober import Prober
    from status_state_api.health.rules.rules import LogRule, ProbeRule, Rules
    from status_state_api.health.verdict import ProbeResult

    Responder = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
    Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]

STARTED = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
"""When the containers of these tests started."""


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until this is true; fail when it does not become so in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)


def labels(**keys: str) -> dict[str, str]:
    """Labels with these keys; the first underscore is the dot."""
    return {f"status-state.{key.replace('_', '.', 1)}": value for key, value in keys.items()}


def settings(**keys: Any) -> dict[str, Setting]:
    """Keys as the policy gives them."""
    return {key.replace("_", ".", 1): Setting(value, "here") for key, value in keys.items()}


def rules_of(**keys: Any) -> Rules:
    """The rules that these keys make; every one of them is right."""
    rules, problems = read_rules(settings(**keys))
    assert problems == []
    return rules


def probe_rule(**keys: Any) -> ProbeRule:
    """A probe."""
    rule = rules_of(**{"probe_url": "http://:8080/health", **{f"probe_{key}": value for key, value in keys.items()}})
    assert rule.probe is not None
    return rule.probe


def log_rule(severity: str = "error", **keys: Any) -> LogRule:
    """A rule about a log."""
    rule = rules_of(**{"logs_severity": severity, **{f"logs_{key}": value for key, value in keys.items()}})
    assert rule.logs is not None
    return rule.logs


def label_rules(given: dict[str, str]) -> tuple[Rules, list[str]]:
    """What these labels ask, and what is wrong in them."""
    return read_rules(label_settings(given))


def moment(seconds: float) -> str:
    """So long after the start of the containers, in the engine's spelling."""
    return write_moment(STARTED + timedelta(seconds=seconds))


def alive(name: str, started: float = 0.0, *, status: str = "running", **changes: Any) -> Inspection:
    """The `inspect` of a container that runs since so long after the usual start."""
    state = {"Running": True, "Status": status, "StartedAt": moment(started), "FinishedAt": "0001-01-01T00:00:00Z"}
    return inspect(name, State=state, **changes)


def run_of(name: str = "web", started: float = 0.0, *, terminal: bool = False) -> Run:
    """The present run of a container."""
    run = read_run(alive(name, started, Config={"Labels": {}, "Tty": terminal}))
    assert run is not None
    return run


def frame(payload: bytes, stream: int = 2) -> bytes:
    """A part of a log as the engine sends it without a terminal."""
    return bytes((stream, 0, 0, 0)) + len(payload).to_bytes(4, "big") + payload


def logged(seconds: float, text: str, stream: int = 2) -> bytes:
    """A whole line of a log, written so long after the usual start."""
    return frame(f"{moment(seconds)} {text}\n".encode(), stream)


class FakeClock:
    """A clock whose time of day the test sets, and on which every wait is short; the waits are noted."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.steady = 0.0
        self.waits: list[float] = []

    def now(self) -> datetime:
        """The time that the test set."""
        return self.at

    def seconds(self) -> float:
        """Steady seconds, as the test lets them pass."""
        return self.steady

    async def sleep(self, seconds: float) -> None:
        """Note it, and wait a moment."""
        self.waits.append(seconds)
        await asyncio.sleep(0.001)


class RememberedProbes(ProvenProbes):
    """Which probes were answered well, in memory alone."""

    def __init__(self, *proven: tuple[str, str]) -> None:
        super().__init__(Path("/nowhere/probes.json"))
        self.noted = set(proven)

    def has(self, name: str, url: str) -> bool:
        """Tell."""
        return (name, url) in self.noted

    def add(self, name: str, url: str) -> None:
        """Note it."""
        self.noted.add((name, url))


class Pipe:
    """One answer that does not end until the test says so."""

    def __init__(self, container: str = "", since: str = "") -> None:
        self.container = container
        self.since = since
        self.closed = False
        self._items: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

    def write(self, *chunks: bytes) -> None:
        """Send."""
        for chunk in chunks:
            self._items.put_nowait(chunk)

    def end(self, error: Exception | None = None) -> None:
        """End it, in order or by an error."""
        self._items.put_nowait(error)

    @property
    def waiting(self) -> bool:
        """Whether something that was written has not been read yet."""
        return not self._items.empty()

    async def chunks(self) -> AsyncGenerator[bytes]:
        """What is sent."""
        while (item := await self._items.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item


class StreamingEngine(FakeEngine):
    """A fake engine with logs and events. `stream_error` is what opening one of them comes upon."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        super().__init__(*entries)
        for one in entries:
            name: str = one["Names"][0].removeprefix("/")
            self.inspects[one["Id"]] = alive(name)
        self.logs: list[Pipe] = []
        self.event_pipes: list[Pipe] = []
        self.stream_error: Exception | None = None

    @asynccontextmanager
    async def log(self, container_id: str, since: str) -> AsyncGenerator[AsyncGenerator[bytes]]:
        """A log that is followed."""
        async with self._open(Pipe(container_id, since), self.logs, "log") as chunks:
            yield chunks

    @asynccontextmanager
    async def events(self) -> AsyncGenerator[AsyncGenerator[bytes]]:
        """Events."""
        async with self._open(Pipe(), self.event_pipes, "events") as chunks:
            yield chunks

    @asynccontextmanager
    async def _open(self, pipe: Pipe, pipes: list[Pipe], question: str) -> AsyncGenerator[AsyncGenerator[bytes]]:
        self._ask(question)
        if self.stream_error is not None:
            raise self.stream_error
        pipes.append(pipe)
        try:
            yield pipe.chunks()
        finally:
            pipe.closed = True

    def open_logs(self, name: str) -> list[Pipe]:
        """The logs of a container that are being followed."""
        return [pipe for pipe in self.logs if pipe.container == container_id(name) and not pipe.closed]


class Server:
    """A server on the loopback address. `respond` gets the head of the request."""

    def __init__(self, respond: Responder) -> None:
        self.respond = respond
        self.port = 0
        self.heads: list[str] = []
        self.connections = 0
        self.reads_heads = True
        self._tasks: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            if self.reads_heads:
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            await self.respond(self.heads[-1] if self.heads else "", writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def end(self) -> None:
        """End what is still at work."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def paths(self) -> list[str]:
        """What it was asked for."""
        return [head.split(" ")[1] for head in self.heads]

    def header(self, name: str) -> str | None:
        """A header of the first request."""
        for line in self.heads[0].split("\r\n")[1:]:
            key, _, value = line.partition(": ")
            if key.lower() == name.lower():
                return value
        return None


@asynccontextmanager
async def serving(respond: Responder, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Server]:
    """A server that responds so."""
    server = Server(respond)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await server.end()


def says(text: str | bytes) -> Responder:
    """Answer this, and hang up."""

    async def respond(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(text if isinstance(text, bytes) else text.encode())

    return respond


def status(code: int, *headers: str) -> Responder:
    """Answer with a status and an empty body."""
    return says("\r\n".join((f"HTTP/1.1 {code} X", "Content-Length: 0", *headers, "", "")))


async def hang(_: str, writer: asyncio.StreamWriter) -> None:
    """Say nothing."""
    assert writer
    await asyncio.get_running_loop().create_future()


async def ask(
    prober: Prober,
    port: int,
    url: str = "http://:8080/health",
    *,
    certain: bool = True,
    reached: bool = False,
    host: str = "127.0.0.1",
    **rule: Any,
) -> tuple[ProbeResult, bool]:
    """Ask the server at this port."""
    return await prober.probe(
        Route(host, port, certain), probe_rule(url=url, **{"timeout": "5", **rule}), reached=reached
    )


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """A chunk of a body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


class EngineSocket:
    """A socket at which the test answers for the engine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.respond: Reply = self.end
        self.heads: list[bytes] = []
        self.done = asyncio.Event()
        """A connection has ended."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def end(self, writer: asyncio.StreamWriter) -> None:
        """Hang up at once."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                if not head.startswith(b"GET /version"):
                    break
                answer = b'{"ApiVersion":"1.41"}'
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
            await self.respond(writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self.done.set()

    async def stop(self) -> None:
        """End what is still at work."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""
        return Endpoint("/v1.41", 5.0, path=str(self.path))

    def says(self, *parts: bytes) -> None:
        """Answer these parts, one after the other, and hang up."""

        async def respond(writer: asyncio.StreamWriter) -> None:
            for part in parts:
                writer.write(part)
                await writer.drain()

        self.respond = respond

    async def read(self, path: str = "/events") -> list[bytes]:
        """Read an answer to its end."""
        async with open_stream(self.endpoint, path) as chunks:
            return [chunk async for chunk in chunks]


async def never() -> None:
    """Never end."""
    await asyncio.get_running_loop().create_future()
