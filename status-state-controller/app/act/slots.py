"""How many actions may be under way at once. One that takes long gives its place back: it must hold up nobody else."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SLOT_SECONDS = 15.0
"""The engine's usual stop time-out, and time for what comes before and after: what takes longer waits, it does no work."""


class Slots:
    """A number of places.

    Args:
        count: how many there are.
        longest_seconds: for how long one is taken at most.
    """

    def __init__(self, count: int, longest_seconds: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._longest = longest_seconds

    @asynccontextmanager
    async def one(self) -> AsyncGenerator[None]:
        """Wait for a free place, and take it while the block runs, but not for longer than that."""
        await self._free.acquire()
        is_taken = True

        def give_back() -> None:
            nonlocal is_taken
            if is_taken:
                is_taken = False
                self._free.release()

        late = asyncio.get_running_loop().call_later(self._longest, give_back)
        try:
            yield
        finally:
            late.cancel()
            give_back()
