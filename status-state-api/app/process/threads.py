"""Blocking calls in daemon threads, bounded in number.

Daemon threads, because a call to an engine that hangs must not keep the process from ending: the interpreter waits
at its exit for the threads of `concurrent.futures`. This module knows nothing about what it calls.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Job:
    call: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class DaemonThreads:
    """Runs calls in at most `count` threads, in the order in which they were given; threads start when needed."""

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._unfinished = 0

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call` returns and raise what it raises.

        Cancelling abandons the result, not the call: a call that has been queued is always made.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(partial(call, *args, **kwargs), loop, future))
        with self._lock:
            self._unfinished += 1
            another = self._started < min(self._unfinished, self._count)
            self._started += another
        if another:
            threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
        return await future

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                result, error = job.call(), None
            except BaseException as raised:  # noqa: BLE001 - it belongs to whoever awaits the call, whatever it is
                result, error = None, raised
            with self._lock:
                self._unfinished -= 1
            try:
                job.loop.call_soon_threadsafe(_deliver, job.future, result, error)
            except RuntimeError:  # the loop has been closed: nobody waits any more
                return
            del job, result, error  # an idle thread holds on to nothing


def _deliver(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():  # whoever waited has gone
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
