"""After the engine was away its events are heard again, and what happened meanwhile is found."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from ..kit.host import LIVE, OBEDIENT, Container, Host
from ..kit.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..kit.private_engine import PrivateEngine


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """One that the engine starts again by itself, and one that it doesn't."""
    return {
        "always": module_host.run("always", *OBEDIENT, options=("--restart", "always")),
        "no": module_host.run("no", *LIVE),
    }


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container]) -> Generator[Pair]:
    """The pair, which looks by itself every five minutes only."""
    with Pair(module_host, SSC_INTERVAL="300s").running() as pair:
        assert pair.original_names() == {original.name for original in originals.values()}
        yield pair


@pytest.mark.smoke
def test_events_are_heard_again_after_a_restart_of_the_engine_under_a_living_controller(
    pair: Pair, host: Host, engine: PrivateEngine, originals: dict[str, Container]
) -> None:
    before = {name: original.started_at for name, original in originals.items()}
    down_at = time.time()
    engine.restart()
    pair.wait_until_at_work(down_at)
    for name, original in originals.items():
        original.wait_for_start_after(before[name], seconds=40)
    original = originals["no"]
    again = original.started_at
    original.docker("kill")
    original.wait_for_start_after(again)
    newcomer = host.run("newcomer")
    newcomer.wait_for("exited")
    assert {original.status for original in originals.values()} == {"running"}
