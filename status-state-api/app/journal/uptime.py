"""Notes in the journal when originals go up and down, by the engine's events; what nobody saw is worked out afterwards.

An original is meant by its name: whatever has its place counts. The events tell at once; at the start, after a break of
the stream and after another snapshot the engine is asked instead, since it knows when a container was last started and
when it last ended. A bug in here must not take the snapshot along.
"""

import asyncio
import json
from collections.abc import AsyncIterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from ..engine.streams import lines_of
from ..engine.view import EngineStreams, Inspection, parse_moment
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
_MEANS = {"start": UP, "die": DOWN}

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Uptime:
    """Follows which originals are up.

    Args:
        engine: whose events.
        watch: tells whether it answers.
        journal: where changes are noted, and what was known before.
        again_seconds: how long is waited after a break.
        bell: is rung at each event of the engine.
    """

    def __init__(
        self,
        engine: EngineStreams,
        watch: EngineWatch,
        journal: Journal,
        again_seconds: float = AGAIN_SECONDS,
        bell: Bell | None = None,
    ) -> None:
        self.events = 0
        """How often something has happened to a container, as far as this process has seen."""
        self._bell = bell or Bell()
        self._engine = engine
        self._watch = watch
        self._journal = journal
        self._again_seconds = again_seconds
        self._originals: dict[str, str] = {}
        self._known: dict[str, Change] = {}
        self._unseen_since: datetime | None = None
        self._others = asyncio.Event()

    @property
    def known(self) -> dict[str, Change]:
        """The last change of each original, by name."""
        return dict(self._known)

    def follow(self, originals: Sequence[Watched]) -> None:
        """Follow these originals from now on."""
        self._originals = {original.name: original.id for original in originals}
        self._others.set()

    async def run(self) -> None:
        """Follow for ever; after a break everything may have happened."""
        while True:
            try:
                if self._watch.error is None:  # else nobody asks the engine but the watch
                    await self._follow_once()
            except StatusStateError:
                pass  # the watch tells of it
            except Exception:
                log.exception("uptime_failed", message="following which originals are up failed; please report this")
            self._unseen_since = self._unseen_since or self._journal.now()
            await asyncio.sleep(self._again_seconds)

    async def _follow_once(self) -> None:
        """Look at everybody once the stream has begun, so that nothing is missed in between."""
        async with self._engine.events() as chunks:
            await self._look()
            self._ring()
            reading = asyncio.create_task(self._read(chunks))
            try:
                while not reading.done():
                    others = asyncio.create_task(self._others.wait())
                    await asyncio.wait({reading, others}, return_when=asyncio.FIRST_COMPLETED)
                    others.cancel()
                    if self._others.is_set():
                        await self._look()
            finally:
                reading.cancel()
            reading.result()

    async def _read(self, chunks: AsyncIterable[bytes]) -> None:
        async for line in lines_of(chunks):
            self._note(line)
            self._ring()

    def _ring(self) -> None:
        self.events += 1
        self._bell.ring()

    def _note(self, line: bytes) -> None:
        try:
            event: Any = json.loads(line)
            what = _MEANS[event["Action"]]
            name, container_id = str(event["Actor"]["Attributes"]["name"]), str(event["Actor"]["ID"])
            at = datetime.fromtimestamp(event["timeNano"] / 1e9, UTC)
        except (ValueError, KeyError, TypeError):
            return
        if name not in self._originals and container_id in self._originals.values():
            name = next(own for own, own_id in self._originals.items() if own_id == container_id)
        if name in self._originals and (name not in self._known or self._known[name].what != what):
            self._put(name, container_id, Change(at, what))

    async def _look(self) -> None:
        self._others.clear()
        unseen_since = self._unseen_since or await self._last_sign_of_life()
        for name in list(self._originals):
            if name not in self._known and (last := await self._last(name)) is not None:
                self._known[name] = last
        by_name = {container.name: container for container in (await self._engine.running()).containers}
        for name, original_id in list(self._originals.items()):
            place = by_name.get(name)
            inspect = await self._engine.container(original_id if place is None else place.id)
            state: Inspection = {} if inspect is None else inspect["State"]
            changes = reconciled(
                self._known.get(name),
                started_at=parse_moment(state.get("StartedAt")),
                finished_at=parse_moment(state.get("FinishedAt")),
                is_up=place is not None,
                unseen_since=unseen_since,
            )
            for change in changes:
                self._put(name, original_id if place is None else place.id, change)
        for name in self._known.keys() - self._originals.keys():
            del self._known[name]
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
        self._known[name] = change
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
