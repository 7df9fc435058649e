"""One call to the engine shared by the requests that wait for it together.

A request is answered by a call *begun* at or after the request arrived, never by an older one. At most one call is
under way, and those who come meanwhile wait for the next. So a host that is asked a thousand times a second asks its
engine only as fast as that answers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedCall(Generic[T]):
    """Shares the results of `call`. A failure ends the wait of all, also of those who wait for the next call.

    For them it is news, too: the failure came after they did, and they must not wait for another time-out.
    """

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self._next: asyncio.Future[T] | None = None
        self._task: asyncio.Task[None] | None = None

    async def get(self) -> T:
        """Return the result of a call that begins now or later; raise what it raises."""
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
                try:
                    result = await self._call()
                except Exception as error:  # noqa: BLE001 - it is raised where it belongs: in those who wait
                    self._fail(current, error)
                else:
                    if not current.done():
                        current.set_result(result)
        finally:
            self._task = None

    def _fail(self, current: asyncio.Future[T], error: Exception) -> None:
        following, self._next = self._next, None
        for future in (current, following):
            if future is not None and not future.done():
                future.set_exception(error)
                future.exception()  # seen: whoever waited may have gone
