"""Originals that went down come back, and those that people or the engine deal with are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ..kit.host import LIVE, OBEDIENT, Container, Host, parse_time, run_command
from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator


# Each test has originals of its own, since the back-off of one would disturb the next.
PLAIN = ("stopped", "killed", "reported", "first", "second", "third", "paused", "removed", "replaced", "renamed")
# Runs until it is killed for the first time; from then on it ends with code 1 at once.
BREAKABLE = ("sh", "-c", "[ -e /broken ] && exit 1; trap 'exit 0' TERM; while :; do sleep infinity & wait $!; done")
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
def pair(module_host: Host, originals: dict[str, Container]) -> Generator[Pair]:
    """The pair, with one original broken for good from the beginning: its back-off takes half a minute to be seen."""
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {container.name for container in originals.values()}
        originals["broken"].execute("touch", "/broken")
        originals["broken"].docker("kill")
        yield pair


@pytest.mark.smoke
@pytest.mark.usefixtures("pair")
def test_an_original_stopped_by_docker_stop_comes_back(originals: dict[str, Container]) -> None:
    original = originals["stopped"]
    before = original.started_at
    original.docker("stop")
    original.wait_for_start_after(before)


@pytest.mark.smoke
@pytest.mark.usefixtures("pair")
def test_an_original_that_restarts_always_comes_back_from_docker_stop_too(originals: dict[str, Container]) -> None:
    original = originals["always"]
    before = original.started_at
    original.docker("stop")
    original.wait_for_start_after(before)


@pytest.mark.smoke
@pytest.mark.usefixtures("pair")
def test_an_original_killed_by_docker_kill_comes_back(originals: dict[str, Container]) -> None:
    original = originals["killed"]
    before = original.started_at
    original.docker("kill")
    original.wait_for_start_after(before)


@pytest.mark.smoke
@pytest.mark.usefixtures("pair")
def test_an_original_that_ended_by_itself_comes_back(module_host: Host, originals: dict[str, Container]) -> None:
    original = originals["ends"]
    before = original.started_at
    original.execute("touch", "/go")
    original.wait_for_start_after(before)
    died = module_host.events(original, "die")
    assert [event.attributes["exitCode"] for event in died] == ["3"]


@pytest.mark.smoke
@pytest.mark.usefixtures("pair")
def test_several_originals_that_went_down_at_once_all_come_back(originals: dict[str, Container]) -> None:
    several = [originals[name] for name in ("first", "second", "third")]
    before = [original.started_at for original in several]
    several[0].docker("kill", several[1].id, several[2].id)
    for original, started_at in zip(several, before, strict=True):
        original.wait_for_start_after(started_at)


@pytest.mark.smoke
def test_what_was_healed_is_reported_in_one_sentence_with_its_reason(
    pair: Pair, originals: dict[str, Container]
) -> None:
    original = originals["reported"]
    original.docker("kill")

    def find_lines() -> list[str]:
        return [line for line in pair.controller.logs.splitlines() if original.name in line]

    wait_until(
        lambda: [line for line in find_lines() if f"{original.name} had exited with code 137: started" in line],
        "the sentence",
        seen=find_lines,
    )


def test_what_has_to_wait_is_reported_with_its_reason_and_until_when(
    pair: Pair, originals: dict[str, Container]
) -> None:
    original = originals["broken"]

    def find_outcome() -> dict[str, Any] | None:
        outcomes = [told for told in pair.report()["outcomes"] if told["container"]["id"] == original.id]
        return next((told for told in outcomes if told["result"] == "waiting"), None)

    outcome = wait_until(find_outcome, "the outcome in the report", 30, lambda: pair.status()["controller"])
    assert outcome
    assert (outcome["action"], outcome["container"]["name"]) == ("start", original.name)
    assert outcome["reason"]
    assert parse_time(outcome["until"]) > parse_time(original.state["FinishedAt"])
    assert [told["kind"] for told in pair.report()["findings"] if told["container"]["id"] == original.id] == ["stopped"]


@pytest.mark.smoke
def test_a_paused_original_is_left_alone(pair: Pair, originals: dict[str, Container]) -> None:
    original = originals["paused"]
    before = original.started_at
    original.docker("pause")
    pair.wait_for_checks(3)
    assert (original.status, original.started_at) == ("paused", before)
    original.docker("unpause")


def find_by_name(host: Host, name: str) -> Container | None:
    """The container that has this name now."""
    return next((container for container in host.find() if container.name == name), None)


@pytest.mark.smoke
@pytest.mark.usefixtures("pair")
def test_a_removed_original_comes_back_as_it_was(module_host: Host, originals: dict[str, Container]) -> None:
    original = originals["removed"]
    before = original.inspect()
    original.docker("rm", "--force")
    successor = wait_until(lambda: find_by_name(module_host, original.name), "a container of that name")
    assert successor
    successor.wait_for("running")
    after = successor.inspect()
    assert successor.id != original.id
    told = [(found["Image"], found["Config"]["Cmd"], found["Config"]["Labels"]) for found in (before, after)]
    assert told[0] == told[1]


@pytest.mark.smoke
def test_a_replaced_original_gets_its_place_back_and_its_impostor_is_kept(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    original = originals["replaced"]
    impostor = impersonate(pair, module_host, original)

    def find_restored() -> Container | None:
        holder = find_by_name(module_host, original.name)
        return holder if holder and holder.id != impostor.id and holder.status == "running" else None

    wait_until(find_restored, "the original to run under its name again", 30)
    impostor.wait_for("exited")


def impersonate(pair: Pair, host: Host, original: Container) -> Container:
    """Replaces the original by something else that has its name, with the SSC looking away meanwhile."""
    controller = pair.controller
    controller.docker("pause")
    original.docker("rm", "--force")
    impostor = host.run("", *LIVE, options=("--name", original.name, "--env", "OTHER=configuration"))
    controller.docker("unpause")
    return impostor


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
