"""Following one log: from where, each line once over breaks, and what is told when it can't be read."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from status_state_api.errors import LogUnreadable
from status_state_api.health.logs.follower import LogFollower
from status_state_api.health.timing import Timing
from status_state_api.health.verdict import State, Verdict

from ..world import HUNG, entry
from .world import STARTED, FakeClock, Pipe, StreamingEngine, log_rule, logged, moment, run_of, until

RUN = run_of().subject
NO_LOG = LogUnreadable("its log can't be read: the driver none", "Give it a log driver that keeps a log")


class Stage:
    """A container whose log is followed, a minute after its start."""

    def __init__(self, *, after: float = 5.0, terminal: bool = False, hold: float = 330.0, **rule: str) -> None:
        self.engine = StreamingEngine(entry("web"))
        self.put: list[Verdict] = []
        self.current = True
        self.confirmed = 0
        self.clock = FakeClock(STARTED + timedelta(seconds=after))
        self.follower = LogFollower(
            self.engine,
            run_of(terminal=terminal),
            log_rule(**rule),
            put=self.put.append,
            is_current=self.is_current,
            timing=Timing(log_hold=hold),
            clock=self.clock,
        )
        self.task: asyncio.Task[None] | None = None

    async def is_current(self) -> bool:
        """Whether the run is the present one."""
        self.confirmed += 1
        if self.engine.error is not None:
            raise self.engine.error
        return self.current

    async def begin(self) -> Pipe:
        """Begin to follow; return what is followed."""
        self.task = asyncio.create_task(self.follower.follow())
        return await self.followed(1)

    async def followed(self, times: int) -> Pipe:
        """What is followed when it was asked for so often."""
        await until(lambda: len(self.engine.logs) >= times)
        return self.engine.logs[times - 1]

    async def told(self, state: str) -> Verdict:
        """The judgement once it is this."""
        await until(lambda: self.put and self.put[-1].state.value == state)
        return self.put[-1]

    async def over(self) -> None:
        """Wait for its end."""
        assert self.task is not None
        await asyncio.wait_for(self.task, 5)

    async def end(self) -> None:
        """End it from outside."""
        assert self.task is not None
        assert not self.task.done()
        self.task.cancel()
        await asyncio.wait([self.task])


async def test_a_quiet_log_is_well_from_the_moment_on_at_which_it_is_followed() -> None:
    stage = Stage()
    await stage.begin()
    assert await stage.told("ok") == Verdict(RUN, "logs", State.OK, "its log has no line at or above error within 60 s")
    await stage.end()


async def test_a_severe_line_makes_it_failing_with_the_line() -> None:
    stage = Stage()
    pipe = await stage.begin()
    pipe.write(logged(1, "INFO fine"), logged(2, "ERROR broken"))
    assert (await stage.told("failing")).evidence == ("ERROR broken",)
    await stage.end()


async def test_a_terminal_is_read_as_one() -> None:
    stage = Stage(terminal=True)
    pipe = await stage.begin()
    pipe.write(f"{moment(2)} ERROR broken\r\n".encode())
    assert (await stage.told("failing")).evidence == ("ERROR broken",)
    await stage.end()


@pytest.mark.parametrize(
    ("after", "within", "since"),
    [
        (5.0, "10", -1.0),
        (8.0, "10", -1.0),
        (3600.0, "10", 3590.0),
        (3600.0, "10m", 3000.0),
    ],
    ids=["since the start", "since the start, just", "seconds ago", "as long ago as lines may count"],
)
async def test_a_log_is_asked_for_from_the_run_on_or_as_far_back_as_lines_count(
    after: float, within: str, since: float
) -> None:
    stage = Stage(after=after, within=within)
    pipe = await stage.begin()
    assert pipe.since == f"{(STARTED + timedelta(seconds=since)).timestamp():.0f}.000000000"
    pipe.write(logged(since - 0.001, "ERROR before"), logged(since + 0.001, "ERROR after"))
    assert (await stage.told("failing")).evidence == ("ERROR after",)
    await stage.end()


async def test_a_log_that_breaks_off_is_followed_on_each_line_once() -> None:
    stage = Stage(count="3")
    pipe = await stage.begin()
    pipe.write(logged(10, "ERROR one"), logged(10.5, "ERROR two", stream=1))
    pipe.end(HUNG)
    told = await stage.told("unknown")
    assert told.reason == f"its log can't be read: {HUNG}"
    pipe = await stage.followed(2)
    assert pipe.since == f"{STARTED.timestamp() + 9:.0f}.500000000", "a second before the newest line"
    await stage.told("ok")
    pipe.write(logged(10, "ERROR one"), logged(10.5, "ERROR two", stream=1), logged(11, "INFO here"))
    pipe.write(logged(12, "ERROR three"))
    assert (await stage.told("failing")).evidence == ("ERROR one", "ERROR two", "ERROR three")
    await stage.end()


async def test_a_log_that_was_read_again_counts_nothing_twice() -> None:
    stage = Stage(count="2")
    pipe = await stage.begin()
    pipe.write(logged(10, "ERROR one"))
    pipe.end(HUNG)
    await stage.told("unknown")
    pipe = await stage.followed(2)
    pipe.write(logged(10, "ERROR one"))
    pipe.end()
    await stage.followed(3)
    assert stage.put[-1].state is State.OK
    assert all(put.state is not State.FAILING for put in stage.put)
    await stage.end()


async def test_a_log_that_ends_with_the_run_is_over() -> None:
    stage = Stage()
    pipe = await stage.begin()
    await stage.told("ok")
    stage.current = False
    pipe.write(logged(10, "ERROR the last words")[:-1])
    pipe.end()
    await stage.over()
    assert len(stage.engine.logs) == 1
    assert pipe.closed


async def test_the_last_line_counts_without_a_newline() -> None:
    stage = Stage()
    pipe = await stage.begin()
    whole = logged(10, "ERROR the last words")
    pipe.write(whole[:4] + (len(whole) - 9).to_bytes(4, "big") + whole[8:-1])
    stage.current = False
    pipe.end()
    await stage.over()
    assert stage.put[-1].evidence == ("ERROR the last words",)


async def test_a_log_that_ends_while_the_run_goes_on_is_followed_again() -> None:
    stage = Stage()
    pipe = await stage.begin()
    pipe.end()
    assert stage.confirmed == 1, "before it is followed"
    await stage.followed(2)
    assert stage.confirmed == 2
    await stage.end()


async def test_the_log_of_a_run_that_is_over_is_not_followed() -> None:
    stage = Stage()
    stage.current = False
    stage.task = asyncio.create_task(stage.follower.follow())
    await stage.over()
    assert (stage.engine.logs, stage.put) == ([], [])


async def test_a_failing_that_has_passed_is_not_reported_while_the_log_can_not_be_read() -> None:
    stage = Stage(after=10, within="0.1", hold=0.0)
    pipe = await stage.begin()
    pipe.write(logged(10, "ERROR broken"))
    await stage.told("failing")
    stage.engine.stream_error = HUNG
    pipe.end(HUNG)
    await stage.told("unknown")
    stage.clock.at += timedelta(seconds=1)
    loop = asyncio.get_running_loop()
    passed = loop.create_future()
    loop.call_later(0.15, passed.set_result, None)
    await passed
    assert stage.put[-1].state is State.UNKNOWN
    await stage.end()


async def test_a_log_that_the_driver_does_not_keep_is_unknown_for_as_long_as_the_run_lasts() -> None:
    stage = Stage()
    stage.engine.stream_error = NO_LOG
    stage.task = asyncio.create_task(stage.follower.follow())
    assert await stage.told("unknown") == Verdict(RUN, "logs", State.UNKNOWN, str(NO_LOG), blocked=True)
    stage.engine.stream_error = None
    for _ in range(20):
        await asyncio.sleep(0.001)  # the pauses are as short
    assert stage.engine.asked == ["log"]
    assert len(stage.put) == 1
    await stage.end()


async def test_an_engine_that_is_lost_is_asked_again_until_it_answers() -> None:
    stage = Stage()
    stage.engine.stream_error = HUNG
    stage.task = asyncio.create_task(stage.follower.follow())
    await until(lambda: len(stage.engine.asked) > 3)
    assert {(put.state, put.blocked) for put in stage.put} == {(State.UNKNOWN, False)}
    stage.engine.stream_error = None
    await stage.told("ok")
    await stage.end()


async def test_an_engine_that_can_not_confirm_the_run_is_asked_again() -> None:
    stage = Stage()
    pipe = await stage.begin()
    stage.engine.error = HUNG
    pipe.end()
    await stage.told("unknown")
    stage.engine.error = None
    await stage.followed(2)
    await stage.told("ok")
    await stage.end()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"HTTP/1.1 what is this", "the engine's stream of a log can't be read"),
        (logged(10, "x")[:8] + b"yesterday" * 5, "the engine's stream of a log can't be read"),
    ],
)
async def test_what_is_no_log_is_unknown_and_asked_for_again(sent: bytes, said: str) -> None:
    stage = Stage()
    pipe = await stage.begin()
    pipe.write(sent, b"\x07" * 100)
    assert (await stage.told("unknown")).reason == said
    await stage.followed(2)
    await stage.told("ok")
    await stage.end()


async def test_a_log_without_times_is_unknown() -> None:
    stage = Stage(terminal=True)
    pipe = await stage.begin()
    pipe.write(b"yesterday ERROR broken\n")
    assert (await stage.told("unknown")).reason == "the engine's stream of a log has no times"
    await stage.end()


@pytest.mark.parametrize("text", ["ERROR broken", "INFO fine"])
async def test_after_a_line_without_a_time_a_log_is_followed_on(text: str) -> None:
    stage = Stage(terminal=True)
    pipe = await stage.begin()
    pipe.write(f"{moment(1)} INFO fine\nyesterday {text}\n".encode())
    await stage.told("unknown")
    assert not stage.put[-1].blocked, "it may be another the next time"
    pipe = await stage.followed(2)
    assert pipe.since == f"{STARTED.timestamp():.0f}.000000000", "a second before the last line that had a time"
    pipe.write(f"{moment(2)} ERROR broken\n".encode())
    assert (await stage.told("failing")).evidence == ("ERROR broken",)
    await stage.end()


async def test_a_failing_log_is_told_to_be_well_again_when_that_has_passed() -> None:
    stage = Stage(after=10, within="0.1", hold=0.05)
    pipe = await stage.begin()
    for seconds in (10, 20):
        stage.clock.at = STARTED + timedelta(seconds=seconds)
        pipe.write(logged(seconds, "ERROR broken"))
        await stage.told("failing")
        stage.clock.at += timedelta(seconds=0.1)
        await stage.told("ok")
    await stage.end()


async def test_each_further_line_puts_off_the_end_of_the_failing() -> None:
    stage = Stage(after=10, within="0.1", hold=0.05)
    pipe = await stage.begin()
    pipe.write(logged(10, "ERROR broken"))
    await stage.told("failing")
    told = len(stage.put)
    pipe.write(logged(10.15, "ERROR more"))
    await until(lambda: len(stage.put) > told)
    stage.clock.at = STARTED + timedelta(seconds=10.2)
    told = len(stage.put)
    await until(lambda: len(stage.put) > told)  # the first timer
    assert stage.put[-1].state is State.FAILING
    stage.clock.at = STARTED + timedelta(seconds=10.3)
    await stage.told("ok")
    await stage.end()


async def test_nothing_is_reported_after_its_end() -> None:
    stage = Stage(after=10, within="0.1", hold=0.05)
    pipe = await stage.begin()
    pipe.write(logged(10, "ERROR broken"))
    await stage.told("failing")
    await stage.end()
    told = len(stage.put)
    loop = asyncio.get_running_loop()
    passed = loop.create_future()
    loop.call_later(0.15, passed.set_result, None)
    await passed
    assert len(stage.put) == told
