"""Asks the probe of one run again and again, and judges the answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from ...engine.own import Own
from ...engine.view import EngineView, Inspection
from ...errors import EngineUnavailable
from ..judging import Answer, Judgement, ProbeJudge, State
from ..rules.rules import ProbeRule
from ..run import Run
from .prober import Prober, port_of, show
from .proven import ProvenProbes
from .route import NoRoute, Route, find_route, joined_container


class Asking:
    """Asks one probe.

    Args:
        engine: tells the way to the container.
        prober: asks.
        run: whose probe it is.
        rule: the probe.
        proven: remembers whether it was ever answered well.
        find_own: finds the container that this service runs in; asked again whenever there is no way.
        put: takes the judgement after each answer.
        is_current: tells whether the run still is the present one, and not paused.
        clock: steady seconds.
        now: the time that the container's start has.
    """

    def __init__(
        self,
        engine: EngineView,
        prober: Prober,
        run: Run,
        rule: ProbeRule,
        proven: ProvenProbes,
        *,
        find_own: Callable[[], Awaitable[Own]],
        put: Callable[[Judgement], None],
        is_current: Callable[[], Awaitable[bool]],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._find_own = find_own
        self._prober = prober
        self._run = run
        self._rule = rule
        self._put = put
        self._is_current = is_current
        self._clock = clock
        self._now = now
        self._proven = proven
        proven_before = proven.has(run.subject.name, rule.url)
        self._judge = ProbeJudge(rule, f"its probe {show(rule.url)}", proven=proven_before)
        self._route: Route | None = None
        self._last_route: Route | None = None
        self._reached = False

    async def ask_for_ever(self) -> None:
        """Ask at the rule's pace, for as long as the run lasts."""
        self._put(self._judge.judgement)
        while True:
            began = self._clock()
            try:
                if not await self._ask():
                    return
            except EngineUnavailable as error:
                self._put(Judgement(State.UNKNOWN, f"the way to it can't be asked for: {error}"))
            await asyncio.sleep(max(0.0, self._rule.every - (self._clock() - began)))

    async def _ask(self) -> bool:
        """Ask once; return False when the run is over."""
        run_seconds = max(0.0, (self._now() - self._run.started_at).total_seconds())
        answer = await self._answer()
        if answer.state is State.OK:
            self._proven.add(self._run.subject.name, self._rule.url)
        if answer.state is State.FAILING:
            # Whoever was paused or stopped meanwhile has not failed.
            if not await self._is_current():
                return False
            answer = await self._confirm(answer)
        self._put(self._judge.note(answer, run_seconds))
        return True

    async def _confirm(self, answer: Answer) -> Answer:
        """Blame the container only if the way to it still is the one on which it was asked: networks come and go."""
        route = await self._find_route()
        if route == self._route:
            return answer
        self._route, self._reached = None, False
        return Answer(State.UNKNOWN, "could not be asked: its networks, or this service's, were just changed")

    async def _answer(self) -> Answer:
        if self._route is None:
            route = await self._find_route()
            if isinstance(route, NoRoute):
                return Answer(State.UNKNOWN, route.said)
            self._reached = self._reached and route == self._last_route
            self._route = self._last_route = route
        answer, connected = await self._prober.ask(self._route, self._rule, reached=self._reached)
        self._reached = self._reached or connected
        if answer.state is State.UNKNOWN:
            self._route = None  # a network may have been attached, or detached
        return answer

    async def _find_route(self) -> Route | NoRoute:
        own = await self._find_own()
        target: Inspection | None = await self._engine.container(self._run.subject.id)
        if target is not None and (other := joined_container(target)) is not None:
            target = await self._engine.container(other)
        if target is None:
            return NoRoute("can't be asked: it is gone, or the container in whose network it is")
        return find_route(own.inspect, target, port_of(self._rule.url), _host_of(self._engine.address))


def _host_of(address: str) -> str | None:
    """Return the host by which the engine is asked; None for a socket."""
    parts = urlsplit(address)
    return parts.hostname if parts.scheme in {"tcp", "http", "https"} else None
