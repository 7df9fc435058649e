"""Compare how the status-state-api follows logs with the library aiodocker, see docs/adr/0001-docker-streams.md.

A fake engine on a unix socket sends each line as a frame in an HTTP chunk of its own, as dockerd does. Every follower is
a process that has imported the service and makes the same `Line` of each line. aiodocker needs a scratch environment:

    python3 -m venv .cache/streams && .cache/streams/bin/pip install -r status-state-api/requirements.txt
    .cache/streams/bin/pip install aiodocker==0.27.0
    PYTHONPATH=tests/packages .cache/streams/bin/python scripts/bench/bench_streams.py
"""

import asyncio
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import uvloop
from bench_table import print_heading, print_row
from status_state_api.engine.streams import Endpoint, open_stream
from status_state_api.health.logs.lines import Line, LineReader

SIDES = ("own code", "log()", "raw answer")  # the last two are aiodocker's: its public method, and its private query
ROWS = ("imported, VmRSS MB", "followed, VmRSS MB", "CPU, µs a line")
LOADS = ((1, 20_000, 10_000), (1, 200_000, 100_000), (50, 400, 200), (101, 20, 100))  # logs, lines of each, a second
ASKED = {"follow": 1, "stdout": 1, "stderr": 1, "timestamps": 1, "since": 0}
PATH = "containers/x/logs"
TEXT = b"2026-11-26T08:00:00.123456789Z INFO:root:%b\n" % (b"x" * 80)
CHUNK = b"%x\r\n\1\0\0\0%b%b\r\n" % (8 + len(TEXT), len(TEXT).to_bytes(4, "big"), TEXT)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ANSWER = b'{"ApiVersion": "1.41", "Id": "x", "Config": {"Tty": false}}'


async def serve(address: str, lines: int, per_second: int) -> asyncio.Server:
    """Be the engine: answer what aiodocker asks first, then send the log, until the follower hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while PATH not in (await reader.readuntil(b"\r\n\r\n")).decode():
            writer.write(HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER))
        writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        began, sent = time.monotonic(), 0
        while sent < lines:
            await asyncio.sleep(0.002)
            due = min(lines, int((time.monotonic() - began) * per_second)) - sent
            writer.write(CHUNK * due)
            sent += due
            await writer.drain()
        await reader.read()
        writer.close()

    return await asyncio.start_unix_server(answer, address)


async def read_lines(side: str, address: str, docker: Any) -> AsyncIterator[Line]:
    """Follow the log by one of the sides."""
    if side == "log()":
        async for part in docker.containers.container("x").log(**ASKED):
            moment, _, text = part.partition(" ")
            yield Line(moment, 1, text.rstrip("\r\n"))
        return
    own = open_stream(Endpoint("/v1.41", 5, path=address), f"/{PATH}?{urlencode(ASKED)}")
    answer: Any = own if docker is None else docker._query(PATH, params=ASKED, timeout=None)
    reader = LineReader(terminal=False)
    async with answer as opened:
        async for chunk in opened if docker is None else opened.content.iter_any():
            for line in reader.feed(chunk):
                yield line


async def follow(side: str, address: str, logs: int, lines: int) -> list[float]:
    """Be the follower of so many logs; returns the figures of `ROWS`, nan if not all lines came within 10 s."""
    importlib.import_module("status_state_api.main")
    docker = None if side == "own code" else importlib.import_module("aiodocker").Docker(f"unix://{address}")
    imported, cpu = read_resident(), time.process_time()
    streams = [read_lines(side, address, docker) for _ in range(logs)]

    async def read_all(stream: AsyncIterator[Line]) -> None:
        for _ in range(lines):
            await anext(stream)

    try:
        await asyncio.wait_for(asyncio.gather(*map(read_all, streams)), 10)
    except TimeoutError:
        return [float("nan")] * len(ROWS)
    return [imported, read_resident(), (time.process_time() - cpu) * 1e6 / (lines * logs)]


def read_resident() -> float:
    """Return the VmRSS of this process in MB."""
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) / 1000


async def compare(logs: int, lines: int, per_second: int) -> None:
    """Print medians, and in brackets their ratios to that of the own code; the sides take turns."""
    rounds: dict[str, list[list[float]]] = {side: [] for side in SIDES}
    for side in SIDES * 5:  # rounds
        with tempfile.TemporaryDirectory() as folder:
            address = f"{folder}/docker.sock"
            async with await serve(address, lines, per_second):
                command = (sys.executable, __file__, side, address, str(logs), str(lines))
                told = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
                rounds[side].append(json.loads(told.stdout))
    print_heading(f"{logs} logs, {logs * per_second} lines/s, {logs * lines} in all", *SIDES)
    for index, row in enumerate(ROWS):
        medians = [median(figures[index] for figures in rounds[side]) for side in SIDES]
        print_row(row, *(f"{one:.1f} ({one / medians[0]:.2f})" for one in medians))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(uvloop.run(follow(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))))
    else:
        for load in LOADS:
            asyncio.run(compare(*load))
