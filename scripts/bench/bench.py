#!/usr/bin/env python3
"""The benchmark: brings the real pair up beside 50 containers and prints figures with their aims; it asserts nothing.

Run it by `make bench`. What is measured, how, and what the figures don't tell is said in docs/benchmarks.md. It refuses
any engine but a private, disposable one, which takes everything away when it ends.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench_cost import bench_cost
from bench_engine import (
    BenchError,
    ask,
    create_container,
    engine_pid,
    image_size,
    is_running,
    kill,
    main_pid,
    memory,
    require_private_engine,
    run,
    started_at,
    wait_until,
)
from bench_healing import bench_healing
from bench_idle import bench_idle, bench_idle_cpu
from bench_load import Target, measure
from bench_logs import bench_logs
from bench_pair import (
    API,
    BARE_NAME,
    BARE_PORT,
    CONTROLLER,
    PORT,
    ROOT,
    Pair,
    network_of,
    small_container,
    start_bare_app,
    start_originals,
    write_override,
)
from bench_recorder import Recorder
from bench_table import print_heading, print_row, say
from private_dockerd import SOCKET

if TYPE_CHECKING:
    from collections.abc import Sequence

ORIGINALS = 50
CONNECTIONS = 32
ROUNDS = 3
SECONDS = 4
KILLS = 10
KILL_EVERY_SECONDS = 1.3
GROUPS = ("images", "load", "kills", "idle", "cost", "newcomer", "crash", "storm", "logs")
MEGABYTE = 1_000_000


def main() -> int:
    """Measures what the command line asks for and prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", nargs="*", help=f"which figures: {', '.join(GROUPS)}; all of them without a word")
    groups: list[str] = parser.parse_args().group or list(GROUPS)
    if unknown := [group for group in groups if group not in GROUPS]:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    began = time.monotonic()
    try:
        require_private_engine()
        run(str(ROOT / "scripts/setup/packages.sh"), "h2load:nghttp2-client")
        base_image = run(str(ROOT / "scripts/setup/base_image.sh")).strip()
        print_surroundings(base_image)
        with tempfile.TemporaryDirectory(prefix="status-state-bench-") as folder:
            bench(Pair(base_image), base_image, Path(folder), groups)
    except BenchError as reason:
        say(str(reason))
        return 1
    print(f"\nAll of it took {time.monotonic() - began:.0f} s.")
    return 0


def bench(pair: Pair, base_image: str, folder: Path, groups: Sequence[str]) -> None:
    """Takes one group of figures after the other and prints each as soon as it is there."""
    if "images" in groups:
        say("building both images without a cache …")
        bench_images(pair, base_image)
    if {"load", "kills", "idle", "cost"}.intersection(groups):
        say(f"starting {ORIGINALS} containers …")
        names = start_originals(base_image, ORIGINALS)
        say("starting the pair …")
        pair.up(interval="30s")
        if "load" in groups:
            bench_load(pair, folder, names)
            bench_memory(pair)
        if "kills" in groups:
            bench_kills(pair, base_image, names, folder)
        if "cost" in groups:
            bench_cost(pair, ORIGINALS)
        if "idle" in groups:
            say("idle checks …")
            with Recorder() as recorder:
                bench_idle(pair, recorder, folder)
            bench_idle_cpu(pair, base_image, folder)
    bench_healing(pair, base_image, folder, groups)
    if "logs" in groups:
        bench_logs(pair, base_image)


# --- the groups of figures ---------------------------------------------------------------------------------------


def bench_images(pair: Pair, base_image: str) -> None:
    """Sizes and build times."""
    print_heading("Images, built without a cache", "MB", "MB over base", "build s")
    base = image_size(base_image)
    print_row(f"base image {base_image}", megabytes(base), "", "")
    for service in (API, CONTROLLER):
        seconds = pair.build(service)
        size = image_size(service)
        print_row(service, megabytes(size), megabytes(size - base), f"{seconds:.1f}", note="aim ≤ 80 MB over base")


def bench_load(pair: Pair, folder: Path, names: Sequence[str]) -> None:
    """Requests per second and latencies of `/status`, the bare app and the engine's own list."""
    say("waiting until the originals are a minute old: up to then each list differs from the last, by their seconds …")
    youngest = max(started_at(name) for name in names)
    wait_until(lambda: time.time() > youngest + 61, "the originals are a minute old", 90)
    say("load …")
    api = pair.container(API)
    api_pid, bare_pid = main_pid(api), start_bare_app(folder, api)
    api_address, bare_address = (network_of(container)["IPAddress"] for container in (api, BARE_NAME))
    status, bare, engine = "GET /status", "bare ASGI app, same bytes", "engine GET /containers/json"
    status_direct, bare_direct = f"{status}, no port proxy", "bare ASGI app, no port proxy"
    found = measure(
        [
            Target(status, f"http://127.0.0.1:{PORT}/status", api_pid),
            Target(bare, f"http://127.0.0.1:{BARE_PORT}/status", bare_pid),
            Target(status_direct, f"http://{api_address}:8000/status", api_pid),
            Target(bare_direct, f"http://{bare_address}:8000/status", bare_pid),
            Target(engine, "http://docker/containers/json", engine_pid(), SOCKET),
        ],
        connections=CONNECTIONS,
        rounds=ROUNDS,
        seconds=SECONDS,
    )
    ask(f"/containers/{BARE_NAME}?force=true", "DELETE")
    size = (folder / "body").stat().st_size
    print_heading(
        f"Load: {ORIGINALS} originals, {CONNECTIONS} connections, medians of {ROUNDS} rounds of {SECONDS} s, "
        f"/status is {size / 1000:.1f} kB",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "own CPU µs",
        "engine CPU µs",
    )
    for name, it in found.items():
        own = "" if name == engine else f"{it.own_cpu_us:.0f}"
        rate, engine_cpu = f"{it.requests_per_second:.0f}", f"{it.engine_cpu_us:.0f}"
        print_row(name, rate, f"{it.p50_ms:.1f}", f"{it.p99_ms:.1f}", own, engine_cpu)
    rates = {name: it.requests_per_second for name, it in found.items()}
    print_row("(a) /status ÷ bare app", f"{rates[status] / rates[bare]:.2f}", note="aim ≥ 0.6")
    print_row("(a) the same, no port proxy", f"{rates[status_direct] / rates[bare_direct]:.2f}")
    print_row("(b) /status ÷ engine's list", f"{rates[status] / rates[engine]:.1f}", note="aim ≥ 5")


def bench_memory(pair: Pair) -> None:
    """The memory of both containers, after the load."""
    print_heading("Memory after the load, MB", "VmRSS", "Pss", "docker stats")
    for service, aim in ((API, "aim: VmRSS ≤ 85"), (CONTROLLER, "aim: VmRSS ≤ 55")):
        it = memory(pair.container(service))
        print_row(service, megabytes(it.rss), megabytes(it.pss), megabytes(it.docker_stats), note=aim)


def bench_kills(pair: Pair, base_image: str, names: Sequence[str], folder: Path) -> None:
    """How long killed originals are down: by the default settings, by periodic checks alone, and at the very least."""
    say("kills …")
    print_heading(f"From `docker kill` to running ({KILLS} kills, seconds)", "median", "max")
    kill_and_wait(names[:KILLS], "by default: SSC_INTERVAL=30s, and events")
    override = folder / "no-events.json"
    write_override(override, {CONTROLLER: {"environment": {"SSC_REACT_TO_EVENTS": "false"}}})
    pair.up(interval="1s", files=[override])
    kill_and_wait(names[KILLS : 2 * KILLS], "without events, SSC_INTERVAL=1s")
    kill_and_start(base_image)


def kill_and_wait(names: Sequence[str], label: str) -> None:
    """Kills the containers one by one, each once, and prints how long each was down."""
    killed: dict[str, float] = {}
    began = time.monotonic()
    for number, name in enumerate(names):
        # Not a multiple of a whole second, so that the kills are spread over the time between two checks.
        time.sleep(max(0.0, began + number * KILL_EVERY_SECONDS - time.monotonic()))
        killed[name] = kill(name)
    wait_until(
        lambda: all(is_running(name) and started_at(name) > killed[name] for name in names),
        "all killed containers run again",
        90,
    )
    times = [started_at(name) - killed[name] for name in names]
    print_row(label, f"{statistics.median(times):.2f}", f"{max(times):.2f}")


def kill_and_start(base_image: str) -> None:
    """The yardstick: a protected container is killed and started again at once, by two requests and nobody else."""
    labels = {"status-state.ignore": "true"}
    create_container("bench-yardstick", small_container(base_image) | {"Labels": labels})
    times: list[float] = []
    for _ in range(KILLS):
        moment = kill("bench-yardstick")
        ask("/containers/bench-yardstick/wait", "POST")
        ask("/containers/bench-yardstick/start", "POST")
        times.append(started_at("bench-yardstick") - moment)
    print_row("engine alone: kill, wait, start", f"{statistics.median(times):.2f}", f"{max(times):.2f}")


# --- the table ---------------------------------------------------------------------------------------------------


def megabytes(size: int) -> str:
    """Bytes as decimal megabytes."""
    return f"{size / MEGABYTE:.1f}"


def print_surroundings(base_image: str) -> None:
    """Where this was measured, as far as it explains the figures."""
    version, info = ask("/version"), ask("/info")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print("Status State, benchmark. One machine's figures: compare the ratios.")
    print(f"{os.cpu_count()} CPUs shared by all sides and the load, load average before: {load}")
    print(
        f"engine {version['Version']} ({info['Driver']}), kernel {version['KernelVersion']}, base image {base_image}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
