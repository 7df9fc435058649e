"""How many checks the controller has made, and how long they took: it says so whenever it asks for the snapshot. Pure."""

import re
from dataclasses import dataclass

HEADER = "Status-State-Checks"

_WRITTEN = re.compile(r"completed=([0-9]{1,15}), seconds=([0-9]{1,12}\.[0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks that were completed since the controller's start, and how long they took in all."""

    completed: int
    seconds: float


def read_checks(header: str | None) -> Checks | None:
    """Read the header, `completed=412, seconds=9.318` (a dictionary by RFC 9651); None for anything else."""
    found = _WRITTEN.fullmatch(header or "")
    return None if found is None else Checks(int(found[1]), float(found[2]))
