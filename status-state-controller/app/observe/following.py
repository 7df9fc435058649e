"""Following the engine's events for ever, and turning each into what the loop looks at, and when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from ..errors import EngineError
from ..plan.memory import stop_policy_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from ..engine.client import Engine
    from ..model import Event
    from ..ssa.link import Ssa
    from ..ssa.memory import KeptMemory
    from .triggers import Triggers

log: FilteringBoundLogger = structlog.get_logger(__name__)


class Following:
    """What the engine reports, and what follows from it.

    Args:
        engine: whose events these are.
        triggers: told of each of them.
        ssa: holds the snapshot, which tells how an original is stopped in order.
        memory: tells who has an original's place.
        steady: steady seconds.
        wake: set when there may be something to look at.
        again_seconds: after a break, until the stream is opened again.
    """

    def __init__(
        self,
        engine: Engine,
        triggers: Triggers,
        ssa: Ssa,
        memory: KeptMemory,
        *,
        steady: Callable[[], float],
        wake: asyncio.Event,
        again_seconds: float,
    ) -> None:
        self._engine = engine
        self._triggers = triggers
        self._ssa = ssa
        self._memory = memory
        self._steady = steady
        self._wake = wake
        self._again_seconds = again_seconds
        self._cursor: str | None = None

    async def follow(self) -> None:
        """Follow the events for ever; after a break, from where it broke."""
        while True:
            try:
                await self._engine.watch(self._cursor, self.expect_check, self.note)
            except EngineError:
                pass  # the checks tell of it
            except Exception:
                message = "following the engine's events failed in a way that was not foreseen; please report this"
                log.exception("bug", message=message)
            await asyncio.sleep(self._again_seconds)

    def expect_check(self) -> None:
        """Have everything looked at, once the host has settled."""
        self._triggers.expect(self._steady())
        self._wake.set()

    def note(self, event: Event) -> None:
        """Note one event."""
        self._cursor = event.cursor
        stop_policy = stop_policy_of(event.container_id, self._ssa.snapshot, self._memory.value)
        self._triggers.note(event, self._steady(), stop_policy)
        self._wake.set()
