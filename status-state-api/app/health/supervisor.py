"""Sees to it that the present run of each original that has a rule is observed, and no other.

It looks at the list of containers whenever the engine reports a change, and now and then besides, since the engine may
drop an event without a word. Each run is observed by tasks of its own, one for its probe, one for its log; they end
with it. Where no original has a rule or a health check, the engine is not asked at all.
"""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from ..engine.own import Own, find_own
from ..engine.view import EngineStreams, Listing
from ..engine.watch import EngineWatch
from ..errors import EngineUnavailable, StatusStateError
from ..model import RunningContainer
from ..protection import protection
from .judging import Judgement, State
from .logs.follower import Tail
from .probe.loop import Asking
from .probe.prober import Prober
from .probe.proven import ProvenProbes
from .rules.policy import Policy
from .rules.rules import Rules, read_rules
from .run import Run, read_run
from .verdicts import Source, Subject, Verdicts

SETTLE_SECONDS = 0.1
"""Changes that come together are looked at together."""
LOOK_SECONDS = 30.0
LOST_SECONDS = 5.0
OWN_SECONDS = 1.0
"""How long it is believed to which networks this service is attached."""

_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")
_OF_HEALTH = {
    "starting": Judgement(State.UNKNOWN, "its health check has not been passed since its start"),
    "healthy": Judgement(State.OK, "its health check is passed"),
    "unhealthy": Judgement(State.FAILING, "its health check fails"),
}

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Watched:
    """An original, as far as its health is concerned: the recipe itself holds secrets and is not needed."""

    id: str
    name: str
    labels: Mapping[str, str]
    has_health_check: bool


@dataclass(slots=True)
class _Observation:
    """What is at work on one run."""

    run: Run
    rules: Rules
    tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])
    is_over: bool = False


class Overseer:
    """Observes the originals of one snapshot.

    Args:
        engine: where they run.
        watch: is told whether the engine answers.
        verdicts: takes what is thought of them.
        own_id: the id of the container this process runs in, None outside of one.
        proven: remembers which probes were ever answered well.
    """

    def __init__(
        self,
        engine: EngineStreams,
        watch: EngineWatch,
        verdicts: Verdicts,
        own_id: str | None,
        proven: ProvenProbes,
    ) -> None:
        self._engine = engine
        self._watch = watch
        self._verdicts = verdicts
        self._own_id = own_id
        self._proven = proven
        self._told_problems: set[tuple[str, str]] = set()
        self._originals: Sequence[Watched] = ()
        self._rules: dict[str, Rules] = {}
        self._observed: dict[str, _Observation] = {}
        self._restarted: set[str] = set()
        self._wake = asyncio.Event()
        self._told: dict[tuple[str, Source], State] = {}
        self._prober: Prober | None = None
        self._own: tuple[float, Own | None] = (0.0, None)

    async def oversee(self, originals: Sequence[Watched], policy: Policy) -> None:
        """Observe these originals from now on, by these rules; tell what is wrong with the rules."""
        self._originals = originals
        self._rules = {}
        for original in originals:
            rules, problems = read_rules(policy.settings(original.name, original.labels))
            protected = protection(policy.apply(original.name, original.labels)) is not None
            self._rules[original.id] = Rules() if protected else rules
            for problem in problems:
                # What is wrong in the policy has been told with it.
                if problem.startswith("label ") and (original.id, problem) not in self._told_problems:
                    self._told_problems.add((original.id, problem))
                    log.error("a label is wrong, and its rule not in force", container=original.name, problem=problem)
        self._wake.set()
        await self._tell_unmatched(policy)

    async def _tell_unmatched(self, policy: Policy) -> None:
        """Tell of entries that are about nobody: a name is misspelt, perhaps."""
        names = {original.name for original in self._originals}
        for entry in policy.unmatched(names):
            if entry.handling.ignore is not None:
                try:
                    running = await self._engine.running()
                except EngineUnavailable:
                    continue
                if any(entry.matches(container.name) for container in running.containers):
                    continue
            log.warning("an entry of the policy matches nothing", place=entry.place, match=entry.match)

    @property
    def has_work(self) -> bool:
        """Whether any original has a rule or a health check."""
        return any(self._rules.values()) or any(original.has_health_check for original in self._originals)

    async def run(self) -> None:
        """Oversee for ever."""
        following: asyncio.Task[None] | None = None
        try:
            while True:
                if self.has_work and following is None:
                    following = asyncio.create_task(self._follow_events())
                # Once more when the last rule was taken away: what is no longer asked for is forgotten.
                pause = await self._look_again() if following is not None else None
                if not self.has_work and following is not None:
                    following.cancel()
                    following, pause = None, None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                await asyncio.sleep(SETTLE_SECONDS)
                self._wake.clear()
        finally:
            for container_id in list(self._observed):
                self._end(container_id)
            if following is not None:
                following.cancel()
            prober, self._prober = self._prober, None
            if prober is not None:
                await prober.close()

    async def _follow_events(self) -> None:
        """Wake whenever something happens to a container; after a break everything may have happened."""
        while True:
            try:
                self._require_engine()
                async with self._engine.events() as chunks:
                    self._restarted |= set(self._observed)
                    self._wake.set()
                    rest = b""
                    async for chunk in chunks:
                        *lines, rest = (rest + chunk).split(b"\n")
                        for line in lines:
                            self._note(line)
            except StatusStateError:
                pass  # the looks tell of it
            except Exception:
                log.exception("following the engine's events failed in a way that was not foreseen; please report this")
            await asyncio.sleep(LOST_SECONDS)

    def _note(self, line: bytes) -> None:
        try:
            event: Any = json.loads(line)
            action, actor = str(event["Action"]), event["Actor"]
            container_id = str(actor["ID"])
        except (ValueError, KeyError, TypeError):
            return
        # A run that ends and begins between two looks shows in the list only as another time.
        if not action.startswith("health_status"):
            self._restarted.add(container_id)
        self._wake.set()

    async def _look_again(self) -> float:
        """Compare what is observed with what runs; return when to look again."""
        try:
            self._require_engine()
            await self._look()
        except EngineUnavailable as error:
            if self._watch.error is None:
                self._watch.failed(error)
            self._verdicts.lose("engine", Judgement(State.UNKNOWN, f"the engine can't be asked: {error}"))
            return LOST_SECONDS
        self._watch.answered()
        return LOOK_SECONDS

    def _require_engine(self) -> None:
        """Raise `EngineUnavailable` while it is lost: then nobody asks it but the watch."""
        if self._watch.error is not None:
            raise self._watch.error

    async def _look(self) -> None:
        listing = await self._engine.running()
        restarted, self._restarted = self._restarted, set()
        try:
            await self._compare(listing, restarted)
        except EngineUnavailable:
            self._restarted |= restarted  # they have not been looked at
            raise

    async def _compare(self, listing: Listing, restarted: set[str]) -> None:
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
        known = present.union(original.id for original in self._originals)  # one that is down for a moment as well
        self._told = {key: told for key, told in self._told.items() if key[0] in known}

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
            self._tell_pause(place, rules)

    def _look_at_health_check(self, place: RunningContainer) -> None:
        found = _HEALTH.search(place.status)
        if found is None:
            self._verdicts.drop(place.id, "engine")
        else:
            self._put(Subject(place.id, place.name, ""), "engine", _OF_HEALTH[found[1]])

    def _tell_pause(self, place: RunningContainer, rules: Rules) -> None:
        subject, judgement = Subject(place.id, place.name, ""), Judgement(State.UNKNOWN, f"it is {place.state}")
        if rules.probe is not None:
            self._put(subject, "probe", judgement)
        if rules.logs is not None:
            self._put(subject, "logs", judgement)

    def _begin(self, run: Run, rules: Rules) -> None:
        observation = _Observation(run, rules)
        self._observed[run.subject.id] = observation

        async def is_current() -> bool:
            return await self._is_current(run)

        def put(source: Source, judgement: Judgement) -> None:
            if self._observed.get(run.subject.id) is observation:
                self._put(run.subject, source, judgement)

        if rules.probe is not None:
            self._prober = self._prober or Prober()
            asking = Asking(
                self._engine,
                self._prober,
                run,
                rules.probe,
                self._proven,
                find_own=self._find_own,
                put=partial(put, "probe"),
                is_current=is_current,
            )
            observation.tasks.append(asyncio.create_task(self._guard(observation, "probe", asking.ask_for_ever())))
        if rules.logs is not None:
            tail = Tail(self._engine, run, rules.logs, put=partial(put, "logs"), is_current=is_current)
            observation.tasks.append(asyncio.create_task(self._guard(observation, "logs", tail.follow())))

    async def _guard(self, observation: _Observation, source: Source, observing: Coroutine[Any, Any, None]) -> None:
        """Observe one run until it is over; a defect in that ends this observation alone."""
        try:
            await observing
        except Exception:
            log.exception("observing a container failed in a way that was not foreseen; please report this")
            defect = Judgement(State.UNKNOWN, "it is not observed, because of a defect: see the log")
            if self._observed.get(observation.run.subject.id) is observation:
                self._put(observation.run.subject, source, defect)
        else:
            observation.is_over = True
            self._wake.set()

    async def _is_current(self, run: Run) -> bool:
        """Tell whether this run still is the present one. Raises `EngineUnavailable`."""
        self._require_engine()
        inspect = await self._engine.container(run.subject.id)
        return inspect is not None and read_run(inspect) == run

    async def _find_own(self) -> Own:
        """Find the own container, for all probes that look for their way at the same time."""
        self._require_engine()
        found_at, own = self._own
        if own is None or time.monotonic() - found_at > OWN_SECONDS:
            own = await find_own(self._engine, self._own_id)
            self._own = time.monotonic(), own
        return own

    def _put(self, subject: Subject, source: Source, judgement: Judgement) -> None:
        """Hold what is thought of a container; tell when it begins to fail, or can't be observed, and when that is over."""
        self._verdicts.put(subject, source, judgement)
        key = (subject.id, source)
        if judgement.state is State.OK:
            if self._told.pop(key, None) is not None:
                log.info("an original is well", container=subject.name, source=source, reason=judgement.reason)
        elif judgement.state is State.FAILING and self._told.get(key) is not State.FAILING:
            self._told[key] = State.FAILING
            log.warning("an original is failing", container=subject.name, source=source, reason=judgement.reason)
        elif judgement.state is State.UNKNOWN and judgement.blocked and key not in self._told:
            self._told[key] = State.UNKNOWN
            log.warning(
                "whether an original is well can't be told", container=subject.name, source=source, why=judgement.reason
            )

    def _forget(self, container_id: str, source: Source) -> None:
        """Forget what a rule that was taken away has led to."""
        self._verdicts.drop(container_id, source)
        self._told.pop((container_id, source), None)

    def _end(self, container_id: str) -> None:
        observation = self._observed.pop(container_id, None)
        for task in observation.tasks if observation else ():
            task.cancel()
