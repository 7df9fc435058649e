"""One container about which the engine gives no answer: everybody else is healed, and it too once there is an answer."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from ..kit.host import Container, Host
    from ..kit.pair import Pair


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes."""
    return {name: module_host.run(name) for name in ("web", "db")}


def find_shim(container: Container) -> int:
    """The process between containerd and the container."""
    for folder in Path("/proc").glob("[0-9]*"):
        words = (folder / "cmdline").read_bytes().split(b"\0")
        if b"containerd-shim" in words[0] and container.id.encode() in words:
            return int(folder.name)
    pytest.fail(f"{container.name} has no shim")


def is_silent(container: Container) -> bool:
    """Whether the engine answers nothing about it within a second."""
    try:
        subprocess.run(["docker", "inspect", container.id], capture_output=True, timeout=1, check=False)
    except subprocess.TimeoutExpired:
        return True
    return False


def test_an_impostor_whose_lock_the_engine_never_gives_back_holds_up_nobody(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    web, db = originals["web"], originals["db"]
    pair.controller.docker("stop")
    web.docker("rm", "--force")
    impostor = module_host.run("", options=("--name", web.name, "--env", "OTHER=yes"))
    shim = find_shim(impostor)
    os.kill(shim, signal.SIGSTOP)
    holding = subprocess.Popen(["docker", "kill", "--signal", "HUP", impostor.id], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: is_silent(impostor), "the engine to fall silent about the impostor")
        pair.controller.docker("start")
        before = db.started_at
        db.docker("kill")
        db.wait_for_start_after(before, 20)
        wait_until(lambda: "event=container_silent" in pair.controller.logs, "that to be logged")
    finally:
        os.kill(shim, signal.SIGCONT)
        holding.wait(30)
    impostor.wait_for("exited", seconds=60)
    wait_until(lambda: web.name in {one.name for one in module_host.find(running_only=True)}, f"{web.name} to be back")
