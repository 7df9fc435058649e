"""Compose, as people call it: `docker compose`."""

from __future__ import annotations

import os
from pathlib import Path

from .host import run_command

ROOT = Path(__file__).resolve().parents[3]


def make_command(*arguments: str, file: Path, project: str) -> list[str]:
    """The whole command line."""
    return ["docker", "compose", "--file", str(file), "--project-name", project, *arguments]


def run_compose(
    *arguments: str, file: Path, project: str, environment: dict[str, str] | None = None, seconds: float = 240
) -> str:
    """Runs it to its end, with more variables in its environment; a failure raises AssertionError with what it said."""
    command = make_command(*arguments, file=file, project=project)
    return run_command(*command, environment={**os.environ, **(environment or {})}, seconds=seconds)
