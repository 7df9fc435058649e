"""The pair under test, and what stands beside it: originals, and the bare app as a yardstick.

The pair is brought up from the real docker-compose.yaml, changed by nothing but the settings that it offers, and for
the count of requests by an override that leads the engine's socket and the SSA's address through recorders.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

from bench_engine import BenchError, ask, create_container, inspect, is_running, main_pid, run, wait_until

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "status-state-bench"
API = "status-state-api"
CONTROLLER = "status-state-controller"
PORT = 8000
BARE_PORT = 8001
BARE_NAME = "status-state-bench-bare"
HEADERS_OF_THE_SERVER = {"connection", "date", "server", "transfer-encoding"}


class Pair:
    """The SSA and the SSC, as docker-compose.yaml says, with the settings given here."""

    def __init__(self, base_image: str) -> None:
        self._environment = os.environ | {"COMPOSE_PROJECT_NAME": PROJECT, "STATUS_STATE_BASE_IMAGE": base_image}

    def compose(self, *arguments: str, files: list[Path] | None = None, **settings: str) -> str:
        """Runs Compose with these settings in its environment, and with further files over docker-compose.yaml."""
        paths = [ROOT / "docker-compose.yaml", *(files or [])]
        options = [word for path in paths for word in ("--file", str(path))]
        return run(str(ROOT / "scripts/compose.sh"), *options, *arguments, environment=self._environment | settings)

    def build(self, service: str) -> float:
        """Builds the service's image without any cache; returns the seconds it took."""
        began = time.monotonic()
        self.compose("build", "--no-cache", service)
        return time.monotonic() - began

    def up(self, *, interval: str, files: list[Path] | None = None, **settings: str) -> None:
        """Brings the pair up, or changes its settings, and waits until the controller has completed a check by the snapshot."""
        try:
            self.compose("up", "--detach", files=files, SSC_INTERVAL=interval, STATUS_STATE_PORT=str(PORT), **settings)
            # A snapshot of an engine that has only just started is taken once the host has been the same for 20 s.
            wait_until(self._works_by_the_snapshot, "the controller completed a check by the snapshot", 120)
        except BenchError as reason:
            message = f"{reason}; the pair's last words:\n{self.compose('logs', '--no-color', '--tail=15')}"
            raise BenchError(message) from reason

    def _works_by_the_snapshot(self) -> bool:
        if self.heartbeat() is None:
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/status", timeout=30) as answer:
                status: dict[str, Any] = json.load(answer)
        except OSError:
            return False
        snapshot, report = status["snapshot"], status["controller"]["report"]
        return bool(snapshot and report) and report["snapshot_id"] == snapshot["id"]

    def container(self, service: str) -> str:
        """The id of the service's container."""
        labels = [f"com.docker.compose.project={PROJECT}", f"com.docker.compose.service={service}"]
        found: list[dict[str, Any]] = ask(f"/containers/json?filters={json.dumps({'label': labels}).replace(' ', '')}")
        if len(found) != 1:
            message = f"expected one running container of {service}, found {len(found)}"
            raise BenchError(message)
        return str(found[0]["Id"])

    def heartbeat(self) -> float | None:
        """When the controller completed its last check, in steady seconds; None before the first one."""
        container = inspect(self.container(CONTROLLER))
        return read_heartbeat(int(container["State"]["Pid"]))


def read_heartbeat(pid: int) -> float | None:
    """When the controller that runs as this process completed its last check; None before the first one."""
    try:
        return float(Path(f"/proc/{pid}/root/run/status-state-controller/heartbeat").read_text().split()[0])
    except OSError:
        return None


def network_of(container: str) -> dict[str, Any]:
    """The container's one network as `inspect` shows it: IPAddress, Gateway and so on."""
    networks: dict[str, dict[str, Any]] = inspect(container)["NetworkSettings"]["Networks"]
    return next(iter(networks.values()))


def write_override(file: Path, services: dict[str, Any]) -> None:
    """Writes a file that Compose lays over docker-compose.yaml."""
    file.write_text(json.dumps({"services": services}))


def small_container(image: str) -> dict[str, Any]:
    """The configuration of a container that does nothing and ends at once when it is told to."""
    return {"Image": image, "Cmd": ["sleep", "infinity"], "HostConfig": {"Init": True}}


def start_originals(image: str, count: int) -> list[str]:
    """Starts as many small containers; returns their names."""
    names = [f"bench-{number:02}" for number in range(1, count + 1)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create_container, names, repeat(small_container(image))))
    if not all(is_running(name) for name in names):
        message = f"not all of the {count} originals run: `docker ps --all` tells more"
        raise BenchError(message)
    return names


def start_bare_app(folder: Path, like: str) -> int:
    """Starts the yardstick: the same bytes as `/status` now, in a container with the same limits; returns its process.

    Args:
        folder: where the bytes may be kept for as long as the container runs.
        like: the SSA's container, whose image, limits and network it gets.
    """
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/status", timeout=30) as answer:
        headers = [(name.lower(), value) for name, value in answer.getheaders()]
        (folder / "body").write_bytes(answer.read())
    kept = [(name, value) for name, value in headers if name not in HEADERS_OF_THE_SERVER]
    (folder / "headers.json").write_text(json.dumps(kept))
    (folder / "bench_bare.py").write_bytes((ROOT / "scripts/bench/bench_bare.py").read_bytes())
    model = inspect(like)
    limits = ("ReadonlyRootfs", "CapDrop", "SecurityOpt", "Memory", "MemorySwap", "PidsLimit", "NetworkMode")
    create_container(
        BARE_NAME,
        {
            "Image": model["Image"],
            "Cmd": [model["Config"]["Cmd"][0], "/bench/bench_bare.py"],  # the same Python
            "ExposedPorts": {"8000/tcp": {}},
            "HostConfig": {name: model["HostConfig"][name] for name in limits}
            | {
                "Binds": [f"{folder}:/bench:ro"],
                "PortBindings": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(BARE_PORT)}]},
            },
        },
    )
    try:
        wait_until(_bare_app_answers, "the bare app answers", 60)
    except BenchError as reason:
        message = f"{reason}; its last words:\n{run('docker', 'logs', '--tail=15', BARE_NAME, errors_too=True)}"
        raise BenchError(message) from reason
    return main_pid(BARE_NAME)


def _bare_app_answers() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{BARE_PORT}/", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
