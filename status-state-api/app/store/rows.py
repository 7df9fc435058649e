"""How values become rows and back, the same for SQLite and PostgreSQL. Times go in and come out as UTC."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Table, and_, insert

from ..model import EngineIdentity

if TYPE_CHECKING:
    from sqlalchemy.dialects.sqlite import Insert


def engine_columns(engine: EngineIdentity) -> dict[str, str]:
    """The columns that tell engines apart."""
    return {
        "engine_id": engine.id,
        "engine_name": engine.name,
        "engine_none_network_id": engine.none_network_id or "",
    }


def of_engine(table: Table, engine: EngineIdentity) -> ColumnElement[bool]:
    """The rows of one engine: never by its name, which changes."""
    return and_(table.c.engine_id == engine.id, table.c.engine_none_network_id == (engine.none_network_id or ""))


def insert_row(connection: Connection, table: Table, **values: Any) -> int:
    """Insert one row and return its key."""
    key = connection.execute(insert(table).values(**values)).inserted_primary_key
    if key is None:
        raise AssertionError("one row was inserted, so it has a key")
    return key[0]


def upsert(connection: Connection, table: Table) -> "Insert":
    """An insert that may say what happens to a row that is there already; only the dialect in use is imported."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as dialects_insert  # noqa: PLC0415 - see above
    else:
        from sqlalchemy.dialects.postgresql import insert as dialects_insert  # noqa: PLC0415 - 2 MB
    return dialects_insert(table)  # type: ignore[return-value] - both have the methods that are used


def insert_ignoring(connection: Connection, table: Table, unique: Sequence[str]) -> "Insert":
    """An insert that leaves out the rows whose unique columns are there already."""
    return upsert(connection, table).on_conflict_do_nothing(index_elements=unique)


def utc(moment: datetime) -> datetime:
    """SQLite forgets the zone, and PostgreSQL answers in its own."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
