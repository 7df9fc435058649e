"""What others tell of is noted in the journal: originals that are failing, pauses."""

import hashlib

from ..health.verdict import Verdict
from ..model import ContainerReference, Pause
from .entry import Entry
from .journal import Journal


class VerdictNotes:
    """Takes what `health.announcer` tells, which tells each change once."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def note(self, verdict: Verdict) -> None:
        """Note a verdict that is news."""
        subject, at = verdict.subject, self._journal.now()
        self._journal.note(
            Entry(
                key=f"verdict {subject.id[:12]} {verdict.source} {at.timestamp():.6f}",
                at=at,
                kind="verdict",
                by="status-state-api",
                container=ContainerReference(id=subject.id, name=subject.name),
                what=verdict.state.value,
                reason=verdict.reason,
                source=verdict.source,
            )
        )


class PauseNotes:
    """Takes what `pauses.book` tells."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def pause_begun(self, pause: Pause) -> None:
        """Note that a pause is in force."""
        ends = ", then what is there is accepted" if pause.accept_at_end else ""
        reason = f" ({pause.reason})" if pause.reason else ""
        self._note("begun", pause, f"{_scope(pause)} until {pause.until:%Y-%m-%d %H:%M:%S} UTC{ends}{reason}", pause.by)

    def pause_ended(self, pause: Pause, why: str, by: str | None) -> None:
        """Note that a pause is no longer in force."""
        self._note("ended", pause, f"{_scope(pause)}: {why}", by)

    def _note(self, what: str, pause: Pause, reason: str, by: str | None) -> None:
        at = self._journal.now()
        # Under the name alone: a pause is of a name, whatever container has it.
        self._journal.note(
            Entry(
                key=f"pause {what} {_hash_of(pause)} {at.timestamp():.6f}",
                at=at,
                kind="pause",
                by=by or "operator",
                what=what,
                reason=reason,
            )
        )


def _scope(pause: Pause) -> str:
    return pause.container or "all containers"


def _hash_of(pause: Pause) -> str:
    """Tell scopes apart, however long their names are."""
    return hashlib.sha256((pause.container or "").encode()).hexdigest()[:12]
