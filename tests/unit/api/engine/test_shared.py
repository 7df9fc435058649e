"""Requests share a listing, and none is answered by a listing older than itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from status_state_api.engine.shared import SharedCall

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Engine:
    """An engine whose listings end when the test says so. The n-th listing answers n."""

    waiting: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    begun: int = 0
    under_way: int = 0
    most_under_way: int = 0

    async def list(self) -> int:
        """Begin a listing."""
        self.begun += 1
        number = self.begun
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        end = asyncio.get_running_loop().create_future()
        self.waiting.append(end)
        try:
            await end
        finally:
            self.under_way -= 1
        return number

    def finish(self, error: Exception | None = None) -> None:
        """End the listing that is under way."""
        end = self.waiting.pop(0)
        if error is None:
            end.set_result(None)
        else:
            end.set_exception(error)


async def turn() -> None:
    """Let everything that can go on at once go on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; pytest's time-out ends it."""
    while not condition():  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(0)


async def test_a_request_is_answered_by_a_listing_begun_after_it_came() -> None:
    engine = Engine()
    shared = SharedCall(engine.list, gather_factor=0)
    first = asyncio.create_task(shared.get())
    await turn()
    late = asyncio.create_task(shared.get())
    await turn()
    engine.finish()
    assert await first == 1
    assert not late.done(), "the listing that has just ended was begun before the request came"
    await until(lambda: engine.begun == 2)
    engine.finish()
    assert await late == 2


async def test_requests_that_wait_together_share_one_listing() -> None:
    engine = Engine()
    shared = SharedCall(engine.list, gather_factor=0)
    first = asyncio.create_task(shared.get())
    await turn()
    others = [asyncio.create_task(shared.get()) for _ in range(50)]
    await turn()
    engine.finish()
    await until(lambda: engine.begun == 2)
    engine.finish()
    assert await first == 1
    assert await asyncio.gather(*others) == [2] * 50
    assert engine.begun == 2


async def test_those_who_were_answered_and_come_again_share_the_next_listing_with_those_who_came_meanwhile() -> None:
    engine = Engine()
    shared = SharedCall(engine.list, gather_factor=1e9)
    first = [asyncio.create_task(shared.get()) for _ in range(3)]
    await turn()
    meanwhile = [asyncio.create_task(shared.get()) for _ in range(3)]
    await turn()
    engine.finish()
    await asyncio.gather(*first)
    again = [asyncio.create_task(shared.get()) for _ in range(3)]
    await turn()
    assert engine.begun == 2, "it begins as soon as all have come"
    engine.finish()
    assert await asyncio.gather(*meanwhile, *again) == [2] * 6


async def test_a_single_request_never_waits_for_others() -> None:
    engine = Engine()
    shared = SharedCall(engine.list, gather_factor=1e9)
    for number in range(1, 4):
        request = asyncio.create_task(shared.get())
        await turn()
        assert engine.begun == number
        engine.finish()
        assert await request == number


async def test_a_failure_is_news_for_all_who_wait() -> None:
    engine = Engine()
    shared = SharedCall(engine.list, gather_factor=1e9)
    first = asyncio.create_task(shared.get())
    await turn()
    late = asyncio.create_task(shared.get())
    await turn()
    engine.finish(OSError("hangs"))
    for task in (first, late):
        with pytest.raises(OSError, match="hangs"):
            await task
    assert engine.begun == 1
    again = asyncio.create_task(shared.get())
    await turn()
    engine.finish()
    assert await again == 2


async def test_one_who_goes_away_takes_nothing_from_the_others() -> None:
    engine = Engine()
    shared = SharedCall(engine.list, gather_factor=0)
    gone, stays = asyncio.create_task(shared.get()), asyncio.create_task(shared.get())
    await turn()
    gone.cancel()
    await turn()
    engine.finish()
    assert await stays == 1


async def test_a_failure_for_which_nobody_waits_any_more_does_no_harm() -> None:
    engine = Engine()
    shared = SharedCall(engine.list, gather_factor=0)
    gone = asyncio.create_task(shared.get())
    await turn()
    gone.cancel()
    await turn()
    engine.finish(OSError("hangs"))
    await turn()


@given(st.lists(st.sampled_from(["request", "request", "finish", "fail", "leave"]), max_size=60))
def test_whatever_the_order_no_answer_is_older_than_its_request_and_one_listing_is_under_way(steps: list[str]) -> None:
    async def play() -> None:
        engine = Engine()
        shared = SharedCall(engine.list, gather_factor=0)
        requests: list[tuple[int, asyncio.Task[int]]] = []
        for step in steps:
            if step == "request":
                requests.append((engine.begun, asyncio.create_task(shared.get())))
            elif step == "leave" and requests:
                requests.pop(0)[1].cancel()
            elif step in {"finish", "fail"} and engine.waiting:
                engine.finish(OSError("fails") if step == "fail" else None)
            await turn()
        while not all(task.done() for _, task in requests):
            if engine.waiting:
                engine.finish()
            await asyncio.sleep(0)
        for begun_before, task in requests:
            result = (await asyncio.gather(task, return_exceptions=True))[0]
            assert isinstance(result, OSError) or (isinstance(result, int) and result > begun_before)
        assert engine.most_under_way <= 1

    asyncio.run(play())


async def test_the_next_listing_waits_until_those_just_answered_have_come_again() -> None:
    engine = Engine()
    shared = SharedCall(engine.list, gather_factor=1e9)
    first = [asyncio.create_task(shared.get()) for _ in range(2)]
    await turn()
    engine.finish()
    assert await asyncio.gather(*first) == [1, 1]
    again = [asyncio.create_task(shared.get())]
    await turn()
    assert engine.begun == 1, "one of the two has not come again"
    again.append(asyncio.create_task(shared.get()))
    await turn()
    assert engine.begun == 2
    engine.finish()
    assert await asyncio.gather(*again) == [2, 2]
