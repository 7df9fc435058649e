"""Newcomers are stopped as their makers wished, never removed, and hold up nobody."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from ..kit.host import LIVE, STUBBORN, Container, Host
from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


# Ends with code 7 on SIGUSR1, and writes a marker first; no other signal but SIGKILL ends it.
ON_USR1 = (
    "sh",
    "-c",
    "trap 'echo asked politely > /marker/it; exit 7' USR1; trap '' TERM; while :; do sleep infinity & wait $!; done",
)


@pytest.fixture(scope="module")
def original(module_host: Host) -> Container:
    """The one that runs before the pair comes."""
    return module_host.run("original")


@pytest.fixture(scope="module")
def pair(module_host: Host, original: Container) -> Generator[Pair]:
    """The pair, with one original."""
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {original.name}
        yield pair


@pytest.mark.smoke
@pytest.mark.usefixtures("pair")
def test_a_newcomer_is_stopped_and_not_removed(host: Host, original: Container) -> None:
    newcomer = host.run("newcomer")
    newcomer.wait_for("exited")
    assert newcomer.state["ExitCode"] == 0, "it was not asked to end, but killed"
    assert original.status == "running"


def test_a_newcomer_stays_there_and_stays_down(pair: Pair, host: Host) -> None:
    newcomer = host.run("newcomer", options=("--restart", "always"))
    newcomer.wait_for("exited")
    pair.wait_for_checks(2)
    assert newcomer.status == "exited"
    assert len(host.events(newcomer, "stop")) == 1


@pytest.mark.smoke
@pytest.mark.usefixtures("pair")
def test_a_newcomer_gets_the_stop_signal_of_its_own(host: Host, tmp_path: Path) -> None:
    newcomer = host.run("newcomer", *ON_USR1, options=("--stop-signal", "USR1", "--volume", f"{tmp_path}:/marker"))
    newcomer.wait_for("exited")
    assert newcomer.state["ExitCode"] == 7
    assert (tmp_path / "it").read_text() == "asked politely\n"
    assert newcomer.status == "exited"


@pytest.mark.smoke
@pytest.mark.usefixtures("pair")
def test_a_newcomer_gets_the_stop_time_out_of_its_own(host: Host) -> None:
    newcomer = host.run("newcomer", *STUBBORN, options=("--stop-timeout", "3"))
    newcomer.wait_for("exited")
    kills = host.events(newcomer, "kill")
    assert [event.attributes["signal"] for event in kills] == ["15", "9"]
    assert 2.5 < kills[1].at - kills[0].at < 6


@pytest.mark.smoke
def test_a_newcomer_that_deletes_itself_is_stopped_by_its_signal_and_the_log_tells_of_the_deletion(
    pair: Pair, host: Host, tmp_path: Path
) -> None:
    options = ("--rm", "--stop-signal", "USR1", "--volume", f"{tmp_path}:/marker")
    newcomer = host.run("newcomer", *ON_USR1, options=options)
    newcomer.wait_for("gone")
    assert (tmp_path / "it").read_text() == "asked politely\n"
    died = host.events(newcomer, "die")
    assert [event.attributes["exitCode"] for event in died] == ["7"]

    def find_lines() -> list[str]:
        return [line for line in pair.controller.logs.splitlines() if newcomer.name in line]

    wait_until(
        lambda: [line for line in find_lines() if re.search(r"--rm|delete", line)],
        "a line in the SSC's log that tells who deleted the --rm container",
        seen=find_lines,
    )


def test_a_paused_newcomer_is_stopped(pair: Pair, host: Host) -> None:
    controller = pair.controller
    controller.docker("pause")  # so that it doesn't see the newcomer before that is paused
    newcomer = host.run("newcomer")
    newcomer.docker("pause")
    assert newcomer.status == "paused"
    controller.docker("unpause")
    newcomer.wait_for("exited")


@pytest.mark.smoke
@pytest.mark.usefixtures("pair")
def test_a_newcomer_that_the_engine_restarts_again_and_again_is_stopped(host: Host) -> None:
    newcomer = host.run("newcomer", "sh", "-c", "exit 1", options=("--restart", "always"))
    newcomer.wait_for("exited")
    stopped = newcomer.inspect()
    assert stopped["State"]["Restarting"] is False


def test_a_container_that_was_only_created_is_left_alone(pair: Pair, host: Host) -> None:
    created = host.create("created")
    pair.wait_for_checks(2)
    assert created.status == "created"
    assert not host.events(created, "start", "kill", "stop", "rename", "destroy")


def test_a_newcomer_with_a_stop_time_out_of_ten_minutes_holds_up_nobody(
    pair: Pair, host: Host, original: Container
) -> None:
    stubborn = host.run("stubborn", *STUBBORN, options=("--stop-timeout", "600"))
    wait_until(lambda: "got SIGTERM" in stubborn.logs, "the SSC to begin to stop the stubborn one")

    before, begun = original.started_at, time.time()
    original.docker("kill")
    original.wait_for_start_after(before)
    another = host.run("another", *LIVE)
    another.wait_for("exited")
    taken = time.time() - begun

    assert taken < 20
    assert stubborn.status == "running", "it must still be ending while the others were dealt with"
    pair.wait_for_checks(2)
    signals = [event.attributes["signal"] for event in host.events(stubborn, "kill")]
    assert signals == ["15"], "it must be asked once and never be killed before its time"
