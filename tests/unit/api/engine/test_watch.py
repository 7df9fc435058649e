"""The engine's loss and return: each told once, asked slowly, and the end of the process where only that helps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from status_state_api.engine.watch import EngineWatch, Timing
from status_state_api.errors import EngineUnavailable
from status_state_api.process.ending import Ending

from ..world import (
    HUNG,
    IDENTITY,
    LOOK,
    OTHER_IDENTITY,
    REFUSED,
    FakeClock,
    FakeEngine,
    FakeKeeper,
    Lines,
    container_id,
)

if TYPE_CHECKING:
    from status_state_api.model import EngineIdentity

LOST = "engine_lost"
BACK = "engine_back"


class Stage:
    """A watch that has begun."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.clock = FakeClock()
        self.ending = Ending()
        self.watch = EngineWatch(self.engine, self.ending, clock=self.clock)
        self.watch.answered(LOOK)
        self.keeper = FakeKeeper(IDENTITY, frozenset({container_id("web"), container_id("db")}))
        self.watch.expect(self.keeper)
        self.engine.asked.clear()

    async def turns(self, count: int, seconds: float = 5.0) -> None:
        """Let the watch take turns."""
        for _ in range(count):
            await self.watch.turn()
            self.clock.now += seconds


async def test_an_engine_that_answers_is_asked_only_when_it_has_not_been_heard_for_a_while() -> None:
    stage = Stage()
    with Lines() as lines:
        await stage.turns(12, seconds=10.0)
    assert stage.engine.asked == ["ping", "ping", "ping"]
    stage.watch.answered()
    await stage.turns(1)
    assert len(stage.engine.asked) == 3, "others have heard it"
    assert lines.events == []


async def test_a_loss_and_a_return_are_reported_once_each() -> None:
    stage = Stage()
    with Lines() as lines:
        stage.watch.failed(HUNG)
        stage.engine.error = HUNG
        await stage.turns(10)
        assert stage.watch.error is HUNG
        stage.engine.error = None
        await stage.turns(3)
    assert lines.events == [LOST, BACK]
    assert (lines.one(LOST)["cause"], lines.one(LOST)["remedy"]) == (HUNG.cause, HUNG.remedy)
    assert lines.one(BACK)["lost_seconds"] == 50
    assert stage.watch.error is None


async def test_a_second_loss_is_reported_again() -> None:
    stage = Stage()
    with Lines() as lines:
        for _ in range(2):
            stage.watch.failed(HUNG)
            await stage.turns(1)
    assert lines.events == [LOST, BACK, LOST, BACK]


async def test_a_loss_during_the_start_is_told_by_the_start_and_later_by_the_watch() -> None:
    stage = Stage()
    watch = EngineWatch(stage.engine, stage.ending, clock=stage.clock)
    with Lines() as lines:
        watch.failed(REFUSED)
        assert lines.events == []
        watch.expect(stage.keeper)
    assert lines.events == [LOST]


async def test_an_answer_during_the_start_ends_a_loss() -> None:
    stage = Stage()
    watch = EngineWatch(stage.engine, stage.ending, clock=stage.clock)
    watch.failed(REFUSED)
    watch.answered()
    assert watch.error is None


async def test_a_lost_engine_stays_lost_until_it_has_been_looked_at() -> None:
    stage = Stage()
    stage.watch.failed(HUNG)
    stage.watch.answered()  # a listing that was under way
    assert stage.watch.error is HUNG
    await stage.turns(1)
    assert stage.watch.error is None
    assert stage.engine.asked == ["ping", "look"]


async def test_a_lost_engine_is_not_asked_by_others() -> None:
    stage = Stage()
    stage.watch.failed(REFUSED)
    with pytest.raises(EngineUnavailable, match="nobody listens"):
        await stage.watch.ask()
    assert stage.engine.asked == []


async def test_two_minutes_of_refusal_end_the_process() -> None:
    stage = Stage()
    stage.engine.error = REFUSED
    stage.watch.failed(REFUSED)
    with Lines() as lines:
        await stage.turns(24)
        assert not stage.ending.is_failure
        await stage.turns(1)
    assert stage.ending.is_failure
    assert lines.events == ["engine_given_up"]


async def test_an_engine_that_hangs_is_waited_for_without_end() -> None:
    stage = Stage()
    stage.engine.error = HUNG
    stage.watch.failed(HUNG)
    await stage.turns(1000)
    assert not stage.ending.is_failure


async def test_only_refusal_on_end_counts() -> None:
    stage = Stage()
    for _ in range(5):
        stage.engine.error = REFUSED
        await stage.turns(20)
        stage.engine.error = HUNG
        await stage.turns(1)
    assert not stage.ending.is_failure


async def test_another_engine_ends_the_process() -> None:
    stage = Stage()
    stage.watch.failed(REFUSED)
    stage.engine.engine_look = replace(LOOK, identity=OTHER_IDENTITY)
    with Lines() as lines:
        await stage.watch.turn()
    assert stage.ending.is_failure
    assert lines.events == ["engine_replaced"]


UPGRADED = IDENTITY.model_copy(update={"id": "f0cd0b59-757d"})
REMADE = OTHER_IDENTITY.model_copy(update={"id": "f0cd0b59-757d"})
RENAMED = IDENTITY.model_copy(update={"name": "kiosk-18"})


@pytest.mark.parametrize(
    ("seen", "present", "told"),
    [
        (RENAMED, [], []),
        (UPGRADED, [], ["engine_recognised"]),
        (OTHER_IDENTITY, ["web", "db"], ["engine_recognised"]),
        (REMADE, ["web", "db", "miner"], ["engine_recognised"]),
        (REMADE, ["web"], ["engine_replaced"]),
    ],
    ids=["another name", "another id", "another network", "both, but the originals are there", "and half of them"],
)
async def test_an_engine_that_comes_back_changed_is_recognised_or_ends_the_process(
    seen: EngineIdentity, present: list[str], told: list[str]
) -> None:
    stage = Stage()
    for name in present:
        stage.engine.inspects[container_id(name)] = {}
    stage.watch.failed(REFUSED)
    stage.engine.engine_look = replace(LOOK, identity=seen)
    with Lines() as lines:
        await stage.watch.turn()
        if not stage.ending.is_failure:
            await stage.watch.turn()
    assert [event for event in lines.events if event not in {LOST, BACK}] == told
    is_another = told == ["engine_replaced"]
    assert stage.ending.is_failure is is_another
    assert stage.keeper.engine_identity == (seen if told == ["engine_recognised"] else IDENTITY)
    assert (stage.watch.error is not None) is is_another


async def test_an_engine_that_is_lost_again_while_it_is_judged_stays_lost() -> None:
    stage = Stage()
    stage.watch.failed(REFUSED)
    stage.engine.engine_look = replace(LOOK, identity=REMADE)

    async def fail() -> frozenset[str]:
        raise HUNG

    stage.engine.container_ids = fail  # type: ignore[method-assign]
    await stage.watch.turn()
    assert stage.watch.error is HUNG
    assert not stage.ending.is_failure


async def test_the_engine_may_come_back_as_another_version() -> None:
    stage = Stage()
    stage.watch.failed(REFUSED)
    stage.engine.engine_look = replace(LOOK, version="27.0")
    await stage.watch.turn()
    assert stage.watch.engine_look is not None
    assert stage.watch.engine_look.version == "27.0"
    assert not stage.ending.is_failure


async def test_a_ping_that_fails_is_a_loss() -> None:
    stage = Stage()
    stage.engine.error = HUNG
    with Lines() as lines, pytest.raises(EngineUnavailable):
        await stage.watch.ask()
    assert lines.events == [LOST]


async def test_a_loss_that_a_request_comes_across_cuts_the_wait_short() -> None:
    import asyncio

    stage = Stage()
    watch = EngineWatch(stage.engine, stage.ending, clock=stage.clock, timing=Timing(0.0, 3600.0))
    watch.answered(LOOK)
    task = asyncio.create_task(watch.run(stage.keeper))
    await asyncio.sleep(0)
    watch.failed(HUNG)
    while watch.error is not None:  # noqa: ASYNC110 - pytest's time-out ends it
        await asyncio.sleep(0)
    task.cancel()
