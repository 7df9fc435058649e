"""What a connection may do: how long it may take, and how many there may be. The limits are small here, and so are the waits."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from status_state_api.http.limits.protocol import Limits
from status_state_api.http.server import Server, make_config
from status_state_api.process.ending import Ending

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import Receive, Scope, Send

SHORT = 0.05
LONG = 30.0
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Stage:
    """A server with an application that reads the body and answers with so many bytes."""

    def __init__(self, limits: Limits) -> None:
        self.answer_bytes = 2
        self.lost = asyncio.Event()
        self.ending = Ending()
        self.listener = socket.create_server(("127.0.0.1", 0))
        config = make_config(self.app, limits=limits)
        config.lifespan = "off"
        self.server = Server(config, self.ending, self)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, then answer."""
        assert scope["type"] == "http"
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            self.lost.set()
            return
        length = str(self.answer_bytes).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": b"x" * self.answer_bytes, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def finish(self) -> None:
        """Nothing is to be recorded."""

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to it."""
        return await asyncio.open_connection(*self.listener.getsockname())

    async def tell(self, *sent: bytes) -> str:
        """All that is answered to this until the server closes the connection."""
        reader, writer = await self.connect()
        for part in sent:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        return answer.decode()


@asynccontextmanager
async def serving(limits: Limits) -> AsyncGenerator[Stage]:
    """A server with these limits."""
    stage = Stage(limits)
    task = asyncio.create_task(stage.server.serve([stage.listener]))
    while not stage.server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)
    try:
        yield stage
    finally:
        stage.ending.stop()
        await task
        stage.listener.close()


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with serving(Limits(head_seconds=SHORT)) as stage:
        assert await stage.tell() == ""


async def test_empty_lines_are_no_request() -> None:
    async with serving(Limits(head_seconds=SHORT, idle_seconds=30)) as stage:
        assert await stage.tell(b"\r\n\r\n") == ""
        reader, writer = await stage.connect()
        writer.write(GET)
        assert (await reader.readuntil(b"xx")).startswith(b"HTTP/1.1 200")
        writer.write(b"\r\n")  # it ends uvicorn's wait for the next request, and begins none
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize("before", [b"", GET], ids=["at first", "after an answer"])
async def test_a_head_that_takes_too_long_is_refused(before: bytes) -> None:
    async with serving(Limits(head_seconds=SHORT, idle_seconds=30)) as stage:
        answers = await stage.tell(before, GET[:-2])
        assert answers.count("HTTP/1.1 408 Request Timeout") == 1
        assert answers.count("HTTP/1.1 200") == before.count(b"GET")
        assert "within 0.05 s" in answers


async def test_a_head_that_comes_bit_by_bit_has_no_more_time() -> None:
    async with serving(Limits(head_seconds=SHORT)) as stage:
        reader, writer = await stage.connect()
        answer = asyncio.create_task(reader.read())
        async with asyncio.timeout(10):
            writer.write(GET[:-2])
            while not answer.done():
                writer.write(b"a")
                await asyncio.sleep(0)
        writer.close()
        assert answer.result().startswith(b"HTTP/1.1 408")


async def test_a_body_that_takes_too_long_is_refused_and_the_application_let_go() -> None:
    async with serving(Limits(body_seconds=SHORT)) as stage:
        answer = await stage.tell(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nbegun")
        assert answer.startswith("HTTP/1.1 408 Request Timeout")
        await asyncio.wait_for(stage.lost.wait(), 10)


async def test_a_connection_may_be_used_again_and_is_closed_when_it_is_not() -> None:
    async with serving(Limits(idle_seconds=1)) as stage:
        assert (await stage.tell(GET, GET)).count("HTTP/1.1 200") == 2


async def test_an_answer_that_nobody_reads_is_given_up() -> None:
    async with serving(Limits(unread_seconds=SHORT)) as stage:
        stage.answer_bytes = 16 * 1024 * 1024
        reader, writer = await stage.connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(GET)
        async with asyncio.timeout(10):
            while not stage.server.server_state.connections:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0)
            while stage.server.server_state.connections:  # noqa: ASYNC110 - nor for this
                await asyncio.sleep(0)
        writer.close()
        assert not reader.at_eof()


async def test_the_newest_of_too_many_connections_is_refused_and_the_others_are_served() -> None:
    async with serving(Limits(connections=8, linger_seconds=LONG)) as stage:
        held = [await stage.connect() for _ in range(8)]
        for sent in (b"", GET):
            refused = await stage.tell(sent)
            assert refused.startswith("HTTP/1.1 503 Service Unavailable")
            assert "8 connections" in refused
        for reader, writer in held:
            writer.write(GET)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
        async with asyncio.timeout(10):
            while len(stage.server.server_state.connections) > 7:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0)
        reader, writer = await stage.connect()
        writer.write(GET)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_flood_of_connections_holds_no_more_than_a_quarter_beyond_the_cap() -> None:
    async with serving(Limits(connections=8, linger_seconds=LONG)) as stage:
        held = [await stage.connect() for _ in range(40)]
        async with asyncio.timeout(10):
            for reader, _ in held[10:]:
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
        assert len(stage.server.server_state.connections) <= 10
        for _, writer in held:
            writer.close()


async def test_what_can_not_be_read_is_refused_as_a_problem() -> None:
    async with serving(Limits()) as stage:
        answer = await stage.tell(b"rubbish\r\n\r\n")
        assert answer.startswith("HTTP/1.1 400 Bad Request")
        assert "application/problem+json" in answer
