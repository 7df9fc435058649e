"""What runs in the background: how it ends the process, and how its stop is recorded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.journal.uptime import Uptime
from status_state_api.process.ending import Ending
from status_state_api.service import Service

from .world import DISK_FULL, FakeKeeper, FakeStore, Lines, journal_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from status_state_api.health.observer import Watched
    from status_state_api.snapshot.held import Held


async def never() -> Any:
    """Never end."""
    await asyncio.get_running_loop().create_future()


async def at_once() -> Any:
    """End at once, with nothing."""


async def refuse() -> Any:
    """Have no space left."""
    raise DISK_FULL


async def break_down() -> Any:
    """Have a bug."""
    raise RuntimeError("a bug")


class Store:
    """A store to be closed."""

    async def close(self) -> None:
        """Close it."""


class Health:
    """Observes nobody."""

    closed = False

    async def run(self, originals: Sequence[Watched]) -> None:
        """Observe nobody."""
        assert originals is not None

    def close(self) -> None:
        """Note it."""
        self.closed = True


class Stage(FakeKeeper):
    """A service and what is around it: the start and the recording are the test's."""

    def __init__(
        self, start: Callable[[], Awaitable[Any]] = never, record: Callable[[], Awaitable[Any]] = at_once
    ) -> None:
        self._start, self._record = start, record
        self.told: list[str] = []
        self.ending, self.health = Ending(), Health()
        nothing: Any = None
        journal = journal_in(FakeStore())
        self.service = Service(
            self,
            nothing,
            store=Store(),
            health=self.health,
            pauses=nothing,
            journal=journal,
            uptime=Uptime(nothing, nothing, nothing, journal),
            ending=self.ending,
            stop_seconds=0.01,
        )

    async def start(self) -> Held | None:
        """Start."""
        self.told.append("starting")
        try:
            return await self._start()
        finally:
            self.told.append("start ended")

    async def record_stop(self) -> bool:
        """Record."""
        await self._record()
        self.told.append("recorded")
        return True

    async def begun(self) -> None:
        """Wait until the start is under way, and has gone as far as it can."""
        while not self.told:  # noqa: ASYNC110 - pytest's time-out ends it
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)


async def test_a_stop_ends_a_start_that_is_under_way_and_is_then_recorded() -> None:
    stage = Stage()
    with Lines() as lines:
        async with stage.service.lifespan(None):
            await stage.begun()
            stage.ending.stop()
            await stage.service.finish()
            assert stage.told == ["starting", "start ended", "recorded"]
            assert stage.health.closed, "nobody waits for verdicts while connections are drained"
    assert not stage.ending.is_failure
    assert lines.one("stopping")["recorded"] is True


@pytest.mark.parametrize(("record", "cause"), [(refuse, DISK_FULL.cause), (never, "the store was busy for 0.01 s")])
async def test_a_stop_that_can_not_be_recorded_is_reported_and_not_held_up(
    record: Callable[[], Awaitable[Any]], cause: str
) -> None:
    with Lines() as lines:
        await Stage(record=record).service.finish()
    assert lines.events == ["stop_unrecorded"]
    assert lines.one("stop_unrecorded")["cause"] == cause


@pytest.mark.parametrize(
    ("start", "told"), [(at_once, []), (refuse, ["service_failed"]), (break_down, ["service_bug"])]
)
async def test_whatever_ends_in_the_background_ends_the_process_and_no_stop_is_recorded(
    start: Callable[[], Awaitable[Any]], told: list[str]
) -> None:
    stage = Stage(start)
    with Lines() as lines:
        async with stage.service.lifespan(None):
            await stage.ending.wait()
            await stage.service.finish()
    assert stage.ending.is_failure
    assert stage.told == ["starting", "start ended"]
    assert lines.events == told
    assert [line["remedy"] for line in lines.captured if "remedy" in line] == [DISK_FULL.remedy] * (start is refuse)
    assert [line["exc_info"] for line in lines.captured if "exc_info" in line] == [True] * (start is break_down)
