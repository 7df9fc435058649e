"""Hears the engine's events, to know when to look again, and of whom a new run may have begun."""

import asyncio

from ..engine.events import Event, EventFollower


class HeardRuns:
    """Hears the events for as long as it is wanted.

    Args:
        events: the engine's.
        wake: set whenever something happened.
    """

    def __init__(self, events: EventFollower, wake: asyncio.Event) -> None:
        self._events = events
        self._wake = wake
        self._restarted: set[str] = set()
        self._any = False
        self.follows = False
        """Whether the events are heard."""

    def start(self) -> None:
        """Hear them from now on."""
        if not self.follows:
            self.follows = True
            self._events.join(self)

    def stop(self) -> None:
        """Hear them no longer."""
        self.follows = False
        self._events.leave(self)

    def take(self) -> "Restarted":
        """Return of whom a new run may have begun since the last time; a look that fails gives it back."""
        taken = Restarted(frozenset(self._restarted), everybody=self._any)
        self._restarted.clear()
        self._any = False
        return taken

    def give_back(self, taken: "Restarted") -> None:
        """Take back what was not looked at."""
        self._restarted |= taken.container_ids
        self._any |= taken.everybody

    def began(self) -> None:
        """Look at everybody: what was before this was not heard."""
        self._any = True
        self._wake.set()

    def heard(self, event: Event) -> None:
        """Look again, since something happened to a container."""
        # A run that ends and begins between two looks shows in the list only as another time.
        if not event.action.startswith("health_status"):
            self._restarted.add(event.container_id)
        self._wake.set()

    def broke(self) -> None:
        """Wait for the next begin: meanwhile the list is looked at now and then, as it always is."""


class Restarted:
    """Of whom a new run may have begun: these containers, or everybody."""

    def __init__(self, container_ids: frozenset[str], *, everybody: bool) -> None:
        self.container_ids = container_ids
        self.everybody = everybody

    def __contains__(self, container_id: str) -> bool:
        return self.everybody or container_id in self.container_ids
