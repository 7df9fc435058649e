"""What an operator says is obeyed within a second: rules of the policy, pauses, what is accepted and what is released."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from ..health.policies import make_entry, write_in_place
from ..kit.host import STUBBORN, Container, Host, parse_time
from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator

POLICY = (
    make_entry("told-*", on__down="report", on__replace="report").replace(".", "-")
    + make_entry("guest-*", on__new="report").replace(".", "-")
    + make_entry("welcome-*", on__new="accept").replace(".", "-")
)


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes."""
    return {stem: module_host.run(stem) for stem in ("told-down", "told-replaced", "web", "late", "old")}


@pytest.fixture(scope="module")
def pair(
    module_host: Host, originals: dict[str, Container], tmp_path_factory: pytest.TempPathFactory
) -> Generator[Pair]:
    """The pair, with a policy; it stops one newcomer at a time, and has no periodic check to rely on."""
    folder = tmp_path_factory.mktemp("policy")
    write_in_place(folder, POLICY)
    settings = {"STATUS_STATE_POLICY_DIR": str(folder), "SSC_CONCURRENCY": "1", "SSC_INTERVAL": "60s"}
    with Pair(module_host, **settings).running() as pair:
        assert pair.original_names() == {one.name for one in originals.values()}
        yield pair


def post_obeyed(pair: Pair, path: str, body: dict[str, Any], event: str) -> None:
    """Say something to the SSA: the controller, whose log then has this event, hears of it within the second it is granted."""
    begun = time.time()
    pair.post(path, body)
    answered = time.time()

    def heard() -> list[float]:
        told = re.findall(rf"time=(\S+) level=\S+ event={event} ", pair.controller.logs)
        return [at for at in map(parse_time, told) if at > begun]

    wait_until(heard, f"the controller to log {event}")
    assert heard()[0] - answered < 1


def let_it_look(host: Host) -> None:
    """Until a newcomer that nobody said anything about is stopped: the controller has looked at all that was before."""
    host.run("miner").wait_for("exited")


def test_what_is_down_or_replaced_is_only_reported_where_the_rule_says_so(
    pair: Pair, host: Host, originals: dict[str, Container]
) -> None:
    down, replaced = originals["told-down"], originals["told-replaced"]
    down.docker("kill")
    replaced.docker("rm", "--force")
    other = host.run("x", options=("--name", replaced.name, "--env", "OTHER=1"))
    pair.wait_for_finding(down, "stopped")
    pair.wait_for_finding(replaced, "replaced")
    let_it_look(host)
    assert (down.status, other.status) == ("exited", "running")


def test_newcomers_live_where_the_policy_says_so(pair: Pair, host: Host, module_host: Host) -> None:
    # What becomes an original is of the module: the pair would make it again after this test.
    guest, welcome, gone = host.run("guest"), module_host.run("welcome"), host.run("welcome", options=("--rm",))
    pair.wait_for_original(welcome)
    pair.wait_for_finding(guest, "new")
    pair.wait_for_finding(gone, "new")
    for container in (guest, welcome, gone):
        assert container.status == "running"
        assert not host.events(container, "kill", "die")
    assert not {guest.id, gone.id} & pair.original_ids()


def test_a_pause_is_obeyed_within_a_second_and_so_is_its_end(
    pair: Pair, host: Host, originals: dict[str, Container]
) -> None:
    late = originals["late"]
    post_obeyed(pair, "/pause", {"for": "10m", "containers": [late.name], "reason": "backup"}, "healing_paused")
    late.docker("kill")
    pair.wait_for_finding(late, "stopped")
    let_it_look(host)
    assert late.status == "exited", "it was started in its pause"
    pair.post("/resume", {"containers": [late.name]})
    late.wait_for("running", seconds=5)


def test_a_released_container_is_left_alone_and_may_be_removed(
    pair: Pair, host: Host, originals: dict[str, Container]
) -> None:
    old = originals["old"]
    post_obeyed(pair, "/snapshot", {"release": [old.name]}, "snapshot_in_force")
    old.docker("kill")
    let_it_look(host)
    assert old.status == "exited"
    old.docker("start")
    let_it_look(host)
    assert old.status == "running", "it is no newcomer either"


def test_a_stop_that_waits_for_its_turn_is_not_carried_out_once_its_container_was_accepted(
    pair: Pair, host: Host, module_host: Host
) -> None:
    controller = pair.controller
    controller.docker("pause")  # so that one check finds both
    slow = host.run("a-slow", *STUBBORN, options=("--stop-timeout", "8"))
    wanted = module_host.run("b-wanted")
    controller.docker("unpause")
    wait_until(lambda: "got SIGTERM" in slow.logs, "the first of the two to be stopped")
    assert wanted.status == "running"
    pair.post("/snapshot", {"accept": [wanted.name]})
    slow.wait_for("exited")
    let_it_look(host)
    assert wanted.status == "running"
    assert not host.events(wanted, "kill", "die")
