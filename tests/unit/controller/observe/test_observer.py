"""The controller's eyes: which engine this is, whether its list can be true, and who has taken whose place."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from status_state_controller.errors import EngineError, ImplausibleListing
from status_state_controller.observe.observer import Observer
from status_state_controller.report.troubles import Troubles

from ..fake_engine import FakeEngine
from ..stage import BOUND_SECONDS, Log
from ..world import ENGINE, OTHER_ENGINE, container, id_of, original, snapshot

ME = container("controller", word="me", labels={"status-state.role": "controller"})


def observer(engine: FakeEngine, own_id: str | None = None) -> Observer:
    """The eyes of a controller in the container `own_id`."""
    return Observer(engine, own_id, Troubles())


async def test_the_identity_is_asked_once_until_the_engine_was_away() -> None:
    engine = FakeEngine()
    eyes = observer(engine)
    assert [await eyes.identity(), await eyes.identity()] == [ENGINE, ENGINE]
    assert engine.calls == ["identity"]
    engine.who = OTHER_ENGINE
    eyes.forget_engine()
    assert await eyes.identity() == OTHER_ENGINE


async def test_the_identity_is_confirmed_by_one_cheap_question() -> None:
    engine = FakeEngine()
    eyes = observer(engine)
    await eyes.identity()
    engine.calls.clear()
    await eyes.confirm_identity()
    assert engine.calls == ["none network"]


async def test_another_engine_is_not_confirmed() -> None:
    engine = FakeEngine()
    eyes = observer(engine)
    await eyes.identity()
    engine.who = OTHER_ENGINE
    with pytest.raises(EngineError, match="another engine"):
        await eyes.confirm_identity()


async def test_a_list_without_the_own_container_is_implausible() -> None:
    engine = FakeEngine(ME, container("web"))
    eyes = observer(engine, ME.id)
    await eyes.identity()
    assert len(await eyes.containers()) == 2
    engine.unlisted.add(ME.id)
    with pytest.raises(ImplausibleListing):
        await eyes.containers()


@pytest.mark.parametrize("labels", [{}, {"app": "x"}], ids=repr)
async def test_an_own_id_of_a_container_that_is_not_the_controller_is_not_trusted(labels: dict[str, str]) -> None:
    # A pod, and `network_mode: container:…`, get the files that tell the id from another container.
    engine = FakeEngine(replace(ME, labels=labels))
    eyes = observer(engine, ME.id)
    with Log() as log:
        await eyes.identity()
    engine.world.clear()
    assert await eyes.containers() == []
    assert log.about("doesn't know")


async def test_a_rule_that_is_off_on_one_engine_may_be_on_for_the_next() -> None:
    engine = FakeEngine()
    eyes = observer(engine, ME.id)
    with Log():
        await eyes.identity()
    engine.put(ME)
    eyes.forget_engine()
    await eyes.identity()
    engine.world.clear()
    with pytest.raises(ImplausibleListing):
        await eyes.containers()


async def test_a_removal_is_taken_to_last_for_ever_after_a_minute() -> None:
    eyes = observer(FakeEngine())
    going = [container("web", "removing"), container("db")]
    assert eyes.stuck(going, 100) == frozenset()
    assert eyes.stuck(going, 159.9) == frozenset()
    assert eyes.stuck(going, 160) == {id_of("web")}


async def test_the_minute_begins_anew_when_the_removal_was_over_in_between() -> None:
    eyes = observer(FakeEngine())
    eyes.stuck([container("web", "removing")], 100)
    eyes.stuck([container("web", "exited")], 130)
    assert eyes.stuck([container("web", "removing")], 170) == frozenset()


async def test_successors_are_asked_about_once_and_only_while_they_stand_there() -> None:
    engine = FakeEngine(container("web", word="web again"))
    eyes, held = observer(engine), snapshot("web")
    world = list(engine.world.values())
    pair = frozenset({(id_of("web"), id_of("web again"))})
    assert [await eyes.successors(held, world, ()), await eyes.successors(held, world, ())] == [pair, pair]
    assert engine.calls == ["inspect web"]
    assert await eyes.successors(held, [container("web")], ()) == frozenset()
    assert await eyes.successors(held, world, ()) == pair
    assert engine.calls == ["inspect web"] * 2


async def test_they_are_asked_about_anew_for_another_snapshot() -> None:
    engine = FakeEngine(container("web", word="web again"))
    eyes, world = observer(engine), list(engine.world.values())
    await eyes.successors(snapshot("web"), world, ())
    await eyes.successors(snapshot("web", id="snapshot-2"), world, ())
    assert engine.calls == ["inspect web"] * 2


async def test_what_the_controller_made_itself_is_not_asked_about() -> None:
    engine = FakeEngine(container("web", word="web again"))
    pair = (id_of("web"), id_of("web again"))
    assert await observer(engine).successors(snapshot("web"), list(engine.world.values()), {pair}) == {pair}
    assert engine.calls == []


async def test_a_holder_that_is_gone_again_is_nobodys_successor() -> None:
    engine = FakeEngine()
    world = [container("web", word="web again")]
    assert await observer(engine).successors(snapshot("web"), world, ()) == frozenset()


async def test_a_different_container_is_no_successor() -> None:
    engine = FakeEngine(container("web", word="impostor"))
    engine.inspects[id_of("impostor")] = {"Image": "sha256:other"}
    assert await observer(engine).successors(snapshot("web"), list(engine.world.values()), ()) == frozenset()


async def test_who_shares_the_namespace_of_a_parent_that_was_made_again_is_a_successor() -> None:
    app = original("app")
    app = replace(app, inspect=dict(app.inspect) | {"HostConfig": {"NetworkMode": f"container:{id_of('vpn')}"}})
    engine = FakeEngine(container("app", word="app again"), container("vpn", word="vpn again"))
    engine.inspects[id_of("app again")] = {"HostConfig": {"NetworkMode": f"container:{id_of('vpn again')}"}}
    world = list(engine.world.values())
    found = await observer(engine).successors(snapshot(app, "vpn"), world, ())
    assert (app.id, id_of("app again")) in found
    engine.inspects[id_of("app again")] = {"HostConfig": {"NetworkMode": f"container:{id_of('stranger')}"}}
    found = await observer(engine).successors(snapshot(app, "vpn"), world, ())
    assert (app.id, id_of("app again")) not in found


async def test_an_exit_is_waited_for_until_the_engine_has_finished_it() -> None:
    engine = FakeEngine(container("web"))
    finished = engine.hang("inspect web")
    waiting = asyncio.create_task(observer(engine).wait_for_exits(frozenset({id_of("web")})))
    await engine.reached["inspect web"].wait()
    assert not waiting.done()
    finished.set()
    await asyncio.wait_for(waiting, BOUND_SECONDS)


async def test_an_exit_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("status_state_controller.observe.observer.LONGEST_EXIT_SECONDS", 0)
    engine = FakeEngine(container("web"))
    engine.hang("inspect web")
    await asyncio.wait_for(observer(engine).wait_for_exits(frozenset({id_of("web")})), BOUND_SECONDS)


async def test_an_engine_that_is_lost_while_an_exit_is_waited_for_ends_the_check() -> None:
    engine = FakeEngine(container("web"))
    engine.failures["inspect"] = EngineError("lost")
    with pytest.raises(EngineError, match="lost"):
        await observer(engine).wait_for_exits(frozenset({id_of("web")}))
