"""Whose snapshot it is: the controller keeps to its own SSA through an upgrade of the engine, and refuses any other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from status_state_controller.errors import EngineRefused, ForeignSnapshot, SsaError
from status_state_controller.func import PATIENT_ATTEMPTS, ping_ssa
from status_state_controller.process.lasting import Lasting
from status_state_controller.ssa.link import Ssa
from status_state_controller.ssa.memory import KeptMemory

from ..fake_engine import FakeEngine
from ..stage import Log
from ..world import ENGINE, OTHER_ENGINE, FakeSsa, container, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from status_state_controller.model import EngineIdentity

UPGRADED = replace(ENGINE, id="f0cd0b59-757d")
REMADE = replace(OTHER_ENGINE, id="f0cd0b59-757d")
RENAMED = replace(ENGINE, name="kiosk-18")
HERE, HALF, NONE_HERE = ("web", "db", "miner"), ("web", "miner"), ("miner",)

CASES = {
    "another name": (RENAMED, NONE_HERE, True),
    "another id": (UPGRADED, NONE_HERE, True),
    "another network, the originals there": (OTHER_ENGINE, HERE, True),
    "another network: a clone": (OTHER_ENGINE, NONE_HERE, False),
    "both, the originals there": (REMADE, HERE, True),
    "both, half of the originals there": (REMADE, HALF, False),
    "both": (REMADE, NONE_HERE, False),
}


class World:
    """An SSA with a snapshot of two, and an engine."""

    def __init__(self, folder: Path, *names: str) -> None:
        (folder / "token").write_text("open-sesame\n")
        self.fake = FakeSsa(snapshot("web", "db"))
        self.engine = FakeEngine(*(container(name) for name in names))
        self.lasting = Lasting()
        self.ssa = Ssa(self.fake.client, self.engine, folder / "token", KeptMemory(), self.lasting)


@pytest.mark.parametrize(("seen", "names", "is_same"), CASES.values(), ids=list(CASES))
async def test_an_snapshot_is_taken_from_the_own_ssa_alone(
    seen: EngineIdentity, names: tuple[str, ...], tmp_path: Path, *, is_same: bool
) -> None:
    world = World(tmp_path, *names)
    if is_same:
        await world.ssa.refresh(seen)
        assert world.ssa.snapshot is not None
        assert world.ssa.snapshot.engine == seen, "it is held as of the engine that answers now"
        world.ssa.hear(json.dumps({"engine": _told(seen), "failing": [], "faltering": []}).encode())
    else:
        with pytest.raises(ForeignSnapshot, match="SSC_SSA_URL"):
            await world.ssa.refresh(seen)
        assert world.ssa.snapshot is None


@pytest.mark.parametrize(("seen", "names", "is_same"), CASES.values(), ids=list(CASES))
async def test_a_snapshot_that_is_held_stays_with_its_engine(
    seen: EngineIdentity, names: tuple[str, ...], tmp_path: Path, *, is_same: bool
) -> None:
    world = World(tmp_path, *names)
    await world.ssa.refresh(ENGINE)
    world.fake.away = True
    with Log() as log:
        await world.ssa.stay_with(seen)
        await world.ssa.stay_with(seen)
    told = [] if seen == ENGINE else ["engine_recognised" if is_same else "engine_changed"]
    assert [entry["event"] for entry in log.entries] == told
    assert (world.ssa.snapshot is not None) is is_same


async def test_a_foreign_answer_leaves_what_is_held_and_its_tag(tmp_path: Path) -> None:
    world = World(tmp_path, "web", "db")
    world.fake.tag = '"own"'
    await world.ssa.refresh(ENGINE)
    held = world.ssa.snapshot
    world.fake.held, world.fake.tag = snapshot("far", id="snapshot-2", engine=OTHER_ENGINE), '"foreign"'
    for _ in range(2):
        with pytest.raises(ForeignSnapshot):
            await world.ssa.refresh(ENGINE)
    assert world.ssa.snapshot is held


async def test_while_the_engine_can_not_be_asked_for_its_containers_nothing_is_taken_over(tmp_path: Path) -> None:
    world = World(tmp_path, *HERE)
    world.engine.failures["list"] = EngineRefused("down")
    with pytest.raises(SsaError, match="can't be told"):
        await world.ssa.refresh(REMADE)
    assert world.ssa.snapshot is None


async def _ping(world: World, times: int) -> list[str]:
    """The events of so many questions."""
    with Log() as log:
        for _ in range(times):
            await ping_ssa(world.ssa, ENGINE, world.lasting)
    return [entry["event"] for entry in log.entries]


async def test_an_ssa_that_says_why_it_has_no_snapshot_yet_is_waited_for_without_a_warning(tmp_path: Path) -> None:
    world = World(tmp_path, "web", "db")
    held, world.fake.held = world.fake.held, None
    assert await _ping(world, 5 * PATIENT_ATTEMPTS) == ["ssa_awaited"]
    world.fake.held = held
    assert await _ping(world, 2) == ["ssa_back", "snapshot_in_force"]


@pytest.mark.parametrize(
    "answer", [httpx.Response(503, html="<h1>Busy</h1>"), httpx.Response(500, json={"detail": "x"})]
)
async def test_what_is_no_such_answer_is_a_loss_after_a_while(answer: httpx.Response, tmp_path: Path) -> None:
    world = World(tmp_path, "web", "db")
    world.fake.answer = answer
    assert await _ping(world, PATIENT_ATTEMPTS - 1) == ["ssa_awaited"]
    assert await _ping(world, PATIENT_ATTEMPTS) == ["ssa_lost"]


async def test_an_ssa_that_ends_while_it_is_waited_for_gets_as_long_to_start_again(tmp_path: Path) -> None:
    world = World(tmp_path, "web", "db")
    world.fake.held = None
    await _ping(world, PATIENT_ATTEMPTS)
    world.fake.away = True
    assert await _ping(world, PATIENT_ATTEMPTS - 1) == []
    assert await _ping(world, 1) == ["ssa_lost"]


async def test_with_a_snapshot_held_an_ssa_without_one_is_a_loss_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, "web", "db")
    await world.ssa.refresh(ENGINE)
    world.fake.held = None
    assert await _ping(world, 2) == ["ssa_lost"]


def _told(engine: EngineIdentity) -> dict[str, str | None]:
    return {"id": engine.id, "name": engine.name, "none_network_id": engine.none_network_id}
