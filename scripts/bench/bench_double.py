"""A stand-in for an engine with many containers: the real one, whose list is padded with copies of one container.

A thousand real ones would take the machine more than the benchmark may. Everything but the list, and the inspection of
a copy, goes to the real engine and back as it came, the event stream too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from typing import TYPE_CHECKING, Any, Self

from bench_engine import ask, inspect
from private_dockerd import SOCKET

if TYPE_CHECKING:
    from pathlib import Path

REQUEST_LINE = re.compile(rb"([A-Z]+) (?:/v[\d.]+)?(/[^ ?]*)")
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
KEPT_OPEN = re.compile(rb"\r\nconnection: [^\r]*", re.IGNORECASE)
PIECE_BYTES = 65536


class EngineDouble:
    """Serves on a unix socket in a thread of its own; use it as a context manager.

    Args:
        listen: the socket to make.
        template: the name of the running container to copy.
        copies: how many copies the list is padded with.
    """

    def __init__(self, listen: Path, template: str, copies: int) -> None:
        self._listen = listen
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine double", daemon=True)
        inspected = inspect(template)
        listed: list[dict[str, Any]] = ask("/containers/json")
        entry = next(each for each in listed if each["Id"] == inspected["Id"])
        ids = [f"{number:012x}".ljust(64, "c") for number in range(copies)]
        self._names = {copy: f"bench-copy-{number:04}" for number, copy in enumerate(ids)}
        self._entries = [_copied(entry, template, copy, self._names[copy]) for copy in ids]
        self._inspected = inspected
        self._template = template
        self.requests = 0
        """How many there were, but for pings."""

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(asyncio.start_unix_server(self._serve, self._listen), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(_cancel_all_others(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            while await self._answer(await reader.readuntil(b"\r\n\r\n"), reader, writer):
                pass
        writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; returns whether the connection stays open."""
        length = CONTENT_LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        found = REQUEST_LINE.match(head)
        path = found[2].decode() if found else ""
        self.requests += path != "/_ping"
        copy = path.removeprefix("/containers/").removesuffix("/json")
        if path == "/containers/json":
            answer = await _ask_engine(head)
            present = answer.strip().removesuffix(b"]")
            padding = b",".join(self._entries)
            await _send_json(writer, present + (b"," if padding and present != b"[" else b"") + padding + b"]\n")
        elif copy in self._names:
            await _send_json(writer, _copied(self._inspected, self._template, copy, self._names[copy]))
        else:
            await _relay(head + body, writer)
            return False
        return True


def _copied(original: dict[str, Any], name: str, copy: str, copy_name: str) -> bytes:
    text = json.dumps(original)
    own_id: str = original["Id"]
    for old, new in ((own_id, copy), (own_id[:12], copy[:12]), (name, copy_name)):
        text = text.replace(old, new)
    return text.encode()


async def _send_json(writer: asyncio.StreamWriter, content: bytes) -> None:
    """As the engine sends what is long: in one chunk."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head + f"{len(content):x}\r\n".encode() + content + b"\r\n0\r\n\r\n")
    await writer.drain()


async def _ask_engine(head: bytes) -> bytes:
    """The body of the engine's answer."""
    reader, writer = await asyncio.open_unix_connection(SOCKET)
    # In HTTP/1.0 the body has no chunks and ends with the connection.
    writer.write(KEPT_OPEN.sub(b"", head).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n"))
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2]


async def _relay(request: bytes, client: asyncio.StreamWriter) -> None:
    reader, writer = await asyncio.open_unix_connection(SOCKET)
    try:
        writer.write(KEPT_OPEN.sub(b"", request).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        while data := await reader.read(PIECE_BYTES):
            client.write(data)
            await client.drain()
    finally:
        writer.close()


async def _cancel_all_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
