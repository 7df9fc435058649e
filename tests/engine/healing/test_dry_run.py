"""With SSC_DRY_RUN=true nothing is changed, and what would have been done is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from ..kit.host import Host


def test_a_dry_run_changes_nothing_and_reports_what_it_would_have_done(host: Host) -> None:
    down = host.run("down")
    calm = host.run("calm")
    with Pair(host, SSC_DRY_RUN="true").running() as pair:
        before = down.started_at
        down.docker("kill")
        newcomer = host.run("newcomer")
        ended = newcomer.started_at, calm.started_at

        def both_reported() -> bool:
            kinds = {finding["container"]["id"]: finding["kind"] for finding in pair.report()["findings"]}
            return kinds == {down.id: "stopped", newcomer.id: "new"}

        wait_until(both_reported, "both findings in one report", seen=lambda: pair.status()["controller"])
        report = pair.report()
        pair.wait_for_checks(3)

        assert report["dry_run"] is True
        assert {outcome["action"] for outcome in report["outcomes"]} <= {"start", "stop"}
        assert not [outcome for outcome in report["outcomes"] if outcome["result"] == "done"]
        assert down.name in report["sentence"]
        assert newcomer.name in report["sentence"]
        assert (down.status, down.started_at) == ("exited", before)
        assert (newcomer.status, calm.status) == ("running", "running")
        assert (newcomer.started_at, calm.started_at) == ended
        assert not host.events(newcomer, "kill", "stop", "die")
