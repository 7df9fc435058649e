"""What tests with and without an engine share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from .postgresql import NoPostgreSQLError, PostgreSQL

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture(scope="session")
def postgresql() -> Generator[PostgreSQL]:
    """A PostgreSQL of this run's own."""
    try:
        server = PostgreSQL()
    except NoPostgreSQLError as reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(reason))
    try:
        server.start()
        yield server
    finally:
        server.remove()
