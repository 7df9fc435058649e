"""Blocking calls in threads: at once up to the bound, in order, and never in the way of the process' end."""

from __future__ import annotations

import asyncio
import threading

import pytest
from status_state_api.process.threads import DaemonThreads


async def test_calls_are_made_at_once_up_to_the_bound() -> None:
    threads = DaemonThreads(3, "test")
    together = threading.Barrier(3)
    await asyncio.gather(*(threads.run(together.wait, 10) for _ in range(6)))


async def test_never_more_than_the_bound_at_once() -> None:
    threads, lock = DaemonThreads(2, "test"), threading.Lock()
    together = threading.Barrier(2)
    under_way = most = 0

    def call() -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        together.wait(10)
        with lock:
            under_way -= 1

    await asyncio.gather(*(threads.run(call) for _ in range(20)))
    assert most == 2


async def test_a_single_thread_makes_calls_in_the_order_in_which_they_were_asked_for() -> None:
    threads = DaemonThreads(1, "test")
    made: list[int] = []
    await asyncio.gather(*(threads.run(made.append, number) for number in range(50)))
    assert made == list(range(50))


async def test_a_call_returns_and_raises_where_it_is_awaited() -> None:
    threads = DaemonThreads(1, "test")
    assert await threads.run(int, "7") == 7
    with pytest.raises(ValueError, match="invalid literal"):
        await threads.run(int, "seven")


async def test_a_call_whose_caller_has_gone_is_made_all_the_same() -> None:
    threads = DaemonThreads(1, "test")
    may_go_on, made = threading.Event(), list[int]()
    first = asyncio.create_task(threads.run(may_go_on.wait, 10))
    gone = asyncio.create_task(threads.run(made.append, 1))
    await asyncio.sleep(0)
    gone.cancel()
    may_go_on.set()
    await first
    await threads.run(made.append, 2)
    assert made == [1, 2]


async def test_the_process_does_not_wait_for_a_call_that_hangs() -> None:
    threads = DaemonThreads(1, "test")
    assert await threads.run(lambda: threading.current_thread().daemon)


async def test_a_thread_that_nobody_needs_ends_and_the_next_call_gets_a_new_one() -> None:
    threads = DaemonThreads(1, "test-idle", idle_seconds=0.01)
    for _ in range(3):
        thread = await threads.run(threading.current_thread)
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()


async def test_no_call_is_lost_while_threads_end() -> None:
    threads = DaemonThreads(2, "test", idle_seconds=0.0)
    for _ in range(200):
        assert await asyncio.gather(*(threads.run(int, "1") for _ in range(3))) == [1, 1, 1]
