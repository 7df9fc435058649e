"""Hostile input, sent to the program itself over loopback: what it answers, what it costs, and that others are served."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .test_process import Process

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

MEGABYTE = 1024 * 1024
SENT_MEGABYTES = 60
GROWTH_MEGABYTES = 16
"""Far less than is sent, and more than an allocator keeps by chance."""
ANSWERED_SECONDS = 1.0
"""How long the healthy may be kept waiting on a machine that others use as well; an idle one takes milliseconds."""


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Generator[Process]:
    """The service, on a machine without an engine."""
    with closing(Process(tmp_path_factory.mktemp("hostile"), SSA_LOG_FORMAT="json")) as process:
        process.read_until("snapshot_delayed")
        process.get("/status")
        yield process


def rss(process: Process) -> float:
    """The memory that it has now, in megabytes."""
    status = Path(f"/proc/{process.process.pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def connect(process: Process) -> socket.socket:
    """Connect to it."""
    return socket.create_connection(("127.0.0.1", process.port), timeout=20)


def converse(process: Process, *parts: bytes) -> tuple[int, bytes]:
    """Send this as far as it is taken in; the status and the body of all that is answered until the connection is closed."""
    with connect(process) as connection:

        def send() -> None:
            try:
                for part in parts:
                    connection.sendall(part)
            except OSError:
                pass  # it was closed: what was answered before tells why

        sending = threading.Thread(target=send)
        sending.start()
        received = b""
        try:
            while more := connection.recv(65536):
                received += more
        except ConnectionResetError:
            pass
        connection.close()
        sending.join(20)
    head, _, body = received.partition(b"\r\n\r\n")
    return (int(head.split()[1]) if head else 0), body


def many(part: bytes) -> Iterator[bytes]:
    """As much of this as would not fit into the service's memory limit when each byte took a few."""
    block = part * (MEGABYTE // len(part))
    for _ in range(SENT_MEGABYTES):
        yield block


GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS_HEADS = {
    "many small headers": (GET, b"a: b\r\n"),
    "a long header": (GET + b"a: ", b"x" * 1024),
    "a long name": (GET, b"x" * 1024),
    "a long path": (b"GET /", b"x" * 1024),
    "a long method": (b"", b"G" * 1024),
    "empty lines": (b"", b"\r\n"),
}


@pytest.mark.parametrize(("begin", "part"), ENDLESS_HEADS.values(), ids=ENDLESS_HEADS)
def test_an_endless_head_costs_no_memory_and_keeps_nobody_waiting(process: Process, begin: bytes, part: bytes) -> None:
    before, waits, ended = rss(process), list[float](), threading.Event()

    def ask() -> None:
        while not ended.is_set():
            begun = time.monotonic()
            assert process.get("/healthz")[0] == 200
            waits.append(time.monotonic() - begun)

    asking = threading.Thread(target=ask)
    asking.start()
    status, body = converse(process, begin, *many(part))
    ended.set()
    asking.join(20)
    assert (status in {400, 431}, rss(process) - before < GROWTH_MEGABYTES) == (True, True), (status, rss(process))
    assert json.loads(body)["status"] == status
    assert waits
    assert max(waits) < ANSWERED_SECONDS


def test_a_head_is_refused_where_the_limit_is(process: Process) -> None:
    for size, expected in ((60 * 1024, 200), (70 * 1024, 431)):
        head = GET + b"Connection: close\r\n" + b"a: b\r\n" * (size // 6) + b"\r\n"
        assert converse(process, head)[0] == expected


@pytest.mark.parametrize("begin", [b"1\r\nx\r\n0\r\n", b"1;"], ids=["trailers", "a chunk's extension"])
def test_what_comes_after_or_between_the_chunks_of_a_body_is_bounded(process: Process, begin: bytes) -> None:
    before = rss(process)
    part = b"a: b\r\n" if begin.endswith(b"\n") else b"x" * 1024
    converse(process, CHUNKED, begin, *many(part))
    assert rss(process) - before < GROWTH_MEGABYTES
    assert process.get("/healthz")[0] == 200


def test_requests_sent_ahead_of_their_answers_are_bounded(process: Process) -> None:
    before = rss(process)
    converse(process, *many(b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    assert rss(process) - before < GROWTH_MEGABYTES
    assert process.get("/healthz")[0] == 200
