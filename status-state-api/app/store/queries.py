"""What is read and written in the store, each within a transaction that the caller has begun.

Statements only, the same for SQLite and PostgreSQL. Times go in and come out as UTC.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy
from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, Row, Table, delete, func, insert, not_, select, update

from ..errors import StoreUnusable
from ..journal.controller import ReceivedReport
from ..journal.entry import Entry, snapshot_entry
from ..model import EngineIdentity, Pause, Recipes, Snapshot
from ..snapshot.start.decide import StoredRun, StoredSnapshot
from .journal import add_entries
from .rows import engine_columns, insert_row, of_engine, upsert, utc
from .tables import (
    ENGINE_COLUMNS,
    SCHEMA_VERSION,
    journal,
    memories,
    metadata,
    pauses,
    reports,
    runs,
    schema_version,
    snapshots,
    summaries,
)

REPORTS_KEPT = 1000
SNAPSHOTS_KEPT = 20
"""Per engine. Older ones are deleted with the runs that held them: nobody asks for them, and they hold secrets."""


class _Config(BaseModel):
    Labels: dict[str, str] | None = None


class _Configured(BaseModel):
    """What this service reads of a recipe itself."""

    Config: _Config


_HEAD = [column for column in snapshots.c if column is not snapshots.c.document]


def prepare(connection: Connection) -> tuple[int, bool]:
    """Make the tables that are missing; return the schema's version, and whether there was no store. Touch no newer one."""
    present = sqlalchemy.inspect(connection)
    is_new = not (present.has_table(schema_version.name) and present.has_table(snapshots.name))
    if present.has_table(schema_version.name):
        found: int | None = connection.execute(select(func.max(schema_version.c.version))).scalar_one()
        if found is not None and found > SCHEMA_VERSION:
            return found, False
    metadata.create_all(connection)
    if connection.execute(select(schema_version.c.version)).first() is None:
        connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))
    return SCHEMA_VERSION, is_new


def find_run(connection: Connection, container_id: str) -> StoredRun | None:
    """Find the last run of this SSA container."""
    row = connection.execute(
        select(*_HEAD, runs.c.boot_id, runs.c.bridge_id, runs.c.stopped_at)
        .join_from(runs, snapshots)
        .where(runs.c.container_id == container_id)
        .order_by(runs.c.number.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    stopped_at = None if row.stopped_at is None else utc(row.stopped_at)
    return StoredRun(row.boot_id, row.bridge_id, stopped_at, _stored_snapshot(row))


def find_latest(connection: Connection, engine: EngineIdentity) -> StoredSnapshot | None:
    """Find the latest snapshot of this engine."""
    row = connection.execute(
        select(*_HEAD).where(of_engine(snapshots, engine)).order_by(snapshots.c.number.desc()).limit(1)
    ).first()
    return None if row is None else _stored_snapshot(row)


def find_latest_of_each(connection: Connection) -> list[StoredSnapshot]:
    """Find the latest snapshot of each engine, the latest first."""
    latest = select(func.max(snapshots.c.number)).group_by(snapshots.c.engine_id, snapshots.c.engine_none_network_id)
    rows = connection.execute(select(*_HEAD).where(snapshots.c.number.in_(latest)).order_by(snapshots.c.number.desc()))
    return [_stored_snapshot(row) for row in rows]


def move_engine(connection: Connection, before: EngineIdentity, now: EngineIdentity) -> None:
    """Note that what is stored of one engine belongs to another identity of it: it has changed."""
    for table in (snapshots, reports):
        connection.execute(update(table).where(of_engine(table, before)).values(**engine_columns(now)))
    connection.execute(update(journal).where(of_engine(journal, before)).values(**engine_columns(now)))
    connection.execute(delete(pauses).where(of_engine(pauses, now), not_(of_engine(pauses, before))))
    connection.execute(update(pauses).where(of_engine(pauses, before)).values(**engine_columns(now)))
    memory = last_memory(connection, before)
    connection.execute(delete(memories).where(of_engine(memories, before)))
    if memory is not None:
        _upsert(connection, memories, {}, engine=now, document=memory)


def read_recipes(connection: Connection, snapshot_id: str) -> Recipes:
    """Read a snapshot with its recipes; its engine is what was noted last, see `move_engine`."""
    row = connection.execute(select(snapshots).where(snapshots.c.id == snapshot_id)).one()
    try:
        recipes = Recipes.model_validate_json(row.document)
        for original in recipes.originals:
            _Configured.model_validate(original.inspect)
        head = recipes.snapshot.model_copy(update={"engine": _engine(row)})
        return recipes.model_copy(update={"snapshot": head})
    except ValidationError:  # not chained: it would quote the recipe
        raise StoreUnusable(
            f"the stored snapshot {snapshot_id} can't be read",
            "Have everything running that shall run, then set SSA_SNAPSHOT_ON_START=fresh for one start",
        ) from None
    return recipes


def find_snapshot(connection: Connection, engine: EngineIdentity, snapshot_id: str) -> Recipes | None:
    """Read a snapshot of this engine with its recipes, if it is kept."""
    found = of_engine(snapshots, engine) & (snapshots.c.id == snapshot_id)
    kept = connection.execute(select(snapshots.c.id).where(found)).scalar()
    return None if kept is None else read_recipes(connection, kept)


def list_snapshots(connection: Connection, engine: EngineIdentity) -> list[Snapshot]:
    """What the kept snapshots of this engine hold, the newest first."""
    rows = connection.execute(
        select(snapshots.c.id, summaries.c.document)
        .outerjoin_from(snapshots, summaries)
        .where(of_engine(snapshots, engine))
        .order_by(snapshots.c.number.desc())
    ).all()
    return [
        # A store that an older version has made lacks them.
        read_recipes(connection, row.id).summary()
        if row.document is None
        else Snapshot.model_validate_json(row.document)
        for row in rows
    ]


def begin_run(
    connection: Connection, recipes: Recipes, container_id: str | None, boot_id: str | None, bridge_id: str | None
) -> int | None:
    """Save the snapshot unless it is stored, and note that a run of this container holds it, in place of its last run.

    Return the run's number. A run whose container is not known is not noted: no start could ever find it.
    """
    head = recipes.snapshot
    held: int | None = connection.execute(select(snapshots.c.number).where(snapshots.c.id == head.id)).scalar()
    if held is None:
        before = _last_summary(connection, head.engine)
        held = insert_row(
            connection,
            snapshots,
            id=head.id,
            **engine_columns(head.engine),
            originals=recipes.count,
            document=recipes.model_dump_json(),
        )
        # One may be left of a store whose other tables were lost: numbers begin anew then.
        connection.execute(delete(summaries).where(summaries.c.snapshot == held))
        connection.execute(insert(summaries).values(snapshot=held, document=recipes.summary().model_dump_json()))
        _delete_old_snapshots(connection, head.engine)
        add_entries(connection, head.engine, [snapshot_entry(recipes.summary(), before)])
    if container_id is None:
        return None
    connection.execute(delete(runs).where(runs.c.container_id == container_id))
    return insert_row(
        connection,
        runs,
        container_id=container_id,
        boot_id=boot_id,
        bridge_id=bridge_id,
        snapshot=held,
        stopped_at=None,
    )


def _last_summary(connection: Connection, engine: EngineIdentity) -> Snapshot | None:
    """What the latest snapshot holds; None where that can't be told: a new one must never fail because of an old one."""
    document: str | None = connection.execute(
        select(summaries.c.document)
        .join_from(snapshots, summaries)
        .where(of_engine(snapshots, engine))
        .order_by(snapshots.c.number.desc())
        .limit(1)
    ).scalar()
    try:
        return None if document is None else Snapshot.model_validate_json(document)
    except ValidationError:
        return None


def mark_stopped(connection: Connection, run: int, at: datetime) -> None:
    """Note that this run was stopped in order."""
    connection.execute(update(runs).where(runs.c.number == run).values(stopped_at=at))


def save_report(
    connection: Connection,
    engine: EngineIdentity,
    received: ReceivedReport,
    memory: str | None,
    entries: Sequence[Entry] = (),
) -> None:
    """Keep a report, and only the last ones; keep the memory, if there is one, in place of the last; write the journal."""
    add_entries(connection, engine, entries)
    if memory is not None:
        _upsert(connection, memories, {}, engine=engine, document=memory)
    saved = insert_row(
        connection,
        reports,
        **engine_columns(engine),
        received_at=received.received_at,
        document=received.document,
    )
    connection.execute(delete(reports).where(reports.c.number <= saved - REPORTS_KEPT))


def last_report(connection: Connection, engine: EngineIdentity) -> tuple[datetime, str] | None:
    """The last report about this engine, and when it was received."""
    row = connection.execute(
        select(reports).where(of_engine(reports, engine)).order_by(reports.c.number.desc()).limit(1)
    ).first()
    return None if row is None else (utc(row.received_at), row.document)


def last_memory(connection: Connection, engine: EngineIdentity) -> str | None:
    """The memory of this engine's controller; None when none is kept."""
    return connection.execute(select(memories.c.document).where(of_engine(memories, engine))).scalar()


def read_pauses(connection: Connection, engine: EngineIdentity) -> list[str]:
    """The pauses of this engine, as they were written."""
    rows = connection.execute(select(pauses.c.document).where(of_engine(pauses, engine)).order_by(pauses.c.container))
    return list(rows.scalars())


def put_pauses(connection: Connection, engine: EngineIdentity, begun: Sequence[Pause]) -> None:
    """Keep these pauses, each in the place of one of the same scope."""
    for pause in begun:
        _upsert(
            connection, pauses, {"container": pause.container or ""}, engine=engine, document=pause.model_dump_json()
        )


def delete_pauses(connection: Connection, engine: EngineIdentity, scopes: Sequence[str | None]) -> None:
    """Forget the pauses of these scopes."""
    names = [scope or "" for scope in scopes]
    connection.execute(delete(pauses).where(of_engine(pauses, engine), pauses.c.container.in_(names)))


def _upsert(
    connection: Connection, table: Table, keys: Mapping[str, str], *, engine: EngineIdentity, document: str
) -> None:
    """Insert or replace in one statement, since replicas share the store."""
    replaced = connection.execute(
        update(table)
        .where(of_engine(table, engine), *(table.c[key] == value for key, value in keys.items()))
        .values(document=document)
    )
    if replaced.rowcount:
        return
    statement = upsert(connection, table).values(**engine_columns(engine), **keys, document=document)
    index = (*ENGINE_COLUMNS, *keys)
    connection.execute(statement.on_conflict_do_update(index_elements=index, set_={"document": document}))


def _delete_old_snapshots(connection: Connection, engine: EngineIdentity) -> None:
    numbers = select(snapshots.c.number).where(of_engine(snapshots, engine)).order_by(snapshots.c.number.desc())
    old = list(connection.execute(numbers.offset(SNAPSHOTS_KEPT)).scalars())
    connection.execute(delete(runs).where(runs.c.snapshot.in_(old)))
    connection.execute(delete(summaries).where(summaries.c.snapshot.in_(old)))
    connection.execute(delete(snapshots).where(snapshots.c.number.in_(old)))


def _stored_snapshot(row: Row[Any]) -> StoredSnapshot:
    return StoredSnapshot(row.id, _engine(row), row.originals)


def _engine(row: Row[Any]) -> EngineIdentity:
    none = row.engine_none_network_id or None
    return EngineIdentity(id=row.engine_id, name=row.engine_name, none_network_id=none)
