"""Tells what became of each check, to the log and to the SSA, without ever holding up the next check."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from ..model import Outcome, Result
from ..ssa.memory import write_memory
from ..ssa.wire import write_report
from .sentence import IN_SYNC, event_name, tell, tell_finding

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from structlog.typing import FilteringBoundLogger

    from ..model import Action, Finding, Snapshot
    from ..plan.notices import Notice
    from ..process.lasting import Lasting
    from ..ssa.memory import KeptMemory
    from .outbox import Outbox

log: FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """The periods, in seconds.

    `concluded_after` is how long the report of a check waits for its actions: those that take longer are reported again
    when they end. `stored_within` is how long an action waits until the SSA knows that it is begun.
    """

    concluded_after: float = 10.0
    stored_within: float = 1.0


class Reporter:
    """The voice of the controller.

    Args:
        outbox: delivers reports.
        memory: goes along with each report.
        lasting: logs what lasts when it begins and when it ends.
        utc_seconds: the time, in seconds since 1970.
        dry_run: whether reports tell of what would be done.
        interval_seconds: how far apart checks are at most, which reports tell.
        timing: the periods.
        heard: called with each finding that is logged, and its outcome, None where nothing is done.
    """

    def __init__(
        self,
        outbox: Outbox,
        memory: KeptMemory,
        lasting: Lasting,
        utc_seconds: Callable[[], float],
        *,
        dry_run: bool,
        interval_seconds: float,
        timing: Timing = Timing(),  # frozen
        heard: Callable[[Finding, Outcome | None], None] | None = None,
    ) -> None:
        self._interval_seconds = interval_seconds
        self._outbox = outbox
        self._memory = memory
        self._lasting = lasting
        self._utc_seconds = utc_seconds
        self._dry_run = dry_run
        self._timing = timing
        self._heard = heard
        self._tasks: set[asyncio.Task[None]] = set()
        self._told: dict[str, str] = {}  # the last sentence about each container
        self._is_news = True
        self._notices: dict[str, Notice] = {}

    def expect_news(self) -> None:
        """Tell of the next check even if it finds what the last one found."""
        self._is_news = True
        self._told.clear()

    def announce(
        self, snapshot: Snapshot, findings: Sequence[Finding], actions: Sequence[Action]
    ) -> asyncio.Task[None]:
        """Let the SSA know, and remember, that these actions are begun; the task ends then, or after a second."""
        outcomes = [Outcome(action, Result.RUNNING) for action in actions]
        concerned = {action.container.id for action in actions}
        self._put(snapshot, [one for one in findings if one.container.id in concerned], outcomes)
        return self._in_background(self._deliver_within(self._timing.stored_within))

    def conclude(
        self,
        snapshot: Snapshot,
        findings: Sequence[Finding],
        settled: Sequence[Outcome],
        begun: Sequence[asyncio.Task[Outcome]],
        actions: Sequence[Action],
    ) -> None:
        """Tell of a check, unless it found nothing and that is no news.

        Args:
            snapshot: what the check compared with.
            findings: all that it found.
            settled: outcomes known at once.
            begun: the tasks of the actions it began.
            actions: these actions, in the same order.
        """
        if findings or self._told or self._is_news:
            self._in_background(self._conclude(snapshot, findings, settled, begun, actions))

    def notice(self, notices: Sequence[Notice]) -> None:
        """Tell what lasts, when it begins and when it ends."""
        present = {one.topic: one for one in notices}
        for topic, gone in self._notices.items():
            if topic not in present:
                self._lasting.ends(topic, gone.ended_event, gone.ended, **gone.fields)
        for one in notices:
            self._lasting.begins(one.topic, one.event, one.sentence, **one.fields)
        self._notices = present

    def deliver_kept(self) -> None:
        """Try again to deliver what the SSA did not take so far."""
        if not self._outbox.is_empty:
            self._in_background(self._outbox.deliver())

    async def finish(self, timeout_seconds: float) -> None:
        """Wait for what is still being done and reported."""
        if self._tasks:
            log.info("stopping", message="stopping: running actions may finish", seconds=timeout_seconds)
            await asyncio.wait(self._tasks, timeout=timeout_seconds)

    async def _conclude(
        self,
        snapshot: Snapshot,
        findings: Sequence[Finding],
        settled: Sequence[Outcome],
        begun: Sequence[asyncio.Task[Outcome]],
        actions: Sequence[Action],
    ) -> None:
        if begun:
            await asyncio.wait(begun, timeout=self._timing.concluded_after)
        pending = {task for task in begun if not task.done()}
        outcomes = [
            Outcome(action, Result.RUNNING) if task in pending else task.result()
            for task, action in zip(begun, actions, strict=True)
        ]
        await self._tell(snapshot, findings, [*settled, *outcomes])
        while pending:
            ended, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            outcomes = [task.result() for task in begun if task in ended]
            concerned = {outcome.action.container.id for outcome in outcomes}
            await self._tell(snapshot, [one for one in findings if one.container.id in concerned], outcomes)

    async def _tell(self, snapshot: Snapshot, findings: Sequence[Finding], outcomes: Sequence[Outcome]) -> None:
        outcome_of = {outcome.action.container.id: outcome for outcome in outcomes}
        for finding in findings:
            self._log(finding, outcome_of.get(finding.container.id))
        if not findings:
            self._told.clear()
            log.info("in_sync", message=IN_SYNC, snapshot=snapshot.id, originals=len(snapshot.originals))
        self._is_news = False
        self._put(snapshot, findings, outcomes)
        await self._outbox.deliver()

    def _log(self, finding: Finding, outcome: Outcome | None) -> None:
        """Log what was found of a container, and what became of it, unless that was said last."""
        message, container = tell_finding(finding, outcome), finding.container
        is_done = outcome is not None and outcome.result is Result.DONE
        if self._told.get(container.id) == message and not is_done:
            return
        self._told[container.id] = message
        fields: dict[str, Any] = {"container": container.name, "kind": finding.kind, "reason": finding.reason}
        if outcome is not None:
            fields |= {"action": outcome.action.verb, "result": outcome.result}
            if outcome.seconds is not None:
                fields["seconds"] = round(outcome.seconds, 2)
        tell_it = log.warning if outcome is not None and outcome.result is Result.FAILED else log.info
        tell_it(event_name(outcome), message=message, **fields)
        if self._heard is not None:
            self._heard(finding, outcome)

    def _put(self, snapshot: Snapshot, findings: Sequence[Finding], outcomes: Sequence[Outcome]) -> None:
        self._outbox.put(
            write_report(
                at=datetime.fromtimestamp(self._utc_seconds(), UTC),
                snapshot_id=snapshot.id,
                dry_run=self._dry_run,
                sentence=tell(findings, outcomes),
                findings=findings,
                outcomes=outcomes,
                memory=write_memory(self._memory.value),
                interval_seconds=self._interval_seconds,
            )
        )

    async def _deliver_within(self, seconds: float) -> None:
        """Deliver; what takes longer goes on, and holds nobody up."""
        await asyncio.wait({self._in_background(self._outbox.deliver())}, timeout=seconds)

    def _in_background(self, telling: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(telling)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
