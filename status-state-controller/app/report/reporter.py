"""Tells what became of each check, to the log and to the SSA, without ever holding up the next check."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from ..errors import ReportRefused, SsaError
from ..model import Outcome, Result
from ..ssa.wire import write_report
from .sentence import Outbox, tell

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from datetime import datetime

    from structlog.typing import FilteringBoundLogger

    from ..model import Action, Finding, Snapshot
    from .troubles import Troubles

log: FilteringBoundLogger = structlog.get_logger(__name__)

CONCLUDED_AFTER_SECONDS = 10.0
"""How long the report of a check waits for its actions; those that take longer are told of again when they end."""

IN_SYNC = tell((), ())


class Reporter:
    """The voice of the controller.

    Args:
        send: delivers one report to the SSA, raises SsaError when it was not taken.
        dry_run: whether reports tell of what would be done.
        troubles: where a lasting failure of the delivery is told.
        utc_now: the time that people read.
    """

    def __init__(
        self,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        *,
        dry_run: bool,
        troubles: Troubles,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._send = send
        self._dry_run = dry_run
        self._troubles = troubles
        self._utc_now = utc_now
        self._outbox = Outbox()
        self._delivery = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_sentence: str | None = None

    def expect_news(self) -> None:
        """Tell of the next check even if it finds what the last one found."""
        self._last_sentence = None

    def conclude(
        self,
        snapshot: Snapshot,
        findings: Sequence[Finding],
        settled: Sequence[Outcome],
        begun: Sequence[tuple[Action, asyncio.Task[Outcome]]],
    ) -> None:
        """Tell of a check, unless it found nothing and that is no news.

        Args:
            snapshot: what the check compared with.
            findings: all that it found.
            settled: outcomes known at once.
            begun: the actions it began, with their tasks.
        """
        if findings or self._last_sentence != IN_SYNC:
            self._in_background(self._conclude(snapshot, findings, settled, begun))

    def deliver_kept(self) -> None:
        """Try again to deliver what the SSA did not take so far."""
        if len(self._outbox):
            self._in_background(self._deliver())

    async def finish(self, timeout_seconds: float) -> None:
        """Wait for what is still being done and told."""
        if self._tasks:
            log.info("stopping: running actions may finish", seconds=timeout_seconds)
            await asyncio.wait(self._tasks, timeout=timeout_seconds)

    async def _conclude(
        self,
        snapshot: Snapshot,
        findings: Sequence[Finding],
        settled: Sequence[Outcome],
        begun: Sequence[tuple[Action, asyncio.Task[Outcome]]],
    ) -> None:
        tasks = {task for _, task in begun}
        if tasks:
            await asyncio.wait(tasks, timeout=CONCLUDED_AFTER_SECONDS)
        pending = {task for task in tasks if not task.done()}
        outcomes = [Outcome(action, Result.RUNNING) if task in pending else task.result() for action, task in begun]
        await self._tell(snapshot, findings, [*settled, *outcomes])
        while pending:
            ended, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            outcomes = [task.result() for _, task in begun if task in ended]
            concerned = {outcome.action.container.id for outcome in outcomes}
            await self._tell(snapshot, [f for f in findings if f.container.id in concerned], outcomes)

    async def _tell(self, snapshot: Snapshot, findings: Sequence[Finding], outcomes: Sequence[Outcome]) -> None:
        sentence = tell(findings, outcomes)
        if sentence != self._last_sentence:
            log.info(sentence, snapshot=snapshot.id, originals=len(snapshot.originals))
        self._last_sentence = sentence
        self._outbox.put(
            write_report(
                at=self._utc_now(),
                snapshot_id=snapshot.id,
                dry_run=self._dry_run,
                sentence=sentence,
                findings=findings,
                outcomes=outcomes,
            )
        )
        await self._deliver()

    async def _deliver(self) -> None:
        async with self._delivery:
            while (report := self._outbox.first()) is not None:
                try:
                    await self._send(report)
                except ReportRefused as error:
                    log.warning("a report is dropped, because the SSA can't use it", cause=str(error))
                except SsaError as error:
                    self._troubles.begins("reports", f"a report waits to be delivered: {error}")
                    return
                self._outbox.taken(report)
            self._troubles.ends("reports", "all reports are delivered")

    def _in_background(self, telling: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(telling)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
