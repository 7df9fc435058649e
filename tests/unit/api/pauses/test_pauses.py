"""Pauses: which are in force, how they end by themselves, what they accept then, and what survives."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from status_state_api.pauses.pause import begin_pause, in_force, is_over, seconds_left, share_at_end, take_up

from ..ssa import Ssa, beside_two_containers
from ..world import DISK_FULL, NOW, Lines, container_id, entry, inspect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from status_state_api.model import Pause


def pause(container: str | None = None, seconds: float = 60, *, accept: bool = False) -> Pause:
    """A pause that begins now."""
    return begin_pause(container, seconds=seconds, reason=None, accept_at_end=accept, by=None, now=NOW)


def later(seconds: float) -> timedelta:
    """So many seconds."""
    return timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("loaded", "wall", "steady", "over"),
    [
        (0, 0, 0, False),
        (0, 59, 59, False),
        (0, 60, 60, True),
        (0, 3600, 1, True),  # the clock was set forward, or the machine slept
        (0, -3600, 59, False),
        (0, -3600, 60, True),  # the clock was set back: its seconds have passed all the same
        (40, 59, 19, False),
        (40, 60, 20, True),
        (-7200, -7190, 10, False),  # stored, and the clock set back before the restart
        (-7200, -7140, 60, True),
        (90, 90, 0, True),  # its time was over before the start
    ],
)
def test_a_pause_is_over_by_the_clock_or_when_its_seconds_have_passed(
    loaded: float, wall: float, steady: float, *, over: bool
) -> None:
    one = take_up(pause(), NOW + later(loaded), 1000.0)
    assert is_over(one, NOW + later(wall), 1000.0 + steady) is over
    assert (in_force([one], NOW + later(wall), 1000.0 + steady) == ()) is over
    assert (seconds_left([one], NOW + later(wall), 1000.0 + steady) == 0) is over


def test_one_that_accepts_at_its_end_is_in_force_until_it_was_ended() -> None:
    ones = [take_up(one, NOW, 0.0) for one in (pause("web", accept=True), pause("db"), pause(None, 3600))]
    assert [one.container for one in in_force(ones, NOW, 0.0)] == [None, "db", "web"]
    assert [one.container for one in in_force(ones, NOW + later(61), 61.0)] == [None, "web"]
    assert seconds_left(ones, NOW + later(20), 20.0) == 40
    assert seconds_left([], NOW, 0.0) is None


def test_a_pause_lasts_a_second_at_least() -> None:
    assert pause(seconds=0.2).until - NOW == later(1)


def test_what_is_accepted_at_the_end() -> None:
    assert share_at_end([pause(), pause("web")]) is None
    share = share_at_end([pause("web", accept=True), pause("db", accept=True), pause("x")])
    assert share is not None
    assert (share.everything, share.names) == (False, ("db", "web"))
    share = share_at_end([pause("web", accept=True), pause(accept=True)])
    assert share is not None
    assert share.everything


@asynccontextmanager
async def running() -> AsyncGenerator[Ssa]:
    """An SSA that holds a snapshot of `web` and `db`, and ends pauses."""
    async with beside_two_containers() as ssa:
        await ssa.holder.start()
        ending = asyncio.create_task(ssa.parts.pauses.run())
        yield ssa
        ending.cancel()


async def begin(ssa: Ssa, *scopes: str | None, accept: bool = False) -> None:
    """Pause for a minute."""
    await ssa.parts.pauses.begin(scopes, 60, reason=None, accept_at_end=accept, by=None)


async def pass_time(ssa: Ssa, seconds: float) -> None:
    """Let time pass, and have the loop look."""
    ssa.now += later(seconds)
    ssa.clock.now += seconds
    ssa.parts.pauses.book.changed.set()
    for _ in range(50):
        await asyncio.sleep(0)


def deploy(ssa: Ssa) -> None:
    """Have `miner` run."""
    ssa.engine.entries.append(entry("miner"))
    ssa.engine.inspects[container_id("miner")] = inspect("miner")


def originals(ssa: Ssa) -> list[str]:
    """The names of the originals."""
    return [original.name for original in ssa.parts.held().snapshot.originals]


async def test_a_pause_ends_by_itself_which_is_reported_and_stored() -> None:
    async with running() as ssa:
        with Lines() as log:
            await begin(ssa, None, "web")
            before = ssa.parts.desired_tag()
            await pass_time(ssa, 59)
            assert len(ssa.store.pauses) == 2
            await pass_time(ssa, 1)
        assert (ssa.store.pauses, ssa.parts.pauses.book.in_force()) == ({}, ())
        assert ssa.parts.desired_tag() != before
        assert log.events == ["pause_begun", "pause_begun", "pause_ended", "pause_ended"]


async def test_the_stream_tells_the_end_at_that_moment() -> None:
    async with beside_two_containers() as ssa:
        await ssa.holder.start()
        ssa.parts.pauses.book._clock = asyncio.get_running_loop().time  # pyright: ignore[reportPrivateUsage] - real seconds
        ending = asyncio.create_task(ssa.parts.pauses.run())
        await ssa.parts.pauses.begin(["web"], 1, reason=None, accept_at_end=False, by=None)
        _, lines = await ssa.follow("/verdicts")
        first = await anext(lines)
        async with asyncio.timeout(5):
            assert await anext(lines) != first
        ending.cancel()


async def test_what_is_there_is_accepted_before_the_pause_ends() -> None:
    async with running() as ssa:
        await begin(ssa, None, accept=True)
        deploy(ssa)
        await pass_time(ssa, 61)
        assert originals(ssa) == ["db", "miner", "web"]
        assert ssa.store.pauses == {}
        assert ssa.parts.held().snapshot.by == "the end of a pause"


async def test_a_name_is_accepted_where_it_is_and_leaves_the_snapshot_where_it_is_gone() -> None:
    async with running() as ssa:
        await begin(ssa, "web", "miner", accept=True)
        deploy(ssa)
        del ssa.engine.entries[0]
        await pass_time(ssa, 61)
        assert originals(ssa) == ["db", "miner"]


async def test_while_accepting_fails_the_pause_stays_and_others_end() -> None:
    async with running() as ssa:
        await begin(ssa, None, accept=True)
        await begin(ssa, "web")
        deploy(ssa)
        with Lines() as log:
            ssa.engine.error = RuntimeError("a bug")
            await pass_time(ssa, 61)
            assert [one.container for one in ssa.parts.pauses.book.in_force()] == [None]
            assert list(ssa.store.pauses) == [None]
            ssa.engine.error = None
            async with asyncio.timeout(5):
                while ssa.store.pauses:  # noqa: ASYNC110 - the loop tries again by itself
                    await asyncio.sleep(0.01)
        assert originals(ssa) == ["db", "miner", "web"]
        assert "pauses_failed" in log.events


async def test_a_store_that_fails_is_reported_once_and_warned_of_until_it_is_over() -> None:
    async with running() as ssa:
        await begin(ssa, None, accept=True)
        deploy(ssa)
        with Lines() as log:
            ssa.store.error = DISK_FULL
            await pass_time(ssa, 61)
            await pass_time(ssa, 1)
            assert any(DISK_FULL.cause in warning for warning in (await ssa.status()).warnings)
            ssa.store.error = None
            async with asyncio.timeout(5):
                while ssa.store.pauses:  # noqa: ASYNC110 - the loop tries again by itself
                    await asyncio.sleep(0.01)
        assert log.events.count("pause_end_delayed") == 1
        assert (await ssa.status()).warnings == []


async def test_pauses_survive_a_restart_and_a_fresh_snapshot_and_are_there_before_it_is_served() -> None:
    async with beside_two_containers() as ssa:
        ssa.store.pauses = {
            None: pause(accept=True).model_dump_json(),
            "web": pause("web").model_dump_json(),
            "odd": "{",
        }
        ssa.now += later(3600)
        with Lines() as log:
            await ssa.holder.start()
        assert [one.container for one in ssa.parts.pauses.book.in_force()] == [None], "the other one is over"
        assert "stored_pause_dropped" in log.events
        deploy(ssa)
        ending = asyncio.create_task(ssa.parts.pauses.run())
        for _ in range(50):
            await asyncio.sleep(0)
        assert originals(ssa) == ["db", "miner", "web"]
        assert ssa.parts.pauses.book.in_force() == ()
        ending.cancel()


async def test_no_snapshot_is_served_while_the_pauses_can_not_be_read() -> None:
    async with beside_two_containers() as ssa:
        ssa.store.read_pauses = broken  # type: ignore[method-assign] # pyright: ignore[reportAttributeAccessIssue] - as the store would
        starting = asyncio.create_task(ssa.holder.start())
        for _ in range(50):
            await asyncio.sleep(0)
        assert ssa.holder.held is None
        starting.cancel()


async def broken(*_: object) -> list[str]:
    """Fail."""
    raise DISK_FULL


async def test_pausing_again_begins_the_time_anew() -> None:
    async with running() as ssa:
        await begin(ssa, "web")
        await pass_time(ssa, 50)
        await begin(ssa, "web")
        await pass_time(ssa, 50)
        (one,) = ssa.parts.pauses.book.in_force()
        assert (one.until - NOW, list(ssa.store.pauses)) == (later(110), ["web"])
