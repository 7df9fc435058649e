"""Follows the engine's events: one stream, however many listen to it, for as long as anybody does.

Who listens is also shown where there is a gap: the engine drops events without a word while nobody reads, and after a
break anything may have happened. So listeners take each event at once, and keep what takes time for later.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from ..errors import StatusStateError
from .streams import lines_of
from .view import EngineStreams
from .watch import EngineWatch

AGAIN_SECONDS = 5.0
"""As slowly as a lost engine is asked: see `watch`."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a container, by its name at that time; `at` is the engine's time, None where it tells none."""

    action: str
    container_id: str
    name: str
    at: datetime | None


class Listener(Protocol):
    """Who wants to know what happens."""

    def began(self) -> None:
        """Take note that events are heard from now on; before this anything may have happened."""
        ...

    def heard(self, event: Event) -> None:
        """Take note of an event."""
        ...

    def broke(self) -> None:
        """Take note that none are heard until it begins again."""
        ...


class EventFollower:
    """Follows the events for those who listen.

    Args:
        engine: whose events.
        watch: tells whether it answers.
        again_seconds: how long is waited after a break.
    """

    def __init__(self, engine: EngineStreams, watch: EngineWatch, again_seconds: float = AGAIN_SECONDS) -> None:
        self._engine = engine
        self._watch = watch
        self._again_seconds = again_seconds
        self._listeners: list[Listener] = []
        self._is_open = False
        self._task: asyncio.Task[None] | None = None

    def join(self, listener: Listener) -> None:
        """Have it hear the events from now on."""
        self._listeners.append(listener)
        if self._is_open:
            listener.began()
        self._task = self._task or asyncio.create_task(self._follow())

    def leave(self, listener: Listener) -> None:
        """Have it hear no more, if it did; without anybody the events are not followed."""
        if listener in self._listeners:
            self._listeners.remove(listener)
        if not self._listeners and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _follow(self) -> None:
        while True:
            try:
                if self._watch.error is None:  # else nobody asks the engine but the watch
                    await self._follow_once()
            except StatusStateError:
                pass  # the watch, and the looks of those who listen, tell of it
            except Exception:
                log.exception("events_failed", message="following the engine's events failed; please report this")
            await asyncio.sleep(self._again_seconds)

    async def _follow_once(self) -> None:
        async with self._engine.events() as chunks:
            self._is_open = True
            try:
                self._tell_begin()
                async for line in lines_of(chunks):
                    event = read_event(line)
                    if event is not None:
                        for listener in list(self._listeners):
                            listener.heard(event)
                    elif line.strip():  # it may be one, and too long to be kept whole: a gap
                        self._tell_break()
                        self._tell_begin()
            finally:
                self._is_open = False
                self._tell_break()

    def _tell_begin(self) -> None:
        for listener in list(self._listeners):
            listener.began()

    def _tell_break(self) -> None:
        for listener in list(self._listeners):
            listener.broke()


def read_event(line: bytes) -> Event | None:
    """Read one of the engine's lines; None for what is no event of a container."""
    try:
        told: Any = json.loads(line)
        actor = told["Actor"]
        nanoseconds = told.get("timeNano")
        at = None if nanoseconds is None else datetime.fromtimestamp(nanoseconds / 1e9, UTC)
        attributes: dict[str, Any] = actor.get("Attributes") or {}
        return Event(str(told["Action"]), str(actor["ID"]), str(attributes.get("name") or ""), at)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return None
