"""What it costs to follow logs: one container writes ten thousand lines a second, and others want to be heard as well.

The controller runs dry, so that nothing is restarted in the middle of a measurement.
"""

from __future__ import annotations

import http.client
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench_engine import (
    BenchError,
    cpu_seconds,
    create_container,
    engine_pid,
    main_pid,
    memory,
    run,
    wait_until,
)
from bench_healing import remove_all
from bench_pair import API, PORT, Pair
from bench_table import print_heading, print_row, say

LINES_PER_SECOND = 10_000
FLOOD_SECONDS = 24
MEASURED_SECONDS = 8
BAD_EVERY = 1_000
WITNESSES = 8
STATUS_EVERY_SECONDS = 0.02
MEGABYTE = 1_000_000
FLOOD = f"""
import sys, time
open('/go').read()
begun = time.monotonic()
for number in range(1, {LINES_PER_SECOND * FLOOD_SECONDS} + 1):
    severity = 'CRITICAL' if number % {BAD_EVERY} == 0 else 'INFO'
    sys.stdout.write(f"{{severity}}:root:line {{number:07d}} {{'x' * 60}}\\n")
    if number % {LINES_PER_SECOND // 20} == 0:
        sys.stdout.flush()
        time.sleep(max(0, begun + number / {LINES_PER_SECOND} - time.monotonic()))
time.sleep(10 ** 6)
"""


def bench_logs(pair: Pair, image: str) -> None:
    """Measures with and without the flood."""
    say("starting what logs …")
    pair.compose("down", "--timeout=5")
    remove_all("bench-")
    bad_lines = LINES_PER_SECOND * FLOOD_SECONDS // BAD_EVERY
    flood = ["python3", "-c", f"import os\nos.mkfifo('/go')\n{FLOOD}"]
    _start("bench-flood", image, flood, severity="critical", count=str(bad_lines), within="60s")
    witnesses = [f"bench-witness-{number}" for number in range(2 * WITNESSES)]
    for name in witnesses:
        _start(name, image, ["sleep", "infinity"], severity="critical", count="1", within="60s")
    pair.up(interval="1s", SSC_DRY_RUN="true")
    wait_until(lambda: len(_verdicts("ok")) == 1 + len(witnesses), "all logs are followed", 60)

    say("without a flood …")
    alone = _measure(pair, witnesses[:WITNESSES])
    say(f"{LINES_PER_SECOND} lines a second for {FLOOD_SECONDS} s …")
    run("docker", "exec", "bench-flood", "sh", "-c", "echo > /go")
    began = time.monotonic()
    flooded = _measure(pair, witnesses[WITNESSES:])
    wait_until(lambda: "bench-flood" in _verdicts("failing"), "the last bad line has been counted", FLOOD_SECONDS + 60)
    counted_after = time.monotonic() - began

    print_heading(f"{LINES_PER_SECOND} lines a second from one container, 16 other logs followed", "quiet", "flooded")
    print_row("GET /status, median ms", f"{alone['p50']:.1f}", f"{flooded['p50']:.1f}")
    print_row("GET /status, p99 ms", f"{alone['p99']:.1f}", f"{flooded['p99']:.1f}")
    print_row("another log: bad line → verdict, median ms", f"{alone['heard']:.0f}", f"{flooded['heard']:.0f}")
    print_row("status-state-api, CPU", f"{alone['api']:.0%}", f"{flooded['api']:.0%}", note="of one core")
    print_row("dockerd, CPU", f"{alone['engine']:.0%}", f"{flooded['engine']:.0%}", note="it keeps and sends the log")
    print_row("status-state-api, VmRSS MB", f"{alone['rss']:.1f}", f"{flooded['rss']:.1f}")
    print_row(
        f"all {bad_lines} bad lines counted after, s", "", f"{counted_after:.1f}", note=f"written in {FLOOD_SECONDS}"
    )


def _start(name: str, image: str, command: list[str], **rule: str) -> None:
    labels = {f"status-state.logs.{key}": value for key, value in rule.items()}
    log = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
    create_container(
        name, {"Image": image, "Cmd": command, "Labels": labels, "HostConfig": {"Init": True, "LogConfig": log}}
    )


def _measure(pair: Pair, witnesses: list[str]) -> dict[str, float]:
    """Latencies of `/status` and CPU time over some seconds, in which the witnesses log a bad line one after the other."""
    api = pair.container(API)
    pids = {"api": main_pid(api), "engine": engine_pid()}
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    began = time.monotonic()
    latencies: list[float] = []
    heard: list[float] = []
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(_ask_status, began + MEASURED_SECONDS)
        for number, name in enumerate(witnesses):
            _wait_for(began + MEASURED_SECONDS * number / len(witnesses))
            heard.append(_speak(name))
        latencies = asking.result()
    seconds = time.monotonic() - began
    cpu = {name: (cpu_seconds(pid) - before[name]) / seconds for name, pid in pids.items()}
    percentiles = statistics.quantiles(latencies, n=100)
    return {
        "p50": percentiles[49],
        "p99": percentiles[98],
        "heard": statistics.median(heard),
        "rss": memory(api).rss / MEGABYTE,
        **cpu,
    }


def _wait_for(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _ask_status(until: float) -> list[float]:
    """Asks at a steady pace over one connection; returns the milliseconds of each answer."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    latencies: list[float] = []
    while time.monotonic() < until:
        asked = time.monotonic()
        _get_status(connection)
        latencies.append((time.monotonic() - asked) * 1000)
        _wait_for(asked + STATUS_EVERY_SECONDS)
    connection.close()
    return latencies


def _get_status(connection: http.client.HTTPConnection) -> dict[str, Any]:
    connection.request("GET", "/status")
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        message = f"/status answered {answer.status}: {body[:200]!r}"
        raise BenchError(message)
    return json.loads(body)


def _verdicts(verdict: str) -> list[str]:
    """The names of the containers whose log is thought of like that."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    try:
        told: list[dict[str, Any]] = _get_status(connection)["verdicts"]
    finally:
        connection.close()
    return [one["container"]["name"] for one in told if one["source"] == "logs" and one["verdict"] == verdict]


def _speak(name: str) -> float:
    """Has a container log a bad line; returns the milliseconds until `/status` shows it, the writing included."""
    began = time.monotonic()
    run("docker", "exec", name, "sh", "-c", "echo CRITICAL:root:the end is near > /proc/1/fd/1")
    wait_until(lambda: name in _verdicts("failing"), f"{name} is failing", 30, every_seconds=0.005)
    return (time.monotonic() - began) * 1000
