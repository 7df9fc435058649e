"""Each service asks the engine for what docs/engine-requests.md lists, and for nothing else.

The list is what a private engine was asked while the pair lived through all that it does: each verb, health, logs, the
operator's commands. To bring it up to date: `UPDATE_ENGINE_REQUESTS=1 make test ARGS=tests/engine/rights/test_engine_requests.py`.
"""

from __future__ import annotations

import os
import re
import socket
from typing import TYPE_CHECKING

import pytest

from ..health.health import make_labels, speak
from ..kit.compose import ROOT
from ..kit.host import LABEL, LIVE, Container, Host, run_command
from ..kit.interceptor import Asked, Interceptor
from ..kit.pair import API, CONTROLLER, Pair
from ..kit.waiting import wait_until
from ..recreate.registry import NoRegistryError, running_registry

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

DOCUMENT = ROOT / "docs" / "engine-requests.md"
ROW = re.compile(r"^\| ([A-Z]+) \| `(\S+)` \|$", re.MULTILINE)
SPEAKING = make_labels({"logs.severity": "critical", "logs.count": "1"})
PORT = 18443
SECONDS = 60


def generalise(asked: Asked) -> tuple[str, str]:
    """The method and path of a request, without version, query, and whom it is about."""
    path = re.sub(r"^/v[0-9.]+(?=/)", "", asked.path.partition("?")[0])
    path = re.sub(r"^/(containers|networks|volumes)/(?!create$|json$|prune$)[^/]+", r"/\1/{id}", path)
    return asked.method, re.sub(r"^/images/(?!create$|json$).+?(?=/json$|/[a-z]+$|$)", "/images/{id}", path)


def read_lists() -> dict[str, set[tuple[str, str]]]:
    """What the document lists, by service."""
    parts = DOCUMENT.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.partition("\n")[0]: set(ROW.findall(part)) for part in parts}


def write_lists(seen: dict[str, set[tuple[str, str]]]) -> None:
    """Puts the lists into the document, below the headings of the services."""
    introduction = DOCUMENT.read_text(encoding="utf-8").partition("\n## ")[0].rstrip()
    parts = [introduction]
    for service, requests in seen.items():
        rows = [f"| {method} | `{path}` |" for method, path in sorted(requests)]
        parts.append("\n".join([f"## {service}\n", "| method | path |", "|---|---|", *rows]))
    DOCUMENT.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


@pytest.fixture
def interceptor(tmp_path: Path) -> Generator[Interceptor]:
    """What stands between the pair and the engine, at `docker.sock` in the test's folder."""
    interceptor = Interceptor(tmp_path / "docker.sock")
    yield interceptor
    interceptor.close()


@pytest.fixture
def pushed(host: Host, tmp_path: Path) -> Generator[str]:
    """The name of an image that a registry has."""
    try:
        with running_registry(tmp_path) as address:
            name = f"{address}/rights:{host.mark}"
            model = host.create("model")
            run_command("docker", "commit", model.id, name)
            model.docker("rm", "--force")
            run_command("docker", "push", name)
            yield name
    except NoRegistryError as reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(reason))


def make_originals(host: Host, pushed: str, folder: Path) -> dict[str, Container]:
    """An original for each thing that can be done about one, with all that an original can have."""
    for kind in ("main", "further", "pruned"):
        run_command("docker", "network", "create", f"{kind}-{host.mark}")
    rich = ("--network", f"main-{host.mark}", "--volume", f"rich-{host.mark}:/v", "--volume", f"{folder}:/bound")
    made = {
        "killed": host.run("killed"),
        "visitor": host.run("visitor", options=("--volume", f"visitor-{host.mark}:/v")),
        "speaking": host.run("speaking", options=SPEAKING),
        "rich": host.run("rich", options=rich),
        "pruned": host.run("pruned", options=("--network", f"pruned-{host.mark}")),
        "replaced": host.run("replaced"),
        "released": host.run("released"),
        "publishing": host.run("publishing", options=("--publish", f"127.0.0.1:{PORT}:80")),
        "pulled": Container(
            run_command(
                "docker", "run", "--detach", "--name", f"pulled-{host.mark}", "--label", f"{LABEL}={host.mark}",
                pushed, *LIVE,
            ).strip(),
            f"pulled-{host.mark}",
        ),
    }  # fmt: skip
    run_command("docker", "network", "connect", f"further-{host.mark}", made["rich"].id)
    return made


def wait_for_another(host: Host, original: Container) -> None:
    """Until a container of its name runs that isn't the one it was."""

    def runs() -> bool:
        found = host.find(f"{LABEL}={host.mark}", running_only=True)
        return any(one.name == original.name and one.id != original.id for one in found)

    wait_until(runs, f"{original.name} to be made again", SECONDS)


def break_while_nobody_looks(pair: Pair, host: Host, originals: dict[str, Container], pushed: str) -> None:
    """What takes several steps, so that the controller sees the whole of it: it is stopped meanwhile."""
    pair.controller.docker("stop")
    for stem in ("pruned", "visitor"):
        originals[stem].docker("stop")
    visited = f"visited-{host.mark}"  # a network that it has joined since the snapshot
    run_command("docker", "network", "create", visited)
    run_command("docker", "network", "connect", visited, originals["visitor"].id)
    image = originals["pulled"].inspect()["Image"]
    for stem in ("rich", "replaced", "pulled"):
        originals[stem].docker("rm", "--force")
    for kind in ("main", "further", "pruned"):
        run_command("docker", "network", "rm", f"{kind}-{host.mark}")
    run_command("docker", "network", "rm", visited)
    run_command("docker", "volume", "rm", f"rich-{host.mark}")
    run_command("docker", "image", "rm", "--force", pushed, image)
    host.run("impostor", *LIVE, options=("--name", originals["replaced"].name, "--env", "VERSION=2"))
    pair.controller.docker("start")


def live_through_everything(pair: Pair, host: Host, originals: dict[str, Container], pushed: str) -> None:
    """Each verb, health by logs, a start that fails, the operator's commands, a restart of either service."""
    began = {stem: original.started_at for stem, original in originals.items()}
    originals["killed"].docker("kill")
    originals["killed"].wait_for_start_after(began["killed"])
    newcomer = host.run("newcomer")
    newcomer.wait_for("exited")
    pair.post("/snapshot", {"accept": [newcomer.name]})
    newcomer.wait_for("running")
    speak(originals["speaking"], b"CRITICAL:root:boom\n")
    originals["speaking"].wait_for_start_after(began["speaking"], SECONDS)
    break_while_nobody_looks(pair, host, originals, pushed)
    for stem in ("pruned", "visitor"):
        originals[stem].wait_for("running", seconds=SECONDS)
    for stem in ("rich", "replaced", "pulled"):
        wait_for_another(host, originals[stem])
    with socket.socket() as taken:  # a start that fails: what was made for it is removed
        pair.controller.docker("pause")
        originals["publishing"].docker("rm", "--force")
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", PORT))
        taken.listen()
        pair.controller.docker("unpause")
        wait_until(lambda: "action=recreate result=failed" in pair.controller.logs, "a failed start", SECONDS)
    wait_for_another(host, originals["publishing"])
    pair.post("/snapshot", {"release": [originals["released"].name]})
    pair.post(f"/snapshots/{pair.get('/snapshots').json()['snapshots'][-1]['id']}/rollback")
    pair.post("/pause", {"for": "5m", "accept_at_end": True})
    pair.post("/resume")
    pair.wait_for_checks()
    pair.api.docker("restart")
    pair.wait_until_at_work()


def test_each_service_asks_the_engine_for_what_is_listed_and_for_nothing_else(
    host: Host, interceptor: Interceptor, pushed: str, tmp_path: Path
) -> None:
    originals = make_originals(host, pushed, tmp_path)
    with Pair(host, STATUS_STATE_DOCKER_SOCKET=str(tmp_path / "docker.sock")).running() as pair:
        services = {pair.api.id: API, pair.controller.id: CONTROLLER}
        live_through_everything(pair, host, originals, pushed)
    seen: dict[str, set[tuple[str, str]]] = {API: set(), CONTROLLER: set()}
    for asked in list(interceptor.asked):
        seen[services[asked.container_id]].add(generalise(asked))
    if os.environ.get("UPDATE_ENGINE_REQUESTS"):
        write_lists(seen)
    assert seen == read_lists()
