"""One run of a container, from one start to the next: what is observed of it, it alone. Pure.

Verdicts are about runs: what a container did before its last start says nothing about it now.
"""

from dataclasses import dataclass
from datetime import datetime

from ..engine.view import Inspection, parse_moment
from .logs.lines import first_moment
from .verdict import Subject


@dataclass(frozen=True, slots=True)
class Run:
    """A run: whose, since when, and what is needed to observe it.

    `first_moment` is the one from which on lines of the log belong to it.
    """

    subject: Subject
    started_at: datetime
    first_moment: datetime
    terminal: bool


def read_run(inspect: Inspection) -> Run | None:
    """Read the present run from an `inspect`; None unless the container runs, and is not paused."""
    state = inspect["State"]
    started_at = parse_moment(state.get("StartedAt"))
    if state.get("Status") != "running" or started_at is None:
        return None
    return Run(
        Subject(inspect["Id"], inspect["Name"].removeprefix("/"), state["StartedAt"]),
        started_at,
        first_moment(started_at, parse_moment(state.get("FinishedAt"))),
        bool(inspect["Config"].get("Tty")),
    )
