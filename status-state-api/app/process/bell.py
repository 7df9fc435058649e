"""Wakes those who wait until something has changed, and says no more: what has changed they look up.

It holds nothing for anybody, so a slow waiter costs nothing, and ringing it costs next to nothing while nobody waits.
"""

import asyncio


class Bell:
    """Rung at each change."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def listen(self) -> asyncio.Event:
        """Return what is set at the next change: to be taken before looking, so that nothing is missed."""
        return self._rung

    def ring(self) -> None:
        """Tell of a change."""
        self._rung.set()
        self._rung = asyncio.Event()
