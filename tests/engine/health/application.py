"""An application of several services, brought up by Compose: a database, a web server, a slow one."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

from ..kit.compose import run_compose
from ..kit.host import Container, Host, run_command

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

SERVICES = ("db", "slow", "web")
PORT = 18092
# Healthy two seconds after its start, because the folder is served only then.
DATABASE = "sleep 2; exec python3 -m http.server 5432 --directory /store"
# Takes three seconds to end: as long as it does, Compose is at work.
SLOW = "trap 'sleep 3; exit 0' TERM; while :; do sleep 0.2; done"
ASK = "import urllib.request as r; print(r.urlopen('{url}', timeout=3).read().decode())"


class Application:
    """A Compose project; the names of its networks and volumes begin with the project's."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.project = f"shop{host.mark}"
        self.file = folder / f"{self.project}.json"
        self.write()

    def write(self, **environment: str) -> None:
        """Writes the compose file; the variables go to the environment of `web`."""
        ask_itself = ASK.format(url="http://127.0.0.1:5432")
        database = {
            "command": ["sh", "-c", DATABASE],
            "healthcheck": {"test": ["CMD", "python3", "-c", ask_itself], "interval": "1s", "retries": 60},
            "volumes": ["store:/store", "/nameless"],
            "networks": ["back"],
            "stop_signal": "SIGKILL",
        }
        web = {
            "command": ["python3", "-m", "http.server", "80"],
            "working_dir": "/pages",
            "depends_on": {"db": {"condition": "service_healthy"}},
            "environment": {"COLOUR": "green", **environment},
            "ports": [f"127.0.0.1:{PORT}:80"],
            "volumes": ["pages:/pages"],
            "networks": {"back": {}, "front": {"aliases": ["www"]}},
            "stop_signal": "SIGKILL",
        }
        slow = {"command": ["sh", "-c", SLOW.replace("$", "$$")], "networks": ["front"]}
        services: dict[str, Any] = {"db": database, "web": web, "slow": slow}
        for service in services.values():
            service["image"] = self.host.image
        networks = {
            "back": {"internal": True, "labels": {"purpose": "inner"}},
            "front": {"ipam": {"config": [{"subnet": f"172.31.{PORT % 250}.0/24"}]}},
        }
        volumes: dict[str, Any] = {"store": {"labels": {"purpose": "data"}}, "pages": {}}
        whole = {"services": services, "networks": networks, "volumes": volumes}
        self.file.write_text(json.dumps(whole))

    def run(self, *arguments: str, seconds: float = 60) -> str:
        """`docker compose ARGUMENTS…` for the application."""
        return run_compose(*arguments, file=self.file, project=self.project, seconds=seconds)

    def up(self) -> None:
        """`up --detach`, with something to be read in its volumes."""
        self.run("up", "--detach")
        self.find("web").execute("sh", "-c", f"echo {self.project} > /pages/index.html")
        self.find("db").execute("sh", "-c", f"echo {self.project} > /store/index.html; echo kept > /nameless/it")

    def find_all(self, *, running_only: bool = False) -> list[Container]:
        """Its containers."""
        return self.host.find(f"com.docker.compose.project={self.project}", running_only=running_only)

    def find(self, service: str) -> Container:
        """The running container of a service."""
        labels = (f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}")
        found = self.host.find(*labels, running_only=True)
        assert len(found) == 1, f"expected one container of {service}: {found}"
        return found[0]

    def inspect(self) -> dict[str, dict[str, Any]]:
        """The inspects of the containers by service."""
        return {service: self.find(service).inspect() for service in SERVICES}

    def networks(self) -> dict[str, Mapping[str, Any]]:
        """The definitions of its networks, without what the engine makes up."""
        named = run_command("docker", "network", "ls", "--quiet", f"--filter=name=^{self.project}_").split()
        found: list[dict[str, Any]] = json.loads(run_command("docker", "network", "inspect", *named)) if named else []
        made_up = ("Id", "Created", "Containers")
        return {
            network["Name"]: {key: value for key, value in network.items() if key not in made_up} for network in found
        }

    def works(self) -> bool:
        """Whether the page can be read from the host, and the database by its name from within the page's container."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=3) as answer:  # loopback
                page = answer.read().decode().strip()
        except OSError as error:
            raise AssertionError(str(error)) from error
        stored = self.find("web").execute("python3", "-c", ASK.format(url="http://db:5432")).strip()
        return (page, stored) == (self.project, self.project)

    def remove(self) -> None:
        """Leaves nothing of it."""
        self.host.remove_everything()
        for container in self.find_all():
            run_command("docker", "rm", "--force", "--volumes", container.id)
        self.run("down", "--volumes", "--timeout", "0")


def make_application(host: Host, folder: Path) -> Generator[Application]:
    """The application, up, and nothing left of it in the end."""
    application = Application(host, folder)
    application.up()
    yield application
    application.remove()
