"""Notes in the journal when originals go up and down, by the engine's events; what nobody saw is worked out afterwards.

An original is meant by its name: whatever has its place counts. The events tell at once; at the start, after a break of
the stream and after another snapshot the engine is asked instead, since it knows when a container was last started and
when it last ended. A bug in here must not take the snapshot along.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from ..engine.events import Event, EventFollower
from ..engine.view import EngineView, Inspection, parse_moment
from ..engine.watch import EngineWatch
from ..errors import StatusStateError
from ..health.observer import Watched
from ..model import ContainerReference
from ..process.bell import Bell
from .availability import DOWN, UNKNOWN, UP, Change, reconciled
from .entry import Entry
from .journal import Journal, Query

AGAIN_SECONDS = 5.0
"""As slowly as while the engine is lost: see `watch`."""
MOST_HEARD = 10_000
"""Events that are kept while the engine is looked at; beyond that it is looked at once more instead."""
MOST_RECENT = 100
"""Changes of an original that are held: of one that crashes at once, those of ten minutes of healing and more."""
_MEANS = {"start": UP, "die": DOWN}

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Uptime:
    """Follows which originals are up.

    Args:
        engine: whose containers.
        watch: tells whether it answers.
        events: the engine's.
        journal: where changes are noted, and what was known before.
        again_seconds: how long is waited after a look that failed.
        bell: is rung at each event of the engine.
    """

    def __init__(
        self,
        engine: EngineView,
        watch: EngineWatch,
        events: EventFollower,
        journal: Journal,
        *,
        again_seconds: float = AGAIN_SECONDS,
        bell: Bell | None = None,
    ) -> None:
        self.event_count = 0
        """How often something has happened to a container, as far as this process has seen."""
        self._bell = bell or Bell()
        self._engine = engine
        self._watch = watch
        self._events = events
        self._journal = journal
        self._again_seconds = again_seconds
        self._originals: dict[str, str] = {}
        self._known: dict[str, Change] = {}
        self._recent: dict[str, deque[Change]] = {}
        self._unseen_since: datetime | None = None
        self._heard: deque[Event] = deque()
        self._hears = False
        self._must_look = False
        self._wake = asyncio.Event()

    @property
    def known(self) -> dict[str, Change]:
        """The last change of each original, by name."""
        return dict(self._known)

    @property
    def recent(self) -> Mapping[str, Sequence[Change]]:
        """The last changes of each original, by name, the oldest first."""
        return self._recent

    @property
    def is_current(self) -> bool:
        """Whether it follows them at this moment: else it finds out later what has become of them."""
        return self._unseen_since is None

    def follow(self, originals: Sequence[Watched]) -> None:
        """Follow these originals from now on."""
        self._originals = {original.name: original.id for original in originals}
        self._look_soon()

    def began(self) -> None:
        """Ask the engine: what was before this was not heard."""
        self._hears = True
        self._look_soon()

    def heard(self, event: Event) -> None:
        """Keep an event until there is time for it."""
        if len(self._heard) >= MOST_HEARD:
            self._heard.clear()
            self._must_look = True
        self._heard.append(event)
        self._wake.set()
        self._ring()

    def broke(self) -> None:
        """Note since when nobody has looked."""
        self._hears = False
        self._unseen_since = self._unseen_since or self._journal.now()

    async def run(self) -> None:
        """Follow for ever; after a break everything may have happened."""
        self._events.join(self)
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                try:
                    await self._turn()
                    continue
                except StatusStateError:
                    pass  # the watch tells of it
                except Exception:
                    log.exception(
                        "uptime_failed", message="following which originals are up failed; please report this"
                    )
                await asyncio.sleep(self._again_seconds)
                self._look_soon()
        finally:
            self._events.leave(self)

    async def _turn(self) -> None:
        if self._must_look and self._hears:
            if self._watch.error is not None:  # then nobody asks the engine but the watch
                raise self._watch.error
            self._must_look = False
            await self._look()
            self._ring()
            # What was heard meanwhile is in what was looked at, unless it is newer.
            self._heard = deque(event for event in self._heard if not self._is_past(event))
        while self._heard and not self._must_look:
            self._note(self._heard.popleft())

    def _ring(self) -> None:
        self.event_count += 1
        self._bell.ring()

    def _look_soon(self) -> None:
        self._must_look = True
        self._wake.set()

    def _name_of(self, event: Event) -> str:
        """The original that an event is about: by its name then, or else by the id of its container."""
        if event.name in self._originals:
            return event.name
        return next((own for own, own_id in self._originals.items() if own_id == event.container_id), event.name)

    def _is_past(self, event: Event) -> bool:
        known = self._known.get(self._name_of(event))
        return known is not None and event.at is not None and event.at <= known.at

    def _note(self, event: Event) -> None:
        what, name = _MEANS.get(event.action), self._name_of(event)
        if what is None or event.at is None or name not in self._originals:
            return
        if name not in self._known or self._known[name].what != what:
            self._put(name, event.container_id, Change(event.at, what))

    async def _look(self) -> None:
        unseen_since = self._unseen_since or await self._last_sign_of_life()
        for name in list(self._originals):
            if name not in self._known and (last := await self._last(name)) is not None:
                self._hold(name, last)
        by_name = {container.name: container for container in (await self._engine.running()).containers}
        for name, original_id in list(self._originals.items()):
            place = by_name.get(name)
            inspect = await self._engine.container(original_id if place is None else place.id)
            state: Inspection = {} if inspect is None else inspect["State"]
            changes = reconciled(
                self._known.get(name),
                started_at=parse_moment(state.get("StartedAt")),
                finished_at=parse_moment(state.get("FinishedAt")),
                # By the same answer as its times: the list may be out of date by now, and has those that wait for a restart.
                is_up=bool(state.get("Running")) and not state.get("Restarting"),
                unseen_since=unseen_since,
            )
            for change in changes:
                self._put(name, original_id if place is None else place.id, change)
        for name in self._known.keys() - self._originals.keys():
            del self._known[name], self._recent[name]
        self._unseen_since = None

    async def _last(self, name: str) -> Change | None:
        found = await self._journal.read(Query(limit=1, container=name, kinds=("state",)))
        return Change(found[0].at, found[0].what) if found else None

    async def _last_sign_of_life(self) -> datetime:
        """When this service last wrote something, before it started anew; now, where it never has."""
        found = await self._journal.read(Query(limit=1))
        return found[0].at if found else self._journal.now()

    def _put(self, name: str, container_id: str, change: Change) -> None:
        if name in self._known and change.at < self._known[name].at:
            change = Change(self._known[name].at + timedelta(microseconds=1), change.what)  # the clock was set back
        self._hold(name, change)
        self._journal.note(
            Entry(
                key=f"state {container_id[:12]} {change.at.timestamp():.6f} {change.what}",
                at=change.at,
                kind="state",
                by="status-state-api",
                container=ContainerReference(id=container_id, name=name),
                what=change.what,
                reason="it is not known what became of it from here on" if change.what == UNKNOWN else None,
            )
        )

    def _hold(self, name: str, change: Change) -> None:
        self._known[name] = change
        self._recent.setdefault(name, deque(maxlen=MOST_RECENT)).append(change)
