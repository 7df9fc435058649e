"""Hears what the controller logs, and notifies people of it, beside the checks: none ever waits for it."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import structlog

from ..process.lasting import Lasting
from .grouping import Grouping, Limits
from .message import compose
from .occasions import Occasions
from .sending import send
from .targets import shown

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from structlog.typing import FilteringBoundLogger

    from ..model import Finding, Outcome
    from .message import Message, Occasion

    Send = Callable[[Message | None], Awaitable[Sequence[str | None]]]

log: FilteringBoundLogger = structlog.get_logger(__name__)

END_SECONDS = 2.0
"""How long the end of the controller waits for a message: running actions have had 7 of the 10 s that Docker grants."""


class Notifier:
    """What people are notified of, and were.

    Args:
        urls: the targets.
        deliver: sends a message to each of them, or only asks whether they can be used; returns why each failed.
        steady: steady seconds.
        utc: seconds since 1970.
        limits: how messages are grouped and limited.
    """

    def __init__(
        self,
        urls: Sequence[str],
        deliver: Send,
        *,
        steady: Callable[[], float] = time.monotonic,
        utc: Callable[[], float] = time.time,
        limits: Limits = Limits(),  # noqa: B008 # frozen
    ) -> None:
        self._targets = [shown(number, url) for number, url in enumerate(urls, 1)]
        self._deliver = deliver
        self._steady = steady
        self._utc = utc
        self._host = socket.gethostname()
        self._occasions = Occasions()
        self._grouping = Grouping(limits)
        self._lasting = Lasting()
        self._wake = asyncio.Event()
        self._is_ending = False

    def at_host(self, name: str) -> None:
        """Take the engine's name for the host's."""
        self._host = name

    def hear_finding(self, finding: Finding, outcome: Outcome | None) -> None:
        """Hear what was found of a container, and what became of it."""
        self._note(lambda: self._occasions.of_finding(finding, outcome))

    def hear_lasting(self, topic: str, event: str, sentence: str) -> None:
        """Hear what has begun, has changed, or has ended."""
        self._note(lambda: self._occasions.of_lasting(topic, event, sentence, self._steady()))

    def _note(self, judge: Callable[[], Occasion | None]) -> None:
        try:
            occasion = judge()
        except Exception:  # a notification must not end a check
            log.exception("bug", message="a notification failed in a way that was not foreseen; please report this")
            return
        if occasion is not None:
            self._grouping.put(occasion, self._utc())
        self._wake.set()

    async def run(self) -> None:
        """Say which targets can't be used, then send what is due, until the end."""
        log.info("notify_targets", message="people are notified at these targets", targets=self._targets)
        await self._surely(lambda: self._deliver_and_tell(None))
        is_end = False
        while not is_end:
            await self._sleep()
            is_end = self._is_ending
            await self._surely(partial(self._send_due, is_end=is_end))

    async def finish(self, running: asyncio.Task[None]) -> None:
        """Have `run` send what waits, and end it when that takes long."""
        self._is_ending = True
        self._wake.set()
        await asyncio.wait({running}, timeout=END_SECONDS)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    async def _surely(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            log.exception("bug", message="notifying failed in a way that was not foreseen; please report this")

    async def _send_due(self, *, is_end: bool) -> None:
        now, utc = self._steady(), self._utc()
        for occasion in self._occasions.of_losses(now):
            self._grouping.put(occasion, utc)
        if batch := self._grouping.take(now, utc, is_end=is_end):
            await self._deliver_and_tell(compose(batch, self._host))

    async def _deliver_and_tell(self, message: Message | None) -> None:
        self._tell(await self._deliver(message))

    def _tell(self, problems: Sequence[str | None]) -> None:
        """Log which targets can't be reached, once, and which can be again."""
        for target, problem in zip(self._targets, problems, strict=True):
            if problem is None:
                self._lasting.ends(target, "notify_back", f"notifications reach target {target} again")
            else:
                self._lasting.begins(target, "notify_failed", f"no notification reaches target {target}: {problem}")

    async def _sleep(self) -> None:
        """Wait until something is due, or may be."""
        dues = [due for due in (self._grouping.due_at, self._occasions.loss_due_at) if due is not None]
        seconds = max(0.0, min(dues) - self._steady()) if dues else None
        if not self._is_ending:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()


@asynccontextmanager
async def notifying(urls: Sequence[str]) -> AsyncGenerator[Notifier | None]:
    """Notify people at these targets as long as the block runs; None, and nothing, where there are no targets."""
    if not urls:
        yield None
        return
    notifier = Notifier(urls, partial(send, urls))
    running = asyncio.create_task(notifier.run())
    try:
        yield notifier
    finally:
        await notifier.finish(running)
