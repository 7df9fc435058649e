"""Restarting what is unhealthy: once it has settled, one by one, ever more slowly, and whoever shares a namespace follows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.errors import ContainerError
from status_state_controller.plan.health import Hold

from .stage import Log, Stage, settled, stage, until
from .world import container, id_of, original, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from status_state_controller.model import Original

WEB = id_of("web")


def results(s: Stage, report: int = -1) -> list[tuple[str, str, str]]:
    """Name, action and result of each outcome in a report."""
    return [(o["container"]["name"], o["action"], o["result"]) for o in s.ssa.reports[report]["outcomes"]]


async def unhealthy_stage(
    folder: Path, *unhealthy: str, well: int = 5, held: tuple[Original, ...] = (), **settings: Any
) -> Stage:
    """Originals that are seen healthy; then those in `unhealthy` turn so. Just as `well` others have no health check."""
    names = [*unhealthy, *(f"plain-{number}" for number in range(well))]
    known = {one.name: one for one in held}
    s = stage(folder, snapshot(*(known.get(n, n) for n in names)), *(container(n) for n in names), **settings)
    for name in unhealthy:
        s.engine.judges(name, "healthy")
    await s.check()
    s.clock.advance(30)
    turn(s, "unhealthy", *unhealthy)
    s.engine.calls.clear()
    return s


def turn(s: Stage, health: str, *names: str) -> None:
    """Let the health checks of these say so."""
    for name in names:
        s.engine.judges(name, health)


async def test_an_original_that_turns_unhealthy_is_restarted_once_after_it_has_settled(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web")
    assert await s.check() == 5
    assert await s.check_later(4.5) == 0.5
    assert s.engine.acts == []
    with Log() as log:
        assert await s.check_later(0.5) == 30
    assert s.engine.acts == ["restart web None"]
    assert log.sentences == ["web is unhealthy: its health check fails with exit code 7: restarted"]
    assert [(f["container"]["name"], f["kind"]) for f in s.ssa.reports[-1]["findings"]] == [("web", "unhealthy")]
    assert results(s) == [("web", "restart", "done")]
    for _ in range(3):
        await s.check_later(30)
    assert s.engine.acts == ["restart web None"]
    assert s.ssa.reports[-1]["sentence"] == "in sync"


async def test_while_that_settles_that_is_reported_without_a_time(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web")
    await s.check()
    (outcome,) = s.ssa.reports[-1]["outcomes"]
    assert (outcome["action"], outcome["result"], outcome["until"]) == ("restart", "waiting", None)
    assert outcome["detail"] == Hold.SETTLING
    assert s.ssa.reports[-1]["sentence"].endswith(f": next restart ({Hold.SETTLING})")
    assert s.engine.acts == []


async def test_an_original_that_recovers_while_that_settles_is_not_restarted(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web")
    await s.check()
    turn(s, "healthy", "web")
    assert await s.check_later(5) == 30
    assert s.engine.acts == []


async def test_an_original_that_stays_unhealthy_waits_longer_each_time(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web")
    attempts = list[float]()
    for _ in range(60):
        before = len(s.engine.acts)
        pause = await s.check()
        if len(s.engine.acts) > before:
            attempts.append(s.clock())
            turn(s, "healthy", "web")
            await s.check_later(1)
            turn(s, "unhealthy", "web")
            continue
        s.clock.advance(pause)
    gaps = [round(later - earlier) for earlier, later in pairwise(attempts)]
    assert attempts[0] == 1035
    assert gaps[:6] == [10, 20, 40, 80, 160, 300]


async def test_an_original_that_is_unhealthy_again_is_reported_with_the_time_of_its_next_attempt(
    tmp_path: Path,
) -> None:
    s = await unhealthy_stage(tmp_path, "web")
    await s.check()
    await s.check_later(5)  # 12:00:35
    turn(s, "healthy", "web")
    await s.check_later(1)
    turn(s, "unhealthy", "web")
    await s.check_later(1)
    assert await s.check_later(5) == 3
    assert results(s) == [("web", "restart", "waiting")]
    (outcome,) = s.ssa.reports[-1]["outcomes"]
    assert (outcome["until"], outcome["detail"]) == ("2026-11-23T12:00:45Z", "after 1 attempt")


async def test_a_restart_that_fails_counts_as_an_attempt(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web")
    s.engine.failures["restart web"] = ContainerError("cannot restart")
    await s.check()
    await s.check_later(5)
    assert results(s) == [("web", "restart", "failed")]
    assert await s.check_later(1) == 9
    assert results(s) == [("web", "restart", "waiting")]


async def test_starts_and_restarts_of_an_original_wait_for_each_other(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web")
    await s.check()
    await s.check_later(5)
    s.engine.put(container("web", "exited", status="Exited (1) 1 second ago"))
    assert await s.check_later(1) == 9
    assert results(s) == [("web", "start", "waiting")]


async def test_those_that_are_unhealthy_are_restarted_one_after_the_other(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "a", "b", "c")
    restarting = s.engine.hang("restart a")
    await s.check()
    s.clock.advance(5)
    with Log() as log:
        assert await s.controller.check() == 1
        await until(s.engine.reached["restart a"].is_set)
        s.clock.advance(1)
        assert await s.controller.check() == 1
        assert s.engine.acts == ["restart a None"]
        restarting.set()
        await settled()
    assert log.sentences[:2] == [
        f"{name} is unhealthy: its health check fails with exit code 7: next restart (one after the other)"
        for name in "bc"
    ]
    outcomes = s.ssa.reports[-1]["outcomes"]
    waiting = [(o["container"]["name"], o["detail"], o["until"]) for o in outcomes if o["result"] == "waiting"]
    assert waiting == [("b", "one after the other", None), ("c", "one after the other", None)]
    await s.check_later(1)
    await s.check_later(1)
    assert s.engine.acts == ["restart a None", "restart b None", "restart c None"]


async def test_one_that_is_long_in_stopping_holds_up_the_next_for_a_quarter_of_a_minute(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "a", "b", "c")
    restarting = s.engine.hang("restart")
    await s.check()
    s.clock.advance(5)
    await s.controller.check()
    await until(lambda: s.engine.acts == ["restart a None"])
    s.clock.advance(14.9)
    await s.controller.check()
    await give_way()
    assert s.engine.acts == ["restart a None"]
    s.clock.advance(0.1)
    await s.controller.check()
    await until(lambda: s.engine.acts == ["restart a None", "restart b None"])
    s.clock.advance(14.9)
    await s.controller.check()
    await give_way()
    assert s.engine.acts == ["restart a None", "restart b None"], "each of them has its own turn"
    s.clock.advance(0.1)
    await s.controller.check()
    await until(lambda: s.engine.acts[2:] == ["restart c None"])
    restarting.set()
    await settled()


async def test_the_next_to_be_restarted_waits_for_no_other_kind_of_action(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "a", "b")
    stopping = s.engine.hang("stop slow")
    s.engine.put(container("slow"))
    await s.controller.check()
    await until(s.engine.reached["stop slow"].is_set)
    s.clock.advance(5)
    await s.controller.check()
    await until(lambda: s.engine.named("a").status == "Up Less than a second")
    await give_way()
    s.clock.advance(1)
    await s.controller.check()
    await until(lambda: s.engine.acts == ["stop slow None", "restart a None", "restart b None"])
    stopping.set()
    await settled()


async def give_way() -> None:
    """Let the other tasks do what they can."""
    for _ in range(30):
        await asyncio.sleep(0)


async def test_a_restart_holds_up_no_start_and_no_start_holds_up_a_restart(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "a")
    s.engine.put(container("plain-0", "exited"))
    starting, restarting = s.engine.hang("start plain-0"), s.engine.hang("restart a")
    await s.controller.check()
    await until(s.engine.reached["start plain-0"].is_set)
    s.clock.advance(5)
    await s.controller.check()
    await until(s.engine.reached["restart a"].is_set)
    s.engine.put(container("plain-1", "exited"))
    s.clock.advance(1)
    await s.controller.check()
    await until(lambda: "start plain-1" in s.engine.acts)
    starting.set()
    restarting.set()
    await settled()


async def test_a_restart_takes_a_place_among_the_stops(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web", concurrency=1)
    stopping = s.engine.hang("stop slow")
    s.engine.put(container("slow"))
    await s.controller.check()
    await until(s.engine.reached["stop slow"].is_set)
    s.engine.put(container("plain-0", "exited"))
    s.clock.advance(5)
    await s.controller.check()
    await until(lambda: "start plain-0" in s.engine.acts)
    await give_way()
    assert s.engine.acts == ["stop slow None", "start plain-0"]
    stopping.set()
    await settled()
    assert s.engine.acts == ["stop slow None", "start plain-0", "restart web None"]


async def test_while_a_container_is_restarted_it_is_left_alone(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web")
    restarting = s.engine.hang("restart web")
    await s.check()
    s.clock.advance(5)
    await s.controller.check()
    await until(s.engine.reached["restart web"].is_set)
    s.engine.put(container("web", "exited", status="Exited (0) 1 second ago"))  # between its stop and its start
    s.clock.advance(20)
    await s.controller.check()
    await give_way()
    assert s.engine.acts == ["restart web None"]
    restarting.set()
    await settled()
    assert s.engine.acts == ["restart web None"]


async def test_a_dry_run_tells_whom_it_would_restart(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "a", "b", dry_run=True)
    await s.check()
    await s.check_later(5)
    assert results(s) == [("a", "restart", "dry_run"), ("b", "restart", "dry_run")]
    sentence = s.ssa.reports[-1]["sentence"]
    assert sentence.startswith("a is unhealthy: its health check fails with exit code 7: would restart it (dry run); b")
    await s.check_later(30)
    assert s.engine.acts == []


async def test_when_most_originals_are_unhealthy_none_is_restarted_and_that_and_its_end_are_reported_once(
    tmp_path: Path,
) -> None:
    s = await unhealthy_stage(tmp_path, "a", "b", "c", "d", well=3)
    with Log() as log:
        for _ in range(20):
            await s.check_later(5)
        (told,) = log.about("originals are unhealthy at once")
        assert told.startswith("4 of 7 originals are unhealthy at once: ")
        assert s.engine.acts == []
        report = s.ssa.reports[-1]
        assert [(f["container"]["name"], f["kind"]) for f in report["findings"]] == [(n, "unhealthy") for n in "abcd"]
        assert report["outcomes"] == []
        turn(s, "healthy", "a")
        for _ in range(20):
            await s.check_later(1)
        both = [sentence for sentence in log.sentences if "originals" in sentence and "is unhealthy" not in sentence]
        assert (both[0], len(both)) == (told, 2), "its end is told once as well"
    assert s.engine.acts == ["restart b None", "restart c None", "restart d None"]


async def test_when_most_originals_are_unhealthy_everything_else_is_healed_all_the_same(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "a", "b", "c", well=2)
    s.engine.put(container("plain-0", "exited"), container("miner"))
    await s.check()
    assert sorted(s.engine.acts) == ["start plain-0", "stop miner None"]


async def test_one_that_is_about_to_fail_makes_them_many(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "a", "b", "c", "d", well=1)
    turn(s, "healthy", "c", "d")
    s.engine.judges("c", "healthy", FailingStreak=1)
    for _ in range(10):
        await s.check_later(5)
    assert s.engine.acts == []
    s.engine.judges("c", "healthy", FailingStreak=0)
    for _ in range(10):
        await s.check_later(5)
    assert s.engine.acts == ["restart a None", "restart b None"]


async def test_a_successor_that_is_unhealthy_inherits_the_attempts_of_the_original(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web")
    await s.check()
    await s.check_later(5)
    assert s.engine.acts == ["restart web None"]
    del s.engine.world[WEB]
    s.engine.put(container("web", word="web again"))
    turn(s, "healthy", "web")
    await s.check_later(1)
    turn(s, "unhealthy", "web")
    await s.check_later(1)
    assert await s.check_later(5) == 3
    assert results(s) == [("web", "restart", "waiting")]
    await s.check_later(3)
    assert s.engine.acts == ["restart web None", "restart web None"]


async def test_a_restart_that_waits_for_its_turn_is_dropped_when_many_become_unhealthy_meanwhile(
    tmp_path: Path,
) -> None:
    s = await unhealthy_stage(tmp_path, "a", "b", "c", concurrency=1)
    turn(s, "healthy", "b", "c")
    stopping = s.engine.hang("stop slow")
    s.engine.put(container("slow"))
    await s.controller.check()
    await until(s.engine.reached["stop slow"].is_set)
    s.clock.advance(5)
    await s.controller.check()
    await give_way()
    for name in ("plain-0", "plain-1", "plain-2"):
        s.engine.judges(name, "healthy")
    await s.controller.check()
    turn(s, "unhealthy", "b", "c", "plain-0", "plain-1", "plain-2")
    s.clock.advance(5)
    await s.controller.check()
    stopping.set()
    await settled()
    assert s.engine.acts == ["stop slow None"]
    told = [o for report in s.ssa.reports for o in report["outcomes"] if o["action"] == "restart"]
    assert ("a", "dropped") in [(o["container"]["name"], o["result"]) for o in told]


async def test_an_original_whose_restart_failed_half_way_is_started_though_it_ended_without_an_error(
    tmp_path: Path,
) -> None:
    s = await unhealthy_stage(tmp_path, "web", held=(original("web", labels={"status-state.restart": "on-failure"}),))
    s.engine.failures["restart web"] = ContainerError("cannot start")
    await s.check()
    await s.check_later(5)
    ended = container("web", "exited", status="Exited (0) 1 second ago")
    s.engine.put(ended)
    await s.check_later(10)
    assert s.engine.acts == ["restart web None", "start web"]
    s.engine.put(ended)  # by itself this time
    await s.check_later(300)
    assert s.engine.acts == ["restart web None", "start web"]


async def test_an_original_whose_start_failed_may_finish_all_the_same(tmp_path: Path) -> None:
    held = snapshot(original("web", labels={"status-state.restart": "on-failure"}))
    s = stage(tmp_path, held, container("web", "exited", status="Exited (1) 1 second ago"))
    s.engine.failures["start web"] = ContainerError("cannot start")
    await s.check()
    s.engine.put(container("web", "exited", status="Exited (0) 1 second ago"))
    await s.check_later(300)
    assert s.engine.acts == ["start web"]


def joined(name: str, reference: str, **labels: str) -> Original:
    """An original in the network of another one."""
    plain = original(name, labels={f"status-state.{key}": value for key, value in labels.items()})
    return replace(plain, inspect=dict(plain.inspect) | {"HostConfig": {"NetworkMode": f"container:{reference}"}})


@pytest.mark.parametrize("reference", [WEB, "web"], ids=["by id", "by name"])
async def test_those_in_a_namespace_of_a_restarted_container_are_restarted_after_it(
    reference: str, tmp_path: Path
) -> None:
    sharers = (
        joined("a", reference),
        joined("down", reference, restart="never"),
        joined("protected", reference, ignore="true"),
    )
    s = await unhealthy_stage(tmp_path, "web", held=sharers, well=2)
    held = s.ssa.held
    assert held is not None
    s.ssa.held = replace(held, id="snapshot-2", originals=(*held.originals, *sharers))
    for name in ("a", "down", "protected"):
        labels = {"status-state.ignore": "true"} if name == "protected" else {}
        s.engine.put(container(name, "exited" if name == "down" else "running", labels=labels))
        s.engine.inspects[id_of(name)] = {"HostConfig": {"NetworkMode": f"container:{reference}"}}
    await s.check()
    await s.check_later(5)
    assert s.engine.acts == ["restart web None"]
    await s.check_later(1)
    assert s.engine.acts == ["restart web None", "restart a None"]
    assert results(s) == [("a", "restart", "done")]
    for _ in range(3):
        await s.check_later(60)
    assert s.engine.acts == ["restart web None", "restart a None"]


async def test_those_in_a_namespace_of_an_original_that_crashed_and_was_started_follow_too(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web", joined("a", WEB)), container("web", "exited"), container("a"))
    s.engine.inspects[id_of("a")] = {"HostConfig": {"NetworkMode": f"container:{WEB}"}}
    await s.check()
    s.engine.starts_anew(WEB)
    await s.check_later(1)
    assert s.engine.acts == ["start web", "restart a None"]


async def test_those_that_joined_a_successor_follow_it(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web", held=(), well=2)
    held = s.ssa.held
    assert held is not None
    s.ssa.held = replace(held, id="snapshot-2", originals=(*held.originals, joined("a", WEB)))
    del s.engine.world[WEB]
    s.engine.put(container("web", word="web again"), container("a", word="a again"))
    s.engine.inspects[id_of("a again")] = {"HostConfig": {"NetworkMode": f"container:{id_of('web again')}"}}
    await s.check()
    s.engine.starts_anew(id_of("web again"))
    await s.check_later(1)
    assert s.engine.acts == ["restart a None"]


async def test_a_look_at_an_unasked_exit_restarts_nobody(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web")
    await s.check()
    s.clock.advance(5)
    s.engine.put(container("plain-0", "exited"))
    s.engine.calls.clear()
    await s.controller.check(frozenset({id_of("plain-0"), WEB}))
    await settled()
    assert s.engine.acts == ["start plain-0"]


async def test_while_compose_stops_containers_of_a_project_none_of_it_is_restarted(tmp_path: Path) -> None:
    labels = {"com.docker.compose.project": "shop"}
    s = await unhealthy_stage(
        tmp_path, "web", held=(original("web", labels=labels), original("plain-0", labels=labels))
    )
    await s.check()
    s.clock.advance(5)
    s.happens("kill", id_of("plain-0"), "15", "shop")
    assert await s.check() == 1
    assert (s.engine.acts, results(s)) == ([], [("web", "restart", "waiting")])
    s.happens("die", id_of("plain-0"))
    await s.check_later(1)
    assert s.engine.acts == ["restart web None"]


async def test_an_original_that_shall_never_be_restarted_is_left_alone(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web", held=(original("web", labels={"status-state.restart": "never"}),))
    for _ in range(5):
        await s.check_later(5)
    assert s.engine.acts == []


async def test_an_original_that_the_ssa_calls_failing_is_restarted_and_not_again_in_its_next_run(
    tmp_path: Path,
) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    await s.check()
    s.is_told("web")
    assert await s.check_later(30) == 5
    await s.check_later(5)
    assert s.engine.acts == ["restart web None"]
    assert s.ssa.reports[-1]["sentence"] == "web is unhealthy: its probe answered 500: restarted"
    for _ in range(3):  # the SSA has not noticed yet
        await s.check_later(30)
    assert s.engine.acts == ["restart web None"]


@pytest.mark.parametrize("meanwhile", ["its verdict is withdrawn", "an operator stops it"])
async def test_a_restart_whose_reason_ends_while_it_waits_for_its_turn_is_dropped(
    tmp_path: Path, meanwhile: str
) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), container("slow"), concurrency=1)
    stopping = s.engine.hang("stop slow")
    await s.controller.check()
    await until(s.engine.reached["stop slow"].is_set)
    s.is_told("web")
    s.clock.advance(30)
    await s.controller.check()
    s.clock.advance(5)
    await s.controller.check()
    await give_way()
    if meanwhile == "its verdict is withdrawn":
        s.is_told()
    else:
        s.happens("kill", WEB, "15")
    stopping.set()
    await settled()
    assert s.engine.acts == ["stop slow None"]
    assert ("web", "restart", "dropped") in results(s)


async def test_who_was_started_anew_while_it_waited_to_follow_a_restart_is_left_alone(tmp_path: Path) -> None:
    sharer = joined("a", WEB)
    s = stage(tmp_path, snapshot("web", sharer), container("web"), container("a"), container("slow"), concurrency=1)
    s.engine.inspects[sharer.id] = {"HostConfig": {"NetworkMode": f"container:{WEB}"}}
    stopping = s.engine.hang("stop slow")
    await s.controller.check()
    await until(s.engine.reached["stop slow"].is_set)
    s.engine.starts_anew(WEB)
    await s.controller.check()
    await give_way()
    s.clock.advance(1)
    s.engine.starts_anew(sharer.id)
    stopping.set()
    await settled()
    assert s.engine.acts == ["stop slow None"]
    assert ("a", "restart", "dropped") in results(s)


async def test_who_is_unhealthy_of_a_snapshot_that_is_no_longer_in_force_is_not_restarted(tmp_path: Path) -> None:
    s = await unhealthy_stage(tmp_path, "web")
    await s.check()
    held = s.ssa.held
    assert held is not None
    s.ssa.held = replace(held, id="snapshot-2", originals=tuple(o for o in held.originals if o.name != "web"))
    await s.check_later(5)
    assert s.engine.acts == ["stop web None"]
