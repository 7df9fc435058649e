"""Supervises the health of the originals: gives each its rules, and has it observed.

It follows changes of the snapshot and of the policy.

A bug in here must not take the snapshot along: it is logged, and everything begins anew.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from ..engine.events import EventFollower
from ..engine.view import EngineStreams
from ..engine.watch import EngineWatch
from ..errors import EngineUnavailable
from ..protection import protection
from .announcer import Notes
from .observer import Observer, Watched
from .probe.loop import MakesProbes
from .probe.prober import Prober
from .probe.proven import ProvenProbes
from .rules.policy import Policy
from .rules.rules import Rules, read_rules
from .timing import SYSTEM_CLOCK, TIMING, Clock, Timing
from .verdicts import Verdicts

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class PolicyInForce(Protocol):
    """Where the policy comes from: `policy_file.PolicyFile`."""

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        ...

    async def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Call `changed` whenever a new version is in force, for ever."""
        ...


class HealthSupervisor:
    """Supervises the health of the originals.

    Args:
        engine: where they run.
        watch: hears whether the engine answers.
        verdicts: takes the verdicts.
        policy_file: what the policy says.
        events: the engine's.
        own_id: the id of the container this process runs in, None outside of one.
        proven: remembers which probes ever succeeded.
        notes: hears of each verdict that is news.
        prober: sends the probes; by default over HTTP.
        timing: how often what is done.
        clock: tells the time.
    """

    def __init__(
        self,
        engine: EngineStreams,
        watch: EngineWatch,
        verdicts: Verdicts,
        policy_file: PolicyInForce,
        *,
        events: EventFollower,
        own_id: str | None,
        proven: ProvenProbes,
        notes: Notes,
        prober: MakesProbes | None = None,
        timing: Timing = TIMING,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._engine = engine
        self._verdicts = verdicts
        self._policy_file = policy_file
        self._timing = timing
        self._observer = Observer(
            engine,
            watch,
            verdicts,
            events=events,
            own_id=own_id,
            proven=proven,
            prober=prober or Prober(timing),
            timing=timing,
            clock=clock,
            notes=notes,
        )
        self._originals: Sequence[Watched] = ()
        self._told_problems: set[tuple[str, str]] = set()

    def follow(self, originals: Sequence[Watched]) -> None:
        """Supervise these originals from now on, in the place of those before; have the controller told of the change."""
        self._originals = originals
        self._observe()
        self._verdicts.wake()

    async def run(self, originals: Sequence[Watched]) -> None:
        """Supervise the health of these originals for ever."""
        self._originals = originals
        while True:
            try:
                await self._apply_policy()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._observer.run())
                    group.create_task(self._policy_file.watch(self._apply_policy))
            except Exception:
                log.exception("health_supervisor_failed", message="supervising health failed; please report this")
            await asyncio.sleep(self._timing.restart)

    def close(self) -> None:
        """Let nobody wait any longer for verdicts."""
        self._verdicts.close()

    async def _apply_policy(self) -> None:
        """Observe by the policy in force from now on; tell what is wrong with the rules."""
        self._observe()
        self._verdicts.wake()  # what the policy says of `ignore` and the like is the controller's business
        await self._tell_unmatched(self._policy_file.policy)

    def _observe(self) -> None:
        policy = self._policy_file.policy
        rules = {original.id: self._rules_of(original, policy) for original in self._originals}
        self._observer.observe(self._originals, rules)

    def _rules_of(self, original: Watched, policy: Policy) -> Rules:
        rules, problems = read_rules(policy.settings(original.name, original.labels))
        for problem in problems:
            # What is wrong in the policy was logged with it.
            if problem.startswith("label ") and (original.id, problem) not in self._told_problems:
                self._told_problems.add((original.id, problem))
                log.error(
                    "label_wrong",
                    message="a label is wrong, and its rule not in force",
                    container=original.name,
                    problem=problem,
                )
        protected = protection(policy.apply(original.name, original.labels)) is not None
        return Rules() if protected else rules

    async def _tell_unmatched(self, policy: Policy) -> None:
        """Tell of entries that are about nobody: a name is misspelt, perhaps."""
        for entry in policy.unmatched({original.name for original in self._originals}):
            if entry.handling.on_new is not None:  # it is about those who may come
                continue
            if entry.handling.ignore is not None:
                try:
                    running = await self._engine.running()
                except EngineUnavailable:
                    continue
                if any(entry.matches(container.name) for container in running.containers):
                    continue
            log.warning(
                "policy_entry_unmatched",
                message="an entry of the policy matches no container",
                place=entry.place,
                match=entry.match,
            )
