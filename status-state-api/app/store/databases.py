"""The two kinds of database: how each is opened, and what keeps a call from hanging."""

import contextlib
import os
import socket
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import StaticPool

CONNECT_SECONDS = 5
CALL_SECONDS = 30.0
"""How long a transaction may take in PostgreSQL. Deleting a year of the journal at once takes a second or two."""
BUSY_SECONDS = 5.0
"""How long a write waits for another process that has the SQLite file locked, such as a backup."""


def database_url(text: str) -> URL:
    """Read a database URL; `postgresql://` and `postgres://` mean psycopg 3. Raises ValueError for anything else."""
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise ValueError("it is no database URL") from error
    if url.drivername in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise ValueError(f"databases of the kind {url.drivername} are not supported, only postgresql and sqlite")
    return url


def create_database(url: URL) -> sqlalchemy.Engine:
    """Make ready what opens connections; of SQLite's file, that it is there."""
    return open_sqlite(url) if url.get_backend_name() == "sqlite" else _create_postgresql(url)


class TimeLimit:
    """Ends a call that takes too long, by shutting down the connection below it.

    A server that hangs, a line that is cut without a word, another session's lock: none of them would ever answer, and
    the store has one thread. The driver sees the end of its connection and raises; the next call connects anew.
    """

    def __init__(self, database: sqlalchemy.Engine, seconds: float) -> None:
        self._seconds = seconds
        self._connection: Any = None
        if database.dialect.name != "sqlite":  # no line that could hang, and a limit of its own for locks
            event.listen(database, "connect", self._connected)

    @contextlib.contextmanager
    def applied(self) -> Generator[None]:
        """Do this within the limit."""
        timer = threading.Timer(self._seconds, self._shut_down)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _connected(self, connection: Any, _: object) -> None:
        self._connection = connection

    def _shut_down(self) -> None:
        # Whatever it says: it is closed already, or being made, which has a limit of its own.
        with contextlib.suppress(Exception), socket.socket(fileno=os.dup(self._connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def _create_postgresql(url: URL) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(
        url,
        pool_size=1,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_SECONDS},
        hide_parameters=True,
    )


def open_sqlite(url: URL) -> sqlalchemy.Engine:
    """Open the file with the owner's rights alone, and so that a commit survives a power loss."""
    if url.database and url.database != ":memory:":
        path = Path(url.database)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    database = sqlalchemy.create_engine(
        url,
        poolclass=StaticPool,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        hide_parameters=True,
    )
    event.listen(database, "connect", _set_up_sqlite)
    return database


def _set_up_sqlite(connection: Any, _: object) -> None:
    """Writes are rare, so they may be slow: one file without a log beside it, synced to its folder's entry."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=DELETE")
    cursor.execute("PRAGMA synchronous=EXTRA")
    cursor.execute("PRAGMA foreign_keys=ON")  # as PostgreSQL always does
    cursor.execute("PRAGMA secure_delete=ON")  # deleted recipes leave no secrets behind
    cursor.execute("PRAGMA temp_store=MEMORY")  # the root file system is read-only
    cursor.close()
