"""One call to the engine shared by the requests that wait for it together.

A request is answered by a call *begun* at or after the request arrived, never by an older one. At most one call is
under way, and those who come meanwhile wait for the next. So a host that is asked a thousand times a second asks its
engine only as fast as that answers.

Under load the next call is held back until those who were just answered have come again, for as long as the last call
took at the most. Otherwise they would form two groups that take turns, and the engine would be asked twice as often.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedCall(Generic[T]):
    """Shares the results of `call`. A failure ends the wait of all, also of those who wait for the next call.

    For them it is news, too: the failure came after they did, and they must not wait for another time-out.
    `gather_factor` times the last call's duration is how long the next one is held back at the most.
    """

    def __init__(self, call: Callable[[], Awaitable[T]], *, gather_factor: float = 1.0) -> None:
        self._call = call
        self._gather_factor = gather_factor
        self._next: asyncio.Future[T] | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting = 0
        self._expected = 0
        self._gathered: asyncio.Event | None = None

    async def get(self) -> T:
        """Return the result of a call that begins now or later; raise what it raises."""
        self._waiting += 1
        if self._gathered is not None and self._waiting >= self._expected:
            self._gathered.set()
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            if self._task is None:
                self._task = asyncio.create_task(self._run())
        # Shielded: one who goes away must not take the answer from the others.
        return await asyncio.shield(self._next)

    async def _run(self) -> None:
        """Make calls for as long as somebody waits."""
        try:
            while (current := self._next) is not None:
                self._next = None  # who comes from here on waits for the next call
                served, self._waiting = self._waiting, 0
                began = time.perf_counter()
                try:
                    result = await self._call()
                except Exception as error:  # noqa: BLE001 - it is raised where it belongs: in those who wait
                    self._fail(current, error)
                else:
                    if not current.done():
                        current.set_result(result)
                    await self._gather(served + self._waiting, time.perf_counter() - began)
        finally:
            self._task = None

    async def _gather(self, expected: int, at_most_seconds: float) -> None:
        """Wait until as many wait as were just answered or came meanwhile: a single one never waits for others."""
        self._expected = expected
        self._gathered = asyncio.Event()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._gathered.wait(), self._gather_factor * at_most_seconds)
        self._gathered = None

    def _fail(self, current: asyncio.Future[T], error: Exception) -> None:
        following, self._next, self._waiting = self._next, None, 0
        for future in (current, following):
            if future is not None and not future.done():
                future.set_exception(error)
                future.exception()  # seen: those who waited may have gone
