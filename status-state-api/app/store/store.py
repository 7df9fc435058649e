"""What survives: snapshots with their recipes, the runs that held them, pauses, the controller's reports and its memory.

SQLite by default, any PostgreSQL by SSA_DATABASE_URL. It keeps and finds; it decides nothing. Recipes hold secrets: the
file is readable by its owner only, and nothing of it is ever logged. All work is done in one daemon thread, in the
order in which it was asked for, so a mark asked for while a snapshot is being saved is written right after it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError

from ..errors import StoreUnavailable, StoreUnusable
from ..journal.availability import Change
from ..journal.controller import ReceivedReport
from ..journal.entry import Entry, NumberedEntry
from ..journal.journal import Query
from ..model import EngineIdentity, Pause, Recipes, Snapshot
from ..process.threads import DaemonThreads
from ..snapshot.start.decide import StoredRun, StoredSnapshot
from . import journal
from . import queries as records
from .databases import CALL_SECONDS, TimeLimit, create_database, database_url
from .tables import SCHEMA_VERSION

if TYPE_CHECKING:
    from sqlalchemy import Engine

T = TypeVar("T")

_FAILURES = (DatabaseError, InterfaceError, OSError)
"""What the world does to a database; `DatabaseError` includes bugs of ours, which are sorted out."""
_BUGS = (DataError, IntegrityError, ProgrammingError)
_THE_WORLDS = {"42501", "42P01", "3F000"}
"""PostgreSQL calls these errors of the program, too: no right to a table; a table, or a schema, that somebody has deleted."""


class Store:
    """The store at a database URL. Every method raises `StoreUnavailable` or `StoreUnusable` when it can't do it.

    Args:
        url: SQLite's or PostgreSQL's. Raises ValueError for anything else.
        call_seconds: how long one transaction may take in PostgreSQL.
    """

    def __init__(self, url: str, call_seconds: float = CALL_SECONDS) -> None:
        self._url = database_url(url)
        self._call_seconds = call_seconds
        self._limit: TimeLimit | None = None
        self._threads = DaemonThreads(1, "store")
        self._database: Engine | None = None

    @property
    def address(self) -> str:
        """Where the store is, without its password."""
        address, mark, _ = self._url.render_as_string(hide_password=True).partition("?")
        return f"{address}?***" if mark else address  # a password may stand there as well

    async def open(self) -> bool:
        """Make what is missing: the file, the tables; tell whether it was empty. Refuses what a newer version has made."""
        return await self._run(self._open)

    async def close(self) -> None:
        """Close the connections."""
        await self._threads.run(self._close)

    async def find_run(self, container_id: str) -> StoredRun | None:
        """Find the last run of this SSA container that held a snapshot."""
        return await self._begin(records.find_run, container_id)

    async def find_latest(self, engine: EngineIdentity) -> StoredSnapshot | None:
        """Find the latest snapshot of this engine."""
        return await self._begin(records.find_latest, engine)

    async def find_latest_of_each(self) -> list[StoredSnapshot]:
        """Find the latest snapshot of each engine, the latest first."""
        return await self._begin(records.find_latest_of_each)

    async def move_engine(self, before: EngineIdentity, now: EngineIdentity) -> None:
        """Note that what is stored of one engine belongs to another identity of it."""
        await self._begin(records.move_engine, before, now)

    async def read_recipes(self, snapshot_id: str) -> Recipes:
        """Read a snapshot with its recipes."""
        return await self._begin(records.read_recipes, snapshot_id)

    async def find_snapshot(self, engine: EngineIdentity, snapshot_id: str) -> Recipes | None:
        """Read a snapshot of this engine with its recipes, if it is kept."""
        return await self._begin(records.find_snapshot, engine, snapshot_id)

    async def list_snapshots(self, engine: EngineIdentity) -> list[Snapshot]:
        """What the kept snapshots of this engine hold, the newest first."""
        return await self._begin(records.list_snapshots, engine)

    async def read_pauses(self, engine: EngineIdentity) -> list[str]:
        """The pauses of this engine, each `model.Pause` as JSON."""
        return await self._begin(records.read_pauses, engine)

    async def put_pauses(self, engine: EngineIdentity, begun: Sequence[Pause]) -> None:
        """Keep these pauses, each in the place of one of the same scope."""
        await self._begin(records.put_pauses, engine, begun)

    async def delete_pauses(self, engine: EngineIdentity, scopes: Sequence[str | None]) -> None:
        """Forget the pauses of these scopes: names, None for the one of all."""
        await self._begin(records.delete_pauses, engine, scopes)

    async def begin_run(
        self, recipes: Recipes, container_id: str | None, boot_id: str | None, bridge_id: str | None
    ) -> int | None:
        """Save the snapshot unless it is stored, and note that a run of this container holds it.

        Return the run's number; None where the container is not known.
        """
        return await self._begin(records.begin_run, recipes, container_id, boot_id, bridge_id)

    async def mark_stopped(self, run: int, at: datetime) -> None:
        """Note that this run was stopped in order."""
        await self._begin(records.mark_stopped, run, at)

    async def save_report(
        self,
        engine: EngineIdentity,
        received: ReceivedReport,
        memory: str | None,
        entries: Sequence[Entry] = (),
    ) -> None:
        """Keep a report of the controller, the last ones only, and its memory, if there is one, in place of the last.

        Its entries of the journal are written in the same transaction; those whose key is there already are left out.
        """
        await self._begin(records.save_report, engine, received, memory, entries)

    async def add_entries(self, engine: EngineIdentity, entries: Sequence[Entry]) -> None:
        """Write entries of the journal; those whose key is there already are left out."""
        await self._begin(journal.add_entries, engine, entries)

    async def find_entries(self, engine: EngineIdentity, query: Query) -> list[NumberedEntry]:
        """Read entries of the journal, the newest first."""
        return await self._begin(journal.find_entries, engine, query)

    async def find_changes(self, engine: EngineIdentity, since: datetime, most: int) -> list[Change]:
        """Read what the journal tells of originals and of this service's starts, the newest first."""
        return await self._begin(journal.find_changes, engine, since, most)

    async def first_entry_at(self, engine: EngineIdentity) -> datetime | None:
        """When the oldest entry of the journal was made."""
        return await self._begin(journal.first_entry_at, engine)

    async def delete_entries(self, engine: EngineIdentity, before: datetime, keep: int) -> None:
        """Delete what is older of the journal, and all but the newest so many."""
        await self._begin(journal.delete_entries, engine, before, keep)

    async def last_report(self, engine: EngineIdentity) -> tuple[datetime, str] | None:
        """The last report about this engine, and when it was received."""
        return await self._begin(records.last_report, engine)

    async def last_memory(self, engine: EngineIdentity) -> str | None:
        """The memory of this engine's controller; None when none is kept."""
        return await self._begin(records.last_memory, engine)

    async def _begin(self, work: Callable[..., T], *args: Any) -> T:
        """Do the work in one transaction."""

        def in_transaction() -> T:
            if self._database is None or self._limit is None:
                raise StoreUnavailable("the store is not open", "Wait until it is")
            with self._limit.applied(), self._database.begin() as connection:
                return work(connection, *args)

        return await self._run(in_transaction)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await self._threads.run(work)
        except _FAILURES as error:
            if not _is_bug(error):
                raise self._explain(error) from error
            # It is logged with its traceback: without the lines after the first, where PostgreSQL quotes the row.
            said = type(error)(error.statement, None, Exception(_said(error)), hide_parameters=True)
            raise said.with_traceback(error.__traceback__) from None

    def _open(self) -> bool:
        if self._database is not None:
            return False
        database = create_database(self._url)
        limit = TimeLimit(database, self._call_seconds)
        try:
            with limit.applied(), database.begin() as connection:
                found, is_new = records.prepare(connection)
        except (IntegrityError, ProgrammingError) as error:
            database.dispose()
            raise StoreUnavailable(
                f"the tables of the store {self.address} can't be made: {_said(error)}",
                "Let its user create tables; if another replica is just making them, the next try finds them",
            ) from error
        except BaseException:
            database.dispose()
            raise
        if found > SCHEMA_VERSION:
            database.dispose()
            raise StoreUnusable(
                f"the store {self.address} was made by a newer version: its schema is {found}, and this version knows "
                f"{SCHEMA_VERSION}",
                "Run that version again, or name another store by SSA_DATA_DIR or SSA_DATABASE_URL",
            )
        self._database, self._limit = database, limit
        return is_new

    def _close(self) -> None:
        if self._database is not None:
            self._database.dispose()

    def _explain(self, error: Exception) -> StoreUnavailable | StoreUnusable:
        """From the database's error to a cause and a remedy."""
        said = _said(error)
        if self._url.get_backend_name() != "sqlite":
            return StoreUnavailable(
                f"the store at {self.address} can't be used: {said}",
                "See whether the database runs and SSA_DATABASE_URL is right",
            )
        if "not a database" in said or "malformed" in said:
            return StoreUnusable(
                f"the store {self._url.database} is damaged: {said}",
                "Move the file away: the next start captures a fresh snapshot, so have everything running before it",
            )
        return StoreUnavailable(
            f"the store {self._url.database} can't be used: {said}",
            "See that its folder is a writable volume with space left (SSA_DATA_DIR)",
        )


def _is_bug(error: Exception) -> TypeGuard[DatabaseError]:
    return isinstance(error, _BUGS) and getattr(error.orig, "sqlstate", None) not in _THE_WORLDS


def _said(error: Exception) -> str:
    """The first line of what the database said; never the statement, which may hold secrets."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
