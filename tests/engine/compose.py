"""Compose in the two versions that are in the field: v1 (`docker-compose`) and v2 (`docker compose`)."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .host import run_command

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("v1", "v2")


class NoComposeError(Exception):
    """This version of Compose can't be had here; the message says why."""


@dataclass(frozen=True)
class Compose:
    """One version of Compose."""

    version: str
    command: tuple[str, ...]
    environment: dict[str, str]

    def build_command(self, *arguments: str, file: Path, project: str) -> list[str]:
        """The whole command line."""
        return [*self.command, "--file", str(file), "--project-name", project, *arguments]

    def build_environment(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """The environment to run that in."""
        return {**os.environ, **self.environment, **(extra or {})}

    def run(
        self, *arguments: str, file: Path, project: str, extra: dict[str, str] | None = None, seconds: float = 240
    ) -> str:
        """Runs it to its end; a failure raises AssertionError with what it said."""
        command = self.build_command(*arguments, file=file, project=project)
        return run_command(*command, environment=self.build_environment(extra), seconds=seconds)


def find_compose(version: str) -> Compose:
    """The wanted version.

    Raises:
        NoComposeError: it can't be had here.
    """
    if version == "v1":
        if shutil.which("docker-compose") is None:
            raise NoComposeError("no `docker-compose` is installed: on Debian 12, apt-get install docker-compose")
        found = run_command("docker-compose", "version", "--short").strip()
        if not found.startswith("1."):
            message = f"`docker-compose` is {found} here, not v1"
            raise NoComposeError(message)
        return Compose(version, ("docker-compose",), {})
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if asked.returncode == 0:
        return Compose(version, ("docker", "compose"), {})
    fetched = subprocess.run([ROOT / "scripts" / "compose_v2.sh"], capture_output=True, text=True, check=False)
    if fetched.returncode != 0:
        message = f"`docker compose` (v2) can't be had: {fetched.stderr.strip()}"
        raise NoComposeError(message)
    return Compose(version, ("docker", "compose"), {"DOCKER_CONFIG": fetched.stdout.strip()})
