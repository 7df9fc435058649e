"""Tells in the log when a verdict begins to be bad, and when that is over: each once, however often it is found again."""

from typing import Protocol

import structlog

from .verdict import Source, State, Verdict

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Notes(Protocol):
    """Who else hears of each verdict that is news."""

    def note(self, verdict: Verdict) -> None:
        """Take it."""
        ...


class Announcer:
    """Remembers what was logged about which container; `notes` hears of the same."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._told: dict[tuple[str, Source], State] = {}

    def announce(self, verdict: Verdict) -> None:
        """Tell of this verdict if it is news."""
        name, source = verdict.subject.name, verdict.source
        key: tuple[str, Source] = (verdict.subject.id, source)
        if verdict.state is State.OK:
            if self._told.pop(key, None) is not None:
                log.info("verdict_ok", message=f"{name} is well", container=name, source=source, reason=verdict.reason)
                self._notes.note(verdict)
        elif verdict.state is State.FAILING and self._told.get(key) is not State.FAILING:
            self._told[key] = State.FAILING
            log.warning(
                "verdict_failing", message=f"{name} is failing", container=name, source=source, reason=verdict.reason
            )
            self._notes.note(verdict)
        elif verdict.state is State.UNKNOWN and verdict.blocked and key not in self._told:
            self._told[key] = State.UNKNOWN
            log.warning(
                "verdict_unknown",
                message=f"whether {name} is healthy is unknown",
                container=name,
                source=source,
                reason=verdict.reason,
            )
            self._notes.note(verdict)

    def forget(self, container_id: str, source: Source) -> None:
        """Forget what a rule that was taken away has led to."""
        self._told.pop((container_id, source), None)

    def keep(self, container_ids: set[str]) -> None:
        """Forget all but these containers."""
        self._told = {key: state for key, state in self._told.items() if key[0] in container_ids}
