"""What people are notified of, as plain values: an occasion, and the message that one or several of them make. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from ..masking import mask
from ..printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_TEXT = 600
"""Characters of one occasion: a reason may hold a log line, and the services take some thousand at most."""

JOURNAL_COMMAND = "docker compose exec status-state-api status-state journal"


class Level(StrEnum):
    """How grave it is, in Apprise's words; in their order."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Occasion:
    """One thing that people are notified of: how grave, in a few words, in sentences, and what they can do about it."""

    level: Level
    title: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one message holds.

    `occasions` have the seconds since 1970 at which each was noted; `left_out` is how many older ones are only counted;
    `held_until`, in seconds since 1970, says that no further message is sent before that, None that one may be.
    """

    occasions: Sequence[tuple[float, Occasion]]
    left_out: int = 0
    held_until: float | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: plain text."""

    title: str
    body: str
    level: Level


def compose(batch: Batch, host: str) -> Message:
    """Make one message of a batch, with the host's name; secrets that come from outside are masked, as in the log."""
    occasions = [occasion for _, occasion in batch.occasions]
    more = len(occasions) - 1 + batch.left_out
    title = f"{host}: {occasions[0].title}" + (f", and {more} more" if more else "")
    paragraphs = [
        f"{_moment(at)}: {_cut(printable(mask(one.text)))}" + (f"\n{printable(one.remedy)}" if one.remedy else "")
        for at, one in batch.occasions
    ]
    if batch.left_out:
        paragraphs.insert(0, f"{batch.left_out} earlier ones are left out here; see all: {JOURNAL_COMMAND}")
    if batch.held_until is not None:
        paragraphs.append(
            f"There have been many messages within the hour: further ones are held back until {_moment(batch.held_until)}. "
            f"See them at once: {JOURNAL_COMMAND}"
        )
    level = max((one.level for one in occasions), key=list(Level).index)
    return Message(printable(title), "\n\n".join(paragraphs), level)


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
