"""Whatever happens to many containers at once, the host returns to exactly its snapshot."""

from __future__ import annotations

import contextlib
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ..kit.host import LABEL, Container, Host, run_command
from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator


ORIGINALS = 60
NEWCOMERS = 30
CLIENTS = 4  # processes that ask the engine at the same time
# Far more than it takes: the engine itself needs a third of a second for each, on two cores that others use as well.
CALM_SECONDS = 120


@pytest.fixture(scope="module")
def protected(module_host: Host) -> Container:
    """One that nobody may touch."""
    return module_host.run("protected", options=("--label", "status-state.ignore=true"))


@pytest.fixture(scope="module")
def originals(module_host: Host) -> list[Container]:
    """What runs before the pair comes."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(module_host.run, [f"original-{number}" for number in range(ORIGINALS)]))


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: list[Container], protected: Container) -> Generator[Pair]:
    """The pair, which looks by itself once a minute: events have to do."""
    with Pair(module_host, SSC_INTERVAL="60s").running() as pair:
        assert pair.original_names() == {original.name for original in originals}
        assert protected.status == "running"
        yield pair


@contextlib.contextmanager
def hear_starts() -> Generator[list[str]]:
    """The ids of the containers that are started meanwhile, complete at the end: the engine remembers 256 events only."""
    heard: list[str] = []
    command = ["docker", "events", "--filter", "type=container", "--filter", "event=start", "--format", "{{.Actor.ID}}"]
    begun = f"{time.time():.6f}"
    with subprocess.Popen([*command, "--since", begun], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield heard
        finally:
            process.terminate()
            assert process.stdout
            heard += process.stdout.read().split()


def test_a_storm_ends_in_exactly_the_snapshot(
    pair: Pair, module_host: Host, host: Host, originals: list[Container], protected: Container
) -> None:
    killed, removed, spared = originals[0::3], originals[1::3], originals[2::3]
    before = {original.id: original.started_at for original in [*spared, protected]}

    def storm(command: tuple[str, ...]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, capture_output=True, check=False)

    with hear_starts() as starts, ThreadPoolExecutor(CLIENTS) as pool:
        # Each of the two in one command, beside the newcomers: some of them meet what is already being healed.
        hits = [
            pool.submit(storm, ("docker", "kill", *(original.id for original in killed))),
            pool.submit(storm, ("docker", "rm", "--force", *(original.id for original in removed))),
        ]
        newcomers = list(pool.map(host.run, [f"newcomer-{number}" for number in range(NEWCOMERS)]))
        assert [hit.result().returncode for hit in hits] == [0, 0]

        expected = {original.name for original in originals} | {protected.name}
        mark = f"{LABEL}={module_host.mark}"

        def running() -> set[str]:
            return {container.name for container in module_host.find(mark, running_only=True)}

        def differences() -> dict[str, list[str]]:
            strangers = {container.name for container in host.find(f"{LABEL}={host.mark}", running_only=True)}
            return {"down": sorted(expected - running()), "too many": sorted(running() - expected | strangers)}

        wait_until(lambda: not any(differences().values()), "the snapshot to be reached", CALM_SECONDS, differences)

    assert {newcomer.status for newcomer in newcomers} == {"exited"}
    present = {container.name: container.id for container in module_host.find(mark)}
    assert present.keys() == expected, "nothing may be left over"
    assert {name: present[name] for name in present if name in {c.name for c in killed}} == {
        original.name: original.id for original in killed
    }
    assert {container.id: container.started_at for container in [*spared, protected]} == before
    # What succeeded in the first check needed no second one: one start each.
    ours = set(present.values()) - before.keys()
    assert sorted(id_ for id_ in starts if id_ in ours) == sorted(ours)
    assert run_command("docker", "ps", "--quiet", "--filter", "status=restarting") == ""
