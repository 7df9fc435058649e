"""The SSA killed, removed or hanging: the SSC goes on from its last snapshot, and finds the SSA again."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from ..kit.pair import API, Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ..kit.host import Container, Host

# How the SSA can go away and stay away.
AWAY: dict[str, Callable[[Container], None]] = {
    "killed": lambda api: api.docker("kill"),
    "stopped": lambda api: api.docker("stop"),
    "removed": lambda api: api.docker("rm", "--force"),
    "hanging": lambda api: api.docker("pause"),
}


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """One for each test, since the back-off of one would disturb the next."""
    return {way: module_host.run(way) for way in (*AWAY, "calm")}


@pytest.fixture(scope="module")
def shared_pair(module_host: Host, originals: dict[str, Container]) -> Generator[Pair]:
    """The pair with its originals."""
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {original.name for original in originals.values()}
        yield pair


@pytest.fixture
def pair(shared_pair: Pair, host: Host) -> Generator[Pair]:
    """The pair, which is whole again after the test."""
    yield shared_pair
    host.remove_everything()  # first, or else a fresh snapshot might take what the test made for originals
    if [api for api in host.find(f"com.docker.compose.service={API}") if api.status == "paused"]:
        shared_pair.api.docker("unpause")
    shared_pair.up()


@pytest.mark.parametrize("way", AWAY)
def test_healing_goes_on_without_the_ssa_and_nothing_wrong_is_done(
    pair: Pair, host: Host, originals: dict[str, Container], way: str
) -> None:
    calm = [original for name, original in originals.items() if name != way]
    before = [original.started_at for original in calm]
    api, controller = pair.api, pair.controller
    controller_before = controller.started_at
    AWAY[way](api)
    assert api.status != "running"

    mended = originals[way]
    started_at = mended.started_at
    mended.docker("kill")
    newcomer = host.run("newcomer")
    mended.wait_for_start_after(started_at, seconds=30)
    newcomer.wait_for("exited", seconds=30)

    assert api.status in ("exited", "gone", "paused"), "the SSC must leave the SSA alone"
    assert [original.started_at for original in calm] == before
    assert controller.started_at == controller_before


def test_an_ssa_that_crashes_resumes_its_snapshot(pair: Pair, host: Host, originals: dict[str, Container]) -> None:
    snapshot_id = pair.snapshot_id()
    api = pair.api
    before = api.started_at
    newcomer = host.create("newcomer")
    os.kill(api.process, signal.SIGKILL)
    newcomer.docker("start")
    api.wait_for_start_after(before)
    pair.wait_until_at_work()
    assert pair.snapshot_id() == snapshot_id
    assert pair.original_names() == {original.name for original in originals.values()}
    assert api.logs.count("event=snapshot_resumed") == 1
    newcomer.wait_for("exited")


def test_an_ssa_killed_and_started_by_hand_resumes_its_snapshot(pair: Pair) -> None:
    snapshot_id = pair.snapshot_id()
    api = pair.api
    api.docker("kill")
    assert api.status == "exited"
    api.docker("start")
    pair.wait_until_at_work()
    assert pair.snapshot_id() == snapshot_id
