"""Asking the SSA: whatever it answers, it is a snapshot, "still the same", or an error of our own; and in time."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from status_state_controller.errors import SsaError
from status_state_controller.ssa import client as func
from status_state_controller.ssa.client import read_recipes, send_report, ssa_client

from ..world import Network, recipes_document, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from pathlib import Path

    from status_state_controller.model import Snapshot

HELD = snapshot("web")
BODY = json.dumps(recipes_document(HELD)).encode()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A file with the token."""
    file = tmp_path / "token"
    file.write_text("open-sesame\n")
    return file


def client_of(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.AsyncClient:
    """A client whose requests are answered by a function."""

    async def serve(request: httpx.Request) -> httpx.Response:
        return answer(request)

    return httpx.AsyncClient(base_url="http://ssa:8000", transport=Network(serve))


async def ping_ssa(client: httpx.AsyncClient, token_file: Path, held: Snapshot | None) -> Snapshot | None:
    """Ask for the snapshot; None when it is still the one held."""
    desired = await read_recipes(client, token_file, held)
    return None if desired is None else desired.snapshot


async def ask(answer: httpx.Response, token_file: Path, held: Snapshot | None = None) -> Snapshot | None:
    """Ping an SSA that gives this answer."""
    async with client_of(lambda _: answer) as client:
        return await ping_ssa(client, token_file, held)


async def test_the_first_ping_brings_the_snapshot(token_file: Path) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=BODY)

    async with client_of(answer) as client:
        held = await ping_ssa(client, token_file, None)
    assert held == HELD
    assert [(request.method, request.url.path) for request in seen] == [("GET", "/snapshot/recipes")]
    assert seen[0].headers["Authorization"] == "Bearer open-sesame"
    assert "If-None-Match" not in seen[0].headers


async def test_the_next_ping_asks_only_for_news(token_file: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["If-None-Match"] == '"snapshot-1"'
        return httpx.Response(304)

    async with client_of(answer) as client:
        assert await ping_ssa(client, token_file, HELD) is None


@pytest.mark.parametrize("tag", ['"snapshot-1.0"', '"snapshot-1.7f3a"', 'W/"snapshot-1.7f3a"', "snapshot-1"])
async def test_the_tag_is_sent_back_as_it_was_received(tag: str, token_file: Path) -> None:
    asked = list[str | None]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("If-None-Match"))
        return httpx.Response(200, content=BODY, headers={"ETag": tag})

    async with client_of(answer) as client:
        held = await ping_ssa(client, token_file, None)
        assert held is not None
        again = await ping_ssa(client, token_file, held)
    assert asked == [None, tag]
    assert (held.tag, again) == (tag, held)


async def test_a_snapshot_that_is_held_gives_way_to_a_newer_one(token_file: Path) -> None:
    assert await ask(httpx.Response(200, content=BODY), token_file, snapshot("db", id="snapshot-0")) == HELD


UNUSABLE = {
    "not modified, though nothing was held": (httpx.Response(304), "304"),
    "no content": (httpx.Response(204), "204"),
    "an empty answer": (httpx.Response(200), "can't be used"),
    "refused token": (httpx.Response(401, json={"detail": "x"}), "token"),
    "a problem of its own": (httpx.Response(503, json={"detail": "the engine is away"}), "the engine is away"),
    "a page of a proxy": (httpx.Response(502, html="<h1>Bad Gateway</h1>"), "502"),
    "a page instead": (httpx.Response(200, html="<h1>Welcome to nginx</h1>"), "can't be used"),
    "a crash": (httpx.Response(500, content=b"\xff\x00"), "500"),
    "a crash with a list": (httpx.Response(500, json=["x"]), "500"),
    "a crash in depths": (httpx.Response(500, content=b"[" * 100_000), "500"),
    "a part": (httpx.Response(206, content=BODY), "206"),
    "moved": (httpx.Response(302, headers={"Location": "http://elsewhere/"}, content=BODY), "302"),
    "moved for good": (httpx.Response(301, headers={"Location": "/elsewhere"}), "301"),
    "not there": (httpx.Response(404, json={"detail": "Not Found"}), "404"),
    "half of it": (httpx.Response(200, content=BODY[: len(BODY) // 2]), "can't be used"),
}


@pytest.mark.parametrize(("answer", "told"), UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_an_answer_that_is_no_snapshot_is_an_error_that_says_why(
    answer: httpx.Response, told: str, token_file: Path
) -> None:
    with pytest.raises(SsaError) as caught:
        await ask(answer, token_file)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "open-sesame" not in str(caught.value)


async def test_a_redirect_is_not_followed(token_file: Path) -> None:
    async with serving(redirection) as url, ssa_client(url) as client:
        with pytest.raises(SsaError, match="302"):
            await ping_ssa(client, token_file, None)


async def test_an_answer_is_not_read_beyond_the_limit(token_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(func, "SSA_ANSWER_LIMIT_BYTES", len(BODY))
    assert await ask(httpx.Response(200, content=BODY), token_file) == HELD
    monkeypatch.setattr(func, "SSA_ANSWER_LIMIT_BYTES", len(BODY) - 1)
    with pytest.raises(SsaError, match="exceeds"):
        await ask(httpx.Response(200, content=BODY), token_file)


async def test_an_endless_answer_is_cut_off_at_the_limit(token_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(func, "SSA_ANSWER_LIMIT_BYTES", 100_000)
    async with serving(endlessness) as url, ssa_client(url) as client, asyncio.timeout(10):
        with pytest.raises(SsaError, match="exceeds"):
            await ping_ssa(client, token_file, None)


async def test_a_missing_token_is_reported_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(SsaError, match="token volume"):
        await ask(httpx.Response(200, content=BODY), tmp_path / "nowhere")


@pytest.mark.parametrize("token", [b"\xff\xfe\x00", b"", b"two\nlines", b"caf\xc3\xa9"], ids=repr)
async def test_a_token_that_can_not_be_sent_is_an_error_that_does_not_tell_it(token: bytes, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(token)
    async with serving(unauthorized) as url, ssa_client(url) as client:
        with pytest.raises(SsaError) as caught:
            await ping_ssa(client, file, None)
    assert "token" in str(caught.value)
    assert "lines" not in str(caught.value)


async def test_a_report_is_delivered_when_the_ssa_took_it(token_file: Path) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    async with client_of(answer) as client:
        await send_report(client, token_file, {"sentence": "x"})
    assert [(request.method, request.url.path) for request in seen] == [("POST", "/reports")]
    assert seen[0].headers["Authorization"] == "Bearer open-sesame"
    assert json.loads(seen[0].content) == {"sentence": "x"}


@pytest.mark.parametrize("status", [200, 202, 302, 304, 401, 404, 413, 422, 500, 503])
async def test_a_report_is_not_delivered_when_the_ssa_says_anything_else(status: int, token_file: Path) -> None:
    async with client_of(lambda _: httpx.Response(status)) as client:
        with pytest.raises(SsaError):
            await send_report(client, token_file, {"sentence": "x"})


# From here on a real connection: what a transport in memory can't do wrong.


@asynccontextmanager
async def serving(answer: Callable[[asyncio.StreamWriter], AsyncIterator[bytes]]) -> AsyncGenerator[str]:
    """A server on the loopback that reads the head of a request and writes what `answer` yields."""

    async def write(writer: asyncio.StreamWriter) -> None:
        async for part in answer(writer):
            writer.write(part)
            await writer.drain()

    handlers = set[asyncio.Task[Any]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.current_task()
        assert handler is not None
        handlers.add(handler)
        with suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
        tasks: set[asyncio.Task[Any]] = {asyncio.create_task(write(writer)), asyncio.create_task(reader.read())}
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)  # all is written, or the client has gone
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        if handlers:
            await asyncio.wait(handlers, timeout=5)


def head(length: int | None) -> bytes:
    """The head of a good answer."""
    return b"HTTP/1.1 200 OK\r\n" + (b"" if length is None else b"Content-Length: %d\r\n" % length) + b"\r\n"


async def whole(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """Everything."""
    yield head(len(BODY)) + BODY


async def truncated(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """Less than announced."""
    yield head(len(BODY) + 1) + BODY


async def cut_off(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """An answer without a length that ends too early."""
    yield head(None) + BODY[:-30]


async def gone(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """Nothing."""
    yield b""


async def rubbish(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """Another protocol."""
    yield b"220 mail.example.com ESMTP\r\n"


async def silence(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """A server that never answers."""
    await asyncio.Event().wait()
    yield b""


async def trickle(writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """Byte by byte, for as long as the client listens: no time-out between two bytes ever passes."""
    yield head(50_000_000)
    while not writer.is_closing():
        yield b" "
        await asyncio.sleep(0)


async def endlessness(writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """As much as the client takes."""
    yield head(None)
    while not writer.is_closing():
        yield b" " * 10_000


async def redirection(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """Elsewhere."""
    yield b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"


async def unauthorized(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """An SSA that knows another token."""
    yield b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


async def test_the_client_of_the_controller_reads_a_snapshot(token_file: Path) -> None:
    async with serving(whole) as url, ssa_client(url) as client:
        assert await ping_ssa(client, token_file, None) == HELD


@pytest.mark.parametrize("answer", [truncated, cut_off, gone, rubbish], ids=lambda answer: answer.__name__)
async def test_a_broken_answer_is_an_error(
    answer: Callable[[asyncio.StreamWriter], AsyncIterator[bytes]], token_file: Path
) -> None:
    async with serving(answer) as url, ssa_client(url) as client:
        with pytest.raises(SsaError):
            await ping_ssa(client, token_file, None)


@pytest.mark.parametrize("answer", [silence, trickle], ids=lambda answer: answer.__name__)
async def test_a_slow_answer_is_given_up_in_time(
    answer: Callable[[asyncio.StreamWriter], AsyncIterator[bytes]], token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(func, "SSA_ANSWER_TIMEOUT_SECONDS", 0.2)
    async with serving(answer) as url, ssa_client(url) as client, asyncio.timeout(5):
        with pytest.raises(SsaError):
            await ping_ssa(client, token_file, None)


async def test_a_refused_connection_is_an_error_that_names_the_address(token_file: Path) -> None:
    async with serving(whole) as url:
        pass
    async with ssa_client(url) as client:
        with pytest.raises(SsaError, match=r"127\.0\.0\.1"):
            await ping_ssa(client, token_file, None)


async def test_a_proxy_of_the_environment_is_not_used(token_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(gone) as proxy, serving(whole) as url:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        async with ssa_client(url) as client:
            assert await ping_ssa(client, token_file, None) == HELD
