"""Sees to it that the present run of each original that has a rule is observed, and no other.

It looks at the list of containers whenever the engine reports a change, and now and then besides, since the engine may
drop an event without a word. Where no original has a rule or a health check, the engine is not asked at all.
"""

import asyncio
import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..engine.events import EventFollower
from ..engine.own import Own, find_own
from ..engine.view import EngineStreams, Inspection, Listing
from ..engine.watch import EngineWatch
from ..errors import EngineUnavailable
from ..model import RunningContainer
from .announcer import Announcer, Notes
from .events import HeardRuns, Restarted
from .observation import Means, Observation
from .probe.loop import MakesProbes
from .probe.proven import ProvenProbes
from .rules.rules import Rules
from .run import Run, read_run
from .timing import Clock, Timing
from .verdict import Source, State, Subject, Verdict
from .verdicts import Verdicts

_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")
_OF_HEALTH = {
    "starting": (State.UNKNOWN, "its health check has not been passed since its start"),
    "healthy": (State.OK, "its health check is passed"),
    "unhealthy": (State.FAILING, "its health check fails"),
}


@dataclass(frozen=True, slots=True)
class Watched:
    """An original, as far as its health is concerned: the recipe itself holds secrets and is not needed."""

    id: str
    name: str
    labels: Mapping[str, str]
    has_health_check: bool


class Observer:
    """Observes the originals of one snapshot.

    Args:
        engine: where they run.
        watch: hears whether the engine answers.
        verdicts: takes the verdicts.
        events: the engine's.
        own_id: the id of the container this process runs in, None outside of one.
        proven: remembers which probes ever succeeded.
        prober: sends the probes.
        timing: how often what is done.
        clock: tells the time.
        notes: hears of each verdict that is news.
    """

    def __init__(
        self,
        engine: EngineStreams,
        watch: EngineWatch,
        verdicts: Verdicts,
        *,
        events: EventFollower,
        own_id: str | None,
        proven: ProvenProbes,
        prober: MakesProbes,
        timing: Timing,
        clock: Clock,
        notes: Notes,
    ) -> None:
        self._engine = engine
        self._watch = watch
        self._verdicts = verdicts
        self._own_id = own_id
        self._prober = prober
        self._timing = timing
        self._clock = clock
        self._means = Means(engine, prober, proven, self._find_own, self._inspect, timing, clock)
        self._announcer = Announcer(notes)
        self._originals: Sequence[Watched] = ()
        self._rules: Mapping[str, Rules] = {}
        self._observed: dict[str, Observation] = {}
        self._wake = asyncio.Event()
        self._events = HeardRuns(events, self._wake)
        self._own: tuple[float, Own] | None = None

    def observe(self, originals: Sequence[Watched], rules: Mapping[str, Rules]) -> None:
        """Observe these originals from now on, by these rules, which are given by the container's id."""
        self._originals, self._rules = originals, rules
        self._wake.set()

    @property
    def has_work(self) -> bool:
        """Whether any original has a rule or a health check."""
        return any(self._rules.values()) or any(original.has_health_check for original in self._originals)

    async def run(self) -> None:
        """Look again and again, for ever."""
        try:
            while True:
                if self.has_work:
                    self._events.start()
                # Once more when the last rule was taken away: what is no longer asked for is forgotten.
                pause = await self._look() if self._events.follows else None
                if not self.has_work:
                    self._events.stop()
                    pause = None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                await asyncio.sleep(self._timing.settle)
                self._wake.clear()
        finally:
            for container_id in list(self._observed):
                self._end(container_id)
            self._events.stop()
            await self._prober.close()

    async def _look(self) -> float:
        """Compare what is observed with what runs; return when to look again, in seconds."""
        try:
            self._require_engine()
            listing = await self._engine.running()
            restarted = self._events.take()
            try:
                await self._compare(listing, restarted)
            except EngineUnavailable:
                self._events.give_back(restarted)
                raise
        except EngineUnavailable as error:
            if self._watch.error is None:
                self._watch.failed(error)
            self._verdicts.lose("engine", f"the engine can't be asked: {error}")
            return self._timing.lost
        self._watch.answered()
        return self._timing.look

    async def _compare(self, listing: Listing, restarted: Restarted) -> None:
        by_id = {container.id: container for container in listing.containers}
        by_name = {container.name: container for container in listing.containers}
        present: set[str] = set()
        for original in self._originals:
            place = by_id.get(original.id) or by_name.get(original.name)
            if place is None:
                continue
            present.add(place.id)
            await self._look_at(place, self._rules[original.id], renewed=place.id in restarted)
        for container_id in (self._verdicts.container_ids() | set(self._observed)) - present:
            self._end(container_id)
            self._verdicts.drop(container_id)
        # One that is down for a moment is still known.
        self._announcer.keep(present.union(original.id for original in self._originals))

    async def _look_at(self, place: RunningContainer, rules: Rules, *, renewed: bool) -> None:
        self._look_at_health_check(place)
        if rules.probe is None:
            self._forget(place.id, "probe")
        if rules.logs is None:
            self._forget(place.id, "logs")
        observation = self._observed.get(place.id)
        if observation is not None and observation.is_over:
            self._end(place.id)
            observation = None
        is_same = observation is not None and (observation.rules, observation.run.subject.name) == (rules, place.name)
        if is_same and not renewed and place.state == "running":
            return
        inspect = await self._engine.container(place.id) if rules else None
        run = None if inspect is None else read_run(inspect)
        if is_same and observation is not None and run == observation.run:
            return
        if observation is not None or not rules:
            self._end(place.id)
            self._verdicts.drop(place.id, "probe", "logs")
        if run is not None:
            self._begin(run, rules)
        elif inspect is not None:
            self._put_pause(place, rules)

    def _look_at_health_check(self, place: RunningContainer) -> None:
        found = _HEALTH.search(place.status)
        if found is None:
            self._verdicts.drop(place.id, "engine")
        else:
            self._put(Verdict(Subject(place.id, place.name, ""), "engine", *_OF_HEALTH[found[1]]))

    def _put_pause(self, place: RunningContainer, rules: Rules) -> None:
        subject, reason = Subject(place.id, place.name, ""), f"it is {place.state}"
        if rules.probe is not None:
            self._put(Verdict(subject, "probe", State.UNKNOWN, reason))
        if rules.logs is not None:
            self._put(Verdict(subject, "logs", State.UNKNOWN, reason))

    def _begin(self, run: Run, rules: Rules) -> None:
        observation = Observation(run, rules, self._means, self._put, self._wake)
        self._observed[run.subject.id] = observation
        observation.begin()

    def _end(self, container_id: str) -> None:
        if (observation := self._observed.pop(container_id, None)) is not None:
            observation.end()

    def _put(self, verdict: Verdict) -> None:
        self._verdicts.put(verdict)
        self._announcer.announce(verdict)

    def _forget(self, container_id: str, source: Source) -> None:
        self._verdicts.drop(container_id, source)
        self._announcer.forget(container_id, source)

    def _require_engine(self) -> None:
        """Raise `EngineUnavailable` while it is lost: then nobody asks it but the watch."""
        if self._watch.error is not None:
            raise self._watch.error

    async def _inspect(self, container_id: str) -> Inspection | None:
        self._require_engine()
        return await self._engine.container(container_id)

    async def _find_own(self) -> Own:
        """Find the own container, for all probes that look for their route at the same time."""
        self._require_engine()
        if self._own is None or self._clock.seconds() - self._own[0] > self._timing.own:
            own = await find_own(self._engine, self._own_id)
            self._own = self._clock.seconds(), own
        return self._own[1]
