"""The store in a real SQLite file and a real PostgreSQL: what survives, who may read it, what is refused, and what is deleted."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import traceback
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from status_state_api.errors import StoreUnavailable, StoreUnusable
from status_state_api.journal.availability import Change
from status_state_api.journal.controller import ReceivedReport
from status_state_api.journal.entry import Entry, service_entry
from status_state_api.model import ContainerReference, Pause
from status_state_api.pauses.pause import begin_pause
from status_state_api.snapshot.start.decide import StoredRun
from status_state_api.store import queries as records
from status_state_api.store.databases import create_database, database_url, open_sqlite
from status_state_api.store.store import Store

from ..conftest import Place
from ..world import BOOT, IDENTITY, NOW, OTHER_IDENTITY, OWN_ID, SECRET, recipes_of, stored

EMPTY = ReceivedReport(NOW, "{}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of the store, in a folder that has yet to be made."""
    return tmp_path / "data" / "status-state.sqlite3"


def mode_of(path: Path) -> int:
    """Who may do what with it."""
    return stat.S_IMODE(path.stat().st_mode)


def put(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Have this file there, in a folder of its own."""
    file.parent.mkdir()
    file.touch(mode)
    file.write_bytes(content)


def content_of(file: Path) -> bytes:
    """All that the file holds."""
    return file.read_bytes()


def names_beside(file: Path) -> list[str]:
    """What is in the file's folder."""
    return [path.name for path in file.parent.iterdir()]


async def reopened(place: Place) -> Store:
    """The store as another process finds it."""
    store = Store(place.url)
    await store.open()
    return store


@pytest.mark.parametrize("umask", [0o022, 0o077])
async def test_the_file_and_its_folder_are_their_owners_alone(file: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        store = Store(f"sqlite:///{file}")
        await store.open()
        await store.begin_run(recipes_of("web"), OWN_ID, BOOT, "bridge-1")
        await store.close()
    finally:
        os.umask(before)
    assert mode_of(file) == 0o600
    assert mode_of(file.parent) == 0o700
    assert names_beside(file) == [file.name], "nothing else that holds secrets"


async def test_a_file_that_others_can_read_is_closed_to_them(file: Path) -> None:
    put(file, b"", 0o644)
    store = await reopened(Place(f"sqlite:///{file}"))
    await store.close()
    assert mode_of(file) == 0o600


def test_a_commit_is_made_to_survive_a_power_loss(file: Path) -> None:
    database = open_sqlite(database_url(f"sqlite:///{file}"))
    with database.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "journal_mode", "secure_delete")
        }
    database.dispose()
    assert pragmas == {"synchronous": 3, "journal_mode": "delete", "secure_delete": 1}, "3 is EXTRA"


async def test_a_snapshot_survives_with_its_recipes(store: Store, place: Place) -> None:
    recipes = recipes_of("web", "db")
    await store.begin_run(recipes, OWN_ID, BOOT, "bridge-1")
    await store.close()
    again = await reopened(place)
    assert await again.read_recipes(recipes.snapshot.id) == recipes
    assert await again.find_latest(IDENTITY) == stored(recipes)
    assert await again.find_run(OWN_ID) == StoredRun(BOOT, "bridge-1", None, stored(recipes))
    await again.close()


async def test_a_mark_survives(store: Store, place: Place) -> None:
    run = await store.begin_run(recipes_of("web"), OWN_ID, BOOT, None)
    assert run is not None
    await store.mark_stopped(run, NOW)
    await store.close()
    again = await reopened(place)
    assert await again.find_run(OWN_ID) == StoredRun(BOOT, None, NOW, stored(recipes_of("web")))
    await again.close()


async def test_the_next_run_of_a_container_takes_the_place_of_its_last_one(store: Store) -> None:
    recipes = recipes_of("web")
    first = await store.begin_run(recipes, OWN_ID, BOOT, "bridge-1")
    assert first is not None
    await store.mark_stopped(first, NOW)
    await store.begin_run(recipes, OWN_ID, "boot-2", "bridge-2")
    assert await store.find_run(OWN_ID) == StoredRun("boot-2", "bridge-2", None, stored(recipes))
    assert await store.find_run("cd" * 32) is None


async def test_a_run_whose_container_is_not_known_only_stores_the_snapshot(store: Store) -> None:
    assert await store.begin_run(recipes_of("web"), None, BOOT, None) is None
    assert await store.find_latest(IDENTITY) == stored(recipes_of("web"))


async def test_engines_that_share_a_store_and_an_id_are_told_apart(store: Store) -> None:
    await store.begin_run(recipes_of("web"), OWN_ID, BOOT, None)
    await store.save_report(IDENTITY, EMPTY, '{"of":"the first"}')
    await store.save_report(OTHER_IDENTITY, EMPTY, None)
    assert await store.last_memory(OTHER_IDENTITY) is None
    assert await store.find_latest(OTHER_IDENTITY) is None
    assert await store.last_memory(IDENTITY) == '{"of":"the first"}'


RENAMED = IDENTITY.model_copy(update={"name": "kiosk-18"})
UPGRADED = IDENTITY.model_copy(update={"id": "f0cd0b59-757d"})
PODMAN = IDENTITY.model_copy(update={"none_network_id": None})


async def test_what_is_stored_of_an_engine_is_found_whatever_its_name_is(store: Store) -> None:
    await store.begin_run(recipes_of("web"), OWN_ID, BOOT, None)
    await store.save_report(IDENTITY, EMPTY, '{"a": 1}')
    assert await store.find_latest(RENAMED) == stored(recipes_of("web"))
    assert await store.last_report(RENAMED) == (NOW, "{}")
    assert await store.last_memory(RENAMED) == '{"a": 1}'
    await store.save_report(RENAMED, EMPTY, '{"a": 2}')
    assert await store.last_memory(IDENTITY) == '{"a": 2}', "one memory per engine"


async def test_an_engine_without_the_network_none_is_told_apart_as_well(store: Store) -> None:
    await store.begin_run(recipes_of("web", engine=PODMAN), OWN_ID, BOOT, None)
    assert await store.find_latest(PODMAN) == stored(recipes_of("web", engine=PODMAN))
    assert await store.find_latest(IDENTITY) is None


async def test_what_is_stored_goes_on_under_another_identity_of_its_engine(store: Store) -> None:
    for number, engine in enumerate((IDENTITY, RENAMED, OTHER_IDENTITY)):
        await store.begin_run(
            recipes_of("web", snapshot_id=f"{number:032}", engine=engine), f"{number:064}", BOOT, None
        )
        await store.save_report(engine, ReceivedReport(NOW, f"{{{number}}}"), f"{{{number}}}")
    assert [one.id for one in await store.find_latest_of_each()] == [f"{2:032}", f"{1:032}"]
    await store.save_report(UPGRADED, EMPTY, "{}")
    await store.move_engine(RENAMED, UPGRADED)
    found = await store.find_latest(UPGRADED)
    assert found is not None
    assert (found.id, found.engine) == (f"{1:032}", UPGRADED)
    assert (await store.read_recipes(f"{0:032}")).snapshot.engine == UPGRADED
    run = await store.find_run(f"{0:064}")
    assert run is not None
    assert run.snapshot.engine == UPGRADED
    assert await store.last_memory(UPGRADED) == "{1}"
    assert (await store.find_latest(IDENTITY), await store.last_memory(IDENTITY)) == (None, None)
    assert (await store.read_recipes(f"{2:032}")).snapshot.engine == OTHER_IDENTITY
    assert await store.last_memory(OTHER_IDENTITY) == "{2}"


async def test_the_memories_that_an_older_version_kept_for_each_name_become_one(store: Store, place: Place) -> None:
    await store.save_report(IDENTITY, EMPTY, '{"old": 1}')
    place.execute(f"insert into status_state_memories values ('{IDENTITY.id}', 'kiosk-18', '5d6f', '{{}}')")  # noqa: S608
    await store.save_report(RENAMED, EMPTY, '{"new": 1}')
    assert await store.last_memory(IDENTITY) == '{"new": 1}'
    await store.move_engine(IDENTITY, UPGRADED)
    assert await store.last_memory(UPGRADED) == '{"new": 1}'


async def test_the_last_memory_survives_and_a_report_without_one_leaves_it(store: Store, place: Place) -> None:
    for memory in ('{"n":1}', '{"n":2}', None):
        await store.save_report(IDENTITY, EMPTY, memory)
    await store.close()
    again = await reopened(place)
    assert await again.last_memory(IDENTITY) == '{"n":2}'
    await again.close()


async def test_an_older_store_gets_the_table_that_it_lacks(store: Store, place: Place) -> None:
    await store.begin_run(recipes_of("web"), OWN_ID, BOOT, None)
    await store.close()
    place.execute("drop table status_state_memories")
    again = await reopened(place)
    assert await again.last_memory(IDENTITY) is None
    await again.save_report(IDENTITY, EMPTY, "{}")
    assert await again.last_memory(IDENTITY) == "{}"
    assert await again.find_latest(IDENTITY) == stored(recipes_of("web"))
    await again.close()


async def test_old_snapshots_are_deleted(store: Store) -> None:
    for number in range(records.SNAPSHOTS_KEPT + 1):
        await store.begin_run(recipes_of("web", snapshot_id=f"{number:032}"), f"{number:064}", BOOT, None)
    other = recipes_of("web", snapshot_id="f" * 32, engine=OTHER_IDENTITY)
    await store.begin_run(other, OWN_ID, BOOT, None)
    assert await store.find_run(f"{0:064}") is None
    assert await store.find_run(f"{1:064}") is not None
    assert len(await store.list_snapshots(IDENTITY)) == records.SNAPSHOTS_KEPT
    assert len(await store.list_snapshots(OTHER_IDENTITY)) == 1


async def test_what_was_deleted_leaves_no_secret_behind(file: Path) -> None:
    store = await reopened(Place(f"sqlite:///{file}"))
    for number in range(records.SNAPSHOTS_KEPT + 1):
        name = "oldest" if number == 0 else f"web-{number}"
        await store.begin_run(recipes_of(name, snapshot_id=f"{number:032}"), OWN_ID, BOOT, None)
    await store.close()
    content = content_of(file)
    assert b"/oldest" not in content
    assert content.count(SECRET.encode()) == records.SNAPSHOTS_KEPT


async def test_the_snapshots_of_an_engine_are_listed_newest_first_and_read_by_their_id(
    store: Store, place: Place
) -> None:
    first, second = recipes_of("web", snapshot_id="1" * 32), recipes_of("web", "db", snapshot_id="2" * 32)
    other = recipes_of("web", snapshot_id="f" * 32, engine=OTHER_IDENTITY)
    for recipes in (first, second, other):
        await store.begin_run(recipes, OWN_ID, BOOT, None)
    await store.close()
    place.execute("delete from status_state_summaries where snapshot = 1")  # as an older version left it
    again = await reopened(place)
    assert await again.list_snapshots(IDENTITY) == [second.summary(), first.summary()]
    assert await again.find_snapshot(IDENTITY, first.snapshot.id) == first
    assert await again.find_snapshot(IDENTITY, other.snapshot.id) is None, "it is another engine's"
    await again.close()


async def test_pauses_are_kept_by_engine_and_scope(store: Store) -> None:
    def pause(container: str | None, seconds: float) -> Pause:
        return begin_pause(container, seconds=seconds, reason=None, accept_at_end=False, by=None, now=NOW)

    await store.put_pauses(IDENTITY, [pause(None, 60), pause("web", 60)])
    await store.put_pauses(OTHER_IDENTITY, [pause("web", 60)])
    await store.put_pauses(IDENTITY, [pause("web", 90)])
    assert [Pause.model_validate_json(one) for one in await store.read_pauses(IDENTITY)] == [
        pause(None, 60),
        pause("web", 90),
    ]
    await store.delete_pauses(IDENTITY, [None, "db"])
    assert len(await store.read_pauses(IDENTITY)) == 1
    await store.delete_pauses(IDENTITY, ["web"])
    assert (await store.read_pauses(IDENTITY), len(await store.read_pauses(OTHER_IDENTITY))) == ([], 1)


def test_only_the_last_reports_are_kept(place: Place) -> None:
    database = create_database(database_url(place.url))
    with database.begin() as connection:
        records.prepare(connection)
        for number in range(records.REPORTS_KEPT + 3):
            received = ReceivedReport(NOW + timedelta(seconds=number), f'{{"number":{number}}}')
            records.save_report(connection, IDENTITY, received, None)
        assert records.last_report(connection, IDENTITY) == (NOW + timedelta(seconds=1002), '{"number":1002}')
        assert connection.exec_driver_sql("select count(*) from status_state_reports").scalar() == 1000
    database.dispose()


async def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(store: Store, place: Place) -> None:
    await store.close()
    place.execute("update status_state_schema_version set version = 2", "drop table status_state_reports")
    with pytest.raises(StoreUnusable, match=r"newer version: its schema is 2, and this version knows 1.*SSA_DATA_DIR"):
        await reopened(place)
    assert "status_state_reports" not in place.tables()


async def test_a_damaged_file_is_reported_with_what_to_do(file: Path) -> None:
    put(file, b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(StoreUnusable, match=r"is damaged: .*Move the file away"):
        await reopened(Place(f"sqlite:///{file}"))


async def test_a_folder_that_is_none_is_reported_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreUnavailable, match=r"can't be used: .*SSA_DATA_DIR"):
        await reopened(Place(f"sqlite:///{tmp_path}/data/x.sqlite3"))


async def test_a_stored_snapshot_that_can_not_be_read_is_reported_without_its_secrets(
    store: Store, place: Place
) -> None:
    recipes = recipes_of("web")
    await store.begin_run(recipes, OWN_ID, BOOT, None)
    place.execute("update status_state_snapshots set document = :it", it=f'{{"{SECRET}": 1}}')
    with pytest.raises(StoreUnusable, match="can't be read") as raised:
        await store.read_recipes(recipes.snapshot.id)
    assert SECRET not in repr(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


async def test_tens_of_thousands_of_changes_are_read_with_the_little_that_counts_of_each(store: Store) -> None:
    web = ContainerReference(id="a" * 64, name="web")
    state = Entry(key="", at=NOW, kind="state", by="x" * 500, container=web, what="up", source=None)
    entries = [state.model_copy(update={"key": str(number)}) for number in range(5000)]
    entries.append(service_entry("started", NOW, None))
    entries.append(state.model_copy(update={"key": "v", "kind": "verdict", "what": "failing", "source": "logs"}))
    await store.add_entries(IDENTITY, entries)
    await store.add_entries(IDENTITY, [state.model_copy(update={"key": "older", "at": NOW - timedelta(days=40)})])
    await store.add_entries(OTHER_IDENTITY, [state.model_copy(update={"key": "another's"})])
    del entries
    tracemalloc.start()
    found = await store.find_changes(IDENTITY, NOW - timedelta(days=30), 10_000)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5000 * 500
    assert len(found) == 5002
    assert found[:3] == [
        Change(NOW, "failing", "logs", "web"),
        Change(NOW, "started"),
        Change(NOW, "up", None, "web"),
    ]
    assert len(await store.find_changes(IDENTITY, NOW, 7)) == 7


async def test_a_bug_of_ours_is_not_blamed_on_the_world_and_quotes_no_secret(store: Store, place: Place) -> None:
    # SQLite can't add a constraint to a table.
    place.execute(
        "create trigger t before insert on status_state_snapshots begin select raise(abort, 'a constraint'); end"
        if place.url.startswith("sqlite")
        else 'alter table status_state_snapshots add constraint "a constraint" check (originals > 1)'
    )
    with pytest.raises(IntegrityError, match="a constraint") as raised:
        await store.begin_run(recipes_of("web"), OWN_ID, BOOT, None)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


async def test_what_somebody_else_has_deleted_is_no_bug_of_ours(store: Store, place: Place) -> None:
    place.execute("drop table status_state_reports")
    with pytest.raises(StoreUnavailable, match=r"can't be used: .*status_state_reports"):
        await store.last_report(IDENTITY)


async def test_a_mark_asked_for_while_a_snapshot_is_being_saved_follows_it(store: Store) -> None:
    recipes = recipes_of(*(f"web-{number}" for number in range(50)))
    saving = asyncio.create_task(store.begin_run(recipes, OWN_ID, BOOT, None))
    await asyncio.sleep(0)
    await store.mark_stopped(1, NOW)
    assert await saving == 1
    run = await store.find_run(OWN_ID)
    assert run is not None
    assert run.stopped_at == NOW


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://u:p@db/x", "postgresql+psycopg"),
        ("postgres://u:p@db/x", "postgresql+psycopg"),
        ("postgresql+psycopg://u:p@db/x?sslmode=require", "postgresql+psycopg"),
        ("sqlite:////data/x.sqlite3", "sqlite"),
    ],
)
def test_database_urls_mean_the_drivers_that_are_installed(given: str, driver: str) -> None:
    url = database_url(given)
    assert url.drivername == driver
    assert given.split("://", 1)[1] == url.render_as_string(hide_password=False).split("://", 1)[1]


@pytest.mark.parametrize("given", ["mysql://u:p@db/x", "postgresql+psycopg2://db/x", "/data/x", "://"])
def test_other_databases_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"not supported|no database URL"):
        database_url(given)


def test_the_address_of_a_store_hides_its_password() -> None:
    assert Store("postgresql://u:topsecret@db/x").address == "postgresql+psycopg://u:***@db/x"
    assert Store("postgresql://db/x?user=u&password=topsecret").address == "postgresql+psycopg://db/x?***"


def test_postgresql_is_not_imported_unless_it_is_used() -> None:
    script = """
import asyncio, sys
from datetime import UTC, datetime
from status_state_api.journal.controller import ReceivedReport
from status_state_api.model import EngineIdentity
from status_state_api.store.store import Store

async def use() -> None:
    store = Store("sqlite://")
    await store.open()
    await store.save_report(
        EngineIdentity(id="a", name="b", none_network_id="c"), ReceivedReport(datetime.now(UTC), "{}"), "{}"
    )

asyncio.run(use())
print(*[name for name in sys.modules if "psycopg" in name or name == "sqlalchemy.dialects.postgresql"])
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3] / "packages")}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
