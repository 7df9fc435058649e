"""The engine that a check looks at: away, another one, or telling what can't be the truth; then nothing is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.errors import EngineError, EngineRefused
from status_state_controller.main import EngineLostError, Timing

from .stage import Log, Stage, settled, stage, until
from .world import OTHER_ENGINE, container, id_of, snapshot

if TYPE_CHECKING:
    from pathlib import Path

ME = container("status-state-controller-1", word="me", labels={"status-state.role": "controller"})
WEB_IS_DOWN = container("web", "exited")
MINER = container("miner")
BOTH = ["start web", "stop miner None"]


def drifted(folder: Path, **others: Any) -> Stage:
    """The original `web` is down, and there is a newcomer `miner`."""
    return stage(folder, snapshot("web"), WEB_IS_DOWN, MINER, **others)


def drift_again(s: Stage) -> None:
    """Take down `web` and bring `miner` back, and let every back-off pass."""
    s.engine.calls.clear()
    s.engine.put(WEB_IS_DOWN, MINER)
    s.clock.advance(300)


@pytest.mark.parametrize("error", [EngineError("no answer"), EngineRefused("refused")], ids=["failed", "refused"])
async def test_a_list_that_fails_ends_the_check_without_an_action(error: Exception, tmp_path: Path) -> None:
    s = drifted(tmp_path)
    s.engine.failures["list"] = error
    with Log() as log:
        pause = await s.check()
        await s.check()
    assert s.engine.acts == []
    assert pause >= 5, "a faster reconnection would start an engine that is being stopped"
    assert len(log.about(str(error))) == 1
    s.engine.failures.clear()
    with Log() as log:
        await s.check()
    assert sorted(s.engine.acts) == BOTH
    assert log.about("answers again")


async def test_a_list_without_the_controllers_own_container_ends_the_check_without_an_action(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), WEB_IS_DOWN, MINER, ME, own_id=ME.id)
    await s.check()
    drift_again(s)
    del s.engine.world[ME.id]
    with Log() as log:
        await s.check()
        await s.check()
    assert s.engine.acts == []
    assert len(log.about("own container") + log.about("this controller runs in")) == 1
    s.engine.put(ME)
    await s.check()
    assert sorted(s.engine.acts) == BOTH


async def test_the_engines_return_does_not_make_a_list_without_the_own_container_plausible(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), WEB_IS_DOWN, MINER, ME, own_id=ME.id)
    await s.check()
    drift_again(s)
    s.engine.failures["list"] = EngineRefused("down")
    await s.check()
    s.engine.failures.clear()
    del s.engine.world[ME.id]  # the same engine has come back, without having loaded that container
    await s.check()
    assert s.engine.acts == []


async def test_where_the_engine_does_not_know_the_own_container_the_rule_is_off_and_that_is_said_once(
    tmp_path: Path,
) -> None:
    s = stage(tmp_path, snapshot("web"), WEB_IS_DOWN, MINER, own_id=ME.id)
    with Log() as log:
        await s.check()
        await s.check()
        s.engine.failures["list"] = EngineError("away")
        await s.check()
        s.engine.failures.clear()
        await s.check()
    assert sorted(s.engine.acts) == BOTH
    assert len(log.about("doesn't know")) == 1


async def test_when_another_engine_has_come_back_the_snapshot_is_dropped(tmp_path: Path) -> None:
    s = drifted(tmp_path)
    await s.check()
    drift_again(s)
    s.engine.failures["list"] = EngineRefused("down")
    await s.check()
    s.engine.failures.clear()
    s.engine.who = OTHER_ENGINE
    s.engine.world = {one.id: one for one in (container("far"), container("miner"))}
    s.ssa.away = True
    await s.check()
    s.ssa.away = False  # it still serves the snapshot of the engine before
    await s.check()
    assert s.engine.acts == []


async def test_an_engine_that_was_exchanged_unnoticed_between_two_checks_is_not_acted_on(tmp_path: Path) -> None:
    s = drifted(tmp_path)
    await s.check()
    drift_again(s)
    s.engine.who = OTHER_ENGINE
    await s.check()
    assert s.engine.acts == []


async def test_before_it_acts_a_check_makes_sure_that_the_engine_is_the_same(tmp_path: Path) -> None:
    s = drifted(tmp_path)
    await s.check()
    drift_again(s)
    await s.check()
    assert s.engine.calls.index("none network") < min(s.engine.calls.index(call) for call in BOTH)
    drift_again(s)
    s.engine.failures["none network"] = EngineError("no answer")
    await s.check()
    assert s.engine.acts == []


async def test_two_minutes_of_refused_connections_end_the_controller(tmp_path: Path) -> None:
    s = drifted(tmp_path)
    await s.check()
    s.engine.failures |= {"list": EngineRefused("nobody listens."), "identity": EngineRefused("nobody listens.")}
    await s.check_later(500)
    await s.check_later(119)
    with pytest.raises(EngineLostError):
        await s.check_later(1)


@pytest.mark.parametrize("between", ["it answered", "it was slow", "its list was implausible"])
async def test_the_two_minutes_begin_anew_when_the_engine_was_there_in_between(between: str, tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), ME, own_id=ME.id)
    await s.check()
    s.engine.failures["list"] = EngineRefused("nobody listens.")
    await s.check()
    del s.engine.failures["list"]
    if between == "it was slow":
        s.engine.failures["list"] = EngineError("no answer within 60 s")
    if between == "its list was implausible":
        s.engine.unlisted.add(ME.id)
    await s.check_later(100)
    s.engine.failures["list"] = EngineRefused("nobody listens.")
    await s.check_later(100)
    await s.check_later(119)
    with pytest.raises(EngineLostError):
        await s.check_later(1)


async def test_a_container_that_the_engine_does_not_answer_about_holds_up_nobody_and_is_reported_once(
    tmp_path: Path,
) -> None:
    s = stage(tmp_path, snapshot("web", "db"), container("web", word="other"), timing=Timing(inspect=0.02))
    s.engine.put(container("db", "exited"))
    s.engine.inspects[id_of("other")] = {"Image": "sha256:other"}
    answer = s.engine.hang("inspect web")
    with Log() as log:
        for _ in range(3):
            await s.controller.check()
            s.clock.advance(30)
        await until(lambda: s.engine.shown["db"] == "running")
        assert [entry["container"] for entry in log.entries if entry["event"] == "container_silent"] == ["web"]
        assert s.engine.calls.count("inspect web") == 1, "what is not answered is not asked once more"
        assert s.engine.acts == ["start db"]
        answer.set()
        await settled()
        await s.check_later(30)
        await s.check_later(30)
        assert "container_answers" in [entry["event"] for entry in log.entries]
    assert s.engine.shown["web"] == "running"
    assert s.engine.named("web").id != id_of("other")


async def test_an_error_that_comes_late_ends_no_check(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", word="other"), timing=Timing(inspect=0.02))
    answer = s.engine.hang("inspect web")
    await s.controller.check()
    s.engine.failures["inspect web"] = EngineError("no answer within 60 s")
    answer.set()
    await settled()
    s.engine.failures.clear()
    assert await s.check_later(30) == 30
