"""A real store, of both kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import sqlalchemy
from status_state_api.store.databases import database_url
from status_state_api.store.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from ...postgresql import PostgreSQL


@dataclass(frozen=True)
class Place:
    """Where a store is."""

    url: str

    def execute(self, *statements: str, **values: str) -> None:
        """Change what is stored behind the store's back."""
        database = sqlalchemy.create_engine(database_url(self.url))
        with database.begin() as connection:
            for statement in statements:
                connection.execute(sqlalchemy.text(statement), values)
        database.dispose()

    def tables(self) -> list[str]:
        """The names of the tables."""
        database = sqlalchemy.create_engine(database_url(self.url))
        names = sqlalchemy.inspect(database).get_table_names()
        database.dispose()
        return names


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where the store is to be: a file that has yet to be made, or an empty database."""
    if request.param == "sqlite":
        return Place(f"sqlite:///{tmp_path}/data/status-state.sqlite3")
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return Place(server.new_place())


@pytest.fixture
async def store(place: Place) -> AsyncGenerator[Store]:
    """A store that is open."""
    store = Store(place.url)
    await store.open()
    yield store
    await store.close()
