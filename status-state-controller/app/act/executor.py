"""Runs actions: each is a task of its own, may outlive the check that began it, and delays or fails nobody else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from .. import func
from ..errors import ControllerError
from ..model import Condition, Outcome, Result, Verb
from .recreate import recreate
from .restore import Restorer

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from ..engine.client import Engine
    from ..model import Action, After, Snapshot
    from ..plan.backoff import Backoff
    from ..plan.health import Verdicts

log: FilteringBoundLogger = structlog.get_logger(__name__)

LONGEST_WAIT_FOR_OTHERS_SECONDS = 60.0
"""An original starts without what it depends on after this time: half a service beats none."""

REMEMBERED_SECONDS = 300.0
"""How long the end of an action is remembered: longer than any check takes."""

HEALTH_POLL_SECONDS = 0.5

LONGEST_TURN_SECONDS = 15.0
"""The engine's usual stop time-out, and time for the start."""


class Actions:
    """The actions under way, at most one per container, and at most one per place of an original.

    Args:
        engine: where they are done.
        snapshot: returns the snapshot in force at the moment of the call.
        backoff: is told of each attempt to start or recreate.
        clock: steady seconds.
        concurrency: how many starts, and how many stops, may be under way at once; the rest queue.
        verdicts: returns what the SSA says at the moment of the call.
        many_are_ill: tells whether nobody is to be restarted for ill health at the moment of the call.
    """

    def __init__(
        self,
        engine: Engine,
        snapshot: Callable[[], Snapshot | None],
        backoff: Backoff,
        clock: Callable[[], float],
        *,
        concurrency: int,
        verdicts: Callable[[], Verdicts],
        many_are_ill: Callable[[], bool] = lambda: False,
    ) -> None:
        self._engine = engine
        self._snapshot = snapshot
        self._backoff = backoff
        self._clock = clock
        self._verdicts = verdicts
        self._many_are_ill = many_are_ill
        # Separate limits: stops that take ten minutes each must not hold up a single start.
        self._starts = asyncio.Semaphore(concurrency)
        self._stops = asyncio.Semaphore(concurrency)
        self._restorer = Restorer(engine)
        self._running: dict[str, tuple[Action, asyncio.Task[Outcome]]] = {}
        self._ended_at: dict[str, float] = {}
        self._restart_began_at = 0.0
        self.unfinished: set[str] = set()
        """Originals whose restart has failed: they may be down, which was nobody's intention."""
        self.made: set[tuple[str, str]] = set()
        """Pairs (original, container made in its place): the controller's own work is never taken for an impostor."""

    @property
    def any_running(self) -> bool:
        """Whether an action is under way."""
        return bool(self._running)

    @property
    def is_restarting(self) -> bool:
        """Whether the turn of the next one to be restarted for ill health has not come yet.

        They are restarted one by one; but one that is long in stopping does not hold up the others for ever.
        """
        if self._clock() - self._restart_began_at >= LONGEST_TURN_SECONDS:
            return False
        return any(action.verb == Verb.RESTART for action, _ in self._running.values())

    def occupies(self, action: Action, since: float) -> bool:
        """Tell whether an action acts on the same container or for the same original, or did so since a moment.

        While an original is recreated its place has another id than before: both stand for the one place. What ended
        after the look at the engine (`since`, of the clock) makes that look stale.
        """
        places = {action.container.id, action.original_id}
        if any(self._ended_at.get(place, since) > since for place in places if place):
            return True
        return any(places & {other.container.id, other.original_id} - {None} for other, _ in self._running.values())

    def begin(self, action: Action) -> asyncio.Task[Outcome]:
        """Begin an action; the task returns its outcome and never raises, unless it is cancelled."""
        container_id = action.container.id
        task = asyncio.create_task(self._run(action), name=str(action))
        self._running[container_id] = (action, task)
        if action.verb == Verb.RESTART:
            self._restart_began_at = self._clock()
        task.add_done_callback(lambda _: self._ended(action))
        return task

    def _ended(self, action: Action) -> None:
        now = self._clock()
        self._running.pop(action.container.id, None)
        self._ended_at = {place: at for place, at in self._ended_at.items() if now - at < REMEMBERED_SECONDS}
        for place in (action.container.id, action.original_id):
            if place is not None:
                self._ended_at[place] = now

    async def _run(self, action: Action) -> Outcome:
        try:
            # Before the limit: who waits for others must not take a place that they need.
            await self._wait_for_others(action)
            async with self._stops if action.verb in {Verb.STOP, Verb.RESTART} else self._starts:
                outcome = await self._perform(action)
        except Exception as error:  # one container's bug must not become another's
            log.exception("an action failed in a way that was not foreseen; please report this", action=str(action))
            return Outcome(action, Result.FAILED, f"unforeseen {type(error).__name__}: {error}")
        if action.verb == Verb.RESTART and outcome.result == Result.FAILED and action.original_id is not None:
            self.unfinished.add(action.original_id)
        elif outcome.result == Result.DONE and action.original_id is not None:
            self.unfinished.discard(action.original_id)
        if outcome.made_id is not None and action.original_id is not None:
            self.made.add((action.original_id, outcome.made_id))
        return outcome

    async def _perform(self, action: Action) -> Outcome:
        snapshot = self._snapshot()
        if snapshot is None:
            return Outcome(action, Result.DROPPED, "there is no snapshot any more")

        def attempting() -> None:
            if action.original_id is not None:
                self._backoff.attempted(action.original_id, self._clock())

        match action.verb:
            case Verb.START:
                return await func.start(self._engine, action, snapshot, attempting)
            case Verb.RESTART if self._many_are_ill():
                return Outcome(action, Result.DROPPED, "many are ill by now")
            case Verb.RESTART:
                return await func.restart(self._engine, action, snapshot, self._verdicts, attempting)
            case Verb.RECREATE:
                return await recreate(self._engine, action, snapshot, attempting)
            case Verb.RESTORE:
                return await self._restorer.restore(action, snapshot, attempting)
            case Verb.STOP:
                return await func.stop(self._engine, action, snapshot)

    async def _wait_for_others(self, action: Action) -> None:
        # All actions of a check are begun before any of them runs, so those that this one waits for are known here.
        if not action.after:
            return
        try:
            async with asyncio.timeout(LONGEST_WAIT_FOR_OTHERS_SECONDS):
                for other in action.after:
                    await self._wait_for(other)
        except TimeoutError:
            log.warning("what this action waits for takes too long: it goes on without", action=str(action))

    async def _wait_for(self, other: After) -> None:
        tasks = [task for action, task in self._running.values() if action.container.name == other.name]
        if tasks:
            await asyncio.wait(tasks)
        while not await self._holds(other):  # noqa: ASYNC110 # it becomes true in the engine, not in this loop
            await asyncio.sleep(HEALTH_POLL_SECONDS)

    async def _holds(self, other: After) -> bool:
        """Tell whether what is waited for is true; what can't be told holds nobody up."""
        if other.condition not in {Condition.HEALTHY, Condition.COMPLETED}:
            return True  # its action has ended
        try:
            seen = await self._engine.inspect(other.name)
        except ControllerError:
            return True
        if seen is None:
            return True
        state: dict[str, Any] = seen["State"]
        health: dict[str, Any] = state.get("Health") or {}
        if other.condition == Condition.COMPLETED:
            return state["Status"] != "running"
        return state["Status"] != "running" or health.get("Status", "healthy") == "healthy"
