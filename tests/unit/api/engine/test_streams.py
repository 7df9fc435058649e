"""Answers of the engine that don't end, over a real socket: given as they come, bounded, and broken ones told apart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from status_state_api.engine.streams import CHUNK_BYTES, Endpoint, StreamBroken, StreamRefused, open_stream

from ..health.world import CHUNKED, END, EngineSocket, chunk, never

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncGenerator[EngineSocket]:
    """An engine that is the test's."""
    engine = EngineSocket(tmp_path / "docker.sock")
    listener = await asyncio.start_unix_server(engine.serve, engine.path)
    yield engine
    listener.close()
    await engine.stop()


async def test_a_chunked_answer_is_given_without_its_frames(engine: EngineSocket) -> None:
    engine.says(CHUNKED, chunk(b"one "), chunk(b"two "), chunk(b"three") + END)
    assert b"".join(await engine.read("/containers/x/logs?follow=1")) == b"one two three"
    (head,) = engine.heads
    assert head == b"GET /v1.41/containers/x/logs?follow=1 HTTP/1.1\r\nHost: docker\r\n\r\n"


async def test_an_answer_may_be_cut_at_every_byte(engine: EngineSocket) -> None:
    text = CHUNKED + chunk(b"one ") + chunk(b"two") + END
    engine.says(*(bytes((byte,)) for byte in text))
    assert b"".join(await engine.read()) == b"one two"


async def test_an_answer_of_known_length_ends_with_it(engine: EngineSocket) -> None:
    async def respond(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")
        await never()

    engine.respond = respond
    assert b"".join(await engine.read()) == b"one"


async def test_it_begins_when_the_engine_has_accepted_the_question(engine: EngineSocket) -> None:
    may_go_on = asyncio.Event()

    async def respond(writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        await writer.drain()
        await may_go_on.wait()
        writer.write(chunk(b"one"))
        await never()

    engine.respond = respond
    async with asyncio.timeout(5), open_stream(engine.endpoint, "/events") as chunks:
        may_go_on.set()
        assert await anext(chunks) == b"one", "as soon as it is there"


async def test_who_reads_no_more_hangs_up(engine: EngineSocket) -> None:
    async def respond(writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        while True:
            writer.write(chunk(b"x" * 1000))
            await writer.drain()
            await asyncio.sleep(0)

    engine.respond = respond
    async with open_stream(engine.endpoint, "/events") as chunks:
        await anext(chunks)
    await asyncio.wait_for(engine.done.wait(), 5)


@pytest.mark.parametrize("status", [301, 400, 404, 500, 501])
async def test_an_answer_that_is_an_error_is_refused_with_what_it_says(engine: EngineSocket, status: int) -> None:
    engine.says(b"HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\n" % status, b"wh", b"y?")
    with pytest.raises(StreamRefused) as raised:
        await engine.read()
    assert (raised.value.status, raised.value.body) == (status, b"why?")


async def test_an_error_without_end_is_bounded(engine: EngineSocket) -> None:
    async def respond(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(chunk(b"x" * 1000))
            await writer.drain()

    engine.respond = respond
    with pytest.raises(StreamRefused) as raised:
        await asyncio.wait_for(engine.read(), 5)
    assert 4096 <= len(raised.value.body) < 4 * CHUNK_BYTES


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", id="half a head"),
        pytest.param(b"HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\nwhy", id="half an error"),
    ],
)
async def test_an_engine_that_does_not_begin_in_time_is_given_up(engine: EngineSocket, beginning: bytes) -> None:
    async def respond(writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        await never()

    engine.respond = respond
    with pytest.raises(TimeoutError):
        async with open_stream(Endpoint("", 0.05, path=str(engine.path)), "/events"):
            pass


async def test_an_answer_that_has_begun_may_be_quiet_for_as_long_as_it_likes(engine: EngineSocket) -> None:
    may_go_on = asyncio.Event()

    async def respond(writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        await may_go_on.wait()
        writer.write(chunk(b"late") + END)

    engine.respond = respond
    async with open_stream(Endpoint("", 0.05, path=str(engine.path)), "/events") as chunks:
        asyncio.get_running_loop().call_later(0.15, may_go_on.set)
        assert [one async for one in chunks] == [b"late"]


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([], id="at once"),
        pytest.param([b"HTTP/1.1 200 OK\r\n"], id="in the head"),
        pytest.param([CHUNKED], id="before the first chunk"),
        pytest.param([CHUNKED, chunk(b"one"), b"100\r\nx"], id="in a chunk"),
        pytest.param([b"HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\nwhy"], id="in an error"),
    ],
)
async def test_an_answer_that_breaks_off_is_broken(engine: EngineSocket, parts: list[bytes]) -> None:
    engine.says(*parts)
    with pytest.raises(StreamBroken, match="the engine broke off its answer"):
        await engine.read()


@pytest.mark.parametrize("parts", [[b"hello\r\n\r\n"], [CHUNKED, b"no chunk\r\n"]], ids=["no head", "no chunk"])
async def test_what_is_no_http_is_broken(engine: EngineSocket, parts: list[bytes]) -> None:
    engine.says(*parts)
    with pytest.raises(StreamBroken, match="the engine's answer is no HTTP"):
        await engine.read()


async def test_what_has_come_before_a_break_is_given(engine: EngineSocket) -> None:
    engine.says(CHUNKED, chunk(b"one"))
    given: list[bytes] = []
    with pytest.raises(StreamBroken):  # noqa: PT012 - what has come before the break counts
        async with open_stream(engine.endpoint, "/events") as chunks:
            async for one in chunks:
                given.append(one)  # noqa: PERF401 - what has come before the break counts
    assert given == [b"one"]


async def test_a_huge_chunk_is_given_in_pieces(engine: EngineSocket) -> None:
    huge = bytes(range(256)) * 16384
    engine.says(CHUNKED, chunk(huge), END)
    pieces = await engine.read()
    assert b"".join(pieces) == huge
    assert max(map(len, pieces)) <= CHUNK_BYTES


async def test_a_reader_that_is_slow_is_waited_for(engine: EngineSocket) -> None:
    stalled, sent = asyncio.Event(), 0

    async def respond(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(CHUNKED)
        writer.transport.set_write_buffer_limits(high=0)
        for _ in range(1024):
            writer.write(chunk(b"x" * 65536))
            try:
                await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(writer.drain())), 0.2)
            except TimeoutError:
                stalled.set()
                await writer.drain()
            sent += 65536
        writer.write(END)

    engine.respond = respond
    received = 0
    async with open_stream(engine.endpoint, "/events") as chunks:
        received += len(await anext(chunks))
        await asyncio.wait_for(stalled.wait(), 5)
        assert sent < 2_000_000, "of 64 MiB"
        async for one in chunks:
            received += len(one)
    assert received == 1024 * 65536, "nothing is lost by that"


async def test_while_one_reads_others_have_their_turn(engine: EngineSocket) -> None:
    engine.says(CHUNKED, *(chunk(b"x" * 60000) for _ in range(100)), END)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    pieces = await engine.read()
    task.cancel()
    assert turns >= len(pieces)


async def test_where_nobody_listens_it_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with open_stream(Endpoint("", 5.0, path=str(tmp_path / "none")), "/events"):
            pass


async def test_an_engine_may_listen_at_a_port() -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(CHUNKED + chunk(b"one") + END)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with open_stream(Endpoint("/v1.41", 5.0, host="127.0.0.1", port=port), "/events") as chunks:
        assert [one async for one in chunks] == [b"one"]
    assert heads == [b"GET /v1.41/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]
    listener.close()
