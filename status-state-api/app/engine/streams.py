"""Answers of the engine that don't end: events, and logs that are followed.

The SDK holds a thread for each of them and reads them header by header. Here they are read in the event loop, by the
parser that the server itself uses, as much at a time as there is: a hundred logs cost no thread, and a log of ten
thousand lines a second leaves room for all else. A reader that is slow is waited for: what is buffered is bounded.

Which engine, and how, is `engine`'s business: this module gets an endpoint and a path.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httptools

CHUNK_BYTES = 64 * 1024
LONGEST_ERROR_BYTES = 4096
LONGEST_LINE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the engine listens: at `path`, or at `host` and `port`, with TLS if there is a context.

    `prefix` is the version of its interface, `/v1.41`; `timeout_seconds` is how long its answer may take to begin.
    """

    prefix: str
    timeout_seconds: float
    path: str = ""
    host: str = ""
    port: int = 0
    tls: ssl.SSLContext | None = field(default=None, repr=False)


class StreamRefused(Exception):
    """The engine answered with an error of HTTP."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class StreamBroken(ConnectionError):
    """The answer ended in the middle, or is no HTTP."""


class _Answer:
    """What httptools calls back."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.begun = False
        self.complete = False

    def on_headers_complete(self) -> None:
        self.begun = True

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        self.complete = True

    def take(self) -> bytes:
        """Return what has come since."""
        taken = b"".join(self.parts)
        self.parts.clear()
        return taken


async def lines_of(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
    """Cut a stream into its lines, however it comes; an unfinished one at its end is left out.

    Of a line no more than `LONGEST_LINE_BYTES` are kept: an event has all labels of its container in it.
    """
    kept = bytearray()
    async for chunk in chunks:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            kept += line[: LONGEST_LINE_BYTES - len(kept)]
            yield bytes(kept)
            kept.clear()
        kept += rest[: LONGEST_LINE_BYTES - len(kept)]


@asynccontextmanager
async def open_stream(endpoint: Endpoint, path: str) -> AsyncGenerator[AsyncGenerator[bytes]]:
    """Ask, and give the body as it comes, from the moment on at which the engine has accepted the question.

    Raises:
        StreamRefused: the engine answered with an error.
        OSError: it can't be reached, is too slow to begin (TimeoutError), or broke off.
    """
    async with asyncio.timeout(endpoint.timeout_seconds):
        reader, writer = await _connect(endpoint)
    try:
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        async with asyncio.timeout(endpoint.timeout_seconds):
            request = f"GET {endpoint.prefix}{path} HTTP/1.1\r\nHost: {endpoint.host or 'docker'}\r\n\r\n"
            writer.write(request.encode("ascii"))
            while not answer.begun:
                await _read(reader, parser, answer)
            status = parser.get_status_code()
            if status != 200:
                while not answer.complete and sum(map(len, answer.parts)) < LONGEST_ERROR_BYTES:
                    await _read(reader, parser, answer)
                raise StreamRefused(status, answer.take())
        yield _body(reader, parser, answer)
    finally:
        writer.transport.abort()  # nothing is left to be said, and nobody waits for a polite end


async def _connect(endpoint: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if endpoint.path:
        return await asyncio.open_unix_connection(endpoint.path, limit=CHUNK_BYTES)
    return await asyncio.open_connection(endpoint.host, endpoint.port, ssl=endpoint.tls, limit=CHUNK_BYTES)


async def _body(
    reader: asyncio.StreamReader, parser: httptools.HttpResponseParser, answer: _Answer
) -> AsyncGenerator[bytes]:
    while True:
        if chunk := answer.take():
            yield chunk
            # What has come meanwhile would be read at once: others have their turn first.
            await asyncio.sleep(0)
        if answer.complete:
            return
        await _read(reader, parser, answer)


async def _read(reader: asyncio.StreamReader, parser: httptools.HttpResponseParser, answer: _Answer) -> None:
    data = await reader.read(CHUNK_BYTES)
    if not data:
        raise StreamBroken("the engine broke off its answer")
    try:
        parser.feed_data(data)
    except httptools.HttpParserError as error:
        if not answer.complete:
            raise StreamBroken(f"the engine's answer is no HTTP: {error}") from error
