"""A registry on loopback, which ends with the tests: Debian's `docker-registry`, installed or just unpacked."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import urllib.request
from typing import TYPE_CHECKING

from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

ADDRESS = "127.0.0.1:5055"
CONFIGURATION = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: {folder}
http:
  addr: {address}
log:
  level: error
"""


class NoRegistryError(Exception):
    """None can be had here; the message says why."""


def _find_program(folder: Path) -> str:
    """The installed one, else the package unpacked into the folder; nothing is installed."""
    installed = shutil.which("docker-registry")
    if installed:
        return installed
    fetch = ["apt-get", "--quiet", "--option", "APT::Sandbox::User=root", "download", "docker-registry"]
    try:
        fetched = subprocess.run(fetch, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoRegistryError(f"no `docker-registry` is installed, and it can't be fetched: {error}") from error
    packages = list(folder.glob("docker-registry*.deb"))
    if fetched.returncode != 0 or not packages:
        raise NoRegistryError(f"no `docker-registry` is installed, and it can't be fetched: {fetched.stderr.strip()}")
    subprocess.run(["dpkg-deb", "--extract", packages[0], folder / "unpacked"], check=True)
    return str(folder / "unpacked" / "usr" / "bin" / "docker-registry")


def _answers() -> bool:
    try:
        with urllib.request.urlopen(f"http://{ADDRESS}/v2/", timeout=3) as answer:  # loopback
            return answer.status == 200
    except OSError:
        return False


@contextlib.contextmanager
def running_registry(folder: Path) -> Generator[str]:
    """Its address, while it answers.

    Raises:
        NoRegistryError: none can be had here.
    """
    program = _find_program(folder)
    configuration = folder / "registry.yml"
    configuration.write_text(CONFIGURATION.format(folder=folder / "data", address=ADDRESS))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", configuration], stdout=log, stderr=log)
    try:
        wait_until(_answers, "the registry to answer", 30)
        yield ADDRESS
    finally:
        process.terminate()
        process.wait(timeout=20)
