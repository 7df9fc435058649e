"""The controller's eyes: which engine this is, whether its list can be true, and who has taken whose place."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from status_state_controller.errors import EngineError, ImplausibleListing
from status_state_controller.model import Image, Observed, Verdicts
from status_state_controller.observe.observer import Observer
from status_state_controller.plan.memory import Memory
from status_state_controller.process.lasting import Lasting
from status_state_controller.wishes.policy import Entry, Policy

from ..fake_engine import FakeEngine
from ..stage import BOUND_SECONDS, Log
from ..world import ENGINE, IMAGE, IMAGE_ID, NOON, OTHER_ENGINE, container, id_of, snapshot

if TYPE_CHECKING:
    from status_state_controller.model import Snapshot

NOBODY = Verdicts()

ME = container("controller", word="me", labels={"status-state.role": "controller"})


def observer(engine: FakeEngine, own_id: str | None = None) -> Observer:
    """The eyes of a controller in the container `own_id`."""
    return Observer(engine, own_id, Lasting(), NOON.timestamp)


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
    assert len((await eyes.containers()).containers) == 2
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
    assert (await eyes.containers()).containers == ()
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


async def completed(engine: FakeEngine, held: Snapshot, verdicts: Verdicts = NOBODY) -> Observed:
    """What is observed, with the answers to what the plan asks."""
    eyes = observer(engine)
    listed = await eyes.containers()
    assert listed.at == NOON.timestamp()
    return await eyes.complete(listed, held, verdicts, Memory(), only=None)


async def test_while_nothing_has_drifted_a_look_is_one_list() -> None:
    engine = FakeEngine(container("web"), container("db"))
    observed = await completed(engine, snapshot("web", "db"))
    assert (engine.calls, observed.inspects, observed.images) == (["list"], {}, {})


async def test_what_the_plan_asks_is_answered_until_it_asks_no_more() -> None:
    engine = FakeEngine(container("web", word="impostor"))
    engine.inspects[id_of("impostor")] = {"Image": "sha256:other"}
    del engine.images[IMAGE_ID]
    observed = await completed(engine, snapshot("web"))
    assert engine.calls[:2] == ["list", "inspect web"], "for which images it asks depends on that"
    assert {key: seen and seen["Image"] for key, seen in observed.inspects.items()} == {
        id_of("impostor"): "sha256:other"
    }
    assert observed.images == {IMAGE: Image(IMAGE_ID), IMAGE_ID: None}


async def test_one_that_is_gone_when_it_is_looked_at_is_none() -> None:
    engine = FakeEngine()
    listed = Observed((container("web", word="web again"),))
    observed = await observer(engine).complete(listed, snapshot("web"), NOBODY, Memory(), only=None)
    assert observed.inspects == {id_of("web again"): None}


async def test_the_policy_is_laid_over_the_labels_of_what_is_observed() -> None:
    held = snapshot(policy=Policy((Entry(("mi*",), ignore=True, restart=None),)))
    observed = await completed(FakeEngine(container("miner", labels={"app": "x"})), held)
    assert [one.labels for one in observed.containers] == [{"app": "x", "status-state.ignore": "true"}]


async def test_an_engine_that_can_not_be_asked_closely_ends_the_look() -> None:
    for call in ("inspect web", "image"):
        engine = FakeEngine(container("web", word="impostor"))
        engine.inspects[id_of("impostor")] = {"Image": "sha256:other"}
        engine.failures[call] = EngineError("no answer")
        with pytest.raises(EngineError):
            await completed(engine, snapshot("web"))


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


BY_IMAGE = {"status-state.ignore": "true", "status-state.role": "api"}
IMAGES_OWN = {"miner": Image("miner", config={"Labels": BY_IMAGE})}


async def seen_as(engine: FakeEngine, eyes: Observer) -> dict[str, dict[str, str]]:
    """The labels by name, as the plan gets them."""
    observed = await eyes.complete(await eyes.containers(), snapshot(), NOBODY, Memory(), only=None)
    return {one.name: dict(one.labels) for one in observed.containers}


async def test_what_protects_and_is_the_images_own_does_not_count_and_is_asked_once() -> None:
    engine = FakeEngine(replace(container("miner", labels={**BY_IMAGE, "app": "x"}), image_id="miner"))
    engine.images["miner"], engine.contents = "miner", IMAGES_OWN
    eyes = observer(engine)
    assert await seen_as(engine, eyes) == {"miner": {"app": "x"}}
    engine.calls.clear()
    assert await seen_as(engine, eyes) == {"miner": {"app": "x"}}
    assert engine.calls == ["list"]
    engine.inspects[id_of("miner")] = {"Mounts": [{"Source": "/var/run/docker.sock"}]}
    assert await seen_as(engine, observer(engine)) == {"miner": {"app": "x", "status-state.role": "api"}}


@pytest.mark.parametrize("lacks", ["image", "answer", "id"])
async def test_where_the_image_can_not_be_asked_the_labels_count(lacks: str) -> None:
    miner = replace(container("miner", labels=BY_IMAGE), image_id="" if lacks == "id" else "miner")
    engine = FakeEngine(miner)
    engine.contents = IMAGES_OWN
    if lacks != "image":
        engine.images["miner"] = "miner"
    if lacks == "answer":
        engine.hang("inspect miner")
    eyes = Observer(engine, None, Lasting(), NOON.timestamp, inspect_seconds=0.01)
    assert await seen_as(engine, eyes) == {"miner": BY_IMAGE}
