"""uvicorn, with an orderly stop: that somebody asked for it is recorded before the connections are drained.

The signal handler itself only notes the signal: it runs between any two steps of the program, which may be holding the
very lock that recording needs. The stop begins in the event loop at its next turn. Nothing ticks meanwhile: uvicorn's own
loop looks ten times a second whether it has to end, and what the time is.
"""

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from types import FrameType
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from ..process.ending import Ending
from .limits.protocol import Limits, bounded

DRAIN_SECONDS = 2
"""Design, section 2: open streams must not turn a stop into a SIGKILL."""


class Background(Protocol):
    """What the server tells that the end has come."""

    async def finish(self) -> None:
        """Record what is to be recorded; called before the connections are drained."""
        ...


class _State(ServerState):
    """What uvicorn's connections share. The header `Date` is made when it is needed, once a second at the most."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second = 0
        self._dated: list[tuple[bytes, bytes]] = []
        super().__init__()

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that every answer has."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._dated = second, [(b"date", formatdate(second, usegmt=True).encode())]
        return self._dated

    @default_headers.setter
    def default_headers(self, _: list[tuple[bytes, bytes]]) -> None:  # pyright: ignore[reportIncompatibleVariableOverride] - a plain list there
        """There are no others: uvicorn sets none before its loop begins."""


class Server(uvicorn.Server):
    """Serves until the end. `clock` is the time that the answers tell, in seconds since 1970."""

    def __init__(
        self, config: uvicorn.Config, ending: Ending, background: Background, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(config)
        self.server_state = _State(clock)
        self._ending = ending
        self._background = background
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked_to_stop = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal. Unlike uvicorn's own, it is not raised again at the end: a stop that was asked for exits 0."""
        if self._asked_to_stop and sig == signal.SIGINT:
            self.force_exit = True
        self._asked_to_stop = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ending.stop)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until the end."""
        self._loop = asyncio.get_running_loop()  # before uvicorn begins to catch signals
        await super().serve(sockets)

    async def main_loop(self) -> None:
        """Wait for the end."""
        await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the recording of an orderly stop, then drain the connections."""
        await self._background.finish()
        await super().shutdown(sockets)


def make_config(
    app: ASGIApp,
    drain_seconds: int = DRAIN_SECONDS,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> uvicorn.Config:
    """Make uvicorn's configuration: as fast and as quiet as it can be, and nothing that is not needed."""
    return uvicorn.Config(
        app,
        interface="asgi3",
        loop="uvloop",
        http=bounded(limits),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=drain_seconds,
    )


def listen(host: str, port: int) -> socket.socket:
    """Listen at once: until there is a snapshot, requests are answered with what is waited for. Raises OSError."""
    if ":" not in host:
        return socket.create_server((host, port), backlog=2048)
    return socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=host == "::", backlog=2048)
