"""Every action is a task of its own: it delays nobody, fails nobody, and is not begun twice; failing ones wait."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.errors import ContainerError
from status_state_controller.main import Timing
from status_state_controller.report.reporter import Timing as ReportTiming

from ..stage import Log, Stage, settled, stage, until
from ..world import container, snapshot

if TYPE_CHECKING:
    from pathlib import Path


def outcomes(s: Stage, report: int = -1) -> list[tuple[str, str, str]]:
    """Name, action and result of each outcome in a report."""
    return [(o["container"]["name"], o["action"], o["result"]) for o in s.ssa.reports[report]["outcomes"]]


def crash(s: Stage, name: str = "web") -> None:
    """End an original."""
    s.engine.put(container(name, "exited", status="Exited (1) 1 second ago"))


async def test_a_container_with_a_running_action_is_skipped(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"), container("miner"))
    starting, stopping = s.engine.hang("start web"), s.engine.hang("stop miner")
    for _ in range(3):
        await s.controller.check()
        s.clock.advance(600)
        await until(s.engine.reached["start web"].is_set)
        await until(s.engine.reached["stop miner"].is_set)
    assert sorted(s.engine.acts) == ["start web", "stop miner None"]
    starting.set()
    stopping.set()
    await settled()
    told = [outcome for report in range(len(s.ssa.reports)) for outcome in outcomes(s, report)]
    assert told == [("web", "start", "done"), ("miner", "stop", "done")], "the check that began them tells of them"
    await s.check()
    assert sorted(s.engine.acts) == ["start web", "stop miner None"]


async def test_each_outcome_is_told_apart_so_that_none_is_written_down_twice(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"), container("miner"))
    await s.check()
    told = [outcome for report in s.ssa.reports for outcome in report["outcomes"] if outcome["result"] == "done"]
    assert {outcome["action"]: outcome["attempt"] for outcome in told} == {"start": 1, "stop": 1}
    assert len({outcome["outcome_id"] for outcome in told}) == 2
    assert all(outcome["at"] and outcome["seconds"] >= 0 for outcome in told)


async def test_a_slow_stop_holds_up_neither_starts_nor_other_stops_nor_the_next_check(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"), container("slow"), container("miner"))
    stopping = s.engine.hang("stop slow")
    await s.controller.check()
    await until(lambda: sorted(s.engine.acts) == ["start web", "stop miner None", "stop slow None"])
    s.engine.put(container("web", "exited"), container("late"))
    s.clock.advance(30)
    await s.controller.check()
    await until(lambda: s.engine.acts.count("start web") == 2 and "stop late None" in s.engine.acts)
    stopping.set()
    await settled()


async def test_stops_that_fill_their_limit_do_not_hold_up_a_start(tmp_path: Path) -> None:
    newcomers = [container(f"slow-{number}") for number in range(4)]
    s = stage(tmp_path, snapshot("web"), container("web", "exited"), *newcomers, concurrency=2)
    stopping = s.engine.hang("stop")
    await s.controller.check()
    await until(lambda: "start web" in s.engine.acts)
    await until(lambda: len([call for call in s.engine.acts if call.startswith("stop")]) == 2)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len([call for call in s.engine.acts if call.startswith("stop")]) == 2, "the limit is exceeded"
    stopping.set()
    await settled()
    assert len([call for call in s.engine.acts if call.startswith("stop")]) == 4


async def test_starts_that_fill_their_limit_do_not_hold_up_a_stop(tmp_path: Path) -> None:
    originals = [container(f"slow-{number}", "exited") for number in range(4)]
    held = snapshot(*(c.name for c in originals))
    s = stage(tmp_path, held, container("miner"), *originals, concurrency=2)
    starting = s.engine.hang("start")
    await s.controller.check()
    await until(lambda: "stop miner None" in s.engine.acts)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len([call for call in s.engine.acts if call.startswith("start")]) == 2, "the limit is exceeded"
    starting.set()
    await settled()
    assert len([call for call in s.engine.acts if call.startswith("start")]) == 4


@pytest.mark.parametrize("verb", ["stop", "start"])
async def test_actions_that_take_long_do_not_hold_up_more_of_their_kind_than_their_limit(
    tmp_path: Path, verb: str
) -> None:
    ones = [container(f"slow-{number}", "running" if verb == "stop" else "exited") for number in range(5)]
    held = snapshot(*(one.name for one in ones if verb == "start"))
    s = stage(tmp_path, held, *ones, concurrency=2, timing=Timing(slot=0.01))
    hanging = s.engine.hang(verb)
    await s.controller.check()
    await until(lambda: len([call for call in s.engine.acts if call.startswith(verb)]) == 5)
    hanging.set()
    await settled()


async def test_a_stop_that_waited_for_its_turn_is_dropped_when_the_newcomer_was_accepted_meanwhile(
    tmp_path: Path,
) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), container("a"), container("b"), concurrency=1)
    stopping = s.engine.hang("stop a")
    await s.controller.check()
    await until(s.engine.reached["stop a"].is_set)
    s.ssa.held = snapshot("web", "b", id="snapshot-2")
    await s.controller.check()
    stopping.set()
    await settled()
    assert s.engine.acts == ["stop a None"]


async def test_a_failing_original_delays_no_other(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web", "db"), container("web", "exited"), container("db", "exited"))
    s.engine.failures["start db"] = ContainerError("port is already allocated")
    await s.check()
    assert sorted(outcomes(s)) == [("db", "start", "failed"), ("web", "start", "done")]
    assert "port is already allocated" in s.ssa.reports[-1]["sentence"]


async def test_a_bug_in_one_action_fails_that_action_alone(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web", "db"), container("web", "exited"), container("db", "exited"))
    s.engine.failures["start db"] = ZeroDivisionError("a bug")
    with Log() as log:
        await s.check()
    assert sorted(outcomes(s)) == [("db", "start", "failed"), ("web", "start", "done")]
    assert [entry["log_level"] for entry in log.entries if entry.get("exc_info")] == ["error"]
    await s.check()
    assert s.engine.acts.count("start db") == 1, "what fails by a bug is tried ever more rarely as well"
    s.engine.failures.clear()
    await s.check_later(10)
    assert outcomes(s) == [("db", "start", "done")]


async def test_a_crashing_original_waits_for_its_next_attempt_and_the_check_comes_back_in_time(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"))
    attempts = list[float]()
    for _ in range(60):
        before = len(s.engine.acts)
        pause = await s.check()
        if len(s.engine.acts) > before:
            attempts.append(s.clock())
            pause = 0
        crash(s)
        s.clock.advance(pause or 0.5)
    gaps = [round(later - earlier) for earlier, later in pairwise(attempts)]
    assert attempts[0] == 1000
    assert gaps[:7] == [10, 20, 40, 80, 160, 300, 300]


async def test_a_waiting_original_is_reported_with_the_time_of_its_next_attempt(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"))
    await s.check()
    crash(s)
    assert await s.check_later(4) == 6
    assert outcomes(s) == [("web", "start", "waiting")]
    assert s.ssa.reports[-1]["outcomes"][0]["until"] == "2026-11-23T12:00:10Z"
    assert await s.check_later(6) == 30
    assert outcomes(s) == [("web", "start", "done")]


async def test_one_waiting_original_does_not_make_another_wait(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web", "db"), container("web", "exited"), container("db"))
    await s.check()
    crash(s)
    crash(s, "db")
    await s.check_later(1)
    assert outcomes(s) == [("web", "start", "waiting"), ("db", "start", "done")]


async def test_the_attempts_are_forgotten_when_the_original_has_run_for_ten_minutes_and_not_before(
    tmp_path: Path,
) -> None:
    for status, forgotten in (("Up 9 minutes", False), ("Up 10 minutes (unhealthy)", True)):
        s = stage(tmp_path, snapshot("web"), container("web", "exited"))
        for _ in range(6):
            await s.check_later(300)
            crash(s)
        s.engine.put(container("web", status=status))
        await s.check_later(1)
        crash(s)
        await s.check_later(1)
        assert (outcomes(s)[0][2] == "done") == forgotten


async def test_a_successor_inherits_the_attempts_of_the_original_and_makes_them_forgotten(tmp_path: Path) -> None:
    again = container("web", "exited", word="web again")
    s = stage(tmp_path, snapshot("web"), container("web", "exited"))
    for _ in range(6):
        await s.check_later(300)
        crash(s)
    s.engine.world.clear()
    s.engine.put(again)
    await s.check_later(1)
    assert outcomes(s) == [("web", "start", "waiting")]
    s.engine.put(container("web", word="web again", status="Up 10 minutes"))
    await s.check_later(1)
    s.engine.put(again)
    await s.check_later(1)
    assert outcomes(s) == [("web", "start", "done")]


async def test_what_ran_already_when_it_was_looked_at_again_counts_as_no_attempt(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"))
    looking = s.engine.hang("inspect web")
    await s.controller.check()
    await until(s.engine.reached["inspect web"].is_set)
    s.engine.put(container("web"))
    looking.set()
    await settled()
    crash(s)
    await s.check_later(1)
    assert outcomes(s) == [("web", "start", "done")]


async def test_what_left_the_snapshot_and_came_back_starts_without_a_wait(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web", "db"), container("web", "exited"), container("db"))
    await s.check()
    s.ssa.held = snapshot("db", id="snapshot-2")
    crash(s)
    await s.check_later(1)
    s.ssa.held = snapshot("web", "db", id="snapshot-3")
    await s.check_later(1)
    assert outcomes(s) == [("web", "start", "done")]


async def test_a_newcomer_that_is_started_again_is_stopped_again_at_once(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), container("miner"))
    for _ in range(5):
        s.engine.put(container("miner"))
        await s.check_later(1)
    assert s.engine.acts == ["stop miner None"] * 5


async def test_a_slow_action_is_reported_as_running_and_again_when_it_has_ended(tmp_path: Path) -> None:
    timing = Timing(reports=ReportTiming(concluded_after=0.02))
    s = stage(tmp_path, snapshot("web"), container("web", "exited"), container("slow"), timing=timing)
    stopping = s.engine.hang("stop slow")
    await s.controller.check()
    await s.ssa.report_arrived.wait()
    assert outcomes(s) == [("web", "start", "done"), ("slow", "stop", "running")]
    with Log() as log:
        stopping.set()
        await settled()
    assert outcomes(s) == [("slow", "stop", "done")]
    findings: list[dict[str, Any]] = s.ssa.reports[-1]["findings"]
    assert [finding["container"]["name"] for finding in findings] == ["slow"]
    assert log.sentences == ["slow is not in the snapshot: stopped"]
