"""The engine goes down under everything: the pair comes back, and so does the host as it was."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from ..kit.host import Container, Host, parse_time
from ..kit.pair import Pair
from ..kit.private_engine import NoPrivateEngineError
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..kit.private_engine import PrivateEngine

POLICIES = ("always", "unless-stopped", "no")


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """One with each restart policy, the last of which the engine itself never starts again."""
    return {policy: module_host.run(policy, options=("--restart", policy)) for policy in POLICIES}


@pytest.fixture(scope="module")
def shared_pair(module_host: Host, originals: dict[str, Container]) -> Generator[Pair]:
    """The pair, with the originals; after a restart of the engine it is there again, so all tests share it."""
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {original.name for original in originals.values()}
        yield pair


@pytest.fixture
def pair(engine: PrivateEngine, shared_pair: Pair) -> Generator[Pair]:
    """The pair at work, on an engine that answers again after the test."""
    shared_pair.wait_until_at_work()
    yield shared_pair
    try:
        engine.check_disposable()
    except NoPrivateEngineError:
        engine.start()


@pytest.mark.smoke
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_the_pair_comes_back_resumes_its_snapshot_and_brings_every_original_back(
    pair: Pair,
    host: Host,
    engine: PrivateEngine,
    originals: dict[str, Container],
    number: signal.Signals,
) -> None:
    # Stopped by the SSC, and started again by the engine for its policy.
    newcomer = host.run("newcomer", options=("--restart", "always"))
    newcomer.wait_for("exited")
    snapshot_id = pair.snapshot_id()
    before = {policy: original.started_at for policy, original in originals.items()}
    both = (pair.api, pair.controller)
    pair_before = [container.started_at for container in both]

    engine.stop(number)
    down_at = time.time()
    engine.start()

    for container, started_at in zip(both, pair_before, strict=True):
        container.wait_for_start_after(started_at, seconds=60)
    pair.wait_until_at_work(down_at)
    for policy, original in originals.items():
        original.wait_for_start_after(before[policy], seconds=60)
    newcomer.wait_for("exited")
    pair.wait_for_checks(2)

    status = pair.status()
    assert status["snapshot"]["id"] == snapshot_id
    assert {original["id"] for original in status["snapshot"]["originals"]} == {o.id for o in originals.values()}
    assert {original.status for original in originals.values()} == {"running"}
    # What lived on after the crash was ended by the new engine itself, before it started the pair.
    back_at = parse_time(pair.controller.started_at)
    stopped = {event.container_id for event in host.events(None, "kill", "stop", since=back_at)}
    assert newcomer.id in stopped
    assert not stopped & {original.id for original in originals.values()}, "nothing that boots late may be stopped"


@pytest.mark.smoke
def test_a_host_that_gets_another_name_keeps_its_snapshot(
    pair: Pair, engine: PrivateEngine, originals: dict[str, Container]
) -> None:
    snapshot_id = pair.snapshot_id()
    engine.stop()
    down_at = time.time()
    with engine.another_host_name("renamed"):
        engine.start()
        pair.wait_until_at_work(down_at)
        for original in originals.values():
            original.wait_for("running", seconds=60)
        status = pair.status()
    assert status["engine"]["name"] == "renamed"
    assert status["snapshot"]["id"] == snapshot_id


def test_an_ssa_that_loses_the_engine_serves_its_snapshot_and_says_so(pair: Pair, engine: PrivateEngine) -> None:
    # The published port goes with the engine, the container's own address stays.
    [network] = pair.api.inspect()["NetworkSettings"]["Networks"].values()
    url = f"http://{network['IPAddress']}:8000"
    snapshot_id = pair.snapshot_id()
    originals = pair.original_names()
    assert pair.get("/readyz", url=url).status_code == 200

    engine.stop(signal.SIGKILL)

    def find_loss() -> dict[str, Any] | None:
        status = pair.get("/status", url=url).json()
        return None if status["engine"]["reachable"] else status

    status = wait_until(find_loss, "the SSA to notice")
    assert status
    assert status["running"] is None
    assert status["engine"]["error"]
    assert status["snapshot"]["id"] == snapshot_id
    assert {original["name"] for original in status["snapshot"]["originals"]} == originals
    assert pair.get("/snapshot", url=url).status_code == 200
    assert pair.get("/healthz", url=url).status_code == 200
    assert pair.get("/readyz", url=url).status_code == 503
