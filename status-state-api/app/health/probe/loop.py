"""Probes one run again and again, and judges the results."""

from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import urlsplit

from ...engine.own import Own
from ...engine.view import EngineView, Inspection
from ...errors import EngineUnavailable
from ..judging import ProbeJudge
from ..rules.rules import ProbeRule
from ..run import Run
from ..timing import SYSTEM_CLOCK, Clock
from ..verdict import ProbeResult, State, Verdict
from .prober import port_of, show
from .proven import ProvenProbes
from .route import NoRoute, Route, find_route, joined_container


class MakesProbes(Protocol):
    """What sends a probe: `prober.Prober`."""

    async def probe(self, route: Route, rule: ProbeRule, *, reached: bool) -> tuple[ProbeResult, bool]:
        """Probe once; return the result, and whether a connection was made."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class ProbeLoop:
    """Probes one run.

    Args:
        engine: tells the route to the container.
        prober: sends the probes.
        run: whose probe it is.
        rule: the probe.
        proven: remembers whether it ever succeeded.
        find_own: finds the container that this service runs in; asked again whenever there is no route.
        put: takes the verdict after each result.
        is_current: tells whether the run still is the present one, and not paused.
        clock: the time that the container's start has, and the pace.
    """

    def __init__(
        self,
        engine: EngineView,
        prober: MakesProbes,
        run: Run,
        rule: ProbeRule,
        proven: ProvenProbes,
        *,
        find_own: Callable[[], Awaitable[Own]],
        put: Callable[[Verdict], None],
        is_current: Callable[[], Awaitable[bool]],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._engine = engine
        self._find_own = find_own
        self._prober = prober
        self._run = run
        self._rule = rule
        self._put = put
        self._is_current = is_current
        self._clock = clock
        self._proven = proven
        proven_before = proven.has(run.subject.name, rule.url)
        self._judge = ProbeJudge(run.subject, rule, f"its probe {show(rule.url)}", proven=proven_before)
        self._route: Route | None = None
        self._last_route: Route | None = None
        self._reached = False

    async def run(self) -> None:
        """Probe at the rule's pace, for as long as the run lasts."""
        self._put(self._judge.verdict)
        while True:
            began = self._clock.seconds()
            try:
                if not await self._probe():
                    return
            except EngineUnavailable as error:
                reason = f"the route to it can't be asked for: {error}"
                self._put(Verdict(self._run.subject, "probe", State.UNKNOWN, reason))
            await self._clock.sleep(max(0.0, self._rule.every - (self._clock.seconds() - began)))

    async def _probe(self) -> bool:
        """Probe once; return False when the run is over."""
        run_seconds = max(0.0, (self._clock.now() - self._run.started_at).total_seconds())
        result = await self._result()
        if result.state is State.OK:
            self._proven.add(self._run.subject.name, self._rule.url)
        if result.state is State.FAILING:
            # What was paused or stopped meanwhile has not failed.
            if not await self._is_current():
                return False
            result = await self._confirm(result)
        self._put(self._judge.note(result, run_seconds))
        return True

    async def _confirm(self, result: ProbeResult) -> ProbeResult:
        """Blame the container only if the route to it still is the one that was taken: networks come and go."""
        route = await self._find_route()
        if route == self._route:
            return result
        self._route, self._reached = None, False
        return ProbeResult(State.UNKNOWN, "could not be asked: its networks, or this service's, were just changed")

    async def _result(self) -> ProbeResult:
        if self._route is None:
            route = await self._find_route()
            if isinstance(route, NoRoute):
                return ProbeResult(State.UNKNOWN, route.said)
            self._reached = self._reached and route == self._last_route
            self._route = self._last_route = route
        result, connected = await self._prober.probe(self._route, self._rule, reached=self._reached)
        self._reached = self._reached or connected
        if result.state is State.UNKNOWN:
            self._route = None  # a network may have been attached, or detached
        return result

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
