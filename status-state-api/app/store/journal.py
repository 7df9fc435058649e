"""What is read and written of the journal, each within a transaction that the caller has begun. Statements only."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime

import orjson
from sqlalchemy import Connection, delete, select

from ..journal.availability import Change
from ..journal.entry import Entry, NumberedEntry
from ..journal.journal import Query
from ..model import EngineIdentity
from .rows import engine_columns, insert_ignoring, of_engine, utc
from .tables import journal

ROWS_AT_ONCE = 1000
"""As many are held as the database tells them."""


def add_entries(connection: Connection, engine: EngineIdentity, entries: Iterable[Entry]) -> None:
    """Write entries; those whose key is there already are left out."""
    rows = [
        {
            **engine_columns(engine),
            "key": entry.key,
            "at": entry.at.astimezone(UTC),
            "kind": entry.kind,
            "container": None if entry.container is None else entry.container.name,
            "document": entry.model_dump_json(exclude_none=True),
        }
        for entry in entries
    ]
    if rows:
        connection.execute(insert_ignoring(connection, journal, ["key"]), rows)


def find_entries(connection: Connection, engine: EngineIdentity, query: Query) -> list[NumberedEntry]:
    """Read entries, the newest first."""
    wanted = select(journal.c.number, journal.c.document).where(of_engine(journal, engine))
    if query.before is not None:
        wanted = wanted.where(journal.c.number < query.before)
    if query.after is not None:
        wanted = wanted.where(journal.c.number > query.after)
    if query.container is not None:
        wanted = wanted.where(journal.c.container == query.container)
    if query.kinds:
        wanted = wanted.where(journal.c.kind.in_(query.kinds))
    if query.since is not None:
        wanted = wanted.where(journal.c.at >= query.since.astimezone(UTC))
    if query.until is not None:
        wanted = wanted.where(journal.c.at <= query.until.astimezone(UTC))
    # After a number the next ones are wanted, not the last ones: who follows must miss none.
    follows = query.after is not None
    order = journal.c.number.asc() if follows else journal.c.number.desc()
    rows = connection.execute(wanted.order_by(order).limit(query.limit)).all()
    entries = [_read(row.number, row.document) for row in rows]
    return entries[::-1] if follows else entries


def find_changes(connection: Connection, engine: EngineIdentity, since: datetime, most: int) -> list[Change]:
    """Read what entries tell of originals and of this service's starts, the newest first: tens of thousands of them."""
    wanted = (
        select(journal.c.at, journal.c.container, journal.c.document)
        .where(of_engine(journal, engine), journal.c.kind.in_(("state", "verdict", "service")))
        .where(journal.c.at >= since.astimezone(UTC))
        .order_by(journal.c.number.desc())
        .limit(most)
    )
    rows = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(wanted)
    return [_change(row.at, row.container, orjson.loads(row.document)) for row in rows]


def first_entry_at(connection: Connection, engine: EngineIdentity) -> datetime | None:
    """When the first entry was made, by their numbers: later ones may tell of what was before, as the engine remembers it."""
    first: datetime | None = connection.execute(
        select(journal.c.at).where(of_engine(journal, engine)).order_by(journal.c.number).limit(1)
    ).scalar()
    return None if first is None else utc(first)


def delete_entries(connection: Connection, engine: EngineIdentity, before: datetime, keep: int) -> None:
    """Delete what is older, and all but the newest so many."""
    connection.execute(delete(journal).where(of_engine(journal, engine), journal.c.at < before.astimezone(UTC)))
    numbers = select(journal.c.number).where(of_engine(journal, engine)).order_by(journal.c.number.desc())
    first_too_many: int | None = connection.execute(numbers.offset(keep).limit(1)).scalar()
    if first_too_many is not None:
        connection.execute(delete(journal).where(of_engine(journal, engine), journal.c.number <= first_too_many))


def _change(at: datetime, container: str | None, told: dict[str, str]) -> Change:
    """Keep the little that counts, and each text once."""
    source = told.get("source")
    return Change(
        utc(at),
        sys.intern(told["what"]),
        None if source is None else sys.intern(source),
        None if container is None else sys.intern(container),
    )


def _read(number: int, document: str) -> NumberedEntry:
    return NumberedEntry.model_validate_json('{"key":"","number":%d,%s' % (number, document[1:]))  # noqa: UP031
