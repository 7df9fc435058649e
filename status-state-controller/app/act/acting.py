"""Carries out one plan: begins its actions, and has them told of. It decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model import Outcome, Result
from ..plan.memory import must_be_known

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ..model import Action, Snapshot
    from ..plan.plan import Plan
    from ..report.reporter import Reporter
    from ..ssa.memory import KeptMemory
    from .executor import Executor


class Acting:
    """What is done about each plan.

    Args:
        executor: carries the actions out.
        reporter: tells of them.
        memory: notes what is begun.
        utc: seconds since 1970.
        dry_run: whether the actions are told of only.
    """

    def __init__(
        self, executor: Executor, reporter: Reporter, memory: KeptMemory, utc: Callable[[], float], *, dry_run: bool
    ) -> None:
        self._executor = executor
        self._reporter = reporter
        self._memory = memory
        self._utc = utc
        self._dry_run = dry_run
        self._waiting: dict[str, frozenset[str]] = {}  # by container: the names of those that its action waits for

    def act(self, snapshot: Snapshot, plan: Plan, only: frozenset[str] | None) -> None:
        """Take the plan's memory over, begin its actions, and have all of it told; `only` is that of the plan."""
        self._memory.take(plan.memory)
        settled = [Outcome(one.action, Result.WAITING, one.why, one.until) for one in plan.waiting]
        begun: list[asyncio.Task[Outcome]] = []
        if self._dry_run:
            settled += [Outcome(action, Result.DRY_RUN) for action in plan.actions]
        else:
            begun = self._begin(snapshot, plan)
        waiting = {one.action.container.id: frozenset(one.others) for one in plan.waiting if one.others}
        # A look at a few containers says nothing of what the others wait for.
        self._waiting = {**self._waiting, **dict.fromkeys(only, frozenset[str]()), **waiting} if only else waiting
        if only is None:
            self._reporter.notice(plan.notices)
        if plan.findings or not (only is not None or self._executor.any_running):
            actions = () if self._dry_run else plan.actions
            self._reporter.conclude(snapshot, plan.findings, settled, begun, actions)

    def who_waits_for(self, action: Action) -> list[str]:
        """Return the ids of the containers whose actions wait for the end of this one."""
        return [container_id for container_id, others in self._waiting.items() if action.container.name in others]

    def _begin(self, snapshot: Snapshot, plan: Plan) -> list[asyncio.Task[Outcome]]:
        """Begin the actions. The SSA hears first of those that a new process must know of, should this one be ended."""
        self._memory.begin(plan.actions, self._utc())
        careful = [action for action in plan.actions if must_be_known(action)]
        stored = self._reporter.announce(snapshot, plan.findings, careful) if careful else None
        return [self._executor.begin(action, stored if must_be_known(action) else None) for action in plan.actions]
