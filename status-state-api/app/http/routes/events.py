"""`/events`: reports that something has changed, and of which kind; readers then ask for what it is now.

So nothing is kept for anybody: what a slow reader has missed comes to it as one event, and one that comes back asks for
everything anyway. Without readers none of this runs.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from fastapi import APIRouter, Response

from ..limits.streams import EventStream, Streams
from .parts import Parts

GATHER_SECONDS = 0.25
"""How far apart events are at least: a storm of changes is told four times a second."""
DESCRIPTION: dict[str, Any] = {
    "description": "A stream without an end; each event is as described.",
    "content": {
        EventStream.media_type: {
            "schema": {
                "title": "ServerSentEvent",
                "type": "object",
                "properties": {
                    "id": {"type": "string", "description": "Counts the events of this stream."},
                    "event": {"type": "string", "enum": ["hello", "changed"]},
                    "data": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "description": "`kinds`, a list of words, and `checked_at`, a time or null.",
                    },
                },
                "required": ["id", "event", "data"],
            }
        }
    },
}
"""For the description of the interface: of one event, since there is no other way to describe a stream."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often something is sent, in seconds: a beat when there is nothing else, and events no closer than that."""

    beat: float
    gather: float = GATHER_SECONDS


def event_routes(parts: Parts, beat_seconds: float) -> APIRouter:
    """What everyone may follow who can reach the port."""
    router = APIRouter(tags=["state"])
    streams = Streams()

    @router.get("/events", summary="Follow what changes", response_class=EventStream, responses={200: DESCRIPTION})
    async def get_events() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """Server-sent events, each of which says only what to ask for again, in `data`, as JSON.

        `hello` comes first, and after every break: ask for everything. Then `changed`, with `kinds`: `engine` (it answers, or
        no longer), `containers`, `verdicts`, `snapshot`, `pauses`, `report`, `check` (the controller has made one) and
        `journal`. `checked_at` is when the controller was last seen. A comment every 15 s shows that the connection lives.
        """
        return EventStream(follow(parts, Pace(beat_seconds)), streams)

    return router


async def follow(parts: Parts, pace: Pace) -> AsyncGenerator[bytes]:
    """Yield events for as long as the service lives; what changes meanwhile is told together."""
    loop = asyncio.get_running_loop()
    number, seen = 1, _look(parts)
    yield _event(number, "hello", [], parts)
    beat_at = loop.time() + pace.beat
    while not parts.verdicts.closed:
        rung = parts.bell.listen()  # before looking: what changes from here on is not missed
        now = _look(parts)
        kinds = [kind for kind, mark in now.items() if mark != seen[kind]]
        if kinds:
            number, seen = number + 1, now
            yield _event(number, "changed", kinds, parts)
            await asyncio.sleep(pace.gather)
            beat_at = loop.time() + pace.beat
        elif loop.time() >= beat_at:
            yield b":\n\n"
            beat_at = loop.time() + pace.beat
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(beat_at):
                    await rung.wait()


def _look(parts: Parts) -> dict[str, object]:
    """What tells one state from another, by kind."""
    held, report, book = parts.holder.held, parts.controller.report, parts.pauses.book
    snapshot_id = held and held.snapshot.id
    return {
        "engine": parts.watch.error is None,
        "containers": parts.uptime.event_count,
        "verdicts": parts.verdicts.revision,
        "snapshot": (snapshot_id, id(parts.policies.policy)),
        "pauses": (book.in_force(), parts.pauses.delayed),
        "report": report and report.received_at,
        "check": parts.controller.last_seen_at,
        "journal": (parts.journal.stored, report and report.received_at, snapshot_id),
    }


def _event(number: int, name: str, kinds: list[str], parts: Parts) -> bytes:
    data = orjson.dumps({"kinds": kinds, "checked_at": _text(parts.controller.last_seen_at)})
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, name.encode(), data)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
