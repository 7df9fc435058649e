"""Load on HTTP servers: the same generator, connections and seconds for each, in interleaved rounds.

The generator is h2load (Debian's nghttp2-client), speaking HTTP/1.1: written in C++, so it takes little of the CPU that
it shares with the servers, and it speaks over TCP and over the engine's unix socket alike. It is a closed loop: each
connection asks again when its answer is complete.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench_engine import BenchError, cpu_seconds, engine_pid, run

if TYPE_CHECKING:
    from collections.abc import Sequence

WARM_UP_SECONDS = 1


@dataclass(frozen=True)
class Target:
    """One side of the comparison: what it is called, its URL, the unix socket to use if any, and its process."""

    name: str
    url: str
    pid: int
    unix_socket: Path | None = None


@dataclass(frozen=True)
class Measurement:
    """What one target did: requests per second, latencies, CPU time per request of its process and of the engine."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    own_cpu_us: float
    engine_cpu_us: float


def measure(targets: Sequence[Target], *, connections: int, rounds: int, seconds: int) -> dict[str, Measurement]:
    """Puts load on all targets in turn, several rounds of it; returns each one's medians by its name."""
    for target in targets:
        _load(target, connections, WARM_UP_SECONDS)
    found: dict[str, list[Measurement]] = {target.name: [] for target in targets}
    for _ in range(rounds):
        for target in targets:
            found[target.name].append(_load(target, connections, seconds))
    return {name: _median(measurements) for name, measurements in found.items()}


def _median(measurements: Sequence[Measurement]) -> Measurement:
    return Measurement(
        requests_per_second=statistics.median(each.requests_per_second for each in measurements),
        p50_ms=statistics.median(each.p50_ms for each in measurements),
        p99_ms=statistics.median(each.p99_ms for each in measurements),
        own_cpu_us=statistics.median(each.own_cpu_us for each in measurements),
        engine_cpu_us=statistics.median(each.engine_cpu_us for each in measurements),
    )


def _load(target: Target, connections: int, seconds: int) -> Measurement:
    socket = [] if target.unix_socket is None else [f"--base-uri=unix:{target.unix_socket}"]
    with tempfile.NamedTemporaryFile(prefix="status-state-bench-") as log:
        options = ["--h1", f"--clients={connections}", f"--duration={seconds}", f"--log-file={log.name}"]
        pids = (target.pid, engine_pid())
        before = [cpu_seconds(pid) for pid in pids]
        printed = run("h2load", *options, *socket, target.url)
        own, engine = (cpu_seconds(pid) - earlier for pid, earlier in zip(pids, before, strict=True))
        # Each line: microseconds since 1970 at the start, HTTP status, microseconds until the end of the answer.
        lines = [line.split() for line in Path(log.name).read_text().splitlines()]
    wrong = {status for _, status, _ in lines if status != "200"}
    if wrong or not lines:
        message = f"{target.name} at {target.url} answered {', '.join(sorted(wrong)) or 'nothing'}:\n{printed}"
        raise BenchError(message)
    latencies = [int(duration) / 1000 for _, _, duration in lines]
    percentiles = statistics.quantiles(latencies, n=100)
    return Measurement(
        requests_per_second=len(lines) / seconds,
        p50_ms=percentiles[49],
        p99_ms=percentiles[98],
        own_cpu_us=own / len(lines) * 1e6,
        engine_cpu_us=engine / len(lines) * 1e6,
    )
