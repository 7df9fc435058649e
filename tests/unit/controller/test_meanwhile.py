"""What may change between a plan and its actions, or between two checks, and must not lead to a wrong one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from status_state_controller.act.recreate import recreate
from status_state_controller.act.restore import Restorer
from status_state_controller.errors import ContainerError
from status_state_controller.func import restart, start, stop
from status_state_controller.model import Action, Verb
from status_state_controller.plan.health import Illness, Illnesses, Outbreak, Verdicts
from status_state_controller.policy import Entry, Policy

from .fake_engine import FakeEngine
from .observe.test_health import seen_healthy
from .plan.test_health import by_verdict, ill
from .stage import stage
from .test_restart import give_way, hospital, joined
from .test_waiting import service
from .world import STARTED_AT, container, id_of, original, snapshot, well

if TYPE_CHECKING:
    from pathlib import Path

WEB = id_of("web")
IGNORES_WEB = Policy((Entry(("web",), ignore=True, restart=None),))


async def test_a_start_whose_original_is_protected_meanwhile_is_dropped() -> None:
    engine = FakeEngine(container("web", "exited"))
    action = Action(Verb.START, container("web", "exited"), "x", WEB)
    await start(engine, action, snapshot("web", policy=IGNORES_WEB), lambda: None)
    assert engine.acts == []


async def test_a_recreation_whose_original_is_protected_meanwhile_is_dropped() -> None:
    engine = FakeEngine()
    action = Action(Verb.RECREATE, container("web", "dead"), "x", WEB)
    await recreate(engine, action, snapshot("web", policy=IGNORES_WEB), lambda: None)
    assert engine.acts == []


async def test_a_restoration_whose_original_is_protected_meanwhile_is_dropped() -> None:
    engine = FakeEngine(container("web", word="impostor"))
    action = Action(Verb.RESTORE, container("web", word="impostor"), "x", WEB)
    await Restorer(engine).restore(action, snapshot("web", policy=IGNORES_WEB), lambda: None)
    assert engine.acts == [], "the impostor is protected as well: it has the same name"


async def test_a_newcomer_whose_own_label_protects_it_again_is_not_stopped() -> None:
    engine = FakeEngine(container("miner", labels={"status-state.ignore": "true"}))
    # The policy said `ignore: false` when the plan was made, and does not any more.
    await stop(engine, Action(Verb.STOP, container("miner"), "x"), snapshot("web"))
    assert engine.acts == []


async def test_a_restart_that_the_policy_forbids_meanwhile_is_dropped() -> None:
    engine = FakeEngine(container("web"))
    engine.judges("web", "unhealthy")
    illness = Illness(STARTED_AT, "x", verdict=False)
    held = snapshot("web", policy=Policy((Entry(("web",), ignore=None, restart="never"),)))
    await restart(
        engine, Action(Verb.RESTART, container("web"), "x", WEB, illness=illness), held, Verdicts, lambda: None
    )
    assert engine.acts == []


async def test_a_dependency_that_is_ill_is_not_held_up_by_its_dependent(tmp_path: Path) -> None:
    s = await hospital(tmp_path, "app", "db", held=(service("app", "db:service_healthy:false"), service("db")))
    await s.check()
    s.clock.advance(5)
    for _ in range(3):
        await s.controller.check()
        await give_way()
        s.clock.advance(1)
    assert "restart db None" in s.engine.acts


async def test_a_pause_lets_nobody_be_forgotten() -> None:
    w = await seen_healthy("web")
    running = w.engine.named("web")
    w.engine.put(replace(running, state="paused", status="Up 5 minutes (Paused)"))
    await w.look()
    w.engine.put(running)
    assert await w.ill() == {"web": True}


# 8 (a question of what is meant)
async def test_those_that_are_ignored_do_not_make_them_many(tmp_path: Path) -> None:
    policy = Policy((Entry(("a", "b", "c"), ignore=True, restart=None),))
    held = snapshot(well("a"), well("b"), well("c"), "d", "web", policy=policy)
    s = stage(tmp_path, held, *(container(name) for name in ("a", "b", "c", "d", "web")))
    s.engine.judges("web", "healthy")
    await s.check()
    s.clock.advance(30)
    for name in ("a", "b", "c", "web"):
        s.engine.judges(name, "unhealthy")
    await s.check()
    await s.check_later(5)
    assert s.engine.acts == ["restart web None"]


# new in 17f18ed
async def test_what_has_the_name_of_one_that_joined_is_not_restarted_with_the_parent() -> None:
    engine = FakeEngine(container("web"), container("a", word="stranger", labels={"status-state.ignore": "true"}))
    engine.judges("web", "unhealthy")
    illness = Illness(STARTED_AT, "x", verdict=False)
    action = Action(Verb.RESTART, container("web"), "x", WEB, illness=illness)
    await restart(engine, action, snapshot("web", joined("a", WEB)), Verdicts, lambda: None)
    assert engine.acts == ["restart web None"], "a protected container was restarted"


async def test_an_original_that_ran_on_after_a_restart_failed_may_finish(tmp_path: Path) -> None:
    s = await hospital(tmp_path, "web", held=(original("web", labels={"status-state.restart": "on-failure"}),))
    s.engine.failures["restart web"] = ContainerError("cannot stop")
    await s.check()
    await s.check_later(5)
    s.engine.judges("web", "healthy")  # it never went down
    for _ in range(30):
        await s.check_later(30)
    s.engine.put(container("web", "exited", status="Exited (0) 1 second ago"))
    await s.check_later(30)
    assert s.engine.acts == ["restart web None"]


def test_an_outbreak_is_not_prolonged_by_what_an_earlier_one_was_told_by() -> None:
    outbreak = Outbreak()
    outbreak.note(by_verdict("a", "b", "c"), 4, 100.0, verdicts_known=True)
    outbreak.note(Illnesses(), 4, 200.0, verdicts_known=True)
    outbreak.note(Illnesses(ill("a", "b", "c")), 4, 300.0, verdicts_known=False)
    outbreak.note(Illnesses(), 4, 310.0, verdicts_known=False)
    assert outbreak.sentence is None
