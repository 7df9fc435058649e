"""The controller has people told of what it does, and never waits for that."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from status_state_controller.errors import ContainerError
from status_state_controller.model import Finding, Kind
from status_state_controller.notify import notifier as notifier_module
from status_state_controller.notify.grouping import Limits
from status_state_controller.notify.notifier import Notifier, notifying
from status_state_controller.notify.occasions import LOSS_LASTS_SECONDS
from status_state_controller.wishes.pauses import Pause

from ..stage import Log, Stage, stage, until
from ..world import NOON, FakeClock, container, snapshot
from .receivers import http_receiver

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    import pytest
    from status_state_controller.notify.message import Message

URLS = ("json://hunter2/a", "mailto://hunter2/b")


def children() -> str:
    """The processes that this one has started and that still are."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")


class Post:
    """Takes the messages: what `problems` says becomes of them, and while the gate is closed nothing does."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.checked = 0
        self.problems: Sequence[str | None] = (None, None)
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, message: Message | None) -> Sequence[str | None]:
        """Take one."""
        if message is None:
            self.checked += 1
        else:
            self.messages.append(message)
            await self.gate.wait()
        return self.problems

    @property
    def titles(self) -> list[str]:
        """What people have read first."""
        return [message.title for message in self.messages]


@asynccontextmanager
async def notified(clock: FakeClock | None = None) -> AsyncGenerator[tuple[Notifier, Post]]:
    """A notifier at work that groups nothing."""
    post, clock = Post(), clock or FakeClock()
    notifier = Notifier(URLS, post, steady=clock, utc=lambda: clock.utc_now().timestamp(), limits=Limits(apart=0.0))
    running = asyncio.create_task(notifier.run())
    try:
        yield notifier, post
    finally:
        post.gate.set()
        await notifier.finish(running)


async def checked(s: Stage) -> None:
    """Make one check; the notifier, which never ends, is not waited for."""
    await s.controller.check()
    await until(lambda: not s.controller._reporter._tasks)  # pyright: ignore[reportPrivateUsage]


async def test_people_are_told_of_what_was_done_with_the_name_of_the_engines_host(tmp_path: Path) -> None:
    async with notified() as (notifier, post):
        s = stage(tmp_path, snapshot("web"), container("web", "exited"), container("miner"), notifier=notifier)
        await checked(s)
        await until(lambda: post.messages)
        await until(lambda: "miner" in str(post.messages))
    assert post.titles[0].startswith("kiosk-17: web: started")
    assert "web had exited with code 137: started" in post.messages[0].body
    assert "status-state accept miner" in str(post.messages)


async def test_a_pause_is_reported_when_it_begins_when_it_is_about_to_end_and_when_it_has_ended(tmp_path: Path) -> None:
    clock = FakeClock()
    async with notified(clock) as (notifier, post):
        paused = snapshot("web", pauses=(Pause("web", NOON.timestamp() + 900, "deploy"),))
        s = stage(tmp_path, paused, container("web"), clock=clock, notifier=notifier)
        for seconds, count in ((0, 1), (599, 1), (2, 2), (298, 2), (2, 3)):
            clock.advance(seconds)
            await checked(s)
            await until(lambda count=count: len(post.messages) >= count)
            assert len(post.messages) == count
    begun, ending, ended = post.messages
    assert begun.title == "kiosk-17: a pause has begun"
    assert "healing of web is paused until 2026-11-23 12:15:00 UTC (deploy): what differs then is healed" in ending.body
    assert ended.title == "kiosk-17: a pause has ended"


async def test_a_loss_is_reported_when_it_lasts_though_nothing_else_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("status_state_controller.notify.occasions.LOSS_LASTS_SECONDS", 0.05)
    post = Post()
    notifier = Notifier(URLS, post)
    running = asyncio.create_task(notifier.run())
    notifier.hear_lasting("engine", "engine_lost", "no engine socket")
    await asyncio.wait_for(until(lambda: post.messages), 5)
    await notifier.finish(running)
    assert LOSS_LASTS_SECONDS == 30
    assert "the engine is lost" in post.titles[0]


async def test_a_send_that_hangs_holds_up_no_check_and_what_comes_meanwhile_is_reported_in_one_message(
    tmp_path: Path,
) -> None:
    async with notified() as (notifier, post):
        post.gate.clear()
        s = stage(tmp_path, snapshot("web"), container("web", "exited"), notifier=notifier)
        await checked(s)
        await until(lambda: post.messages)
        for name in ("a", "b"):
            s.engine.put(container(name))
            await checked(s)
        assert s.engine.shown["b"] == "exited"
        post.gate.set()
        await until(lambda: len(post.messages) > 1)
    assert [title.partition(": ")[2] for title in post.titles] == ["web: started", "a: newcomer stopped, and 1 more"]


async def test_a_target_that_fails_is_logged_once_and_when_it_is_back_without_its_url() -> None:
    finding = Finding(container("web"), Kind.REPLACED, "was replaced")
    with Log() as log:
        async with notified() as (notifier, post):
            await until(lambda: post.checked)
            for number, problems in enumerate([("refused", None)] * 3 + [(None, None)]):
                post.problems = problems
                notifier.hear_finding(finding, None)
                await until(lambda number=number: len(post.messages) > number)
                await asyncio.sleep(0)
    events = [(entry["event"], entry["message"]) for entry in log.entries]
    assert events[1:] == [
        ("notify_failed", "no notification reaches target 1 (json://***): refused"),
        ("notify_back", "notifications reach target 1 (json://***) again"),
    ]
    assert "hunter2" not in str(log.entries)


async def test_the_end_sends_what_waits_and_does_not_wait_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier_module, "END_SECONDS", 0.2)
    finding = Finding(container("web"), Kind.REPLACED, "was replaced")
    post = Post()
    notifier = Notifier(URLS, post, limits=Limits(apart=1000.0))
    running = asyncio.create_task(notifier.run())
    notifier.hear_finding(finding, None)
    await until(lambda: post.messages)
    notifier.hear_finding(replace(finding, reason="was replaced again"), None)
    post.gate.clear()
    async with asyncio.timeout(2):
        await notifier.finish(running)
    assert "was replaced again" in post.messages[1].body


async def test_the_end_takes_seconds_though_a_real_target_hangs_and_no_process_is_left() -> None:
    before = children()  # servers of other tests
    with http_receiver() as http:
        http.gate.clear()
        async with notifying((http.url(query="?rto=600"),)) as notifier:
            assert notifier is not None
            notifier.hear_finding(Finding(container("web"), Kind.REPLACED, "was replaced"), None)
            assert await asyncio.to_thread(http.arrived.wait, 60)
            began = time.monotonic()
        assert time.monotonic() - began < 3 * notifier_module.END_SECONDS
    assert children() == before


async def test_a_bug_in_what_people_are_told_ends_no_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with notified() as (notifier, _):
        monkeypatch.setattr("status_state_controller.notify.occasions.tell_finding", None)
        s = stage(tmp_path, snapshot("web"), container("web", "exited"), notifier=notifier)
        with Log() as log:
            await checked(s)
    assert {"healed", "bug"} <= {entry["event"] for entry in log.entries}
    assert len(s.ssa.reports) == 1


async def test_without_a_url_there_is_nobody_to_tell_and_with_one_a_real_message_is_sent() -> None:
    async with notifying(()) as nobody:
        assert nobody is None
    with http_receiver() as http:
        with Log() as log:
            async with notifying((http.url(), "bogus://hunter2")) as notifier:
                assert notifier is not None
                notifier.at_host("kiosk-17")
                notifier.hear_finding(Finding(container("web"), Kind.REPLACED, "was replaced"), None)
                assert await asyncio.to_thread(http.arrived.wait, 60)
        assert http.taken[0]["title"] == "kiosk-17: web: nothing is done"
        assert [entry["event"] for entry in log.entries] == ["notify_targets", "notify_failed"]
        assert "hunter2" not in str(log.entries)


async def test_a_healing_that_fails_is_reported_with_the_reason(tmp_path: Path) -> None:
    async with notified() as (notifier, post):
        s = stage(tmp_path, snapshot("web"), container("web", "exited"), notifier=notifier)
        s.engine.failures["start web"] = ContainerError("no such image")
        await checked(s)
        await until(lambda: post.messages)
    assert post.titles == ["kiosk-17: web: healing failed"]
    assert "start failed: no such image" in post.messages[0].body
