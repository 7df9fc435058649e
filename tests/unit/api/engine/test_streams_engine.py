"""Logs and events as the client sees them: what is asked of the engine, and failures in words."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from status_state_api.engine.client import TRIGGERS, Engine
from status_state_api.errors import EngineUnavailable, LogUnreadable

from ..health.world import CHUNKED, END, EngineSocket, chunk, never

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


# The SDK's client is left to the garbage collector, with its kept connection.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning")


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncGenerator[EngineSocket]:
    """An engine that is the test's."""
    engine = EngineSocket(tmp_path / "docker.sock")
    listener = await asyncio.start_unix_server(engine.serve, engine.path)
    yield engine
    listener.close()
    await engine.stop()


def client(engine: EngineSocket, timeout_seconds: float = 5.0) -> Engine:
    """A client of the engine at this socket."""
    return Engine({"DOCKER_HOST": f"unix://{engine.path}"}, timeout_seconds)


async def test_a_log_is_asked_for_with_times_from_a_moment_on(engine: EngineSocket) -> None:
    engine.says(CHUNKED, chunk(b"one"), END)
    async with client(engine).log("abc", "1795453200.000000001") as chunks:
        assert [one async for one in chunks] == [b"one"]
    assert engine.heads[-1].split(b" ")[1] == (
        b"/v1.41/containers/abc/logs?follow=1&stdout=1&stderr=1&timestamps=1&since=1795453200.000000001"
    )


async def test_the_engine_leaves_out_the_events_that_change_nothing(engine: EngineSocket) -> None:
    engine.says(CHUNKED, chunk(b"{}\n"), END)
    async with client(engine).events() as chunks:
        assert [one async for one in chunks] == [b"{}\n"]
    asked = urlsplit(engine.heads[-1].split(b" ")[1].decode())
    assert asked.path == "/v1.41/events"
    assert json.loads(parse_qs(asked.query)["filters"][0]) == {
        "type": ["container"],
        "event": list(TRIGGERS),
    }
    assert {"start", "die", "health_status", "rename", "pause"} <= set(TRIGGERS)


async def read(seeing: Engine) -> bytes:
    """Read a log to its end."""
    async with seeing.log("abc", "0") as chunks:
        return b"".join([one async for one in chunks])


def error(status: int, message: str) -> bytes:
    """The engine's answer when something is wrong."""
    body = json.dumps({"message": message}).encode()
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (501, "configured logging driver does not support reading"),
        (500, "configured logging driver does not support reading"),
        (400, "no logs"),
    ],
)
async def test_a_log_that_the_driver_does_not_keep_is_unreadable(
    engine: EngineSocket, status: int, message: str
) -> None:
    engine.says(error(status, message))
    seeing = client(engine)
    with pytest.raises(LogUnreadable, match=message) as raised:
        async with seeing.log("abc", "0"):
            pass
    assert "json-file" in raised.value.remedy


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        pytest.param([error(500, "broken")], "answers with 500: broken", id="error"),
        pytest.param([error(404, "No such container")], "No such container", id="gone"),
        pytest.param([], "docker.sock hung up. ", id="hung up"),
        pytest.param([CHUNKED, chunk(b"x")], "docker.sock hung up. ", id="broken off"),
        pytest.param([b"hello\r\n\r\n"], "docker.sock hung up. ", id="no HTTP"),
    ],
)
async def test_any_other_failure_is_an_engine_that_can_not_be_asked(
    engine: EngineSocket, parts: list[bytes], said: str
) -> None:
    engine.says(*parts)
    seeing = client(engine)
    with pytest.raises(EngineUnavailable) as raised:
        await read(seeing)
    assert not isinstance(raised.value, LogUnreadable)
    assert said in str(raised.value)


async def test_an_engine_that_hangs_is_reported(engine: EngineSocket) -> None:
    async def respond(_: asyncio.StreamWriter) -> None:
        await never()

    engine.respond = respond
    seeing = client(engine, timeout_seconds=0.2)
    with pytest.raises(EngineUnavailable, match="does not answer in time"):
        async with seeing.events():
            pass


async def test_a_socket_that_is_gone_is_reported_with_what_to_do(engine: EngineSocket) -> None:
    seeing = client(engine)
    engine.says(CHUNKED, END)
    async with seeing.events():
        pass
    engine.path.unlink()
    with pytest.raises(EngineUnavailable, match="there is no socket") as raised:
        async with seeing.events():
            pass
    assert raised.value.refused
