"""When is the next check due, and of whom? Pure: events and time are passed in.

The engine reports changes as they happen. Most of them are steps of something larger (`docker restart` is kill, die,
stop, start; `compose up --force-recreate` is a dozen), so they settle first: nothing is judged until there was no
event for a while. An exit that nobody asked for is no such step: its container is looked at immediately, and it alone.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model import Activity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Event, StopPolicy

LONGEST_SETTLING_SECONDS = 5.0
"""A host on which something happens all the time is judged nevertheless."""

LONGEST_ENDING_SECONDS = 15.0
"""How long a container between `kill` and `die` keeps its compose project from being recreated."""

LONGEST_STOP_SECONDS = 600.0
"""How long a container that was asked to end is left alone: `docker stop -t` may give it longer than its own stop time-out,
and no event says how long."""

ASKED_MARGIN_SECONDS = 5.0
"""How long after its stop time-out an exit may still be what a `kill` asked for."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the loop does next: wait for `seconds`, or, when that is 0, check `only` these (None: everything)."""

    seconds: float
    only: frozenset[str] | None = None


class Triggers:
    """What the engine reported since the last check.

    Args:
        settle_seconds: how long there must be no event before changes are judged.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle = settle_seconds
        self._first_at: float | None = None
        self._last_at = 0.0
        self._urgent: set[str] = set()
        self._asked_until: dict[str, float] = {}
        self._stopped_on_request: set[str] = set()
        self._ending: dict[str, tuple[str, float]] = {}
        self._stopping_until: dict[str, float] = {}
        self._healthy_at: dict[str, float] = {}

    def note(self, event: Event, now: float, stop_policy: StopPolicy) -> None:
        """Take note of an event; `stop_policy` is that of its container."""
        if event.action == "kill":
            if signal_number(event.signal) not in {signal_number(stop_policy.stop_signal), signal.SIGKILL}:
                return  # a SIGHUP to reload something is no change
            patience = max(stop_policy.stop_timeout_seconds, 0.0) + ASKED_MARGIN_SECONDS
            self._asked_until[event.container_id] = now + patience
            self._ending[event.container_id] = (event.project, now + LONGEST_ENDING_SECONDS)
            self._stopping_until[event.container_id] = now + LONGEST_STOP_SECONDS
        elif event.action == "die":
            self._ending.pop(event.container_id, None)
            self._stopping_until.pop(event.container_id, None)
            if self._asked_until.pop(event.container_id, 0.0) < now:
                self._urgent.add(event.container_id)
            else:
                self._stopped_on_request.add(event.container_id)
        elif event.action == "start":
            self._urgent.discard(event.container_id)
            self._stopped_on_request.discard(event.container_id)
            self._asked_until.pop(event.container_id, None)
            # An engine that is ended in the middle of a stop never reports its `die`.
            self._ending.pop(event.container_id, None)
            self._stopping_until.pop(event.container_id, None)
        elif event.action == "destroy":
            self._stopped_on_request.discard(event.container_id)
            self._healthy_at.pop(event.container_id, None)
            self._stopping_until.pop(event.container_id, None)
        elif event.detail == "healthy":
            self._healthy_at[event.container_id] = float(event.cursor)
        self.expect(now)

    def look_at(self, container_ids: Iterable[str]) -> None:
        """Ask for an immediate look at these containers: what they waited for has come to its end."""
        self._urgent.update(container_ids)

    def expect(self, now: float) -> None:
        """Ask for a check of everything once the host has settled."""
        self._first_at = now if self._first_at is None else self._first_at
        self._last_at = now

    def activity(self, now: float) -> Activity:
        """Return what the events say of this moment."""
        self._ending = {key: value for key, value in self._ending.items() if value[1] > now}
        return Activity(
            stopping=frozenset(key for key, until in self._stopping_until.items() if until > now),
            stopping_projects=frozenset(project for project, _ in self._ending.values() if project),
            stopped_on_request=frozenset(self._stopped_on_request),
            healthy_at=dict(self._healthy_at),
        )

    def next_turn(self, now: float, periodic_at: float) -> Turn:
        """Decide what to do next; a turn that is a check takes note of nothing twice.

        Args:
            now: the time.
            periodic_at: when the next periodic check is due; it waits for the host to settle as well.
        """
        if self._urgent:
            only = frozenset(self._urgent)
            self._urgent.clear()
            return Turn(0.0, only)
        if self._first_at is not None:
            settled_at = min(self._last_at + self._settle, self._first_at + LONGEST_SETTLING_SECONDS)
            if now < settled_at:
                return Turn(settled_at - now)
        elif now < periodic_at:
            return Turn(periodic_at - now)
        self._first_at = None
        return Turn(0.0)


def signal_number(name: str) -> int | None:
    """Return the number of a signal as the engine writes it: `15`, `TERM`, `SIGTERM`, `SIGRTMIN+3`; None if unknown."""
    name = name.strip().upper()
    if name.isdigit():
        return int(name)
    base, _, offset = name.removeprefix("SIG").partition("+")
    try:
        return int(signal.Signals[f"SIG{base}"]) + int(offset or 0)
    except (KeyError, ValueError):
        return None
