"""What a connection may do before any request is looked at: how long a head may be, how long it may take, how many there are.

uvicorn's own protocol has no such limits: it collects headers for as long as somebody sends them. Everything here costs a
bounded amount of memory for each connection, whatever is sent. Who may ask for what is decided in `gate` and `auth`.
"""

from asyncio import TimerHandle, Transport
from dataclasses import dataclass
from typing import Literal

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from ..problems import problem_response

SLICE_BYTES = 4096
"""Bytes are counted a slice at a time, so this is how exact the limit of a head is."""

_TOO_LONG = "The request line, headers and trailers are too long: at most {} bytes are accepted."
_TOO_MANY_HEADERS = "There are too many headers and trailers: at most {} are accepted."
_TOO_SLOW = "The request did not arrive within {:g} s."
_TOO_MANY = "There are {} connections already. Close some, and ask again."
_UNREADABLE = "This is not HTTP/1.1 as RFC 9112 describes it."


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of each connection. A request of a correct client is far from all of them."""

    head_bytes: int = 64 * 1024
    """What may arrive in a row without being part of a body: the head of a request, trailers, what is between chunks."""
    headers: int = 100
    """Headers and trailers of one request, whatever their length: each costs time and more memory than its own bytes."""
    head_seconds: float = 10.0
    """From the connection, or the first byte of a later request, to the end of its head."""
    body_seconds: float = 30.0
    """From the end of the head to the end of the body."""
    idle_seconds: int = 5
    """Between an answer and the next request; uvicorn's own default."""
    unread_seconds: float = 30.0
    """How long an answer may wait because its reader takes none of it."""
    connections: int = 500
    """Measured: 500 silent ones cost 4 MB, 500 that have each sent a head of almost the full size cost 33 MB."""
    pipelined: int = 16
    """Requests that wait on one connection until those before them are answered. Few clients send a second one."""
    linger_seconds: float = 1.0
    """How long what still comes is read and forgotten after a refusal: else a reset would overtake the answer."""


class TooManyHeaders(Exception):
    """A request has more headers than are accepted."""


Stage = Literal["idle", "head", "body", "whole"]


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `bounded` makes a class of it that has other limits."""

    limits = Limits()

    _stage: Stage = "idle"
    _message = 0
    _in_a_row = 0
    _row_broken = False
    _refused = False
    _timed: tuple[int, Stage] | None = None
    _deadline: TimerHandle | None = None
    _unread: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin, or refuse the newest when there are too many."""
        super().connection_made(transport)
        self.timeout_keep_alive = self.limits.idle_seconds
        excess = len(self.connections) - self.limits.connections
        if excess > self.limits.connections // 4:  # even those that wait to be told so are too many
            transport.abort()
        elif excess > 0:
            self._refuse(503, _TOO_MANY.format(self.limits.connections))
        else:
            self._time()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        for timer in (self._deadline, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come, as long as it is within the limits."""
        for start in range(0, len(data), SLICE_BYTES):
            if self._refused or self.transport.is_closing():
                return
            part = data[start : start + SLICE_BYTES]
            self._row_broken = False
            super().data_received(part)
            self._in_a_row = 0 if self._row_broken else self._in_a_row + len(part)
            if self._in_a_row > self.limits.head_bytes:
                self._refuse(431, _TOO_LONG.format(self.limits.head_bytes))
            elif len(self.pipeline) > self.limits.pipelined:
                self._hang_up()
        if not self._refused:
            self._time()

    def on_message_begin(self) -> None:
        """A request begins: called by the parser, as the next five are."""
        self._stage = "head"
        self._message += 1
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header or a trailer is complete."""
        if len(self.headers) >= self.limits.headers:
            raise TooManyHeaders  # it ends the parsing; `send_400_response` is called for it
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Its head is complete."""
        self._stage = "body"
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body has come."""
        self._row_broken = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """It is complete, trailers included."""
        self._stage = "whole"
        self._row_broken = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request is answered: what is left of its body is of no use to anybody."""
        if self.cycle.response_complete:  # else the connection is at the next one already
            self.cycle.body = bytearray()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The reader is slow: wait for it, but not for ever."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.limits.unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The reader has gone on."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser can't read."""
        del msg  # the parser's: always the same
        if self._stage in {"head", "body"} and len(self.headers) >= self.limits.headers:
            self._refuse(431, _TOO_MANY_HEADERS.format(self.limits.headers))
        else:
            self._refuse(400, _UNREADABLE)

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing is upgraded, and the request is answered as it is. Logging each would let anybody fill the log."""

    def _time(self) -> None:
        """Have a deadline for what is awaited now. Most requests come whole, and never have one."""
        stage = self._stage
        if stage == "whole" and (self.cycle.response_complete or self.cycle.disconnected):
            stage = "idle"  # what came after the answer is no request yet, and has ended uvicorn's own time-out
        awaited = None if stage == "whole" else (self._message, stage)
        if awaited == self._timed:
            return
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._timed = awaited
        if awaited is not None:
            seconds = self.limits.body_seconds if stage == "body" else self.limits.head_seconds
            self._deadline = self.loop.call_later(seconds, self._expire, stage, seconds)

    def _expire(self, stage: Stage, seconds: float) -> None:
        if stage == "idle":
            self._hang_up()
        else:
            self._refuse(408, _TOO_SLOW.format(seconds))

    def _refuse(self, status: int, detail: str) -> None:
        """Answer ahead of the application, and let nothing more in. Nobody is answered in the middle of another answer."""
        answers_another = self._stage == "head" and self.cycle is not None and not self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison] - None at first
        begun = self._stage == "body" and self.cycle.response_started
        if self.pipeline or answers_another or begun or self.transport.is_closing():
            self._hang_up()
            return
        self._refused = True
        self._leave_cycle()
        answer = problem_response(status, detail, {"Connection": "close"})
        head = [STATUS_LINE[status]]
        for name, value in [*self.server_state.default_headers, *answer.raw_headers]:
            head += [name, b": ", value, b"\r\n"]
        self.transport.write(b"".join([*head, b"\r\n", answer.body]))
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(self.limits.linger_seconds, self.transport.abort)

    def _hang_up(self) -> None:
        self._refused = True
        self._leave_cycle()
        self.transport.close()
        self.loop.call_later(self.limits.linger_seconds, self.transport.abort)  # what is not read by then is lost

    def _leave_cycle(self) -> None:
        """Have the application, where it is at work for this connection, see that nobody waits any longer."""
        if self.cycle is not None and not self.cycle.response_complete:  # pyright: ignore[reportUnnecessaryComparison] - None at first
            self.cycle.disconnected = True
            self.cycle.message_event.set()


def bounded(limits: Limits) -> type[BoundedProtocol]:
    """Make the class of connections with these limits: uvicorn makes them, so they can't be passed to each."""
    return type("BoundedProtocolWithLimits", (BoundedProtocol,), {"limits": limits})
