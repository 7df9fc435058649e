"""uvicorn, with an orderly stop: that somebody asked for it is recorded before the connections are drained.

The signal handler itself only notes the signal: it runs between any two steps of the program, which may be holding the
very lock that recording needs. The recording begins in the event loop at its next turn.
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

import uvicorn

DRAIN_SECONDS = 2
"""Design, section 2: open streams must not turn a stop into a SIGKILL."""


class Server(uvicorn.Server):
    """Serves until it is asked to stop, or ends of its own accord by `end`."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        super().__init__(config)
        self.exit_code = 0
        self._on_stop = on_stop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked_to_stop = False
        self._stopping: asyncio.Task[None] | None = None

    def end(self, exit_code: int) -> None:
        """End of its own accord, with this exit code: that is no orderly stop, and marks are left alone."""
        self.exit_code = exit_code
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal. Unlike uvicorn's own, it is not raised again at the end: a stop that was asked for exits 0."""
        if self._asked_to_stop and sig == signal.SIGINT:
            self.force_exit = True
        elif not self.should_exit:
            self._asked_to_stop = True
            self.should_exit = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._begin_stop)

    async def main_loop(self) -> None:
        """Serve until the end."""
        self._loop = asyncio.get_running_loop()
        await super().main_loop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the recording of an orderly stop, then drain the connections."""
        if self._asked_to_stop:
            await self._begin_stop()
        await super().shutdown(sockets)

    def _begin_stop(self) -> asyncio.Task[None]:
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._on_stop())
        return self._stopping
