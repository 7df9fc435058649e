"""The server: it costs nothing while nobody asks, and its stop is recorded before connections are drained."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from status_state_api.http.server import Server
from status_state_api.process.ending import Ending

from ..world import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import Receive, Scope, Send


class Stage:
    """A server with an application that answers only when it is told to."""

    def __init__(self, drain_seconds: float = 2.0) -> None:
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_record = asyncio.Event()
        self.may_record.set()
        self.told: list[str] = []
        self.clock = FakeClock()
        self.ending = Ending()
        self.listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(self.app, interface="asgi3", lifespan="off", log_config=None, ws="none")
        config.timeout_graceful_shutdown = drain_seconds  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue] - a test has no whole seconds to wait
        self.server = Server(config, self.ending, self, self.clock)

    async def serve(self) -> None:
        """Begin to serve."""
        self.serving = asyncio.create_task(self.server.serve([self.listener]))
        while not self.server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer when told to."""
        assert scope["type"] == "http"
        assert receive
        self.asked.set()
        await self.may_answer.wait()
        self.told.append("answered")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def finish(self) -> None:
        """Take a while to record the stop."""
        self.told.append("recording")
        await self.may_record.wait()
        self.told.append("recorded")

    async def request(self) -> asyncio.StreamReader:
        """Have a request under way."""
        reader, self.writer = await asyncio.open_connection(*self.listener.getsockname())
        self.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await self.asked.wait()
        return reader

    async def date(self) -> str:
        """The header `Date` of an answer."""
        reader = await self.request()
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.writer.close()
        (date,) = [line[6:] for line in answer.split("\r\n") if line.lower().startswith("date: ")]
        return date


@pytest.fixture
async def stage() -> AsyncGenerator[Stage]:
    """A server that serves."""
    stage = Stage()
    await stage.serve()
    yield stage
    stage.listener.close()


async def turns() -> None:
    """Let everything that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nothing_ticks_while_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, timers = asyncio.get_running_loop(), list[float]()
    set_timer = loop.call_later

    def note(delay: float, *args: Any) -> asyncio.TimerHandle:
        timers.append(delay)
        return set_timer(delay, *args)

    monkeypatch.setattr(loop, "call_later", note)
    stage = Stage()
    await stage.serve()
    await turns()
    assert timers == []
    stage.ending.stop()
    await stage.serving
    assert timers, "a stop waits, or this test would see nothing"


async def test_every_answer_tells_the_time(stage: Stage) -> None:
    stage.may_answer.set()
    for _ in range(3):
        stage.clock.now += 3600
        assert await stage.date() == formatdate(stage.clock.now, usegmt=True)
    stage.ending.stop()
    await stage.serving


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_is_recorded_before_the_connections_are_drained(stage: Stage, sig: signal.Signals) -> None:
    stage.may_record.clear()
    await stage.request()
    os.kill(os.getpid(), sig)
    while "recording" not in stage.told:  # noqa: ASYNC110 - pytest's time-out ends it
        await asyncio.sleep(0)
    await turns()
    _, writer = await asyncio.open_connection(*stage.listener.getsockname())  # still listening, so not yet draining
    writer.close()
    stage.may_record.set()
    stage.may_answer.set()
    await stage.serving
    stage.writer.close()
    assert stage.told == ["recording", "recorded", "answered"]
    assert stage.ending.exit_code == 0


async def test_a_stop_that_is_asked_for_twice_is_recorded_once(stage: Stage) -> None:
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGTERM)
    await stage.serving
    assert stage.told == ["recording", "recorded"]


async def test_an_end_of_its_own_accord_is_no_orderly_stop(stage: Stage) -> None:
    stage.ending.fail()
    os.kill(os.getpid(), signal.SIGTERM)
    await stage.serving
    assert (stage.ending.is_failure, stage.ending.exit_code) == (True, 1)


async def test_a_failure_while_it_stops_as_asked_leaves_it_an_orderly_stop(stage: Stage) -> None:
    stage.ending.stop()
    stage.ending.fail()
    await stage.serving
    assert (stage.ending.is_failure, stage.ending.exit_code) == (False, 0)


async def test_open_streams_do_not_hold_up_a_stop() -> None:
    stage = Stage(drain_seconds=0.05)
    await stage.serve()
    await stage.request()
    os.kill(os.getpid(), signal.SIGTERM)
    await stage.serving
    stage.writer.close()
    stage.listener.close()
    assert "answered" not in stage.told
