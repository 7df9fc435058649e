"""The loop and the engine's events: unasked exits at once, all else settled, and nothing missed after a break."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.errors import EngineError
from status_state_controller.main import Timing
from status_state_controller.model import Event, Snapshot

from .stage import BOUND_SECONDS, Log, Stage, stage, until
from .world import container, id_of, original, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

WEB = id_of("web")


@pytest.fixture
async def listening(tmp_path: Path) -> AsyncGenerator[Any]:
    """Begin a loop that follows the engine's events; it is stopped at the end."""
    stop, loops = asyncio.Event(), list[asyncio.Task[None]]()

    async def begin(*world: Any, held: Snapshot | None = None, **others: Any) -> Stage:
        at_once = Timing(engine_retry=0)  # a stream that broke is opened again without a pause
        settings: dict[str, Any] = {"react_to_events": True, "interval": 3600, "timing": at_once} | others
        s = stage(tmp_path, held or snapshot("web"), *world, **settings)
        loops.append(asyncio.create_task(s.controller.run(stop)))
        await until(lambda: s.completed and s.engine.watched_since)
        return s

    yield begin
    stop.set()
    done, _ = await asyncio.wait(loops, timeout=BOUND_SECONDS)
    for loop in loops:
        loop.cancel()
    assert len(done) == len(loops), "the loop did not end"


def happens(s: Stage, action: str, of: str = WEB, *, signal: str = "", cursor: str = "5.000000000") -> None:
    """Let the engine report a change."""
    assert s.engine.deliver is not None
    s.engine.deliver(Event(of, action, signal, "", cursor))


async def test_an_unasked_exit_is_healed_at_once_and_the_rest_waits_until_the_host_has_settled(listening: Any) -> None:
    s = await listening(container("web"), settle=5)
    s.engine.put(container("web", "exited"), container("miner"))
    happens(s, "start", id_of("miner"))
    happens(s, "die")
    await until(lambda: s.engine.acts == ["start web"])
    s.clock.advance(5)
    happens(s, "start")
    await until(lambda: s.engine.acts == ["start web", "stop miner None"])


async def test_a_change_leads_to_a_check_of_everything(listening: Any) -> None:
    s = await listening(container("web"), settle=0)
    s.engine.put(container("miner"))
    happens(s, "start", id_of("miner"))
    await until(lambda: s.engine.acts == ["stop miner None"])
    s.engine.world.clear()
    happens(s, "destroy")
    await until(lambda: s.engine.acts[1:] == ["create web", "start web"])


async def test_a_stop_that_was_asked_for_is_not_urgent(listening: Any) -> None:
    s = await listening(container("web"), settle=5)
    s.engine.put(container("web", "exited"))
    happens(s, "kill", signal="15")
    happens(s, "die")
    for _ in range(50):
        await asyncio.sleep(0)
    assert s.engine.acts == []
    s.clock.advance(5)
    happens(s, "stop")
    await until(lambda: s.engine.acts == ["start web"])


async def test_after_a_break_the_stream_is_opened_where_it_broke_and_everything_is_checked(listening: Any) -> None:
    s = await listening(container("web"), settle=0)
    happens(s, "start", cursor="7.000000042")
    await until(lambda: s.engine.calls.count("list") >= 2)
    s.engine.put(container("web", "exited"))  # unseen
    s.engine.break_stream.set()
    await until(lambda: s.engine.acts == ["start web"])
    assert s.engine.watched_since == [None, "7.000000042"]


@pytest.mark.parametrize(
    "error", [EngineError("the stream broke"), ZeroDivisionError("a bug")], ids=["foreseen", "a bug"]
)
async def test_a_stream_that_can_not_be_followed_is_tried_again(error: Exception, listening: Any) -> None:
    s = await listening(container("web"), settle=0)
    with Log():
        s.engine.failures["watch"] = error
        s.engine.break_stream.set()
        await until(lambda: len(s.engine.watched_since) > 3)
        s.engine.failures.clear()
        s.engine.put(container("web", "exited"))
        await until(lambda: s.engine.acts == ["start web"])


async def test_no_stream_is_opened_when_events_are_off(tmp_path: Path) -> None:
    s, stop = stage(tmp_path, snapshot("web"), container("web")), asyncio.Event()
    loop = asyncio.create_task(s.controller.run(stop))
    await until(lambda: s.completed)
    stop.set()
    await asyncio.wait_for(loop, BOUND_SECONDS)
    assert s.engine.watched_since == []


async def test_the_controllers_own_stop_and_start_are_no_unasked_exits(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"), container("miner"))
    await s.check()
    for action, of, signal in (("start", WEB, ""), ("kill", id_of("miner"), "15"), ("die", id_of("miner"), "")):
        s.happens(action, of, signal)
    assert s.urgent is None
    s.engine.calls.clear()
    await s.check_later(1)
    assert s.engine.acts == []


def quitting(name: str) -> Any:
    """An original that is stopped by SIGQUIT, in up to a minute."""
    plain = original(name)
    config = dict(plain.inspect["Config"]) | {"StopSignal": "SIGQUIT", "StopTimeout": 60}
    return replace(plain, inspect=dict(plain.inspect) | {"Config": config})


async def test_an_operators_restart_of_an_original_is_known_by_its_own_stop_signal_and_time_out(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot(quitting("web")), container("web"))
    await s.check()
    s.happens("kill", WEB, "3")
    s.clock.advance(62)
    s.happens("die", WEB)
    assert s.urgent is None


async def test_the_same_goes_for_an_original_that_was_made_again(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot(quitting("web")))
    await s.check()
    await s.check_later(1)
    again = s.engine.named("web").id
    assert again != WEB
    s.happens("kill", again, "3")
    s.clock.advance(62)
    s.happens("die", again)
    assert s.urgent is None


async def test_an_unasked_exit_of_an_original_that_was_made_again_is_healed_at_once(listening: Any) -> None:
    s = await listening(settle=5)
    await until(lambda: s.engine.acts == ["create web", "start web"])
    await until(lambda: s.ssa.reports and s.ssa.reports[-1]["outcomes"][0]["result"] == "done")
    again = s.engine.named("web")
    s.clock.advance(60)
    s.engine.put(replace(again, state="exited", status="Exited (1) 1 second ago"))
    happens(s, "die", again.id)
    await until(lambda: s.engine.acts == ["create web", "start web", "start web"])
