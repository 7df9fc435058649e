"""Follows the engine's events, to know when to look again, and of whom a new run may have begun."""

import asyncio
import json
from typing import Any

import structlog

from ..engine.streams import lines_of
from ..engine.view import EngineStreams
from ..engine.watch import EngineWatch
from ..errors import StatusStateError
from .timing import Timing

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class EventFollower:
    """Follows the events for as long as it is wanted.

    Args:
        engine: whose events.
        watch: tells whether it answers.
        wake: set whenever something happened.
        timing: how long is waited after a break.
    """

    def __init__(self, engine: EngineStreams, watch: EngineWatch, wake: asyncio.Event, timing: Timing) -> None:
        self._engine = engine
        self._watch = watch
        self._wake = wake
        self._timing = timing
        self._restarted: set[str] = set()
        self._any = False
        self._task: asyncio.Task[None] | None = None

    @property
    def follows(self) -> bool:
        """Whether the events are followed."""
        return self._task is not None

    def start(self) -> None:
        """Follow them from now on."""
        self._task = self._task or asyncio.create_task(self._follow())

    def stop(self) -> None:
        """Follow them no longer."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def take(self) -> "Restarted":
        """Return of whom a new run may have begun since the last time; a look that fails gives it back."""
        taken = Restarted(frozenset(self._restarted), everybody=self._any)
        self._restarted.clear()
        self._any = False
        return taken

    def give_back(self, taken: "Restarted") -> None:
        """Take back what was not looked at."""
        self._restarted |= taken.container_ids
        self._any |= taken.everybody

    async def _follow(self) -> None:
        """Wake whenever something happens to a container; after a break everything may have happened."""
        while True:
            try:
                if self._watch.error is None:  # else nobody asks the engine but the watch
                    await self._follow_once()
            except StatusStateError:
                pass  # the looks tell of it
            except Exception:
                log.exception("events_failed", message="following the engine's events failed; please report this")
            await asyncio.sleep(self._timing.lost)

    async def _follow_once(self) -> None:
        async with self._engine.events() as chunks:
            self._any = True
            self._wake.set()
            async for line in lines_of(chunks):
                self._note(line)

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


class Restarted:
    """Of whom a new run may have begun: these containers, or everybody."""

    def __init__(self, container_ids: frozenset[str], *, everybody: bool) -> None:
        self.container_ids = container_ids
        self.everybody = everybody

    def __contains__(self, container_id: str) -> bool:
        return self.everybody or container_id in self.container_ids
