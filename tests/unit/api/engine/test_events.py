"""One stream of the engine's events, and those who listen to it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest
from status_state_api.engine.events import Event, EventFollower, read_event
from status_state_api.engine.streams import LONGEST_LINE_BYTES
from status_state_api.engine.watch import EngineWatch
from status_state_api.process.ending import Ending

from ..health.world import StreamingEngine, until
from ..world import HUNG, LOOK, Lines

TOLD = {"Action": "die", "Actor": {"ID": "ab", "Attributes": {"name": "web"}}, "timeNano": 1_500_000_000}
DIED = Event("die", "ab", "web", datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC))


class Listener:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.shown: list[object] = []

    def began(self) -> None:
        """Note it."""
        self.shown.append("began")

    def heard(self, event: Event) -> None:
        """Note it."""
        self.shown.append(event)

    def broke(self) -> None:
        """Note it."""
        self.shown.append("broke")


class Stage:
    """An engine, its follower, and two who listen."""

    def __init__(self) -> None:
        self.engine = StreamingEngine()
        self.watch = EngineWatch(self.engine, Ending())
        self.watch.answered(LOOK)
        self.follower = EventFollower(self.engine, self.watch, again_seconds=0.001)
        self.one, self.other = Listener(), Listener()

    def write(self, *lines: bytes) -> None:
        """Have the engine tell this."""
        self.engine.event_pipes[-1].write(*(line + b"\n" for line in lines))

    async def shown(self, listener: Listener, *what: object) -> None:
        """Wait until this is what it was shown."""
        await until(lambda: listener.shown == list(what))

    @property
    def open(self) -> int:
        """How many streams are open."""
        return sum(not pipe.closed for pipe in self.engine.event_pipes)


async def test_all_who_listen_share_one_stream_for_as_long_as_anybody_does() -> None:
    stage = Stage()
    stage.follower.join(stage.one)
    await stage.shown(stage.one, "began")
    stage.follower.join(stage.other)
    stage.write(json.dumps(TOLD).encode())
    await stage.shown(stage.one, "began", DIED)
    await stage.shown(stage.other, "began", DIED)
    assert (stage.open, stage.engine.asked.count("events")) == (1, 1)
    stage.follower.leave(stage.one)
    stage.write(json.dumps(TOLD).encode())
    await stage.shown(stage.other, "began", DIED, DIED)
    assert stage.one.shown == ["began", DIED]
    stage.follower.leave(stage.one)
    stage.follower.leave(stage.other)
    await until(lambda: stage.open == 0)
    stage.follower.join(stage.other)
    await stage.shown(stage.other, "began", DIED, DIED, "began")


@pytest.mark.parametrize("error", [None, HUNG, RuntimeError("a bug")], ids=str)
async def test_after_a_break_each_is_shown_the_gap(error: Exception | None) -> None:
    stage = Stage()
    with Lines() as lines:
        for listener in (stage.one, stage.other):
            stage.follower.join(listener)
        await stage.shown(stage.other, "began")
        stage.engine.event_pipes[0].end(error)
        for listener in (stage.one, stage.other):
            await stage.shown(listener, "began", "broke", "began")
    assert lines.events == (["events_failed"] if isinstance(error, RuntimeError) else [])
    assert stage.open == 1


async def test_a_lost_engine_is_not_asked_before_the_watch_has_it_back() -> None:
    stage = Stage()
    stage.watch.failed(HUNG)
    stage.follower.join(stage.one)
    for _ in range(20):
        await asyncio.sleep(0.001)  # as many attempts would have been made
    assert stage.engine.asked == []
    stage.watch.answered(LOOK)
    await stage.shown(stage.one, "began")


async def test_what_can_not_be_read_is_a_gap() -> None:
    stage = Stage()
    stage.follower.join(stage.one)
    await stage.shown(stage.one, "began")
    long = {**TOLD, "Actor": {"ID": "ab", "Attributes": {"name": "web", "label": "x" * LONGEST_LINE_BYTES}}}
    stage.write(json.dumps(long).encode(), b"", json.dumps(TOLD).encode())
    await stage.shown(stage.one, "began", "broke", "began", DIED)


@pytest.mark.parametrize("told", ["null", "[]", '{"Action": "die"}', '{"Action": "die", "Actor": {}}', "{"])
def test_other_lines_are_no_events(told: str) -> None:
    assert read_event(told.encode()) is None


def test_an_event_without_a_time_or_a_name_is_one() -> None:
    assert read_event(b'{"Action": "start", "Actor": {"ID": "ab"}}') == Event("start", "ab", "", None)
