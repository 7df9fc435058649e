"""A controller between a pretended engine and a pretended SSA, and how to wait for what it does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import structlog.testing
from status_state_controller.act.executor import Clocks, Executor
from status_state_controller.main import Controller, Timing
from status_state_controller.model import Event, Verdicts
from status_state_controller.observe.triggers import Triggers
from status_state_controller.ssa.memory import KeptMemory

from .fake_engine import FakeEngine
from .world import NOON, FakeClock, FakeSsa, settings, verdicts_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from status_state_controller.model import Action, Container, Outcome, Snapshot
    from status_state_controller.notify.notifier import Notifier

BOUND_SECONDS = 5
"""How long any condition may take to come true before the test fails; nothing waits for this long when all is well."""


@dataclass
class Stage:
    """All that a test of the whole controller needs."""

    controller: Controller
    engine: FakeEngine
    ssa: FakeSsa
    clock: FakeClock
    completed: list[float] = field(default_factory=list[float])

    async def check(self) -> float:
        """Make one check and wait for all that it began; return the pause."""
        pause = await self.controller.check()
        await settled()
        return pause

    def happens(self, action: str, container_id: str, signal: str = "", project: str = "", *, detail: str = "") -> None:
        """Let the engine report a change to the controller."""
        event = Event(container_id, action, signal, project, f"{self.engine.wall().timestamp():.9f}", detail)
        self.controller._following.note(event)  # pyright: ignore[reportPrivateUsage] # where no stream is open

    def is_told(self, *failing: str) -> None:
        """Let the controller hold that the SSA calls these originals failing in their present run."""
        self.controller._ssa.hear(verdicts_line(*failing))  # pyright: ignore[reportPrivateUsage] # where no stream is open

    @property
    def urgent(self) -> frozenset[str] | None:
        """The containers that the loop would look at immediately; None when it would not."""
        turn = self.controller._triggers.next_turn(self.clock(), 1e9)  # pyright: ignore[reportPrivateUsage] # as above
        return turn.only

    async def check_on(self) -> None:
        """Make one check, and then the looks that the ends of its actions ask for, as the loop does."""
        await self.check()
        while (only := self.urgent) is not None:
            await self.controller.check(only)
            await settled()

    async def check_later(self, seconds: float) -> float:
        """Let time pass, then check."""
        self.clock.advance(seconds)
        return await self.check()


def stage(
    folder: Path,
    held: Snapshot | None,
    *world: Container,
    own_id: str | None = None,
    clock: FakeClock | None = None,
    timing: Timing = Timing(),  # noqa: B008 # frozen
    notifier: Notifier | None = None,
    **others: Any,
) -> Stage:
    """Set the stage: what the SSA serves, what is on the engine, and the controller between them."""
    engine, ssa, clock = FakeEngine(*world), FakeSsa(held), clock or FakeClock()
    engine.wall = clock.utc_now
    completed = list[float]()
    controller = Controller(
        settings=settings(folder, **others),
        engine=engine,
        client=ssa.client,
        own_id=own_id,
        completed=lambda: completed.append(clock()),
        notifier=notifier,
        clocks=Clocks(clock, lambda: clock.utc_now().timestamp()),
        timing=timing,
    )
    return Stage(controller, engine, ssa, clock, completed)


@dataclass
class Held:
    """What is desired, without an SSA."""

    snapshot: Snapshot | None
    verdicts: Verdicts = field(default_factory=Verdicts)


class Unchanging:
    """An SSA of which nothing new is to be heard, and nothing is asked."""

    async def refresh(self) -> None:
        """Nothing is outdated."""

    async def change(self, action: Action) -> Outcome:
        """Nobody asks for this."""
        raise AssertionError(action)


async def carried_out(engine: FakeEngine, action: Action, held: Snapshot) -> Outcome:
    """Carry out one action on an engine."""
    clocks = Clocks(FakeClock(), NOON.timestamp)
    executor = Executor(
        engine,
        Held(held),
        Unchanging(),
        KeptMemory(),
        clocks,
        happening=Triggers(0.5),
        concurrency=1,
        ended=lambda _: None,
    )
    return await executor.begin(action)


async def settled() -> None:
    """Wait until every task but this one has ended."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        _, pending = await asyncio.wait(others, timeout=BOUND_SECONDS)
        assert not pending, f"still under way: {pending}"


async def until(condition: Callable[[], object]) -> None:
    """Give way to the other tasks until the condition holds."""
    async with asyncio.timeout(BOUND_SECONDS):
        while not condition():  # noqa: ASYNC110 # conditions of plain values; nothing is slept here
            await asyncio.sleep(0)


class Log:
    """What was logged while the block ran."""

    def __init__(self) -> None:
        structlog.reset_defaults()
        self._capturing = structlog.testing.capture_logs()
        self.entries: list[Any] = []

    def __enter__(self) -> Self:
        self.entries = self._capturing.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._capturing.__exit__(None, None, None)

    @property
    def sentences(self) -> list[str]:
        """The sentences, without their facts."""
        return [str(entry["message"]) for entry in self.entries]

    def about(self, word: str) -> list[str]:
        """The sentences that hold a word."""
        return [sentence for sentence in self.sentences if word in sentence]
