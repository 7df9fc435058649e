"""The store's tables: names and columns only.

The names begin with `status_state_`, so that they can live in a database which others use too. A change of shape raises
SCHEMA_VERSION, and `store` then has to bring older stores along; a table that an older store lacks is made when it is
opened.
"""

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Integer, MetaData, String, Table, Text

SCHEMA_VERSION = 1

metadata = MetaData()

_Number = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself for INTEGER alone


ENGINE_COLUMNS = ("engine_id", "engine_name", "engine_none_network_id")
"""What is kept of an engine. The name is for people: rows are found by the other two. No network `none`: the empty text."""


def _engine_columns() -> list[Column[str]]:
    return [Column(name, String, nullable=False) for name in ENGINE_COLUMNS]


schema_version = Table("status_state_schema_version", metadata, Column("version", Integer, primary_key=True))

snapshots = Table(
    "status_state_snapshots",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    *_engine_columns(),
    Column("originals", Integer, nullable=False),  # how many
    Column("document", Text, nullable=False),  # `model.Recipes` as JSON: secrets
)

# What people are told of a snapshot: without its recipes, so it is read at each look at the list. `model.Snapshot` as JSON.
summaries = Table(
    "status_state_summaries",
    metadata,
    Column("snapshot", BigInteger, ForeignKey(snapshots.c.number), primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
)

# The last run of each SSA container that held a snapshot: what a start has to know about the run before it.
runs = Table(
    "status_state_runs",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("container_id", String(64), nullable=False, unique=True),
    Column("boot_id", String(64)),
    Column("bridge_id", String(64)),
    Column("snapshot", BigInteger, ForeignKey(snapshots.c.number), nullable=False),
    Column("stopped_at", DateTime(timezone=True)),  # null unless stopped in order
)

# One row per engine: what its controller must still know after a restart, as it sent it.
memories = Table(
    "status_state_memories",
    metadata,
    *(Column(name, String, primary_key=True) for name in ENGINE_COLUMNS),
    Column("document", Text, nullable=False),
)

# One row per engine and scope: a container's exact name, or empty for all.
pauses = Table(
    "status_state_pauses",
    metadata,
    *(Column(name, String, primary_key=True) for name in ENGINE_COLUMNS),
    Column("container", String, primary_key=True),
    Column("document", Text, nullable=False),  # `model.Pause` as JSON
)

reports = Table(
    "status_state_reports",
    metadata,
    Column("number", _Number, primary_key=True),
    *_engine_columns(),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("document", Text, nullable=False),  # `schemas.Report` as JSON
)

# What was done and what has changed. The key tells that something was written already.
journal = Table(
    "status_state_journal",
    metadata,
    Column("number", _Number, primary_key=True),
    *_engine_columns(),
    Column("key", String(80), nullable=False, unique=True),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("container", String, index=True),  # its name
    Column("document", Text, nullable=False),  # `journal.entry.Entry` as JSON
)
