"""What the pair costs the host while nothing happens: CPU time of all that runs because of it, by its default settings."""

from __future__ import annotations

import time
from pathlib import Path

from bench_engine import TICKS_PER_SECOND, engine_pid, main_pid
from bench_pair import API, CONTROLLER, Pair
from bench_table import print_heading, print_row, say

TURNS = 2
TURN_SECONDS = 120
"""The interval of the health checks in docker-compose.yaml: each turn holds one of each."""
SETTLE_SECONDS = 15
"""After a start: the first checks get acquainted."""


def bench_cost(pair: Pair, originals: int) -> None:
    """Measures in turns with the pair and without it, so that what else the machine does falls on both."""
    found: dict[str, list[float]] = {}
    without: list[float] = []
    for turn in range(1, TURNS + 1):
        say(f"what an idle pair costs: turn {turn} of {TURNS}, {2 * TURN_SECONDS} s …")
        pair.up(interval="30s")
        time.sleep(SETTLE_SECONDS)
        for name, share in measure(with_pair(pair)).items():
            found.setdefault(name, []).append(share)
        pair.compose("down", "--timeout=5")
        time.sleep(SETTLE_SECONDS)
        without.append(sum(measure(engine()).values()))
    shares = {name: sum(turns) / TURNS for name, turns in found.items()}
    alone = sum(without) / TURNS
    print_heading(
        f"Idle cost: {originals} originals, {TURNS} turns of {TURN_SECONDS} s with the pair and without", "% of a CPU"
    )
    for name, share in shares.items():
        print_row(name, f"{share:.2f}")
    print_row("dockerd and containerd without the pair", f"{alone:.2f}")
    print_row("what the pair costs in all", f"{sum(shares.values()) - alone:.2f}", note="aim < 0.6")


def engine() -> dict[str, list[int]]:
    """The processes of the engine itself."""
    return {"dockerd": [engine_pid()], "containerd": find_processes("containerd", "--config")}


def with_pair(pair: Pair) -> dict[str, list[int]]:
    """Those, and what runs for the pair; health checks, and runc, which starts them, count for the shims, their parents."""
    containers = {service: pair.container(service) for service in (API, CONTROLLER)}
    shims = [pid for container in containers.values() for pid in find_processes("containerd-shim-runc-v2", container)]
    mains = {service: [main_pid(container)] for service, container in containers.items()}
    return mains | {"their shims, with all health checks": shims} | engine()


def find_processes(name: str, argument: str) -> list[int]:
    """The processes of that program with that among its arguments."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            program, *arguments = (folder / "cmdline").read_text().split("\0")
        except OSError:  # it has ended
            continue
        if Path(program).name == name and argument in arguments:
            found.append(int(folder.name))
    return found


def cpu_with_children(pid: int) -> float:
    """The CPU seconds of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS_PER_SECOND


def measure(processes: dict[str, list[int]]) -> dict[str, float]:
    """What share of a CPU each group uses from now on, in per cent."""
    begun = time.monotonic()
    before = {name: sum(map(cpu_with_children, pids)) for name, pids in processes.items()}
    time.sleep(TURN_SECONDS)
    seconds = time.monotonic() - begun
    return {
        name: 100 * (sum(map(cpu_with_children, pids)) - before[name]) / seconds for name, pids in processes.items()
    }
