"""The loop: one check after the other, whatever goes wrong in them, until it is told to stop; then promptly."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from status_state_controller.errors import EngineError, EngineRefused
from status_state_controller.main import EngineLostError, Timing

from .stage import BOUND_SECONDS, Log, Stage, stage, until
from .world import FakeClock, container, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


class HastyClock(FakeClock):
    """A clock by which every check takes as long as the interval, so that the next one follows at once."""

    def __call__(self) -> float:
        """Steady seconds, half a minute later each time."""
        self.seconds += 30
        return self.seconds


@asynccontextmanager
async def running(s: Stage) -> AsyncGenerator[asyncio.Event]:
    """Run the controller's loop; at the end of the block it is told to stop and must do so."""
    stop = asyncio.Event()
    loop = asyncio.create_task(s.controller.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        done, _ = await asyncio.wait({loop}, timeout=BOUND_SECONDS)
        loop.cancel()
    assert done, "the loop did not end"
    loop.result()


async def test_the_loop_checks_again_and_again(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), clock=HastyClock())
    async with running(s):
        for count in (1, 2, 3):
            await until(lambda count=count: len(s.completed) >= count)
            s.engine.put(container(f"newcomer-{count}"))
            await until(lambda count=count: f"stop newcomer-{count} None" in s.engine.acts)


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), EngineError("no answer")], ids=["a bug", "engine"])
async def test_whatever_goes_wrong_in_a_check_the_loop_goes_on(error: Exception, tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"), clock=HastyClock())
    s.engine.failures["list"] = error
    with Log():
        async with running(s):
            await until(lambda: s.engine.calls.count("list") >= 3)
            s.engine.failures.clear()
            await until(lambda: s.engine.acts == ["start web"])


async def test_the_loop_ends_with_an_error_when_the_engine_is_lost(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), clock=HastyClock())
    s.engine.failures["identity"] = EngineRefused("nobody listens.")
    with pytest.raises(EngineLostError, match="nobody listens"):
        await asyncio.wait_for(s.controller.run(asyncio.Event()), BOUND_SECONDS)


async def test_a_loop_that_is_stopped_beforehand_does_nothing(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"))
    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(s.controller.run(stop), BOUND_SECONDS)
    assert s.engine.calls == []


async def test_the_loop_ends_promptly_in_the_middle_of_its_pause(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), interval=3600)
    async with running(s):
        await until(lambda: s.completed)


@pytest.mark.parametrize("call", ["list", "identity"])
async def test_the_loop_ends_promptly_while_the_engine_hangs(call: str, tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    s.engine.hang(call)
    async with running(s):
        await until(s.engine.reached[call].is_set)


async def test_the_loop_ends_promptly_while_the_ssa_hangs(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    s.ssa.hang = asyncio.Event()
    async with running(s):
        await until(s.ssa.reached.is_set)


async def test_a_check_never_overlaps_the_next(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), clock=HastyClock())
    listing = s.engine.hang("list")
    async with running(s):
        await until(s.engine.reached["list"].is_set)
        for _ in range(50):
            await asyncio.sleep(0)
        assert s.engine.calls.count("list") == 1
        assert s.ssa.requests.count("GET /snapshot/recipes") == 1
        listing.set()
        await until(lambda: s.engine.calls.count("list") > 1)


async def test_at_the_end_a_running_action_may_finish_and_is_reported(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"))
    starting = s.engine.hang("start web")
    stop = asyncio.Event()
    loop = asyncio.create_task(s.controller.run(stop))
    await until(s.engine.reached["start web"].is_set)
    stop.set()
    for _ in range(50):
        await asyncio.sleep(0)
    assert not loop.done()
    starting.set()
    await asyncio.wait_for(loop, BOUND_SECONDS)
    assert [(o["container"]["name"], o["result"]) for o in s.ssa.reports[-1]["outcomes"]] == [("web", "done")]


async def test_at_the_end_an_action_that_takes_too_long_is_left_to_the_engine(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), container("slow"), timing=Timing(last_actions=0.02))
    s.engine.hang("stop slow")
    async with running(s):
        await until(s.engine.reached["stop slow"].is_set)
    assert s.engine.acts == ["stop slow None"]


async def test_while_an_ssa_that_hangs_is_asked_the_check_of_the_last_snapshot_is_only_delayed(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    await s.check()
    s.engine.put(container("web", "exited"))
    s.ssa.hang = asyncio.Event()
    s.ssa.away = True
    check = asyncio.create_task(s.controller.check())
    await until(lambda: s.engine.calls.count("list") == 2)
    s.ssa.hang.set()
    await check
    await until(lambda: s.engine.acts == ["start web"])
