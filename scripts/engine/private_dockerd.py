"""The daemons of a private engine: starts and stops dockerd and containerd inside the namespaces of `private_engine.py`.

It must only be used in there: it relies on a private `/run`, and refuses an engine that doesn't call itself disposable.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

LABEL = "status-state.disposable=true"
SOCKET = Path("/run/docker.sock")  # /run is the namespace's own, so even the default socket is the private engine's
PID_FILE = Path("/run/docker.pid")
CONTAINERD_SOCKET = Path("/run/containerd/containerd.sock")
INHERITED_OPTIONS = ("registry-mirrors", "insecure-registries", "proxies")


class UnavailableError(Exception):
    """No private engine can be had here; the message says why and what to do."""


def write_options(state: Path, options: dict[str, Any]) -> None:
    """Writes the engine's configuration file: what makes it private, then what the caller asks for."""
    host_file = Path("/etc/docker/daemon.json")
    host: dict[str, Any] = json.loads(host_file.read_text()) if host_file.exists() else {}
    fixed = {
        "data-root": str(state / "data"),
        "hosts": [f"unix://{SOCKET}"],
        "containerd": str(CONTAINERD_SOCKET),
        "labels": [LABEL],
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "cgroup-parent": f"/{state.name}",
    }
    inherited = {name: host[name] for name in INHERITED_OPTIONS if name in host}
    (state / "daemon.json").write_text(json.dumps(inherited | options | fixed, indent=2))


def ask_engine(path: str) -> Any:
    """What the engine answers to one GET request; raises OSError while it doesn't."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(120)  # it answers once it has dealt with the containers of a crash
        connection.connect(str(SOCKET))
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise OSError(head.decode(errors="replace") or "no answer")
    return json.loads(body)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie doesn't."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def spawn(log: Path, *command: str) -> subprocess.Popen[bytes]:
    """Starts a daemon that outlives this process: process 1 of the namespace adopts it."""
    with log.open("ab") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)


def wait_for(daemon: subprocess.Popen[bytes], log: Path, answers: Path) -> None:
    """Waits up to 60 s until the daemon accepts connections on its socket; raises UnavailableError with its last log lines."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and daemon.poll() is None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(answers))
            return
        time.sleep(0.05)
    last_lines = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    message = f"{daemon.args} did not come up; the end of its log:\n{last_lines}"
    raise UnavailableError(message)


def start_containerd(state: Path) -> None:
    """Starts containerd as a process of its own, as Debian does: it and the containers survive a crash of dockerd."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(CONTAINERD_SOCKET))
        return
    configuration = state / "containerd.toml"
    configuration.write_text(
        f'version = 2\nroot = "{state}/containerd"\nstate = "/run/containerd"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{CONTAINERD_SOCKET}"\n'
    )
    log = state / "containerd.log"
    wait_for(spawn(log, "containerd", "--config", str(configuration)), log, CONTAINERD_SOCKET)


def start_engine(state: Path) -> None:
    """Starts the engine of this namespace, or starts it again, and waits until it answers as the disposable one."""
    start_containerd(state)
    log = state / "dockerd.log"
    wait_for(spawn(log, "dockerd", "--config-file", str(state / "daemon.json")), log, SOCKET)
    check_disposable()


def check_disposable() -> None:
    """Raises unless the engine that answers here says itself that it is disposable."""
    if LABEL not in ask_engine("/info").get("Labels", []):
        message = f"the engine on {SOCKET} lacks the label {LABEL}: it is not a private one and must not be touched"
        raise UnavailableError(message)


def stop_engine(number: signal.Signals, timeout_seconds: float) -> None:
    """Sends dockerd the signal and waits until it is gone; containerd stays, and after SIGKILL so do the containers."""
    check_disposable()
    end(int(PID_FILE.read_text()), number, timeout_seconds)


def stop_containerd(timeout_seconds: float) -> None:
    """Ends the containerd of this namespace, after dockerd, so that one of another version can take its place."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(CONTAINERD_SOCKET))
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    end(struct.unpack("3i", told)[0], signal.SIGTERM, timeout_seconds)


def end(pid: int, number: signal.Signals, timeout_seconds: float) -> None:
    """Sends a daemon the signal and waits until it is gone; raises TimeoutError."""
    os.kill(pid, number)
    deadline = time.monotonic() + timeout_seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            message = f"the daemon {pid} still runs {timeout_seconds:g} s after {number.name}"
            raise TimeoutError(message)
        time.sleep(0.02)
