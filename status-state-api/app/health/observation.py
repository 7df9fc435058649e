"""The observation of one run: a task for its probe, a task for its log. Both end with it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from ..engine.own import Own
from ..engine.view import EngineStreams
from .logs.follower import LogFollower
from .probe.loop import MakesProbes, ProbeLoop
from .probe.proven import ProvenProbes
from .rules.rules import Rules
from .run import Run, read_run
from .timing import Clock, Timing
from .verdict import Source, State, Verdict

DEFECT = "it is not observed, because of a bug: see the log"

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What every observation needs.

    Attributes:
        engine: where the containers run.
        prober: sends the probes.
        proven: remembers which probes ever succeeded.
        find_own: finds the container that this service runs in. Raises `EngineUnavailable`.
        inspect: returns a container's `inspect`, None when it is gone. Raises `EngineUnavailable`.
    """

    engine: EngineStreams
    prober: MakesProbes
    proven: ProvenProbes
    find_own: Callable[[], Awaitable[Own]]
    inspect: Callable[[str], Awaitable[dict[str, Any] | None]]
    timing: Timing
    clock: Clock


class Observation:
    """Observes one run by its rules, from `begin` to `end`.

    Args:
        run: the run.
        rules: what is asked of it.
        means: what that takes.
        put: takes the verdicts.
        over: set when the run is over.
    """

    def __init__(
        self, run: Run, rules: Rules, means: Means, put: Callable[[Verdict], None], over: asyncio.Event
    ) -> None:
        self.run = run
        self.rules = rules
        self.is_over = False
        self._means = means
        self._put_on = put
        self._over = over
        self._ended = False
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Begin to observe."""
        means = self._means
        if self.rules.probe is not None:
            loop = ProbeLoop(
                means.engine,
                means.prober,
                self.run,
                self.rules.probe,
                means.proven,
                find_own=means.find_own,
                put=self._put,
                is_current=self._is_current,
                clock=means.clock,
            )
            self._tasks.append(asyncio.create_task(self._guard("probe", loop.run())))
        if self.rules.logs is not None:
            follower = LogFollower(
                means.engine,
                self.run,
                self.rules.logs,
                put=self._put,
                is_current=self._is_current,
                timing=means.timing,
                clock=means.clock,
            )
            self._tasks.append(asyncio.create_task(self._guard("logs", follower.follow())))

    def end(self) -> None:
        """Observe no longer; whatever is still at work puts nothing any more."""
        self._ended = True
        for task in self._tasks:
            task.cancel()

    def _put(self, verdict: Verdict) -> None:
        if not self._ended:
            self._put_on(verdict)

    async def _is_current(self) -> bool:
        """Tell whether this run still is the present one. Raises `EngineUnavailable`."""
        inspect = await self._means.inspect(self.run.subject.id)
        return inspect is not None and read_run(inspect) == self.run

    async def _guard(self, source: Source, observing: Coroutine[Any, Any, None]) -> None:
        """Observe until the run is over; a bug in that ends this observation alone."""
        try:
            await observing
        except Exception:
            name = self.run.subject.name
            log.exception("observation_failed", message=f"observing {name} failed; please report this", container=name)
            self._put(Verdict(self.run.subject, source, State.UNKNOWN, DEFECT))
        else:
            self.is_over = True
            self._over.set()
