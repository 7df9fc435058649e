"""Blocking calls in daemon threads, bounded in number. The same file in both services.

Daemon threads, because a call to an engine that hangs, or a stop that takes ten minutes, must not keep the process from
ending: the interpreter waits at its exit for the threads of `concurrent.futures`. This module knows nothing about what
it calls.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

IDLE_SECONDS = 10.0
"""How long a thread waits for another call before it ends."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Job:
    call: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class DaemonThreads:
    """Runs calls in at most `count` threads, in the order in which they were given; threads start when needed."""

    def __init__(self, count: int, name: str, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._count = count
        self._name = name
        self._idle_seconds = idle_seconds
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._unfinished = 0

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call` returns and raise what it raises.

        Cancelling abandons the result, not the call: a call that has been queued is always made, and holds its place
        until it ends.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            self._jobs.put(_Job(partial(call, *args, **kwargs), loop, future))
            self._unfinished += 1
            another = self._threads < min(self._unfinished, self._count)
            self._threads += another
        if another:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        return await future

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                result, error = job.call(), None
            except BaseException as raised:  # noqa: BLE001 - it belongs to the caller that awaits it, whatever it is
                result, error = None, raised
            with self._lock:
                self._unfinished -= 1
            with suppress(RuntimeError):  # the loop has been closed: nobody waits for this any more
                job.loop.call_soon_threadsafe(_deliver, job.future, result, error)
            del job, result, error  # an idle thread holds on to nothing

    def _next(self) -> _Job | None:
        """Wait for a call; None, and one thread less, when none has come."""
        try:
            return self._jobs.get(timeout=self._idle_seconds)
        except queue.Empty:
            with self._lock:  # calls are queued under the lock, too: none can come in between unseen
                if not self._jobs.empty():
                    return self._jobs.get()
                self._threads -= 1
                return None


def _deliver(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():  # the caller has gone
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
