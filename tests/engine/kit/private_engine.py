"""The engine that these tests run in: how to stop it, crash it and start it again.

It controls the private engine that `scripts/engine/private_engine.py run -- …` has started around the tests, and must never
control another one: everything here refuses an engine that doesn't call itself disposable.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

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
        self.check_disposable()

    def check_disposable(self) -> None:
        """Raises NoPrivateEngineError unless the engine answers and calls itself disposable."""
        command = ["docker", "--host", self.docker_host, "info", "--format", "{{json .Labels}}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        labels: list[str] | None = json.loads(answer.stdout) if answer.returncode == 0 else []
        if LABEL not in (labels or []):
            message = f"the engine at {self.docker_host} lacks the label {LABEL}: {answer.stderr or labels}"
            raise NoPrivateEngineError(message)

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_seconds: float = 120) -> None:
        """Ends dockerd by the signal and waits until it is gone; after SIGKILL its containers live on, as in reality.

        containerd is a process of its own, as on Debian, and stays up either way.
        """
        self._run_script("stop-engine", "--signal", number.name, "--timeout", str(timeout_seconds))

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

    def end_hanging(self) -> None:
        """Kills dockerd without asking it anything, which may not answer any more, and starts it again.

        Engine 20.10 may lock itself up for good between a name look-up and the removal of containers (libnetwork).
        """
        pid = int(Path("/run/docker.pid").read_text())
        assert str(self.state) in Path(f"/proc/{pid}/cmdline").read_text(), "this is not the private engine"
        os.kill(pid, signal.SIGKILL)
        self.start()

    @property
    def log(self) -> str:
        """What dockerd has written since the private engine was made, over all its starts."""
        return (self.state / "dockerd.log").read_text(errors="replace")

    def _run_script(self, *arguments: str) -> None:
        done = subprocess.run([sys.executable, str(SCRIPT), *arguments], stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
