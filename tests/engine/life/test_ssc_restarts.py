"""The SSC killed at any moment: it carries on after its restart."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from ..kit.host import STUBBORN, Container, Host
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from ..kit.pair import Pair


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes."""
    return {name: module_host.run(name) for name in ("mended", "calm")}


def test_an_ssc_killed_in_mid_action_carries_on_after_its_restart(
    pair: Pair, host: Host, originals: dict[str, Container]
) -> None:
    controller, mended, calm = pair.controller, originals["mended"], originals["calm"]
    controller_before, mended_before, calm_before = controller.started_at, mended.started_at, calm.started_at
    snapshot_id = pair.snapshot_id()
    stubborn = host.run("stubborn", *STUBBORN, options=("--stop-timeout", "600"))
    wait_until(lambda: stubborn.logs.count("got SIGTERM") == 1, "the stop to have begun")

    os.kill(controller.process, signal.SIGKILL)
    mended.docker("kill")
    controller.wait_for_start_after(controller_before)
    mended.wait_for_start_after(mended_before)
    # It doesn't know that it had asked already, so it asks again.
    wait_until(lambda: stubborn.logs.count("got SIGTERM") >= 2, "the stop to be taken up again", seen=lambda: stubborn)
    newcomer = host.run("newcomer")
    newcomer.wait_for("exited")

    assert stubborn.status == "running"
    assert calm.started_at == calm_before
    assert pair.snapshot_id() == snapshot_id


def test_an_ssc_restarted_with_a_newcomer_and_a_fallen_original_around_deals_with_both(
    pair: Pair, host: Host, originals: dict[str, Container]
) -> None:
    controller = pair.controller
    controller.docker("stop")
    assert controller.state["ExitCode"] == 0, "the SSC must end in order when it is asked to"
    mended = originals["calm"]
    before = mended.started_at
    mended.docker("kill")
    newcomer = host.run("newcomer")
    assert newcomer.status == "running"

    controller.docker("start")
    mended.wait_for_start_after(before)
    newcomer.wait_for("exited")
