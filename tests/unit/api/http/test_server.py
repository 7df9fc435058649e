"""The stop: recorded before connections are drained, once, and only when somebody asked for it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from status_state_api.health.supervisor import HealthSupervisor
from status_state_api.http.server import Server
from status_state_api.service import Service
from status_state_api.snapshot.holder import Memory

from ..world import DISK_FULL, Lines

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence

    from starlette.types import Receive, Scope, Send
    from status_state_api.health.observer import Watched


class Stage:
    """A server with an application that answers only when it is told to."""

    def __init__(self, drain_seconds: float = 2.0) -> None:
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.told: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(self.app, interface="asgi3", lifespan="off", log_config=None, ws="none")
        config.timeout_graceful_shutdown = drain_seconds  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue] - a test has no whole seconds to wait
        self.server = Server(config, self.record)
        self.serving = asyncio.create_task(self.server.serve([self.listener]))

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer when told to."""
        assert scope["type"] == "http"
        assert receive
        self.asked.set()
        await self.may_answer.wait()
        self.told.append("answered")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def record(self) -> None:
        """Take a while to record the stop."""
        self.told.append("recording")
        await asyncio.sleep(0)
        self.told.append("recorded")
        self.may_answer.set()

    async def request(self) -> None:
        """Have a request under way."""
        _, writer = await asyncio.open_connection(*self.listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await self.asked.wait()
        self.writer = writer


@pytest.fixture
async def stage() -> AsyncGenerator[Stage]:
    """A server that serves."""
    stage = Stage()
    while not stage.server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)
    yield stage
    stage.listener.close()


async def test_nothing_is_drained_while_the_stop_is_still_being_recorded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_out = asyncio.Event()
    tick, drain = stage.server.on_tick, uvicorn.Server.shutdown

    async def record() -> None:
        await served_out.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        stage.told.append("recorded")

    async def on_tick(counter: int) -> bool:
        ends = await tick(counter)
        if ends:
            served_out.set()
        return ends

    async def shutdown(server: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        stage.told.append("draining")
        await drain(server, sockets)

    monkeypatch.setattr(stage.server, "_on_stop", record)
    monkeypatch.setattr(stage.server, "on_tick", on_tick)
    monkeypatch.setattr(uvicorn.Server, "shutdown", shutdown)
    os.kill(os.getpid(), signal.SIGTERM)
    await stage.serving
    assert stage.told == ["recorded", "draining"]


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_is_recorded_before_the_connections_are_drained(stage: Stage, sig: signal.Signals) -> None:
    await stage.request()
    os.kill(os.getpid(), sig)
    await stage.serving
    stage.writer.close()
    assert stage.told == ["recording", "recorded", "answered"]
    assert stage.server.exit_code == 0


async def test_a_stop_that_is_asked_for_twice_is_recorded_once(stage: Stage) -> None:
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGTERM)
    await stage.serving
    assert stage.told == ["recording", "recorded"]


async def test_an_end_of_its_own_accord_is_no_orderly_stop(stage: Stage) -> None:
    stage.server.end(1)
    os.kill(os.getpid(), signal.SIGTERM)
    await stage.serving
    assert stage.told == []
    assert stage.server.exit_code == 1


async def test_open_streams_do_not_hold_up_a_stop() -> None:
    stage = Stage(drain_seconds=0.05)
    stage.record = lambda: asyncio.sleep(0)  # type: ignore[method-assign]
    await stage.request()
    stage.server._on_stop = stage.record  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue] - it never lets the stream end
    os.kill(os.getpid(), signal.SIGTERM)
    await stage.serving
    stage.writer.close()
    stage.listener.close()
    assert "answered" not in stage.told


class FakeMemory(Memory):
    """A memory whose start and stop are the test's."""

    def __init__(self, start: Callable[[], Coroutine[Any, Any, None]], error: Exception | None = None) -> None:
        self._start = start
        self._error = error
        self.recorded = 0

    async def start(self) -> None:
        """Start."""
        await self._start()

    async def record_stop(self) -> bool:
        """Record."""
        if self._error is not None:
            raise self._error
        self.recorded += 1
        return True


class FakeStore:
    """A store to be closed."""

    async def close(self) -> None:
        """Close."""


class NoSupervisor(HealthSupervisor):
    """Supervises nobody."""

    def __init__(self) -> None:
        self.closed = False

    async def run(self, originals: Sequence[Watched]) -> None:
        """Do nothing."""
        assert originals is not None

    def close(self) -> None:
        """Note it."""
        self.closed = True


def service_of(memory: Memory, ended: list[str]) -> Service:
    """A service with this memory."""
    nothing: Any = None
    store: Any = FakeStore()
    return Service(memory, nothing, nothing, store, NoSupervisor(), end=lambda: ended.append("ended"))


async def never() -> None:
    """Never end."""
    await asyncio.get_running_loop().create_future()


async def until_idle() -> None:
    """Let everything that can go on go on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_stop_ends_a_start_that_is_under_way_and_is_recorded() -> None:
    ended: list[str] = []
    ongoing: list[str] = []

    async def start() -> None:
        ongoing.append("start")
        try:
            await never()
        finally:
            ongoing.remove("start")

    memory = FakeMemory(start)
    service = service_of(memory, ended)
    with Lines() as lines:
        async with service.lifespan(None):
            await until_idle()
            assert ongoing == ["start"]
            await service.stop_in_order()
            assert (ongoing, memory.recorded) == ([], 1)
    assert ended == []
    assert lines.one("stopping as asked")["recorded"] is True


async def test_a_stop_that_can_not_be_recorded_is_told_with_what_follows_from_it() -> None:
    service = service_of(FakeMemory(never, DISK_FULL), [])
    with Lines() as lines:
        await service.stop_in_order()
    line = lines.one("stopping as asked, but that could not be recorded: the next start will resume the snapshot")
    assert line["cause"] == DISK_FULL.cause


async def test_a_busy_store_does_not_hold_up_a_stop_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("status_state_api.service.STOP_SECONDS", 0.01)
    memory = FakeMemory(never)
    monkeypatch.setattr(memory, "record_stop", never)
    with Lines() as lines:
        await service_of(memory, []).stop_in_order()
    assert "could not be recorded" in lines.events[0]


async def test_a_start_that_gives_up_ends_the_process() -> None:
    ended: list[str] = []

    async def give_up() -> None:
        return None

    service = service_of(FakeMemory(give_up), ended)
    async with service.lifespan(None):
        await until_idle()
        assert ended == ["ended"]


async def test_a_defect_in_the_background_ends_the_process_with_its_traceback() -> None:
    ended: list[str] = []

    async def break_down() -> None:
        raise RuntimeError("a defect")

    service = service_of(FakeMemory(break_down), ended)
    with Lines() as lines:
        async with service.lifespan(None):
            await until_idle()
    assert ended == ["ended"]
    assert lines.one("this service ends because of a defect in it")["exc_info"] is True


async def test_what_can_not_be_mended_by_trying_again_is_told_in_words() -> None:
    ended: list[str] = []

    async def refuse() -> None:
        raise DISK_FULL

    service = service_of(FakeMemory(refuse), ended)
    with Lines() as lines:
        async with service.lifespan(None):
            await until_idle()
    assert ended == ["ended"]
    assert lines.one("this service ends")["remedy"] == DISK_FULL.remedy
