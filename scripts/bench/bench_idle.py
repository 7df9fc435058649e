"""What the pair costs while nothing happens: its requests, and the controller's CPU time."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

from bench_double import EngineDouble
from bench_engine import BenchError, cpu_seconds, main_pid, wait_until
from bench_healing import remove_all
from bench_pair import API, CONTROLLER, PORT, Pair, network_of, read_heartbeat, start_originals, write_override
from bench_table import print_heading, print_row, say
from private_dockerd import SOCKET

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from bench_recorder import Recorder

IDLE_CHECKS = 10
MEASURED_CHECKS = 12
RECORDED_PORT = 8002
REAL_ORIGINALS = 10
SIZES = ((10, 5), (100, 10), (1000, 60))
"""How many originals, and the aim: milliseconds of CPU time per check."""


def bench_idle(pair: Pair, recorder: Recorder, folder: Path) -> None:
    """Counts what the pair asks while nothing happens, per completed check of the controller."""
    gateway: str = network_of(pair.container(API))["Gateway"]
    sockets = {service: folder / f"{service}.sock" for service in (API, CONTROLLER)}
    asked_engine = {service: recorder.record_socket(path, SOCKET) for service, path in sockets.items()}
    asked_api = recorder.record_port((gateway, RECORDED_PORT), ("127.0.0.1", PORT))
    override = folder / "recorded.json"
    services: dict[str, Any] = {
        service: {"volumes": [f"{path}:/var/run/docker.sock"]} for service, path in sockets.items()
    }
    write_override(override, services)
    pair.up(interval="1s", files=[override], SSC_SSA_URL=f"http://{gateway}:{RECORDED_PORT}")

    pid = main_pid(pair.container(CONTROLLER))
    completed: list[float] = []

    def enough() -> bool:
        moment = read_heartbeat(pid)
        if moment is not None and moment not in completed:
            completed.append(moment)
        return len(completed) > IDLE_CHECKS + 3

    wait_until(enough, f"the controller has completed {IDLE_CHECKS + 3} checks", 60, every_seconds=0.02)
    begin, end = completed[2], completed[-1]  # the first ones get acquainted
    checks = len(completed) - 3
    print_heading(f"Requests per idle check, over {checks} checks", "per check")
    for name, counted, aim in (
        ("controller to the engine", asked_engine[CONTROLLER].between(begin, end), "1"),
        ("controller to the SSA", asked_api.between(begin, end), "1"),
        ("SSA to the engine on their account", without_health_check(asked_engine[API].between(begin, end)), "0"),
    ):
        print_row(name, f"{sum(counted.values()) / checks:g}", note=f"aim {aim}  {', '.join(sorted(counted))}")
    own = asked_engine[API].between(begin, end)
    per_minute = sum(own.values()) / (end - begin) * 60
    print_row("SSA's own health check, a minute", f"{per_minute:.0f}", note=", ".join(sorted(own)))


def without_health_check(counted: Counter[str]) -> Counter[str]:
    """Leaves out the pings, which `/readyz` makes for the SSA's own health check, however often the controller asks."""
    return type(counted)({request: count for request, count in counted.items() if not request.endswith("/_ping")})


def bench_idle_cpu(pair: Pair, image: str, folder: Path) -> None:
    """The controller's CPU time per check; beyond ten, the originals exist in the engine's answers only."""
    say("the CPU time of idle checks …")
    pair.compose("down", "--timeout=5")
    remove_all("bench-")
    template = start_originals(image, REAL_ORIGINALS)[0]
    print_heading(f"One idle check, the mean of {MEASURED_CHECKS}", "CPU ms", "requests")
    for size, aim in SIZES:
        listen = folder / f"double-{size}.sock"
        override = folder / f"double-{size}.json"
        services: dict[str, Any] = {
            service: {"volumes": [f"{listen}:/var/run/docker.sock"]} for service in (API, CONTROLLER)
        }
        write_override(override, services)
        with EngineDouble(listen, template, size - REAL_ORIGINALS) as double:
            pair.up(interval="1s", files=[override])
            milliseconds, requests = idle_cpu(main_pid(pair.container(CONTROLLER)), double)
            if (held := originals_held()) != size:
                message = f"the snapshot holds {held} originals instead of {size}, so the figure would tell nothing"
                raise BenchError(message)
        print_row(f"{size} originals", f"{milliseconds:.1f}", f"{requests:g}", note=f"aim: 1 request, < {aim} ms")


def idle_cpu(pid: int, double: EngineDouble) -> tuple[float, float]:
    """The controller's CPU time in milliseconds, and its requests to the engine, per check."""
    last: float | None = None

    def next_check() -> None:
        def completed() -> bool:
            return read_heartbeat(pid) not in {None, last}

        nonlocal last
        wait_until(completed, "the controller completed its next check", 30, every_seconds=0.02)
        last = read_heartbeat(pid)

    for _ in range(3):  # the first ones get acquainted
        next_check()
    cpu, asked = cpu_seconds(pid), double.requests
    for _ in range(MEASURED_CHECKS):
        next_check()
    return (cpu_seconds(pid) - cpu) / MEASURED_CHECKS * 1000, (double.requests - asked) / MEASURED_CHECKS


def originals_held() -> int:
    """How many originals the snapshot holds."""
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/snapshot", timeout=30) as answer:
        snapshot: dict[str, Any] = json.load(answer)
    return len(snapshot["originals"])
