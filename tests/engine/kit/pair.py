"""The pair under test: the real docker-compose.yaml of the project, brought up by Compose.

Everything known of the two services here is what the design promises to people: the compose file, the HTTP interface,
the token on its volume and the settings in the environment.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import httpx

from .compose import ROOT, run_compose
from .host import Container, Host, parse_time, run_command, volume_path
from .waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

FILE = ROOT / "docker-compose.yaml"
API = "status-state-api"
CONTROLLER = "status-state-controller"
URL = "http://127.0.0.1:8000"
# A fresh snapshot of an engine younger than a minute waits for 20 s without a change.
UP_SECONDS = 120
INTERVAL = "1s"


class Pair:
    """One SSA and one SSC, under a Compose project of their own."""

    def __init__(self, host: Host, *over: Path, **settings: str) -> None:
        self.host = host
        self.over = over  # Compose files that are laid over the first one
        self.project = f"pair{host.mark}"
        self.environment = {"STATUS_STATE_BASE_IMAGE": host.image, "SSC_INTERVAL": INTERVAL, **settings}

    # --- Compose

    def run_compose(self, *arguments: str) -> str:
        """`docker compose ARGUMENTS…` for this pair."""
        return run_compose(*arguments, file=FILE, project=self.project, over=self.over, environment=self.environment)

    def up(self) -> None:
        """`up --detach`, until both are at work."""
        begun = time.time()
        self.run_compose("up", "--detach")
        self.wait_until_at_work(begun)

    def down(self, *options: str) -> None:
        """`down`: both containers are removed, the volumes stay."""
        self.run_compose("down", *options)

    @contextlib.contextmanager
    def running(self) -> Generator[Pair]:
        """The pair at work, and nothing left of it afterwards."""
        try:
            self.up()
            yield self
        finally:
            self.remove()

    def remove(self) -> None:
        """Leaves nothing of it, by the shortest way: how `down` does it is a test of its own."""
        mark = f"com.docker.compose.project={self.project}"
        if found := [container.id for container in self.host.find(mark)]:
            run_command("docker", "rm", "--force", "--volumes", *found)
        for kind in ("volume", "network"):
            for name in run_command("docker", kind, "ls", "--quiet", f"--filter=label={mark}").split():
                run_command("docker", kind, "rm", name)

    def wait_until_at_work(self, since: float = 0, seconds: float = UP_SECONDS) -> None:
        """Until the SSA is ready, and the SSC works by its snapshot and has asked it after that moment."""
        self.wait_until_ready(seconds)
        wait_until(
            lambda: self.last_seen() > since and self.report()["snapshot_id"] == self.snapshot_id(),
            "the SSC to work by the snapshot of the SSA",
            30,
            lambda: self.status()["controller"],
        )

    def wait_until_ready(self, seconds: float = UP_SECONDS) -> None:
        """Until `GET /readyz` says so."""
        wait_until(self.is_ready, "the SSA to be ready", seconds)

    # --- the containers

    def find(self, service: str) -> Container:
        """The container of the service, running or not."""
        found = self.host.find(f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}")
        assert len(found) == 1, f"expected one container of {service}: {found}"
        return found[0]

    @property
    def api(self) -> Container:
        """The SSA."""
        return self.find(API)

    @property
    def controller(self) -> Container:
        """The SSC."""
        return self.find(CONTROLLER)

    @property
    def network(self) -> str:
        """The network of the pair."""
        return f"{self.project}_default"

    def read_token(self) -> str:
        """The token, from the volume that the two share."""
        return (volume_path(f"{self.project}_token") / "token").read_text().strip()

    # --- the interface

    def get(self, path: str, *, token: str = "", host: str = "", url: str = URL) -> httpx.Response:
        """GET; with a token and as seen from the outside, without any proxy of this machine."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if host:
            headers["Host"] = host
        # Nothing is encrypted; a client that reads all certificates first takes 30 ms more.
        with httpx.Client(trust_env=False, verify=False, timeout=15) as client:  # noqa: S501
            return client.get(f"{url}{path}", headers=headers)

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """POST with the token, as an operator's command does; what is answered."""
        headers = {"Authorization": f"Bearer {self.read_token()}"}
        with httpx.Client(trust_env=False, verify=False, timeout=60) as client:  # noqa: S501 # as above
            answer = client.post(f"{URL}{path}", headers=headers, json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def is_ready(self) -> bool:
        """Whether `GET /readyz` says so; not being there is no either."""
        with contextlib.suppress(httpx.TransportError):
            return self.get("/readyz").status_code == 200
        return False

    def status(self) -> dict[str, Any]:
        """`GET /status`."""
        answer = self.get("/status")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def snapshot_id(self) -> str:
        """The id of the snapshot held now."""
        return self.status()["snapshot"]["id"]

    def original_names(self) -> set[str]:
        """The names of the snapshot's originals."""
        return {original["name"] for original in self.status()["snapshot"]["originals"]}

    def original_ids(self) -> set[str]:
        """The container ids of the snapshot's originals."""
        return {original["id"] for original in self.status()["snapshot"]["originals"]}

    def wait_for_original(self, container: Container, seconds: float = 60) -> None:
        """Until the container is an original."""
        wait_until(
            lambda: container.id in self.original_ids(),
            f"{container.name} to be an original",
            seconds,
            lambda: (container.status, self.status()["controller"]),
        )

    def last_seen(self) -> float:
        """When the SSC last asked the SSA; 0 for never, and while the SSA can't be asked."""
        with contextlib.suppress(httpx.TransportError):
            at = self.status()["controller"]["last_seen_at"]
            return parse_time(at) if at else 0
        return 0

    def wait_for_checks(self, completed: int = 2, seconds: float = 60) -> None:
        """Until that many checks began *and* ended from now on: the positive signal behind "nothing happened".

        The SSC asks the SSA once in each check, so the question of the next one tells that a check is over.
        """
        begun = time.time()
        seen: set[float] = set()

        def enough() -> bool:
            seen.add(self.last_seen())
            return len([at for at in seen if at > begun]) > completed

        wait_until(enough, f"{completed} complete checks of the SSC", seconds, lambda: f"questions at {sorted(seen)}")

    def report(self) -> dict[str, Any]:
        """The SSC's last report."""
        report = self.status()["controller"]["report"]
        assert report, "the SSC has not reported yet"
        return report

    def wait_for_finding(self, container: Container, kind: str, seconds: float = 20) -> dict[str, Any]:
        """The last report, once it holds a finding of this kind about the container."""

        def holds() -> dict[str, Any] | None:
            report = self.report()
            found = [finding for finding in report["findings"] if finding["container"]["id"] == container.id]
            return report if kind in [finding["kind"] for finding in found] else None

        what = f"a report that {container.name} is {kind}"
        report = wait_until(holds, what, seconds, lambda: self.status()["controller"])
        assert report
        return report
