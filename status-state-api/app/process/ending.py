"""How this process comes to its end: what finds that it has to end says so here, and the server waits for it.

The first word counts: a stop that is asked for while the process ends of its own accord is no orderly stop, and the
other way round.
"""

import asyncio

EXIT_FAILED = 1


class Ending:
    """The end of the process, once it has been asked for. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._come = asyncio.Event()
        self._exit_code = 0

    @property
    def exit_code(self) -> int:
        """The code with which the process ends: 0 unless it has failed."""
        return self._exit_code

    @property
    def is_failure(self) -> bool:
        """Whether the process ends of its own accord."""
        return self._exit_code != 0

    def stop(self) -> None:
        """End, because somebody has asked for it."""
        self._come.set()

    def fail(self) -> None:
        """End of its own accord: that is no orderly stop."""
        if not self._come.is_set():
            self._exit_code = EXIT_FAILED
        self._come.set()

    async def wait(self) -> None:
        """Wait until the process has to end."""
        await self._come.wait()
