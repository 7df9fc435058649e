"""The journal of the real pair: what was done is in it once, also when the SSA was killed meanwhile, and survives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from ..kit.host import Container, Host


def entries(pair: Pair, container: Container, kind: str) -> list[dict[str, Any]]:
    """The entries about a container, the newest first."""
    answer = pair.get(f"/journal?container={container.name}&kind={kind}").json()
    return answer["entries"]


def crash(container: Container) -> None:
    """Have it crash, and wait until it has been healed."""
    started_at = container.started_at
    container.docker("kill")
    container.wait_for_start_after(started_at)


def test_everything_that_was_done_is_in_the_journal_once_whatever_becomes_of_the_ssa(host: Host) -> None:
    first, second = host.run("first"), host.run("second")
    with Pair(host).running() as pair:
        crash(first)
        wait_until(lambda: len(entries(pair, first, "action")) == 1, "the journal to tell of it")
        done = entries(pair, first, "action")[0]
        assert (done["what"], done["result"], done["finding"], done["by"]) == ("start", "done", "stopped", "controller")
        wait_until(
            lambda: [one["what"] for one in entries(pair, first, "state")] == ["up", "down", "up"],
            "the journal to tell that it was down",
        )

        pair.api.docker("kill")
        crash(second)  # nobody is there to be told
        pair.api.docker("start")
        pair.wait_until_ready()
        wait_until(lambda: len(entries(pair, second, "action")) == 1, "the report that was kept to arrive")
        wait_until(
            lambda: [one["what"] for one in entries(pair, second, "state")] == ["up", "down", "up"],
            "what nobody saw to be worked out",
        )
        pair.wait_for_checks(3)
        assert [len(entries(pair, one, "action")) for one in (first, second)] == [1, 1]
        assert entries(pair, first, "action") == [done], "it survives"
        told = {one["name"]: one["percent"]["1d"] for one in pair.get("/availability").json()["originals"]}
        assert all(0 < told[one.name] < 100 for one in (first, second))
