"""That originals go up and down is noted, by the engine's events, and afterwards where nobody looked."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from status_state_api.engine.events import EventFollower
from status_state_api.engine.watch import EngineWatch
from status_state_api.health.observer import Watched
from status_state_api.journal.uptime import Uptime
from status_state_api.model import ContainerReference
from status_state_api.process.bell import Bell
from status_state_api.process.ending import Ending

from ..health.world import StreamingEngine, alive, until
from ..world import LOOK, NOW, FakeStore, container_id, entry, inspect, journal_in
from .test_journal import entry as journal_entry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from status_state_api.engine.view import Inspection

BEFORE = "2026-11-23T17:00:00Z"


class Stage:
    """An engine with the original `web`, and the journal of whether it is up."""

    def __init__(self) -> None:
        self.engine = StreamingEngine(entry("web"))
        self.run_since(BEFORE)
        self.watch = EngineWatch(self.engine, Ending())
        self.watch.answered(LOOK)
        self.store = FakeStore()
        self.journal = journal_in(self.store)
        self.events = EventFollower(self.engine, self.watch, again_seconds=0.001)
        self.bell = Bell()
        self.uptime = Uptime(self.engine, self.watch, self.events, self.journal, again_seconds=0.001, bell=self.bell)
        self.uptime.follow([Watched(container_id("web"), "web", {}, has_health_check=False)])

    def run_since(self, started: str, finished: str = "0001-01-01T00:00:00Z") -> None:
        """Have it run since then; the run before ended then."""
        state = {"Running": True, "StartedAt": started, "FinishedAt": finished}
        self.engine.inspects[container_id("web")] = inspect("web", State=state)

    def tell(self, action: str, seconds: float, name: str = "web", of: str = "web") -> None:
        """Have the engine tell of an event, so many seconds from now."""
        at = int((NOW + timedelta(seconds=seconds)).timestamp() * 1e9)
        event: dict[str, Any] = {"Action": action, "timeNano": at}
        event["Actor"] = {"ID": container_id(of), "Attributes": {"name": name}}
        self.engine.event_pipes[-1].write(json.dumps(event).encode() + b"\n")

    async def noted(self, *whats: str) -> None:
        """Wait until this is what was noted."""
        await until(lambda: [one.what for one in self.store.journal] == ["started", *whats])

    @asynccontextmanager
    async def followed(self) -> AsyncGenerator[None]:
        """Follow meanwhile."""
        tasks = [
            asyncio.create_task(self.journal.run(LOOK.identity, "5" * 32)),
            asyncio.create_task(self.uptime.run()),
        ]
        yield
        for task in tasks:
            assert not task.done()
            task.cancel()
        await asyncio.wait(tasks)


async def test_ups_and_downs_are_noted_with_the_engines_time_and_each_once() -> None:
    stage = Stage()
    async with stage.followed():
        await stage.noted("up")
        stage.tell("die", 1)
        stage.tell("die", 1)
        stage.tell("start", 2.5)
        stage.tell("start", 3, name="other", of="other")
        stage.tell("pause", 4)
        stage.engine.event_pipes[-1].write(b"no event\n")
        stage.tell("die", 5, name="renamed")
        await stage.noted("up", "down", "up", "down")
    assert [(one.at - NOW).total_seconds() for one in stage.store.journal[2:]] == [1, 2.5, 5]
    assert stage.store.journal[2].container == ContainerReference(id=container_id("web"), name="web")


async def test_whatever_happens_to_a_container_rings_the_bell() -> None:
    stage = Stage()
    async with stage.followed():
        await until(lambda: stage.uptime.changes == 1)
        rung = stage.bell.listen()
        stage.tell("pause", 1, name="other", of="other")
        await until(rung.is_set)
        assert stage.uptime.changes == 2


async def test_after_a_break_the_engine_is_asked_what_became_of_it() -> None:
    stage = Stage()
    async with stage.followed():
        await stage.noted("up")
        stage.run_since("2026-11-23T18:00:40Z", "2026-11-23T18:00:30Z")
        assert stage.uptime.is_current
        stage.engine.event_pipes[-1].end()
        await until(lambda: not stage.uptime.is_current)
        await stage.noted("up", "down", "up")
        assert stage.uptime.is_current
    assert [one.what for one in stage.uptime.recent["web"]] == ["up", "down", "up"]
    assert [(one.at - NOW).total_seconds() for one in stage.store.journal[2:]] == [30, 40]


async def test_what_is_in_the_journal_already_is_not_noted_again() -> None:
    stage = Stage()
    stage.store.journal.append(journal_entry("before", 30))
    async with stage.followed():
        await until(lambda: "web" in stage.uptime.known and stage.engine.event_pipes)
        stage.tell("die", 1)
        await until(lambda: [one.what for one in stage.store.journal] == ["up", "started", "down"])


async def test_another_snapshot_is_followed_at_once() -> None:
    stage = Stage()
    async with stage.followed():
        await stage.noted("up")
        stage.engine.entries.append(entry("db"))
        stage.engine.inspects[container_id("db")] = alive("db", 0)
        stage.uptime.follow([Watched(container_id("db"), "db", {}, has_health_check=False)])
        await stage.noted("up", "up")
        assert list(stage.uptime.known) == list(stage.uptime.recent) == ["db"]
        stage.tell("die", 1, name="web")
        stage.tell("die", 2, name="db", of="db")
        await stage.noted("up", "up", "down")


async def test_a_listing_that_is_out_of_date_by_now_makes_nobody_go_up() -> None:
    stage = Stage()
    async with stage.followed():
        await stage.noted("up")
        stage.tell("die", 1)
        await stage.noted("up", "down")
        # `web` is still in the list, of the moment before; its `inspect` knows better. So it is of one that waits to be restarted.
        for state in ({"Running": False}, {"Running": True, "Restarting": True}):
            stage.engine.inspects[container_id("web")]["State"] |= state
            asked = stage.engine.asked.count("container")
            stage.uptime.follow([Watched(container_id("web"), "web", {}, has_health_check=False)])
            await until(lambda asked=asked: stage.engine.asked.count("container") > asked)
        stage.tell("start", 2)
        await stage.noted("up", "down", "up")
    assert (stage.store.journal[-1].at - NOW).total_seconds() == 2


async def test_what_was_heard_while_the_engine_was_looked_at_is_noted_once() -> None:
    stage = Stage()
    asked = stage.engine.container
    released = asyncio.Event()

    async def slow(container_id: str) -> Inspection | None:
        await released.wait()
        return await asked(container_id)

    stage.engine.container = slow  # type: ignore[method-assign]
    async with stage.followed():
        await until(lambda: stage.engine.event_pipes)
        stage.tell("die", 30)
        stage.tell("start", 40)
        stage.tell("die", 50)
        await until(lambda: not stage.engine.event_pipes[0].waiting)
        stage.run_since("2026-11-23T18:00:41Z", "2026-11-23T18:00:30Z")
        released.set()
        await stage.noted("up", "down")
    assert [(one.at - NOW).total_seconds() for one in stage.store.journal[1:]] == [41, 50]
