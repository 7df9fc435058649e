"""An application under Compose whose containers are recreated by its operator: the service runs at the end."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import pytest

from .host import LIVE, Container, Host
from .pair import Pair
from .waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from .compose import Compose


class Application:
    """A Compose project with one service, made by one version of Compose."""

    def __init__(self, host: Host, compose: Compose, image: str, folder: Path) -> None:
        self.host = host
        self.compose = compose
        self.project = f"shop{host.mark}"
        self.file = folder / "docker-compose.yaml"
        text = f"""\
            services:
              web:
                image: {image}
                command: {json.dumps(LIVE).replace("$", "$$")}
                environment: {{COLOUR: green}}
                volumes: [pages:/pages, /cache]
            volumes: {{pages: }}
            """
        self.file.write_text(textwrap.dedent(text))

    def run(self, *arguments: str) -> None:
        """`docker compose ARGUMENTS…` for the application."""
        self.compose.run(*arguments, file=self.file, project=self.project)

    def find(self, *, running_only: bool) -> list[Container]:
        """The containers of the service."""
        return self.host.find(f"com.docker.compose.project={self.project}", running_only=running_only)


@pytest.fixture(scope="module")
def application(
    module_host: Host, image: str, each_compose: Compose, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Application]:
    """The application, up before the pair comes."""
    application = Application(module_host, each_compose, image, tmp_path_factory.mktemp("shop"))
    application.run("up", "--detach")
    yield application
    application.run("down", "--volumes", "--timeout", "1")


@pytest.fixture(scope="module")
def pair(module_host: Host, images: str, compose: Compose, application: Application) -> Generator[Pair]:
    """The pair, with the application's container among the originals."""
    with Pair(module_host, compose, images).running() as pair:
        assert pair.original_names() == {container.name for container in application.find(running_only=True)}
        yield pair


@pytest.mark.parametrize("turn", ["once", "and-once-more"])
def test_a_service_recreated_by_up_force_recreate_is_left_running(
    pair: Pair, application: Application, turn: str
) -> None:
    before = application.find(running_only=True)
    assert len(before) == 1, turn
    application.run("up", "--detach", "--force-recreate")
    wait_until(lambda: len(application.find(running_only=True)) == 1, "the service to run")
    pair.wait_for_checks(3)
    after = application.find(running_only=True)
    assert [container.name for container in after] == [container.name for container in before]
    assert after[0].id != before[0].id
    assert application.find(running_only=False) == after, "nothing may be left over"


def test_a_service_restarted_by_compose_runs_at_the_end(pair: Pair, application: Application) -> None:
    application.run("restart", "--timeout", "5")
    pair.wait_for_checks(2)
    assert len(application.find(running_only=True)) == 1
