"""Deploys under `on-replace: accept` need no other step: what they make becomes an original, and nothing fights them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..kit.compose import run_compose
from ..kit.host import LIVE, Container, Host, run_command
from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

FOLLOWS = ("--label", "status-state.on-replace=accept")
FILE = """
services:
  web:
    image: {image}
    command: {command}
    environment: {{COLOUR: {colour}}}
    labels: {{status-state.on-replace: accept}}
    stop_grace_period: 5s
"""


class Shop:
    """A compose project of one service."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.project = f"shop{host.mark}"
        self.file = folder / "compose.yaml"

    def deploy(self, *options: str, colour: str = "red", image: str = "") -> None:
        """`up`, with this environment and this image."""
        command = [LIVE[0], LIVE[1], LIVE[2].replace("$", "$$")]
        self.file.write_text(FILE.format(image=image or self.host.image, colour=colour, command=command))
        run_compose("up", "--detach", *options, file=self.file, project=self.project)

    @property
    def containers(self) -> list[Container]:
        """Those of the service, by name."""
        return self.host.find(f"com.docker.compose.project={self.project}")

    @property
    def web(self) -> Container:
        """The first of them."""
        return self.containers[0]

    def remove(self) -> None:
        """Leave nothing of it."""
        run_compose("down", "--timeout", "0", file=self.file, project=self.project)


@pytest.fixture(scope="module")
def shop(module_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Generator[Shop]:
    """The project, which runs before the pair comes."""
    shop = Shop(module_host, tmp_path_factory.mktemp("shop"))
    shop.deploy()
    yield shop
    shop.remove()


@pytest.fixture(scope="module")
def plain(module_host: Host) -> Container:
    """A container that was run without compose, and follows deploys as well."""
    return module_host.run("plain", options=FOLLOWS)


@pytest.fixture(scope="module")
def pair(module_host: Host, shop: Shop, plain: Container) -> Generator[Pair]:
    """The pair."""
    with Pair(module_host).running() as pair:
        assert pair.original_ids() == {shop.web.id, plain.id}
        yield pair


def assert_nobody_touched(host: Host, *containers: Container) -> None:
    """The controller has let these live as they were made."""
    for container in containers:
        assert container.status == "running"
        assert not host.events(container, "kill", "stop", "die")


@pytest.mark.parametrize("change", ["environment", "image"])
def test_what_compose_makes_of_a_new_environment_or_image_becomes_the_original(
    pair: Pair, shop: Shop, host: Host, change: str
) -> None:
    before = shop.web
    if change == "image":
        tag = f"other:{host.mark}"
        run_command("docker", "commit", "--change", "ENV VERSION=2", before.id, tag)
        shop.deploy(colour="blue", image=tag)
    else:
        shop.deploy(colour="blue")
    deployed = shop.web
    assert deployed.id != before.id
    pair.wait_for_original(deployed)
    assert before.id not in pair.original_ids()
    assert_nobody_touched(host, deployed)
    deployed.docker("kill")
    deployed.wait_for_start_after(deployed.started_at)


def test_more_and_fewer_containers_of_a_service_come_and_go(pair: Pair, shop: Shop, plain: Container) -> None:
    one = shop.web
    shop.deploy("--no-recreate", "--scale", "web=3")
    three = shop.containers
    assert len(three) == 3
    for container in three:
        pair.wait_for_original(container)
    assert_nobody_touched(shop.host, *(container for container in three if container.id != one.id))

    shop.deploy("--no-recreate", "--scale", "web=1")
    left = shop.containers
    assert len(left) == 1
    wait_until(
        lambda: pair.original_ids() == {left[0].id, plain.id},
        "the others to leave the snapshot",
        40,
        lambda: pair.status()["controller"],
    )
    pair.wait_for_checks(2)
    assert shop.containers == left, "they come back"


def test_what_docker_run_makes_in_a_containers_place_becomes_the_original(
    pair: Pair, plain: Container, host: Host
) -> None:
    plain.docker("rm", "--force")
    pair.wait_for_checks(2)
    assert not host.find(f"status-state.test={host.mark}"), "it was recreated in the middle of the deploy"
    deployed = host.run("plain", options=("--name", plain.name, "--env", "VERSION=2", *FOLLOWS))
    pair.wait_for_original(deployed)
    assert plain.id not in pair.original_ids()
    assert_nobody_touched(host, deployed)


def test_a_replacement_that_ends_at_once_is_left_alone_and_does_not_become_the_original(
    pair: Pair, shop: Shop, host: Host
) -> None:
    (plain,) = (
        Container(one["id"], one["name"]) for one in pair.status()["snapshot"]["originals"] if one["id"] != shop.web.id
    )
    plain.docker("rm", "--force")
    broken = host.run("plain", "sh", "-c", "exit 3", options=("--name", plain.name, *FOLLOWS))
    pair.wait_for_finding(broken, "replaced")
    pair.wait_for_checks(2)
    assert broken.status == "exited"
    assert not host.events(broken, "rename", "destroy")
    assert broken.id not in pair.original_ids()
