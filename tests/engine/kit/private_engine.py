"""The engine that these tests run in: how to stop it, crash it and start it again.

It controls the private engine that `scripts/engine/private_engine.py run -- …` has started around the tests, and must never
control another one: everything here refuses an engine that doesn't call itself disposable.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

STATE_VARIABLE = "STATUS_STATE_PRIVATE_ENGINE"
REASON_VARIABLE = "STATUS_STATE_NO_PRIVATE_ENGINE"
LABEL = "status-state.disposable=true"
ENGINE = os.environ.get("ENGINE") or "own"
"""Which engine it is, as with_private_engine.sh has it: `26`, `28-containerd`, …"""
SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "engine" / "private_engine.py"


class NoPrivateEngineError(Exception):
    """The tests don't run inside a private engine; the message says why and what to do."""


class PrivateEngine:
    """The private engine of this test run, as the state directory that its starter named in the environment."""

    def __init__(self) -> None:
        state = os.environ.get(STATE_VARIABLE)
        if not state:
            default = "run the tests by `make test`, or by `scripts/engine/private_engine.py run -- .venv/bin/pytest …`"
            message = f"no private engine: {os.environ.get(REASON_VARIABLE) or default}"
            raise NoPrivateEngineError(message)
        self.state = Path(state)
        self.docker_host = "unix:///run/docker.sock"
        self.programs: Path | None = None  # where those of another engine are, in `bin`
        self.check_disposable()

    def check_disposable(self) -> None:
        """Raises NoPrivateEngineError unless the engine answers and calls itself disposable."""
        command = ["docker", "--host", self.docker_host, "info", "--format", "{{json .Labels}}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        labels: list[str] | None = json.loads(answer.stdout) if answer.returncode == 0 else []
        if LABEL not in (labels or []):
            message = f"the engine at {self.docker_host} lacks the label {LABEL}: {answer.stderr or labels}"
            raise NoPrivateEngineError(message)

    def stop(
        self, number: signal.Signals = signal.SIGTERM, timeout_seconds: float = 120, *, containerd: bool = False
    ) -> None:
        """Ends dockerd by the signal and waits until it is gone; after SIGKILL its containers live on, as in reality.

        containerd is a process of its own, as on Debian, and stays up either way, unless it is to end as well.
        """
        also = ["--containerd"] if containerd else []
        self._run_script("stop-engine", "--signal", number.name, "--timeout", str(timeout_seconds), *also)

    def start(self, options: dict[str, Any] | None = None) -> None:
        """Starts dockerd again and waits until it answers.

        `options` (of dockerd's daemon.json, e.g. `{"live-restore": True}`) replace those given before; None keeps them.
        """
        flags = None if options is None else [f"--option={name}={json.dumps(value)}" for name, value in options.items()]
        if flags == []:
            flags = ["--no-options"]
        self._run_script("start-engine", "--state", str(self.state), *(flags or []))

    def restart(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stops dockerd by the signal and starts it again: `systemctl restart docker`, or a crash."""
        self.stop(number)
        self.start()

    def replace(self, programs: Path | None, options: dict[str, Any] | None = None) -> None:
        """Puts another engine on the same data: the programs in `bin` of a folder, None for this machine's own."""
        self.stop(containerd=True)
        self.programs = programs
        self.start(options)

    @contextlib.contextmanager
    def set_aside(self, programs: Path) -> Generator[None]:
        """Another engine, without any data, for the block; afterwards this one is back with all that it had."""
        configuration = self.state / "daemon.json"
        before = configuration.read_text()
        folders = [self.state / "data", self.state / "containerd"]
        self.stop(containerd=True)
        for folder in folders:
            folder.rename(folder.with_suffix(".aside"))
        self.programs = programs
        self.start({})
        try:
            yield
        finally:
            self.stop(containerd=True)
            self.programs = None
            configuration.write_text(before)
            for folder in folders:
                folder.rename(folder.with_suffix(".done"))
                folder.with_suffix(".aside").rename(folder)
                shutil.rmtree(folder.with_suffix(".done"), ignore_errors=True)
            self.start()

    @contextlib.contextmanager
    def another_host_name(self, name: str) -> Generator[None]:
        """Gives the host another name for the block; it has a namespace of its own for it."""
        before = socket.gethostname()
        socket.sethostname(name)
        try:
            yield
        finally:
            socket.sethostname(before)

    @contextlib.contextmanager
    def frozen(self) -> Generator[None]:
        """Keeps dockerd from answering for the block; what listens on published ports goes on."""
        pid = self._dockerd()
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def _dockerd(self) -> int:
        pid = int(Path("/run/docker.pid").read_text())
        assert str(self.state) in Path(f"/proc/{pid}/cmdline").read_text(), "this is not the private engine"
        return pid

    def end_hanging(self) -> None:
        """Kills dockerd without asking it anything, which may not answer any more, and starts it again.

        Engine 20.10 may lock itself up for good between a name look-up and the removal of containers (libnetwork).
        """
        os.kill(self._dockerd(), signal.SIGKILL)
        self.start()

    @property
    def log(self) -> str:
        """What dockerd has written since the private engine was made, over all its starts."""
        return (self.state / "dockerd.log").read_text(errors="replace")

    def _run_script(self, *arguments: str) -> None:
        path = os.environ["PATH"] if self.programs is None else f"{self.programs / 'bin'}:{os.environ['PATH']}"
        command, environment = [sys.executable, str(SCRIPT), *arguments], os.environ | {"PATH": path}
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, env=environment, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
