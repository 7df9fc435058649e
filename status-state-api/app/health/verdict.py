"""The two shapes of what is found out about a container's health: the result of one probe, and a verdict. Pure.

A verdict is about one run of a container, from one start to the next: what it did before says nothing about it now.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

Source = Literal["engine", "probe", "logs"]
SOURCES: tuple[Source, ...] = ("engine", "probe", "logs")

NOT_HELD = datetime.min.replace(tzinfo=UTC)
"""The `since` of a verdict that nobody holds yet."""


class State(StrEnum):
    """A verdict in one word. Unknown is not failing: what could not be asked says nothing about the container."""

    OK = "ok"
    FAILING = "failing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Subject:
    """One run of a container: `started_at` is the engine's own spelling, which tells runs apart."""

    id: str
    name: str
    started_at: str


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What became of one probe: `ok`, `failing` for this once, or `unknown` where the container could not be asked."""

    state: State
    said: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The health of one run by one source, and why.

    Attributes:
        evidence: the lines of the log that count, shortened.
        faltering: it may be about to fail: it has just failed, though not yet often enough.
        blocked: it can't be observed until somebody does something about it.
        actionable: False for what is failing, but no reason to act.
        since: since when the state lasts, in UTC; set by the holder of the verdict, and no part of its equality.
    """

    subject: Subject
    source: Source
    state: State
    reason: str
    evidence: tuple[str, ...] = ()
    faltering: bool = False
    blocked: bool = False
    actionable: bool = True
    since: datetime = field(default=NOT_HELD, compare=False)
