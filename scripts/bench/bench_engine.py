"""The private engine and its containers, as the benchmark needs them: a few requests, and what the kernel tells.

Standard library only, so that the measuring side stays small. It must only be used inside of `private_engine.py run`,
because the controller under test stops every container that it doesn't know; `require_private_engine` sees to that.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from private_dockerd import PID_FILE, SOCKET, UnavailableError, check_disposable

if TYPE_CHECKING:
    from collections.abc import Callable

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """Something could not be measured; the message says what, why, and what to do."""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the engine's socket."""

    def connect(self) -> None:
        """Connects to the socket, whatever host and port say."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(SOCKET))


def require_private_engine() -> None:
    """Raises BenchError unless this runs inside a private, disposable engine."""
    try:
        check_disposable()
    except (UnavailableError, OSError) as reason:
        message = (
            f"no private engine: {reason}. The benchmark runs the controller, which stops every container that it "
            "doesn't know. Run it by `make bench`, or by `scripts/engine/private_engine.py run -- .venv/bin/python "
            "scripts/bench/bench.py`"
        )
        raise BenchError(message) from reason


def ask(path: str, method: str = "GET", body: Any = None) -> Any:
    """One request to the engine; the JSON it answers, None where there is none. Raises BenchError when it refuses."""
    connection = UnixConnection("docker", timeout=120)
    try:
        payload = None if body is None else json.dumps(body)
        connection.request(method, path, payload, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status >= 400:
        message = f"the engine refused {method} {path}: {content.decode(errors='replace').strip()}"
        raise BenchError(message)
    return json.loads(content) if content else None


def run(*command: str, environment: dict[str, str] | None = None, errors_too: bool = False) -> str:
    """Runs a command; returns its stdout, with stderr if wanted; raises BenchError with its last lines when it fails."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last_lines = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        message = f"`{' '.join(command)}` ended with code {done.returncode}:\n{last_lines}"
        raise BenchError(message)
    return done.stdout + done.stderr if errors_too else done.stdout


def wait_until(condition: Callable[[], bool], what: str, timeout_seconds: float, every_seconds: float = 0.1) -> None:
    """Waits for a condition; raises BenchError that names it when the time is up."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            message = f"waited {timeout_seconds:g} s in vain until {what}"
            raise BenchError(message)
        time.sleep(every_seconds)


# --- containers --------------------------------------------------------------------------------------------------


def create_container(name: str, configuration: dict[str, Any]) -> str:
    """Creates and starts a container from the engine's own JSON; returns its id."""
    container_id: str = ask(f"/containers/create?name={name}", "POST", configuration)["Id"]
    ask(f"/containers/{container_id}/start", "POST")
    return container_id


def inspect(container: str) -> dict[str, Any]:
    """The engine's JSON about a container, by id or name."""
    return ask(f"/containers/{container}/json")


def is_running(container: str) -> bool:
    """Whether it runs now."""
    return bool(inspect(container)["State"]["Running"])


def kill(container: str) -> float:
    """Kills it as `docker kill` does; returns the time just before the request, in seconds since 1970."""
    moment = time.time()
    ask(f"/containers/{container}/kill", "POST")
    return moment


def started_at(container: str) -> float:
    """When its present run began, in seconds since 1970."""
    text: str = inspect(container)["State"]["StartedAt"]
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", text)).timestamp()


def image_size(image: str) -> int:
    """The bytes of all its layers, uncompressed."""
    return int(ask(f"/images/{image}/json")["Size"])


# --- processes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Memory:
    """The memory of a container, in bytes: resident, proportional, and as `docker stats` shows it."""

    rss: int
    pss: int
    docker_stats: int


def main_pid(container: str) -> int:
    """The process number of the container's first process, as it is seen here."""
    return int(inspect(container)["State"]["Pid"])


def engine_pid() -> int:
    """The process number of dockerd."""
    return int(PID_FILE.read_text())


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used so far, with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def memory(container: str) -> Memory:
    """The memory of a container now: its first process with all descendants; health checks don't descend from it."""
    pids = _with_descendants(main_pid(container))
    stats: dict[str, Any] = ask(f"/containers/{container}/stats?stream=false&one-shot=true")["memory_stats"]
    details: dict[str, int] = stats["stats"]
    # What the docker command subtracts: the part of the page cache that can be dropped at once (cgroup v1, then v2).
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return Memory(
        rss=sum(_kilobytes(pid, "status", "VmRSS") for pid in pids) * 1024,
        pss=sum(_kilobytes(pid, "smaps_rollup", "Pss") for pid in pids) * 1024,
        docker_stats=int(stats["usage"]) - cache,
    )


def _with_descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(descendant for child in children for descendant in _with_descendants(int(child)))]


def _kilobytes(pid: int, file: str, field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB$", Path(f"/proc/{pid}/{file}").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0
