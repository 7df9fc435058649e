"""The journal: what was done and what has changed, kept for as long as the settings say.

What the SSA itself sees (verdicts, originals that go up and down) is noted here and stored in the background, in its
order, as soon as the store can be used: nobody waits for it. Actions of the controller and snapshots are stored together
with the report and the snapshot they belong to, in one transaction. No decisions.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from ..errors import StatusStateError
from ..model import EngineIdentity
from ..process.bell import Bell
from .availability import Change
from .entry import Entry, Kind, NumberedEntry, service_entry

MOST_UNSTORED = 10_000
"""How many entries are held while the store can't be used; the oldest are dropped first."""
AGAIN_SECONDS = 5.0
PRUNE_SECONDS = 3600.0

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long entries are kept: at most so old, and at most so many per engine."""

    days: float = 90.0
    entries: int = 100_000


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries are asked for: all that match everything given, the newest first, at most `limit`."""

    limit: int = 100
    before: int | None = None
    after: int | None = None
    container: str | None = None
    kinds: tuple[Kind, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


class JournalStore(Protocol):
    """What is asked of the store. Everything raises `StoreUnavailable` when it can't be done."""

    async def add_entries(self, engine: EngineIdentity, entries: Sequence[Entry]) -> None:
        """Write entries; those whose key is there already are left out."""
        ...

    async def find_entries(self, engine: EngineIdentity, query: Query) -> list[NumberedEntry]:
        """Read entries, the newest first."""
        ...

    async def find_changes(self, engine: EngineIdentity, since: datetime, most: int) -> list[Change]:
        """Read what the entries tell of originals and of this service's starts, the newest first."""
        ...

    async def first_entry_at(self, engine: EngineIdentity) -> datetime | None:
        """When the oldest entry was made."""
        ...

    async def delete_entries(self, engine: EngineIdentity, before: datetime, keep: int) -> None:
        """Delete what is older, and all but the newest so many."""
        ...


class Journal:
    """Writes and reads the journal of one engine.

    Args:
        store: where it is kept.
        retention: for how long.
        now: the time of day, in UTC.
        again_seconds: how long is waited while the store can't be used.
        bell: is rung when entries have been stored.
    """

    def __init__(
        self,
        store: JournalStore,
        retention: Retention,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        again_seconds: float = AGAIN_SECONDS,
        bell: Bell | None = None,
    ) -> None:
        self.stored = 0
        """How many entries this process has stored by itself."""
        self._bell = bell or Bell()
        self._store = store
        self._retention = retention
        self._now = now
        self._again_seconds = again_seconds
        self._engine: EngineIdentity | None = None
        self._unstored: deque[Entry] = deque(maxlen=MOST_UNSTORED)
        self._wake = asyncio.Event()
        self._fails = False

    def now(self) -> datetime:
        """The time that entries are made with."""
        return self._now()

    async def load(self, engine: EngineIdentity) -> None:
        """From now on it is the journal of this engine."""
        self._engine = engine

    def note(self, entry: Entry) -> None:
        """Write an entry in the background."""
        self._unstored.append(entry)
        self._wake.set()

    async def read(self, query: Query) -> list[NumberedEntry]:
        """Read entries, the newest first; none before the engine is known. Raises `StoreUnavailable`."""
        return [] if self._engine is None else await self._store.find_entries(self._engine, query)

    async def changes(self, since: datetime, most: int) -> list[Change]:
        """Read what is told of originals and of this service's starts, the newest first. Raises `StoreUnavailable`."""
        return [] if self._engine is None else await self._store.find_changes(self._engine, since, most)

    async def first_at(self) -> datetime | None:
        """When the oldest entry was made; None while there is none. Raises `StoreUnavailable`."""
        return None if self._engine is None else await self._store.first_entry_at(self._engine)

    async def run(self, engine: EngineIdentity, snapshot_id: str) -> None:
        """Store what is noted, for ever, and delete what is too old once an hour."""
        await self.load(engine)
        self.note(service_entry("started", self._now(), snapshot_id))
        pruned_at: float | None = None
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            try:
                if pruned_at is None or loop.time() - pruned_at >= PRUNE_SECONDS:
                    await self._prune()
                    pruned_at = loop.time()
                await self.flush()
            except StatusStateError as error:
                self._tell(error)
                await asyncio.sleep(self._again_seconds)
                continue
            except Exception:
                # What can't be written would not be the next time either, and must not hold up all that follows.
                lost = len(self._unstored)
                self._unstored.clear()
                message = "Entries of the journal are lost because of a bug; please report this."
                log.exception("journal_failed", message=message, entries=lost)
                await asyncio.sleep(self._again_seconds)
                continue
            self._tell(None)
            if not self._unstored:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PRUNE_SECONDS):
                        await self._wake.wait()

    async def _prune(self) -> None:
        if self._engine is not None:
            oldest = self._now() - timedelta(days=self._retention.days)
            await self._store.delete_entries(self._engine, oldest, self._retention.entries)

    async def flush(self) -> None:
        """Store what is noted now. Raises `StoreUnavailable`; it is held then."""
        taken = list(self._unstored)
        if not taken or self._engine is None:
            return
        await self._store.add_entries(self._engine, taken)
        for entry in taken:  # what was noted meanwhile stays; of what was dropped meanwhile nothing is left
            with contextlib.suppress(ValueError):
                self._unstored.remove(entry)
        self.stored += len(taken)
        self._bell.ring()

    async def finish(self) -> None:
        """Store what is left at an orderly stop, if the store lets us."""
        self.note(service_entry("stopped", self._now(), None))
        with contextlib.suppress(StatusStateError):
            await self.flush()

    def _tell(self, error: StatusStateError | None) -> None:
        if error is not None and not self._fails:
            log.error(
                "journal_unstored",
                message="The journal can't be stored: what happens is held, and stored later.",
                cause=error.cause,
                remedy=error.remedy,
            )
        if error is None and self._fails:
            log.info("journal_stored_again", message="The journal is stored again.")
        self._fails = error is not None
