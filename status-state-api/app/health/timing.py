"""The periods of the health supervisor, in seconds, and the clock that it goes by; tests pass their own."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Timing:
    """How often what is done.

    Attributes:
        settle: changes that come together are looked at together.
        look: between two looks at the list of containers when no event came: the engine may drop one without a word.
        lost: between two attempts while the engine is lost; it is asked slowly then.
        own: how long it is believed to which networks this service is attached.
        log: before a log that ended is followed again.
        log_hold: a failing log stays so for this long after its last severe line, or for `logs.within` if that is
            longer: the controller's longest back-off is 300 s, and it must still come across it then.
        redirects: so much earlier than the probe's time-out the following of redirects ends.
        policy: between two looks at the policy file.
        restart: before the supervisor begins anew after a bug.
    """

    settle: float = 0.1
    look: float = 30.0
    lost: float = 5.0
    own: float = 1.0
    log: float = 1.0
    log_hold: float = 330.0
    redirects: float = 0.02
    policy: float = 1.0
    restart: float = 5.0


TIMING = Timing()
"""The periods in use."""


class Clock(Protocol):
    """Tells the time, and lets it pass."""

    def now(self) -> datetime:
        """The time that containers and log lines have, in UTC."""
        ...

    def seconds(self) -> float:
        """Steady seconds, from an arbitrary beginning."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the time of day."""
        return datetime.now(UTC)

    def seconds(self) -> float:
        """Return the seconds of the monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


SYSTEM_CLOCK = SystemClock()
