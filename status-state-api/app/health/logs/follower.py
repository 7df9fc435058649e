"""Follows the log of one run and judges it, over breaks of the connection, each line once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from ...engine.view import EngineStreams
from ...errors import EngineUnavailable, LogUnreadable
from ..judging import LogJudge
from ..rules.rules import LogRule
from ..run import Run
from ..timing import SYSTEM_CLOCK, TIMING, Clock, Timing
from ..verdict import State, Verdict
from .lines import Cursor, Line, LineReader, MalformedStream, moment_of_question, read_moment, write_moment
from .severity import read_severity


class LogFollower:
    """Follows one log.

    Args:
        engine: whose log.
        run: of which run.
        rule: how it is judged.
        put: takes the verdict, whenever there is news.
        is_current: tells whether the run still is the present one.
        timing: how long is waited before a log that ended is followed again.
        clock: the time that lines have.
    """

    def __init__(
        self,
        engine: EngineStreams,
        run: Run,
        rule: LogRule,
        *,
        put: Callable[[Verdict], None],
        is_current: Callable[[], Awaitable[bool]],
        timing: Timing = TIMING,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._engine = engine
        self._run = run
        self._rule = rule
        self._put = put
        self._is_current = is_current
        self._timing = timing
        self._clock = clock
        self._judge = LogJudge(run.subject, rule, timing.log_hold)
        # What is older can't matter any more: a container may have logged for months.
        oldest = clock.now() - timedelta(seconds=rule.within)
        self._cursor = Cursor(write_moment(max(run.first_moment, oldest)))
        self._expiry: asyncio.TimerHandle | None = None

    async def follow(self) -> None:
        """Follow it for as long as the run lasts."""
        try:
            while True:
                pause = self._timing.log
                try:
                    if not await self._is_current():
                        return
                    await self._follow_once()
                except LogUnreadable as error:
                    self._put_unknown(str(error), blocked=True)
                    await asyncio.get_running_loop().create_future()  # it stays so for as long as the run lasts
                except EngineUnavailable as error:
                    self._put_unknown(f"its log can't be read: {error}")
                    pause = self._timing.lost
                except MalformedStream as error:
                    self._put_unknown(str(error))
                    pause = self._timing.lost
                await self._clock.sleep(pause)
        finally:
            self._cancel_expiry()

    async def _follow_once(self) -> None:
        reader = LineReader(terminal=self._run.terminal)
        since = moment_of_question(self._cursor.resume())
        async with self._engine.log(self._run.subject.id, since) as chunks:
            self._put_verdict()
            async for chunk in chunks:
                for line in reader.feed(chunk):
                    self._take(line)
                self._put_verdict()
        for line in reader.finish():
            self._take(line)
        self._put_verdict()

    def _take(self, line: Line) -> None:
        try:
            if not self._cursor.is_new(line):
                return
            severity = read_severity(line.text, self._rule.severity)
            if severity is not None:
                self._judge.note(severity, line.text, read_moment(line.moment).timestamp())
        except ValueError:
            raise MalformedStream("the engine's stream of a log has no times") from None

    def _put_verdict(self) -> None:
        """Put the verdict, and once more when it will have passed."""
        now = self._clock.now().timestamp()
        verdict = self._judge.judge(now)
        self._put(verdict)
        if verdict.state is State.FAILING and self._expiry is None:
            seconds = max(self._judge.holds_until - now, 0.0) + 0.01
            self._expiry = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _put_unknown(self, reason: str, *, blocked: bool = False) -> None:
        self._cancel_expiry()
        self._put(Verdict(self._run.subject, "logs", State.UNKNOWN, reason, blocked=blocked))

    def _cancel_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _expire(self) -> None:
        self._expiry = None
        self._put_verdict()
