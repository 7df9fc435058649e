"""Pauses, and the real pair obeys: nothing is healed meanwhile, and what was deployed is the snapshot afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..kit.host import LIVE, Container, Host, run_command
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..kit.pair import Pair


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes."""
    return {name: module_host.run(name) for name in ("one", "other", "deployed", "survives", "ends")}


@pytest.fixture(autouse=True)
def unpaused(pair: Pair) -> Generator[None]:
    """No test leaves a pause to the next."""
    yield
    pair.post("/resume")


def paused_names(pair: Pair) -> list[str | None]:
    """The pauses in force."""
    return [pause["container"] for pause in pair.status()["pauses"]]


def test_while_all_is_paused_nothing_is_restarted_and_no_newcomer_stopped(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    pair.post("/pause", {"for": "10m", "reason": "deploy"})
    originals["one"].docker("kill")
    newcomer = module_host.run("newcomer")
    pair.wait_for_checks(3)
    assert (originals["one"].status, newcomer.status) == ("exited", "running")
    assert pair.post("/resume") == {"pauses": [], "accepted": None}
    originals["one"].wait_for("running")
    newcomer.wait_for("exited")


def test_while_one_is_paused_the_others_are_healed(pair: Pair, originals: dict[str, Container]) -> None:
    pair.post("/pause", {"for": "10m", "containers": [originals["one"].name]})
    before = originals["other"].started_at
    originals["one"].docker("kill")
    originals["other"].docker("kill")
    originals["other"].wait_for_start_after(before)
    pair.wait_for_checks()
    assert originals["one"].status == "exited"
    pair.post("/resume", {"containers": [originals["one"].name]})
    originals["one"].wait_for("running")


def test_a_pause_ends_by_itself(pair: Pair, originals: dict[str, Container]) -> None:
    pair.post("/pause", {"for": 4, "containers": [originals["ends"].name]})
    originals["ends"].docker("kill")
    originals["ends"].wait_for("running")
    assert paused_names(pair) == []


@pytest.mark.parametrize("scope", ["all", "name"])
def test_what_was_deployed_during_a_pause_is_the_snapshot_at_its_end(
    pair: Pair, module_host: Host, originals: dict[str, Container], scope: str
) -> None:
    name = originals["deployed"].name
    pair.post("/pause", {"for": "10m", "accept_at_end": True} | ({"containers": [name]} if scope == "name" else {}))
    run_command("docker", "rm", "--force", name)
    newer = module_host.run("newer", *LIVE, options=("--name", name, "--env", f"VERSION={scope}"))
    answer = pair.post("/resume", {"by": "operator: resume"})
    (told,) = answer["accepted"]["replaced"]
    assert (told["name"], told["id"], answer["pauses"]) == (name, newer.id, [])
    pair.wait_for_checks()
    assert newer.status == "running"
    assert newer.inspect()["Name"] == f"/{name}"


def test_a_pause_that_accepts_at_its_end_does_so_by_itself(pair: Pair, module_host: Host) -> None:
    pair.post("/pause", {"for": 3, "accept_at_end": True})
    newcomer = module_host.run("newcomer")
    wait_until(lambda: newcomer.name in pair.original_names(), "it to be accepted", 20, pair.status)
    wait_until(lambda: paused_names(pair) == [], "the pause to end", 10)
    pair.wait_for_checks()
    assert newcomer.status == "running"
    pair.post("/snapshot", {"release": [newcomer.name]})


def test_a_pause_survives_a_restart_of_both_and_a_fresh_snapshot(pair: Pair, originals: dict[str, Container]) -> None:
    survives = originals["survives"]
    before = pair.snapshot_id()
    pair.post("/pause", {"for": "10m", "containers": [survives.name], "reason": "deploy"})
    pair.api.docker("restart")
    pair.controller.docker("restart")
    pair.wait_until_at_work()
    assert pair.snapshot_id() != before, "an orderly restart captures a fresh snapshot"
    (pause,) = pair.status()["pauses"]
    assert (pause["container"], pause["reason"]) == (survives.name, "deploy")
    survives.docker("kill")
    pair.wait_for_checks(3)
    assert survives.status == "exited"
    pair.post("/resume")
    survives.wait_for("running")
