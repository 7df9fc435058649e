"""Relays that write down each HTTP request passing through: between the pair and the engine, and inside the pair.

They only look: bytes go on as they came. A request is told by its first line at the beginning of a piece of data,
which holds for clients that wait for an answer before they ask again, as all of the pair's do.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

REQUEST_LINE = re.compile(rb"(GET|HEAD|POST|PUT|DELETE) ([^ ]+) HTTP/1\.[01]\r\n")
PIECE_BYTES = 65536


@dataclass
class Record:
    """The requests that passed one relay: when (steady seconds) and what."""

    requests: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def note(self, data: bytes) -> None:
        """Writes down the request that begins here, if one does."""
        found = REQUEST_LINE.match(data)
        if found:
            self.requests.append((time.monotonic(), f"{found[1].decode()} {found[2].decode()}"))

    def between(self, begin: float, end: float) -> Counter[str]:
        """How often what was asked, after `begin` and until `end`."""
        return Counter(request for moment, request in self.requests if begin < moment <= end)


class Recorder:
    """Runs relays in a thread of its own; use it as a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="recorder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(_cancel_all_others(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def record_socket(self, listen: Path, engine: Path) -> Record:
        """Relays from a new unix socket to the engine's."""
        record = Record()

        async def open_engine() -> Streams:
            return await asyncio.open_unix_connection(engine)

        async def serve() -> None:
            await asyncio.start_unix_server(_relaying(open_engine, record), listen)

        asyncio.run_coroutine_threadsafe(serve(), self._loop).result(10)
        return record

    def record_port(self, listen: tuple[str, int], target: tuple[str, int]) -> Record:
        """Relays from an address and port to another one."""
        record = Record()

        async def open_target() -> Streams:
            return await asyncio.open_connection(*target)

        async def serve() -> None:
            await asyncio.start_server(_relaying(open_target, record), *listen)

        asyncio.run_coroutine_threadsafe(serve(), self._loop).result(10)
        return record


def _relaying(
    connect: Callable[[], Awaitable[Streams]], record: Record
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            target_reader, target_writer = await connect()
        except OSError:  # as if nobody listened here either
            writer.close()
            return
        with contextlib.suppress(asyncio.CancelledError):  # that is the end; Python 3.11 would complain about it
            await asyncio.gather(_pump(reader, target_writer, record.note), _pump(target_reader, writer, None))

    return relay


async def _cancel_all_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], None] | None
) -> None:
    with contextlib.suppress(OSError):  # either side may leave at any time
        while data := await reader.read(PIECE_BYTES):
            if note:
                note(data)
            writer.write(data)
            await writer.drain()
    writer.close()
