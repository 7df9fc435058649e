"""A bind mount whose source is gone is never papered over by the empty folder that the engine would make there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..kit.host import Container, Host, run_command
from ..kit.pair import Pair
from ..kit.waiting import wait_until
from ..recreate.test_recreate import find_by_name

if TYPE_CHECKING:
    from pathlib import Path

BACK_OFF_SECONDS = 60
WAYS = ("recreate", "start", "restore")


def _take_down(container: Container, way: str, host: Host) -> None:
    """Lets the controller recreate it, start it, or put it back in the place of another one."""
    if way == "start":
        container.docker("kill")
        return
    container.docker("rm", "--force")
    if way == "restore":
        host.run("impostor", options=("--name", container.name, "--env", "OTHER=yes"))


@pytest.mark.parametrize("way", WAYS)
def test_while_the_source_of_a_bind_mount_is_gone_it_fails_with_the_path_and_makes_nothing(
    host: Host, tmp_path: Path, way: str
) -> None:
    file, folder = tmp_path / "app.conf", tmp_path / "folder"
    file.write_text("what it needs")
    folder.mkdir()
    original = host.run("bound", options=("--volume", f"{file}:/etc/app.conf", "--volume", f"{folder}:/data:ro"))
    with Pair(host).running() as pair:
        assert pair.original_names() == {original.name}
        pair.controller.docker("pause")  # so that the source is gone before anything is done
        _take_down(original, way, host)
        file.unlink()
        pair.controller.docker("unpause")

        def told() -> bool:
            return any("failed" in line and str(file) in line for line in pair.controller.logs.splitlines())

        wait_until(told, "the missing path to be told", BACK_OFF_SECONDS, lambda: pair.controller.logs)
        assert not file.exists()
        file.write_text("it is back")

        def is_back() -> bool:
            found = find_by_name(original.name)
            return found is not None and "OTHER=yes" not in found.inspect()["Config"]["Env"]

        wait_until(is_back, "it to run again", BACK_OFF_SECONDS, lambda: pair.controller.logs)
        found = find_by_name(original.name)
        assert found is not None
        assert found.execute("cat", "/etc/app.conf") == "it is back"
        assert run_command("docker", "ps", "--all", "--quiet", "--filter", "status=created") == ""
