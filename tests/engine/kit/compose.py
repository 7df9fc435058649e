"""Compose, as people call it: `docker compose`."""

from __future__ import annotations

import os
from pathlib import Path

from .host import run_command

ROOT = Path(__file__).resolve().parents[3]


def make_command(*arguments: str, file: Path, project: str, over: tuple[Path, ...] = ()) -> list[str]:
    """The whole command line; `over` are the files that are laid over the first one."""
    files = [word for one in (file, *over) for word in ("--file", str(one))]
    return ["docker", "compose", *files, "--project-name", project, *arguments]


def run_compose(
    *arguments: str,
    file: Path,
    project: str,
    over: tuple[Path, ...] = (),
    environment: dict[str, str] | None = None,
    seconds: float = 240,
) -> str:
    """Runs it to its end, with more variables in its environment; a failure raises AssertionError with what it said."""
    command = make_command(*arguments, file=file, project=project, over=over)
    return run_command(*command, environment={**os.environ, **(environment or {})}, seconds=seconds)
