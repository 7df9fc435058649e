"""Up, down, restart and Ctrl-C by Compose: an operator's start takes a fresh snapshot, and down harms nobody."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from ..kit.compose import ROOT, make_command
from ..kit.host import run_command
from ..kit.pair import API, CONTROLLER, FILE, Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from ..kit.host import Container, Host

CTRL_C = b"\x03"
FEW_SECONDS = 8  # less than the ten after which Compose kills what does not end


@pytest.fixture(scope="module")
def original(module_host: Host) -> Container:
    """The one that runs before the pair comes."""
    return module_host.run("original")


@pytest.fixture(scope="module")
def shared_pair(module_host: Host, original: Container) -> Generator[Pair]:
    """The pair, with one original."""
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {original.name}
        yield pair


@pytest.fixture
def pair(shared_pair: Pair) -> Pair:
    """The pair at work, whatever the test before has done to it."""
    shared_pair.up()
    return shared_pair


def assert_guarded(pair: Pair, container: Container) -> None:
    """The container is an original now: it is left running, and comes back when it is killed."""
    pair.wait_for_checks(2)
    assert container.status == "running"
    before = container.started_at
    container.docker("kill")
    container.wait_for_start_after(before)


def measure_stop(host: Host, container: Container, since: float) -> float:
    """The seconds that the container took to end when it was asked to, by the engine's clock: Compose may be slow itself."""
    [asked] = host.events(container, "kill", since=since)
    [ended] = host.events(container, "die", since=since)
    return ended.at - asked.at


def describe(containers: list[Container]) -> list[tuple[str, dict[str, Any], Any]]:
    """What must not change when the pair goes."""
    found = [container.inspect() for container in containers]
    return [(told["Name"], told["State"], told["NetworkSettings"]["IPAddress"]) for told in found]


@pytest.mark.smoke
def test_the_pair_comes_up_healthy_and_with_the_images_built_from_here(pair: Pair) -> None:
    for container in (pair.api, pair.controller):
        kind, *check = container.inspect()["Config"]["Healthcheck"]["Test"]  # the engine itself asks every two minutes
        assert kind == "CMD"
        wait_until(lambda c=container, check=check: c.execute(*check) == "", f"the check of {container.name} to pass")
    images = [container.inspect()["Config"]["Image"] for container in (pair.api, pair.controller)]
    assert images == [API, CONTROLLER]


@pytest.mark.smoke
def test_restart_takes_a_fresh_snapshot(pair: Pair, original: Container) -> None:
    snapshot_id, begun, before = pair.snapshot_id(), time.time(), original.started_at
    pair.run_compose("restart")
    pair.wait_until_at_work(begun)
    wait_until(lambda: pair.snapshot_id() != snapshot_id, "a fresh snapshot")
    assert "event=snapshot_captured" in pair.api.logs
    assert "event=snapshot_resumed" not in pair.api.logs
    assert (original.status, original.started_at) == ("running", before)


@pytest.mark.smoke
def test_down_and_up_take_a_fresh_snapshot_which_holds_what_was_started_in_between(
    pair: Pair, module_host: Host
) -> None:
    snapshot_id = pair.snapshot_id()
    pair.down()
    between = module_host.run("between")  # which outlives the pair: a controller would make it again
    pair.up()
    assert pair.snapshot_id() != snapshot_id
    assert between.name in pair.original_names()
    assert pair.status()["snapshot"]["reason"] == "startup"
    assert_guarded(pair, between)


def test_ctrl_c_and_up_again_take_a_fresh_snapshot_which_holds_what_was_started_in_between(
    pair: Pair, module_host: Host, tmp_path: Path
) -> None:
    pair.down()
    snapshot_id, containers, exit_codes = interrupt(pair, tmp_path / "up.log")
    assert exit_codes == [0, 0], "both must end in order"
    between = module_host.run("between")  # which outlives the pair: a controller would make it again
    pair.up()
    assert [pair.api.id, pair.controller.id] == containers, "the same containers must have been started again"
    assert pair.snapshot_id() != snapshot_id
    assert between.name in pair.original_names()
    assert_guarded(pair, between)


def interrupt(pair: Pair, log: Path) -> tuple[str, list[str], list[int]]:
    """`up` in the foreground until it is at work, then Ctrl-C: snapshot, container ids, exit codes."""
    # At a terminal: which process `docker` leaves the signal to differs from version to version where there is none.
    up_command = shlex.join(make_command("up", file=FILE, project=pair.project))
    begun = time.time()
    with contextlib.ExitStack() as stack:
        terminal = subprocess.Popen(
            ["script", "--quiet", "--command", up_command, str(log)],
            env={**os.environ, **pair.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            bufsize=0,
        )
        stack.callback(terminal.kill)
        assert terminal.stdin is not None
        keyboard = stack.enter_context(terminal.stdin)
        pair.wait_until_at_work(begun)
        snapshot_id, containers = pair.snapshot_id(), [pair.api, pair.controller]
        interrupted = time.time()
        keyboard.write(CTRL_C)
        terminal.wait(timeout=60)
    assert max(measure_stop(pair.host, container, interrupted) for container in containers) < FEW_SECONDS
    assert [container.status for container in containers] == ["exited", "exited"]
    return snapshot_id, [container.id for container in containers], [c.state["ExitCode"] for c in containers]


@pytest.mark.smoke
def test_down_leaves_every_other_container_as_it_was_and_takes_no_more_than_a_few_seconds(
    pair: Pair, host: Host, original: Container
) -> None:
    stopped = host.run("newcomer")
    stopped.wait_for("exited")
    created = host.create("created")
    paused = host.run("paused", options=("--label", "status-state.ignore=true"))
    paused.docker("pause")
    pair.wait_for_checks(2)
    others = [original, stopped, created, paused]
    before = describe(others)
    api, controller = pair.api, pair.controller
    begun = time.time()

    pair.down()

    assert describe(others) == before
    ended = {event.container_id: event for event in host.events(None, "die", since=begun)}
    assert not {container.id for container in others} & set(ended)
    assert [ended[container.id].attributes["exitCode"] for container in (api, controller)] == ["0", "0"]
    assert ended[controller.id].at < host.events(api, "kill", since=begun)[0].at, "the SSC must be stopped first"
    assert max(measure_stop(host, container, begun) for container in (api, controller)) < FEW_SECONDS
    assert not host.find(f"com.docker.compose.project={pair.project}")


def test_the_next_version_can_be_built_while_the_pair_runs_and_once_more_without_a_change(
    pair: Pair, host: Host
) -> None:
    newcomer = host.run("newcomer")
    newcomer.wait_for("exited")
    kept = f"{CONTROLLER}:kept"  # without a name it may be gone once the next one is there, as in containerd's store
    run_command("docker", "tag", pair.controller.inspect()["Image"], kept)
    begun = time.time()
    try:
        first, again = build(pair, "--no-cache"), build(pair)
    finally:
        run_command("docker", "tag", kept, CONTROLLER)  # all other tests go on with the same one
        run_command("docker", "image", "rm", kept)
    assert pair.last_seen() > begun, "the SSC must have looked meanwhile"
    assert first == again, "`make up` would make the pair anew each time"


def build(pair: Pair, *options: str) -> str:
    """Builds the SSC's image as `make up` does; returns its id."""
    command = (str(ROOT / "scripts" / "compose.sh"), "--project-name", pair.project, "build", *options, CONTROLLER)
    run_command(*command, environment={**os.environ, **pair.environment}, seconds=240)
    return run_command("docker", "image", "inspect", "--format", "{{.Id}}", CONTROLLER).strip()


def test_names_of_the_services_are_those_of_the_documentation(pair: Pair) -> None:
    listed = pair.run_compose("config", "--services").split()
    assert sorted(listed) == [API, CONTROLLER]
