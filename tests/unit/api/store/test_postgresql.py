"""What is PostgreSQL's alone: it can be away, hang, refuse, and be shared by replicas."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import psycopg
import pytest
from sqlalchemy.exc import DataError
from status_state_api.errors import StoreUnavailable
from status_state_api.journal.controller import ReceivedReport
from status_state_api.journal.journal import Query
from status_state_api.store.store import Store

from ....postgresql import PASSWORD
from ..journal.test_journal import entry
from ..world import BOOT, IDENTITY, NOW, OWN_ID, recipes_of, stored

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ....postgresql import PostgreSQL

REPORT = ReceivedReport(NOW, "{}")


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    """An empty place."""
    return postgresql.new_place()


@pytest.fixture
async def store(url: str) -> AsyncGenerator[Store]:
    """A store that is open, and gives up after a second."""
    store = Store(url, call_seconds=1)
    await store.open()
    yield store
    await store.close()


async def test_a_server_that_went_away_is_reported_without_the_password_and_found_again(
    store: Store, postgresql: PostgreSQL
) -> None:
    await store.begin_run(recipes_of("web"), OWN_ID, BOOT, None)
    postgresql.stop()
    try:
        for _ in range(2):
            with pytest.raises(
                StoreUnavailable, match=r"status_state:\*\*\*@.*See whether the database runs"
            ) as raised:
                await store.save_report(IDENTITY, REPORT, None)
            assert "secret" not in str(raised.value)
    finally:
        postgresql.start()
    await store.save_report(IDENTITY, REPORT, None)
    assert await store.find_latest(IDENTITY) == stored(recipes_of("web"))


async def test_a_connection_that_was_cut_costs_nothing(store: Store, url: str, postgresql: PostgreSQL) -> None:
    await store.save_report(IDENTITY, REPORT, None)
    postgresql.execute(url, "select pg_terminate_backend(pid) from pg_stat_activity where pid != pg_backend_pid()")
    await store.save_report(IDENTITY, REPORT, None)


async def test_a_server_that_hangs_holds_up_nothing_for_ever(store: Store, postgresql: PostgreSQL) -> None:
    begun = time.monotonic()
    with postgresql.frozen():
        for _ in range(2):  # on a connection that was there, on a new one
            with pytest.raises(StoreUnavailable):
                await store.save_report(IDENTITY, REPORT, None, [entry("a")])
    assert time.monotonic() - begun < 20
    await store.save_report(IDENTITY, REPORT, None, [entry("a")])
    assert len(await store.find_entries(IDENTITY, Query())) == 1


async def test_a_table_that_somebody_else_has_locked_holds_up_nothing_for_ever(store: Store, url: str) -> None:
    with psycopg.connect(url) as other:
        other.execute("lock table status_state_journal")
        with pytest.raises(StoreUnavailable):
            await store.add_entries(IDENTITY, [entry("a")])
    await store.add_entries(IDENTITY, [entry("a")])


async def test_replicas_that_begin_at_once_share_a_store(url: str) -> None:
    replicas = [Store(url) for _ in range(4)]

    async def use(number: int, replica: Store) -> None:
        while True:
            try:
                await replica.open()
                break
            except StoreUnavailable:  # another one is making the tables: the SSA tries again, too
                await asyncio.sleep(0.05)
        await replica.begin_run(recipes_of("web", snapshot_id=f"{number:032}"), f"{number:064}", BOOT, None)
        await replica.save_report(IDENTITY, REPORT, '{"n": 1}', [entry("a"), entry(f"b {number}")])

    await asyncio.gather(*(use(*each) for each in enumerate(replicas)))
    assert len(await replicas[0].list_snapshots(IDENTITY)) == len(replicas)
    found = [one for one in await replicas[0].find_entries(IDENTITY, Query()) if one.kind == "state"]
    assert len(found) == 1 + len(replicas)
    for replica in replicas:
        await replica.close()


async def test_a_user_who_may_not_make_tables_or_use_them_is_reported_so(postgresql: PostgreSQL, url: str) -> None:
    place = dict(parse_qsl(urlsplit(url).query))["options"]
    postgresql.execute(url, f"create role reader login password '{PASSWORD}'")
    owners, readers = Store(url), Store(postgresql.url("reader", options=place))
    with pytest.raises(StoreUnavailable, match="Let its user create tables"):
        await readers.open()
    await owners.open()
    postgresql.execute(url, f"grant usage on schema {place.partition('=')[2]} to reader")
    postgresql.execute(url, "grant select on status_state_schema_version, status_state_snapshots to reader")
    await readers.open()
    with pytest.raises(StoreUnavailable, match=r"can't be used: permission denied for table status_state_journal"):
        await readers.add_entries(IDENTITY, [entry("a")])
    for store in (owners, readers):
        await store.close()


async def test_what_it_can_not_hold_is_a_bug_and_not_tried_for_ever(store: Store) -> None:
    with pytest.raises(DataError, match="NUL"):
        await store.find_entries(IDENTITY, Query(container="a\0b"))
