"""What a failed test leaves on disk: inspects, events since its start, logs of both services, the engine's log."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

from .compose import ROOT
from .private_engine import ENGINE

FOLDER = ROOT / "tests" / "output"
LOG_LINES = 300


def _ask(*command: str) -> str:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=30, check=False
    )
    return done.stdout


def leave_traces(test_id: str, since: float, failure: str) -> Path:
    """Writes everything that may explain the failure of a test that began at `since`; returns the folder."""
    folder = FOLDER / ENGINE / re.sub(r"[^A-Za-z0-9_.-]+", "-", test_id.removeprefix("tests/engine/"))[:150]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "failure.txt").write_text(failure)
    (folder / "ps.txt").write_text(_ask("docker", "ps", "--all", "--no-trunc"))
    ids = _ask("docker", "ps", "--all", "--quiet").split()
    (folder / "inspect.json").write_text(_ask("docker", "inspect", *ids) if ids else "[]")
    span = ("--since", f"{since:.3f}", "--until", f"{time.time():.3f}")
    (folder / "events.txt").write_text(_ask("docker", "events", *span))
    ours = _ask("docker", "ps", "--all", "--filter=label=status-state.role", "--format", "{{.ID}} {{.Names}}")
    for line in ours.splitlines():
        id_, _, name = line.partition(" ")
        (folder / f"log-{name or id_}.txt").write_text(_ask("docker", "logs", "--timestamps", id_))
    state = os.environ.get("STATUS_STATE_PRIVATE_ENGINE")
    log = Path(state, "dockerd.log") if state else None
    if log and log.exists():
        tail = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        (folder / "dockerd.log").write_text("\n".join(tail))
    return folder
