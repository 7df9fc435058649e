"""Hostile input, sent to the program itself over loopback: what it answers, what it costs, and that others are served."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

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


def peak(process: Process) -> float:
    """The most memory that it ever had, in megabytes."""
    status = Path(f"/proc/{process.process.pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def limit_megabytes() -> float:
    """What docker-compose.yaml gives it."""
    compose = yaml.safe_load((Path(__file__).parents[3] / "docker-compose.yaml").read_text(encoding="utf-8"))
    return float(compose["services"]["status-state-api"]["mem_limit"].removesuffix("m"))


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
        head = GET + b"Connection: close\r\n" + b"a: " + b"x" * size + b"\r\n\r\n"
        assert converse(process, head)[0] == expected


@pytest.mark.parametrize(("number", "expected"), [(98, 200), (99, 431), (10_000, 431)])
def test_headers_are_counted_whatever_their_length(process: Process, number: int, expected: int) -> None:
    assert converse(process, GET + b"Connection: close\r\n" + b"a: b\r\n" * number + b"\r\n")[0] == expected


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


def told(process: Process, request: bytes, *headers: bytes, body: bytes = b"") -> tuple[int, bytes]:
    """What this request is answered with."""
    lines = [request, *headers, b"Connection: close", b"Content-Length: %d" % len(body)]
    return converse(process, b"\r\n".join([*lines, b"", body]))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([b"Host: localhost"], 200),
        ([b"Host: [::1]:8000"], 200),
        ([], 400),
        ([b"Host: localhost", b"Host: localhost"], 400),
        ([b"Host: [::1]evil.example"], 421),
        ([b"Host: localhost:x@evil.example"], 421),
        ([b"Host: \xff"], 421),
    ],
    ids=["a name", "an address", "none", "two", "after an address", "after a name", "no ASCII"],
)
def test_the_host_is_read_strictly(process: Process, headers: list[bytes], status: int) -> None:
    assert told(process, b"GET /status HTTP/1.1", *headers)[0] == status


HOST = b"Host: localhost"


def test_http_1_0_needs_no_host(process: Process) -> None:
    assert told(process, b"GET /healthz HTTP/1.0")[0] == 200


@pytest.mark.parametrize(("path", "status"), [(b"/status", 200), (b"/healthz", 200), (b"/snapshot", 503), (b"/x", 404)])
def test_head_is_answered_as_get_without_the_body(process: Process, path: bytes, status: int) -> None:
    assert told(process, b"HEAD " + path + b" HTTP/1.1", HOST) == (status, b"")


@pytest.mark.parametrize("path", [b"/status/", b"/snapshot/", b"//status", b"/docs/"])
def test_another_path_is_no_way_in(process: Process, path: bytes) -> None:
    assert told(process, b"GET " + path + b" HTTP/1.1", HOST)[0] == 404


def test_without_the_token_a_body_is_not_waited_for(process: Process) -> None:
    with connect(process) as connection:
        connection.sendall(b"POST /reports HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{")
        assert connection.recv(4096).startswith(b"HTTP/1.1 401 Unauthorized")


REPORT = {"at": "2026-11-23T18:00:30Z", "snapshot_id": "5" * 32, "dry_run": False, "sentence": "x"}


def report(process: Process, body: bytes) -> tuple[int, bytes]:
    """What the answer to a report with the token is."""
    token = Path(process.environment["SSA_TOKEN_FILE"]).read_bytes().strip()
    json_type = b"Content-Type: application/json"
    return told(process, b"POST /reports HTTP/1.1", HOST, b"Authorization: Bearer " + token, json_type, body=body)


@pytest.mark.parametrize("media_type", [b"text/plain", b"application/octet-stream", b"", b"application/jsonx"])
def test_a_body_that_is_not_said_to_be_json_is_refused(process: Process, media_type: bytes) -> None:
    token = Path(process.environment["SSA_TOKEN_FILE"]).read_bytes().strip()
    headers = [HOST, b"Authorization: Bearer " + token, b"Content-Type: " + media_type]
    assert told(process, b"POST /reports HTTP/1.1", *headers, body=json.dumps(REPORT).encode())[0] == 415


@pytest.mark.parametrize("body", [b"1", b"[]", b'"x"', b"null", b"{}"])
def test_a_body_that_is_no_report_is_refused_for_its_content(process: Process, body: bytes) -> None:
    assert report(process, body)[0] == 422


WRONG = [{"at": 1795456830}, {"at": "1795456830"}, {"at": "soon"}, {"dry_run": 1}, {"dry_run": "yes"}]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_report_is_no_more_than_its_description_says(process: Process, wrong: dict[str, Any]) -> None:
    whole: dict[str, Any] = {**REPORT, "findings": [], "outcomes": [], **wrong}
    assert report(process, json.dumps(whole).encode())[0] == 422


def with_text(place: str) -> bytes:
    """A report with half of a surrogate pair at this place."""
    whole: dict[str, Any] = {**REPORT, "findings": [], "outcomes": [], "memory": {}}
    if place == "a name":
        return json.dumps({**whole, "\ud800": 1}).encode()
    if place == "a name in the wrong":
        return json.dumps({**whole, "memory": {"\ud800": float("nan")}}).encode()
    return json.dumps({**whole, place: {"x": "\ud800"} if place == "memory" else "\ud800"}).encode()


@pytest.mark.parametrize("place", ["sentence", "other", "memory", "a name", "a name in the wrong"])
def test_what_is_no_unicode_is_refused_for_its_content(process: Process, place: str) -> None:
    status, body = report(process, with_text(place))
    assert (status, json.loads(body)["status"]) == (422, 422)


@pytest.mark.parametrize("depth", [40, 255, 900])
@pytest.mark.parametrize("place", ["findings", "other", "memory", "at", "dry_run"])
def test_what_is_nested_deep_is_refused_for_its_content(process: Process, place: str, depth: int) -> None:
    nested = json.loads("[" * depth + "]" * depth)
    whole: dict[str, Any] = {
        **REPORT,
        "findings": [],
        "outcomes": [],
        place: {"x": nested} if place == "memory" else nested,
    }
    assert report(process, json.dumps(whole).encode())[0] == 422


@pytest.mark.parametrize("wrong", [b"{}", b'{"%s":1}' % (b"x" * 1000)], ids=["small", "long"])
def test_many_errors_are_neither_all_looked_for_nor_all_reported(process: Process, wrong: bytes) -> None:
    entries = b",".join([wrong] * (900_000 // (len(wrong) + 1)))
    whole = json.dumps({**REPORT, "outcomes": []}).encode()
    begun = time.monotonic()
    status, body = report(process, whole[:-1] + b',"findings":[' + entries + b"]}")
    assert (status, len(body) < 8192) == (422, True)
    assert time.monotonic() - begun < ANSWERED_SECONDS


def test_no_hostile_input_has_made_a_traceback(process: Process) -> None:
    converse(process, b"rubbish\r\n\r\n")
    assert peak(process) < limit_megabytes(), "after all of the above"
    process.stop(signal.SIGTERM)
    assert [line for line in process.lines if "Traceback" in line] == []
    assert len(process.lines) < 20, "nobody can fill the log"
