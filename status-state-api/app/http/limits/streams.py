"""Answers that go on for as long as somebody reads, and how many of them there may be."""

from collections.abc import AsyncIterable

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ..problems import NEVER_STORE, problem_response

STREAMS = 64
"""One controller follows one; the rest is for people and for what has not yet been noticed to be gone."""


class Streams:
    """Counts the streams that are open."""

    def __init__(self, most: int = STREAMS) -> None:
        self.most = most
        self.open = 0


class JsonLines(StreamingResponse):
    """A line of JSON at a time, for as long as somebody reads; a 503 when there are too many readers."""

    media_type = "application/x-ndjson"

    def __init__(self, lines: AsyncIterable[bytes], streams: Streams, status_code: int = 200) -> None:
        super().__init__(lines, status_code, NEVER_STORE)
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        if self._streams.open >= self._streams.most:
            said = f"{self._streams.most} streams are open already. Close some, and ask again."
            await problem_response(503, said, {"Retry-After": "5"})(scope, receive, send)
            return
        self._streams.open += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.open -= 1


class EventStream(JsonLines):
    """Server-sent events, as the HTML standard has them, instead of lines."""

    media_type = "text/event-stream"
