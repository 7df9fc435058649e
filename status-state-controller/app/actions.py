"""Runs actions: each is a task of its own, may outlive the check that began it, and delays or fails nobody else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from . import func
from .model import Outcome, Result, Verb

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from .backoff import Backoff
    from .engine import Engine
    from .model import Action, Snapshot

log: FilteringBoundLogger = structlog.get_logger(__name__)


class Actions:
    """The actions under way, at most one per container.

    Args:
        engine: where they are done.
        snapshot: returns the snapshot in force at the moment of the call.
        backoff: is told of each attempt to start.
        clock: steady seconds.
        concurrency: how many starts, and how many stops, may be under way at once; the rest queue.
    """

    def __init__(
        self,
        engine: Engine,
        snapshot: Callable[[], Snapshot | None],
        backoff: Backoff,
        clock: Callable[[], float],
        concurrency: int,
    ) -> None:
        self._engine = engine
        self._snapshot = snapshot
        self._backoff = backoff
        self._clock = clock
        # Separate limits: stops that take ten minutes each must not hold up a single start.
        self._limits = {verb: asyncio.Semaphore(concurrency) for verb in Verb}
        self._running: dict[str, asyncio.Task[Outcome]] = {}

    def is_running(self, container_id: str) -> bool:
        """Tell whether an action on this container is under way."""
        return container_id in self._running

    def begin(self, action: Action) -> asyncio.Task[Outcome]:
        """Begin an action; the task returns its outcome and never raises, unless it is cancelled."""
        container_id = action.container.id
        task = asyncio.create_task(self._run(action), name=str(action))
        self._running[container_id] = task
        task.add_done_callback(lambda _: self._running.pop(container_id, None))
        return task

    async def _run(self, action: Action) -> Outcome:
        try:
            async with self._limits[action.verb]:
                return await self._perform(action)
        except Exception as error:  # one container's bug must not become another's
            log.exception("an action failed in a way that was not foreseen; please report this", action=str(action))
            return Outcome(action, Result.FAILED, f"unforeseen {type(error).__name__}: {error}")

    async def _perform(self, action: Action) -> Outcome:
        snapshot = self._snapshot()
        if snapshot is None:
            return Outcome(action, Result.DROPPED, "there is no snapshot any more")
        match action.verb:
            case Verb.START:
                return await func.start(self._engine, action, snapshot, lambda: self._count_attempt(action))
            case Verb.STOP:
                return await func.stop(self._engine, action, snapshot)

    def _count_attempt(self, action: Action) -> None:
        if action.original_id is not None:
            self._backoff.attempted(action.original_id, self._clock())
