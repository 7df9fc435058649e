"""Reading the engine's `Status` column ("Exited (137) 5 minutes ago", "Up 12 minutes (healthy)"). Pure.

The list of containers tells exit code and running time only in these words; reading them here saves an `inspect` per
container and check. The words are those of moby's `units.HumanDuration`, unchanged since 2013.
"""

from __future__ import annotations

import re

_EXITED = re.compile(r"Exited \((-?\d+)\)")
_UP = re.compile(r"Up (?:(Less than a second)|(?:(\d+)|About an?|an?) (second|minute|hour|day|week|month|year)s?)\b")
_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "month": 30 * 86400,
    "year": 365 * 86400,
}


def exit_code(status: str) -> int | None:
    """Return the exit code of an exited container; None when the text holds none."""
    match = _EXITED.match(status)
    return int(match[1]) if match else None


def up_seconds(status: str) -> int:
    """Return the least number of seconds that a running container has been up; 0 when the text does not tell."""
    match = _UP.match(status)
    if match is None or match[1]:
        return 0
    return int(match[2] or 1) * _SECONDS[match[3]]
