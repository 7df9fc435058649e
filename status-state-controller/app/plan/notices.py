"""What lasts and people should know, though it is no difference. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..model import RUNNING_STATES
from ..protection import IGNORE_LABEL, misread
from ..wishes.pauses import pause_of
from ..wishes.rules import misread_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model import Observed, Snapshot
    from .timing import Timing


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that lasts and that people should know, though it is no difference: logged when it begins and ends.

    `topic` tells notices apart, `event` and `ended_event` are the names of the two log lines, `sentence` and `ended` what
    they say; without `ended` nothing is said at the end.
    """

    topic: str
    sentence: str
    event: str
    ended: str = ""
    ended_event: str = ""
    fields: Mapping[str, str] = field(default_factory=dict[str, str])


ENDING_SECONDS = 300.0
"""How long before its end a pause is about to end: time enough to finish, or to pause for longer."""
PAUSE_ENDING = " ending"
"""What the topic of that has besides the pause's own."""

ACCEPT_COMMAND = "docker compose exec status-state-api status-state accept"


def empty(snapshot: Snapshot, timing: Timing) -> Iterable[Notice]:
    """Tell that nothing is in the snapshot: an accident more often than a wish."""
    if not snapshot.originals:
        grace = (
            f"{timing.empty_snapshot_grace:g} s after the first of them was seen"
            if timing.empty_snapshot_grace
            else "at once"
        )
        yield Notice(
            "snapshot empty",
            f"the snapshot is empty: whatever runs is a newcomer, and is stopped {grace}. "
            f"To keep what runs: {ACCEPT_COMMAND}",
            event="snapshot_empty",
            ended="the snapshot is no longer empty",
            ended_event="snapshot_filled",
        )


def paused(snapshot: Snapshot, now: float) -> Iterable[Notice]:
    """Tell of the pauses that are in force."""
    for scope in sorted({one.container or "" for one in snapshot.pauses}):
        pause = pause_of((one for one in snapshot.pauses if (one.container or "") == scope), [scope], now)
        if pause is not None:
            whom = f" of {scope}" if scope else ""
            yield Notice(
                f"pause {scope}",
                f"healing{whom} is paused {pause}",
                event="healing_paused",
                ended=f"healing{whom} goes on",
                ended_event="healing_resumed",
                fields={"container": scope} if scope else {},
            )


def ending(snapshot: Snapshot, now: float) -> Iterable[Notice]:
    """Tell of the pauses that end soon: what was changed meanwhile is undone then, or accepted."""
    for scope in sorted({one.container or "" for one in snapshot.pauses}):
        pause = pause_of((one for one in snapshot.pauses if (one.container or "") == scope), [scope], now)
        if pause is not None and pause.until - now <= ENDING_SECONDS:
            whom = f" of {scope}" if scope else ""
            then = "what is there then becomes the snapshot" if pause.accept_at_end else "what differs then is healed"
            yield Notice(
                f"pause {scope}{PAUSE_ENDING}",
                f"healing{whom} is paused {pause}: {then}",
                event="pause_ending",
                fields={"container": scope} if scope else {},
            )


def silent(observed: Observed) -> Iterable[Notice]:
    """Tell of whom the engine gives no answer."""
    for container in observed.containers:
        if container.id in observed.silent:
            yield Notice(
                f"silent {container.id}",
                f"the engine does not answer about {container.name}: it is left out, everything else is healed",
                event="container_silent",
                ended=f"the engine answers about {container.name} again",
                ended_event="container_answers",
                fields={"container": container.name},
            )


def misread_labels(observed: Observed) -> Iterable[Notice]:
    """Tell of labels that hold none of their values."""
    for container in observed.containers:
        if container.state not in RUNNING_STATES:
            continue
        ignore = misread(container.labels)
        wrong = [] if ignore is None else [(IGNORE_LABEL, ignore, "it is read as true, so the container is left alone")]
        wrong += [(label, value, "the default is used") for label, value in misread_rules(container.labels)]
        for label, value, reading in wrong:
            yield Notice(
                f"label {container.id} {label}",
                f"the label {label}={value} of {container.name} can't be read: {reading}",
                event="label_unreadable",
                fields={"container": container.name, "label": label, "value": value},
            )
