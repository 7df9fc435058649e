"""The journal in a real store: nothing is lost while the store is away, nothing is written twice, what is old goes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from status_state_api.journal.controller import ReceivedReport
from status_state_api.journal.entry import Entry
from status_state_api.journal.journal import Journal, Query, Retention
from status_state_api.model import ContainerReference

from ..health.world import until
from ..world import DISK_FULL, IDENTITY, NOW, OTHER_IDENTITY, OWN_ID, FakeStore, Lines, container_id, recipes_of

if TYPE_CHECKING:
    from status_state_api.store.store import Store


def entry(key: str, minutes_ago: float = 0, container: str = "web", what: str = "up") -> Entry:
    """An entry about a container."""
    return Entry(
        key=key,
        at=NOW - timedelta(minutes=minutes_ago),
        kind="state",
        by="status-state-api",
        container=ContainerReference(id=container_id(container), name=container),
        what=what,
    )


async def keys_of(store: Store, query: Query) -> list[int]:
    """The numbers of the entries that are found."""
    return [found.number for found in await store.find_entries(IDENTITY, query)]


async def test_what_is_written_again_is_there_once(store: Store) -> None:
    await store.add_entries(IDENTITY, [entry("a"), entry("b")])
    received = ReceivedReport(NOW, "{}")
    for _ in range(2):
        await store.save_report(IDENTITY, received, None, [entry("b"), entry("c", container="db")])
    found = await store.find_entries(IDENTITY, Query())
    assert [one.container and one.container.name for one in found] == ["db", "web", "web"]
    assert await store.find_entries(OTHER_IDENTITY, Query()) == []


async def test_a_snapshot_is_in_the_journal_as_soon_as_it_is_stored_and_only_once(store: Store) -> None:
    for _ in range(2):
        await store.begin_run(recipes_of("web", "db"), OWN_ID, None, None)
    (found,) = await store.find_entries(IDENTITY, Query())
    assert (found.kind, found.what, found.reason, found.snapshot_id) == ("snapshot", "startup", "2 originals", "5" * 32)


async def test_entries_are_found_by_what_is_asked_for(store: Store) -> None:
    await store.add_entries(
        IDENTITY, [entry("1", 50), entry("2", 40, "db"), entry("3", 30), entry("4", 20, "db"), entry("5", 10)]
    )
    assert await keys_of(store, Query()) == [5, 4, 3, 2, 1]
    assert await keys_of(store, Query(limit=2)) == [5, 4]
    assert await keys_of(store, Query(limit=2, before=4)) == [3, 2]
    assert await keys_of(store, Query(limit=2, after=1)) == [3, 2], "the next ones, so that none is missed"
    assert await keys_of(store, Query(container="db")) == [4, 2]
    assert await keys_of(store, Query(kinds=("action",))) == []
    since, until_then = NOW - timedelta(minutes=40), NOW - timedelta(minutes=20)
    assert await keys_of(store, Query(since=since, until=until_then)) == [4, 3, 2]
    await store.add_entries(IDENTITY, [entry("what the engine remembers", 90)])
    assert await store.first_entry_at(IDENTITY) == NOW - timedelta(minutes=50)


async def test_what_is_too_old_or_too_much_is_deleted_and_numbers_only_grow(store: Store) -> None:
    await store.add_entries(IDENTITY, [entry(str(number), 60 - number) for number in range(10)])
    await store.add_entries(OTHER_IDENTITY, [entry("theirs", 60)])
    await store.delete_entries(IDENTITY, NOW - timedelta(minutes=57), keep=5)
    assert await keys_of(store, Query()) == [10, 9, 8, 7, 6]
    await store.delete_entries(IDENTITY, NOW, keep=5)
    await store.add_entries(IDENTITY, [entry("new")])
    assert await keys_of(store, Query()) == [12]
    assert len(await store.find_entries(OTHER_IDENTITY, Query())) == 1


async def test_while_the_store_is_away_entries_are_held_and_then_stored_in_their_order() -> None:
    store = FakeStore()
    journal = Journal(store, Retention(), lambda: NOW, again_seconds=0.001)
    with Lines() as lines:
        running = asyncio.create_task(journal.run(IDENTITY, "5" * 32))
        await until(lambda: len(store.journal) == 1)
        store.error = DISK_FULL
        journal.note(entry("a"))
        await until(lambda: "journal_unstored" in lines.events)
        journal.note(entry("b"))
        store.error = None
        await until(lambda: "journal_stored_again" in lines.events)
        running.cancel()
    assert [(one.what, one.key) for one in store.journal][1:] == [("up", "a"), ("up", "b")]
    assert lines.events.count("journal_unstored") == 1


async def test_an_orderly_stop_stores_what_is_left() -> None:
    store = FakeStore()
    journal = Journal(store, Retention(), lambda: NOW)
    running = asyncio.create_task(journal.run(IDENTITY, "5" * 32))
    await until(lambda: len(store.journal) == 1)
    running.cancel()
    journal.note(entry("last"))
    await journal.finish()
    assert [one.what for one in store.journal] == ["started", "up", "stopped"]


async def test_the_entry_of_a_snapshot_says_what_is_different(store: Store) -> None:
    await store.begin_run(recipes_of("web", "db", "old"), OWN_ID, None, None)
    accepted = recipes_of("web", "cache", snapshot_id="6" * 32)
    head = accepted.snapshot.model_copy(update={"reason": "accepted", "by": "operator: accept"})
    await store.begin_run(accepted.model_copy(update={"snapshot": head, "released": ["old"]}), OWN_ID, None, None)
    last = (await store.find_entries(IDENTITY, Query()))[0]
    told = (last.what, last.by, last.reason)
    assert told == ("accepted", "operator: accept", "2 originals; added: cache; removed: db; released: old")


async def test_what_can_not_be_written_is_reported_and_does_not_hold_up_what_follows() -> None:
    store = FakeStore()
    journal = Journal(store, Retention(), lambda: NOW, again_seconds=0.001)
    with Lines() as lines:
        running = asyncio.create_task(journal.run(IDENTITY, "5" * 32))
        await until(lambda: len(store.journal) == 1)
        store.error = RuntimeError("a bug")
        journal.note(entry("lost"))
        await until(lambda: "journal_failed" in lines.events)
        store.error = None
        journal.note(entry("next"))
        await until(lambda: len(store.journal) == 2)
        running.cancel()
    assert store.journal[-1].key == "next"
