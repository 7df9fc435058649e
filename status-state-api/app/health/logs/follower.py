"""Follows the log of one run and judges it, over breaks of the connection, each line once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from ...engine.view import EngineStreams
from ...errors import EngineUnavailable, LogUnreadable
from ..judging import Judgement, LogJudge, State
from ..rules.rules import LogRule
from ..run import Run
from .lines import Cursor, Line, LineReader, MalformedStream, moment_of_question, read_moment, write_moment
from .severity import read_severity

AGAIN_SECONDS = 1.0
LOST_SECONDS = 5.0
"""Facts: an engine that is lost is asked again slowly."""


class Tail:
    """Follows one log.

    Args:
        engine: whose log.
        run: of which run.
        rule: how it is judged.
        put: takes the judgement, whenever there is news.
        is_current: tells whether the run still is the present one.
        now: the time that lines have.
    """

    def __init__(
        self,
        engine: EngineStreams,
        run: Run,
        rule: LogRule,
        *,
        put: Callable[[Judgement], None],
        is_current: Callable[[], Awaitable[bool]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._run = run
        self._rule = rule
        self._put = put
        self._is_current = is_current
        self._now = now
        self._judge = LogJudge(rule)
        # What is older can't matter any more: a container may have logged for months.
        oldest = now() - timedelta(seconds=rule.within)
        self._cursor = Cursor(write_moment(max(run.first_moment, oldest)))
        self._expiry: asyncio.TimerHandle | None = None

    async def follow(self) -> None:
        """Follow it for as long as the run lasts."""
        try:
            while True:
                pause = AGAIN_SECONDS
                try:
                    if not await self._is_current():
                        return
                    await self._follow_once()
                except LogUnreadable as error:
                    self._tell_unknown(str(error), blocked=True)
                    await asyncio.get_running_loop().create_future()  # it stays so for as long as the run lasts
                except EngineUnavailable as error:
                    self._tell_unknown(f"its log can't be read: {error}")
                    pause = LOST_SECONDS
                except MalformedStream as error:
                    self._tell_unknown(str(error))
                    pause = LOST_SECONDS
                await asyncio.sleep(pause)
        finally:
            self._forget_expiry()

    async def _follow_once(self) -> None:
        reader = LineReader(terminal=self._run.terminal)
        since = moment_of_question(self._cursor.resume())
        async with self._engine.log(self._run.subject.id, since) as chunks:
            self._tell()
            async for chunk in chunks:
                for line in reader.feed(chunk):
                    self._take(line)
                self._tell()
        for line in reader.finish():
            self._take(line)
        self._tell()

    def _take(self, line: Line) -> None:
        try:
            if not self._cursor.is_new(line):
                return
            severity = read_severity(line.text, self._rule.severity)
            if severity is not None:
                self._judge.note(severity, line.text, read_moment(line.moment).timestamp())
        except ValueError:
            raise MalformedStream("the engine's stream of a log has no times") from None

    def _tell(self) -> None:
        """Tell the verdict, and once more when it will have passed."""
        judgement = self._judge.judge(self._now().timestamp())
        self._put(judgement)
        if judgement.state is State.FAILING and self._expiry is None:
            seconds = self._judge.holds_until - self._now().timestamp()
            self._expiry = asyncio.get_running_loop().call_later(max(seconds, 0.0) + 0.01, self._expire)

    def _tell_unknown(self, reason: str, *, blocked: bool = False) -> None:
        self._forget_expiry()
        self._put(Judgement(State.UNKNOWN, reason, blocked=blocked))

    def _forget_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _expire(self) -> None:
        self._expiry = None
        self._tell()
