"""Originals that went down come back, and those that people or the engine deal with are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .host import LIVE, OBEDIENT, Container, Host, run_command
from .pair import Pair
from .waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator

    from .compose import Compose

# Each test has originals of its own, since the back-off of one would disturb the next.
PLAIN = ("stopped", "killed", "reported", "first", "second", "third", "paused", "removed", "replaced", "renamed")
# Runs until it is killed for the first time; from then on it ends with code 1 at once.
BREAKABLE = ("sh", "-c", "[ -e /broken ] && exit 1; trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done")
BACK_OFF_SECONDS = 10


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes."""
    made = {name: module_host.run(name) for name in PLAIN}
    made["ends"] = module_host.run("ends", *OBEDIENT)
    made["broken"] = module_host.run("broken", *BREAKABLE)
    made["always"] = module_host.run("always", options=("--restart", "always"))
    made["one-off"] = module_host.run("one-off", *OBEDIENT, options=("--label", "com.docker.compose.oneoff=True"))
    return made


@pytest.fixture(scope="module")
def pair(module_host: Host, images: str, compose: Compose, originals: dict[str, Container]) -> Generator[Pair]:
    """The pair, with one original broken for good from the beginning: its back-off takes half a minute to be seen."""
    with Pair(module_host, compose, images).running() as pair:
        assert pair.original_names() == {container.name for container in originals.values()}
        originals["broken"].execute("touch", "/broken")
        originals["broken"].docker("kill")
        yield pair


@pytest.mark.usefixtures("pair")
def test_an_original_stopped_by_docker_stop_comes_back(originals: dict[str, Container]) -> None:
    original = originals["stopped"]
    before = original.started_at
    original.docker("stop")
    original.wait_for_start_after(before)


@pytest.mark.usefixtures("pair")
def test_an_original_that_restarts_always_comes_back_from_docker_stop_too(originals: dict[str, Container]) -> None:
    original = originals["always"]
    before = original.started_at
    original.docker("stop")
    original.wait_for_start_after(before)


@pytest.mark.usefixtures("pair")
def test_an_original_killed_by_docker_kill_comes_back(originals: dict[str, Container]) -> None:
    original = originals["killed"]
    before = original.started_at
    original.docker("kill")
    original.wait_for_start_after(before)


@pytest.mark.usefixtures("pair")
def test_an_original_that_ended_by_itself_comes_back(module_host: Host, originals: dict[str, Container]) -> None:
    original = originals["ends"]
    before = original.started_at
    original.execute("touch", "/go")
    original.wait_for_start_after(before)
    died = module_host.events(original, "die")
    assert [event.attributes["exitCode"] for event in died] == ["3"]


@pytest.mark.usefixtures("pair")
def test_several_originals_that_went_down_at_once_all_come_back(originals: dict[str, Container]) -> None:
    several = [originals[name] for name in ("first", "second", "third")]
    before = [original.started_at for original in several]
    several[0].docker("kill", several[1].id, several[2].id)
    for original, started_at in zip(several, before, strict=True):
        original.wait_for_start_after(started_at)


def test_what_was_healed_is_reported_with_its_reason(pair: Pair, originals: dict[str, Container]) -> None:
    original = originals["reported"]
    original.docker("kill")

    def find_outcome() -> dict[str, Any] | None:
        outcomes = pair.report()["outcomes"]
        return next((outcome for outcome in outcomes if outcome["container"]["id"] == original.id), None)

    outcome = wait_until(find_outcome, "the outcome in the report", seen=pair.report)
    assert outcome
    assert (outcome["action"], outcome["result"]) == ("start", "done")
    assert outcome["reason"]
    assert original.name in pair.report()["sentence"]


def test_a_paused_original_is_left_alone(pair: Pair, originals: dict[str, Container]) -> None:
    original = originals["paused"]
    before = original.started_at
    original.docker("pause")
    pair.wait_for_checks(3)
    assert (original.status, original.started_at) == ("paused", before)
    original.docker("unpause")


def test_a_removed_original_is_reported_as_removed_and_nothing_wrong_is_done(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    others = {name: original.started_at for name, original in originals.items() if name in ("stopped", "paused")}
    originals["removed"].docker("rm", "--force")
    pair.wait_for_finding(originals["removed"], "removed")
    pair.wait_for_checks(2)
    assert originals["removed"].status == "gone"
    assert {name: originals[name].started_at for name in others} == others
    assert all(container.status != "created" for container in module_host.find())


def test_an_original_replaced_by_a_different_container_is_reported_and_the_replacement_runs_on(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    original = originals["replaced"]
    original.docker("rm", "--force")
    impostor = module_host.run("", *LIVE, options=("--name", original.name, "--env", "OTHER=configuration"))
    pair.wait_for_finding(original, "replaced")
    pair.wait_for_checks(2)
    assert impostor.status == "running"
    assert not module_host.events(impostor, "kill", "die")


def test_an_original_whose_name_a_successor_holds_is_not_started_beside_it(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    original = originals["renamed"]
    before = original.started_at
    run_command("docker", "rename", original.id, f"{original.id[:12]}_{original.name}")
    successor = module_host.create("", *LIVE, options=("--name", original.name))
    original.docker("stop")
    successor.docker("start")
    pair.wait_for_checks(3)
    assert (original.status, original.started_at) == ("exited", before)
    assert successor.status == "running"


def test_a_finished_one_off_command_of_compose_stays_finished(pair: Pair, originals: dict[str, Container]) -> None:
    original = originals["one-off"]
    original.execute("touch", "/go")
    original.wait_for("exited")
    pair.wait_for_checks(3)
    assert original.status == "exited"


@pytest.mark.usefixtures("pair")
def test_an_original_that_ends_at_once_every_time_is_tried_again_after_growing_waits(
    module_host: Host, originals: dict[str, Container]
) -> None:
    original = originals["broken"]
    killed_at = module_host.events(original, "kill")[0].at

    def starts() -> list[float]:
        return [event.at for event in module_host.events(original, "start") if event.at > killed_at]

    wait_until(lambda: len(starts()) >= 3, "the third start", 60, starts)
    first, second, third = starts()[:3]
    assert first - killed_at < BACK_OFF_SECONDS / 2
    assert second - first == pytest.approx(BACK_OFF_SECONDS, abs=3)
    assert third - second == pytest.approx(2 * BACK_OFF_SECONDS, abs=4)
