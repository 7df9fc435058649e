"""What an operator says is right, over HTTP, and the real pair obeys: accept, release, go back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..kit.host import LIVE, Container, Host
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from ..kit.pair import Pair


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes."""
    return {name: module_host.run(name) for name in ("stays", "released", "replaced", "removed", "updated")}


def stopped_newcomer(pair: Pair, host: Host, name: str) -> Container:
    """A newcomer that the controller has stopped."""
    newcomer = host.run(name)
    newcomer.wait_for("exited")
    assert newcomer.name not in pair.original_names()
    return newcomer


def test_a_newcomer_that_was_stopped_is_accepted_started_and_healed_from_then_on(pair: Pair, module_host: Host) -> None:
    newcomer = stopped_newcomer(pair, module_host, "newcomer")
    answer = pair.post("/snapshot", {"accept": [newcomer.name], "by": "operator: accept newcomer"})
    assert (answer["changed"], answer["added"], answer["removed"]) == (True, [newcomer.name], [])
    newcomer.wait_for("running")
    assert pair.post("/snapshot", {"accept": [newcomer.name]})["changed"] is False
    newcomer.docker("kill")
    newcomer.wait_for("running")


def test_a_newcomer_that_runs_is_accepted_and_stays(pair: Pair, module_host: Host) -> None:
    pair.post("/pause", {"for": "5m"})
    newcomer = module_host.run("runs")
    started_at = newcomer.started_at
    assert pair.post("/snapshot", {"accept": [newcomer.name]})["added"] == [newcomer.name]
    pair.post("/resume")
    pair.wait_for_checks()
    assert (newcomer.status, newcomer.started_at) == ("running", started_at)


def test_what_runs_now_is_accepted_as_a_whole_and_again_changes_nothing(pair: Pair, module_host: Host) -> None:
    pair.post("/pause", {"for": "5m"})
    newcomer = module_host.run("whole")
    dry = pair.post("/snapshot?dry_run=true")
    assert newcomer.name in dry["added"]
    assert newcomer.name not in pair.original_names()
    assert pair.post("/snapshot")["added"] == dry["added"]
    pair.post("/resume")
    assert pair.post("/snapshot")["changed"] is False, "two captures of a host that is at rest are alike"
    pair.wait_for_checks()
    assert newcomer.status == "running"


def test_an_updated_original_is_reported_field_by_field_and_recreated_as_updated(
    pair: Pair, originals: dict[str, Container]
) -> None:
    updated = originals["updated"]
    updated.docker("update", "--memory=64m", "--memory-swap=64m")
    (told,) = pair.post("/snapshot", {"accept": [updated.name]})["replaced"]
    assert told["id"] == told["before_id"] == updated.id
    assert "Memory" in told["difference"]
    updated.docker("rm", "--force")
    again = wait_for_another(pair, updated)
    assert again.inspect()["HostConfig"]["Memory"] == 64 * 1024 * 1024


def test_a_released_original_is_left_alone_and_may_go(pair: Pair, originals: dict[str, Container]) -> None:
    released = originals["released"]
    assert pair.post("/snapshot", {"release": [released.name]})["released"] == [released.name]
    pair.wait_for_checks()
    assert released.status == "running", "it is no newcomer"
    released.docker("stop")
    pair.wait_for_checks()
    assert released.status == "exited"
    assert pair.status()["snapshot"]["released"] == [released.name]


def test_a_replacement_that_was_put_aside_takes_the_place_back(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    replaced = originals["replaced"]
    replaced.docker("rm", "--force")
    newer = module_host.run("newer", *LIVE, options=("--name", replaced.name, "--env", "VERSION=2"))
    aside = f"{replaced.name}-replaced-{newer.id[:12]}"
    wait_until(lambda: name_of(newer) == aside, "the newer one to be put aside", 30, lambda: name_of(newer))
    (told,) = pair.post("/snapshot", {"accept": [aside]})["replaced"]
    assert (told["name"], told["id"]) == (replaced.name, newer.id)
    wait_until(lambda: name_of(newer) == replaced.name, "it to have the place back", 30, lambda: name_of(newer))
    newer.wait_for("running")


def test_going_back_brings_back_what_was_removed_meanwhile(pair: Pair, originals: dict[str, Container]) -> None:
    removed = originals["removed"]
    before = pair.snapshot_id()
    pair.post("/snapshot", {"release": [removed.name]})
    removed.docker("rm", "--force")
    pair.wait_for_checks()
    assert find(pair, removed.name) == []
    answer = pair.post(f"/snapshots/{before}/rollback", {"by": "operator: rollback"})
    assert (answer["added"], answer["snapshot"]["reason"]) == ([removed.name], "rolled_back")
    wait_for_another(pair, removed)
    newest = pair.get("/snapshots").json()["snapshots"][0]
    assert (newest["in_force"], newest["reason"], newest["added"]) == (True, "rolled_back", [removed.name])


def test_the_accepted_snapshot_is_resumed_after_a_crash(pair: Pair, module_host: Host) -> None:
    newcomer = stopped_newcomer(pair, module_host, "crash")
    accepted = pair.post("/snapshot", {"accept": [newcomer.name]})["snapshot"]["id"]
    pair.api.docker("kill", "--signal=KILL")
    # `docker kill` counts as asked for, so that nobody starts it again.
    pair.api.docker("start")
    pair.wait_until_ready()
    assert pair.snapshot_id() == accepted
    assert pair.post("/snapshot", {"accept": [newcomer.name]})["changed"] is False, "asked again, nothing changes"
    newcomer.wait_for("running")


def name_of(container: Container) -> str:
    """Its name now."""
    return container.inspect()["Name"].removeprefix("/")


def find(pair: Pair, name: str) -> list[str]:
    """The ids of what runs under this name."""
    return [one["id"] for one in pair.status()["running"] if one["name"] == name]


def wait_for_another(pair: Pair, removed: Container) -> Container:
    """The container that has taken the place of one that was removed."""
    wait_until(lambda: find(pair, removed.name) not in ([], [removed.id]), f"{removed.name} to be there again", 30)
    return Container(find(pair, removed.name)[0], removed.name)
