"""The real pair with its store in PostgreSQL: what survives, the server away, and both services killed at each step."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator

    from ...postgresql import PostgreSQL
    from ..kit.host import Container, Host

OVER = "services: {{status-state-api: {{volumes: ['{sockets}:/run/postgresql']}}}}\n"
STEMS = ("away", "unstored", "unanswered", "ended", "ended later")
# A report that tells of actions waits in its COMMIT: it is stored, but for a standby that never comes.
WAIT_AT_COMMIT = (
    (
        "create function wait_at_commit() returns trigger language plpgsql as "
        "$$ begin perform set_config('synchronous_commit', 'on', true); return new; end $$"
    ),
    (
        "create trigger wait_at_commit before insert on status_state_reports for each row "
        """when (new.document like '%"outcome_id"%') execute function wait_at_commit()"""
    ),
    "alter system set synchronous_standby_names = 'nobody'",
    "alter system set synchronous_commit = 'local'",
    "select pg_reload_conf()",
)
GO_ON = (
    "alter system reset synchronous_standby_names",
    "alter system reset synchronous_commit",
    "select pg_reload_conf()",
    "drop trigger wait_at_commit on status_state_reports",
    "drop function wait_at_commit",
)


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes: one for each test."""
    return {stem: module_host.run(stem.replace(" ", "-")) for stem in STEMS}


@pytest.fixture(scope="module")
def pair(
    module_host: Host,
    originals: dict[str, Container],
    postgresql: PostgreSQL,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Pair]:
    """The pair with its store in PostgreSQL."""
    over = tmp_path_factory.mktemp("over") / "postgresql.yaml"
    over.write_text(OVER.format(sockets=postgresql.sockets))
    url = postgresql.url(host="/run/postgresql")
    with Pair(module_host, over, SSA_DATABASE_URL=url).running() as pair:
        assert pair.original_names() == {original.name for original in originals.values()}
        yield pair


def entries(pair: Pair, container: Container, kind: str) -> list[Any]:
    """What the journal says was done to a container, or was seen of it, the oldest first."""
    answer = pair.get(f"/journal?container={container.name}&kind={kind}").json()
    return [one["what"] for one in reversed(answer["entries"])]


def wait_for_entries(pair: Pair, container: Container, actions: list[str]) -> None:
    """Until the journal has the whole story, and no more of it two checks later."""
    wait_until(lambda: entries(pair, container, "state") == ["up", "down", "up"], "the ups and downs", 60)
    told = lambda: entries(pair, container, "action")  # noqa: E731 # the test's own words
    wait_until(lambda: told() == actions, "the actions", 60, told)
    pair.wait_for_checks()
    assert (told(), entries(pair, container, "state")) == (actions, ["up", "down", "up"])


def kill(service: Container) -> None:
    """SIGKILL from outside, so that the restart policy brings it back."""
    os.kill(service.process, signal.SIGKILL)


def test_snapshot_acceptance_pause_and_journal_survive_a_restart(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    pair.post("/pause", {"for": "10m"})
    newcomer = module_host.run("newcomer")
    pair.post("/snapshot", {"accept": [newcomer.name]})
    pair.post("/resume")
    pair.post("/pause", {"for": "10m", "containers": [newcomer.name], "reason": "deploy"})
    before = pair.status()
    api = pair.api
    started_at = api.started_at
    kill(api)
    api.wait_for_start_after(started_at)
    pair.wait_until_at_work()
    after = pair.status()
    assert (after["snapshot"], after["pauses"]) == (before["snapshot"], before["pauses"])
    assert newcomer.id in pair.original_ids()
    assert len(pair.get("/snapshots").json()["snapshots"]) == 2
    told = [one["what"] for one in pair.get("/journal?kind=snapshot&kind=pause").json()["entries"]]
    assert told == ["begun", "ended", "accepted", "begun", "startup"]
    assert originals["away"].status == "running"


def test_while_the_server_is_away_all_is_answered_and_healed_and_stored_later(
    pair: Pair, originals: dict[str, Container], postgresql: PostgreSQL
) -> None:
    away = originals["away"]
    postgresql.stop()
    try:
        crash(away)
        wait_until(lambda: "event=journal_unstored" in pair.api.logs, "it to be logged")
        begun = time.monotonic()
        assert away.name in {one["container"]["name"] for one in pair.status()["standings"]}
        assert time.monotonic() - begun < 2
        assert pair.get("/journal").status_code == 503
        assert pair.is_ready()
    finally:
        postgresql.start()
    wait_for_entries(pair, away, ["start"])


def crash(container: Container) -> None:
    """Have it crash, and wait until it was started again."""
    started_at = container.started_at
    container.docker("kill")
    container.wait_for_start_after(started_at)


@contextlib.contextmanager
def nothing_stored(postgresql: PostgreSQL) -> Generator[None]:
    """Meanwhile who writes the journal waits before it is written."""
    with psycopg.connect(postgresql.url()) as connection:
        connection.execute("lock table status_state_journal in exclusive mode")
        yield


@contextlib.contextmanager
def nothing_answered(postgresql: PostgreSQL) -> Generator[None]:
    """Meanwhile a report that tells of actions is stored, and its sender waits for the answer."""
    for statement in WAIT_AT_COMMIT:
        postgresql.execute(postgresql.url(), statement)
    try:
        yield
    finally:
        for statement in GO_ON:
            postgresql.execute(postgresql.url(), statement)


def wait_for_waiting(postgresql: PostgreSQL, event: str) -> None:
    """Until the SSA waits for this in the database."""
    query = "select 1 from pg_stat_activity where wait_event_type = %s or wait_event = %s"
    wait_until(lambda: postgresql.execute(postgresql.url(), query, event, event), f"the SSA to wait at {event}", 30)


def end_connections(postgresql: PostgreSQL) -> None:
    """End what the server still does for others."""
    end = "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend'"
    postgresql.execute(postgresql.url(), f"{end} and pid != pg_backend_pid()")


def test_the_ssa_killed_when_it_has_a_report_and_has_not_stored_it(
    pair: Pair, originals: dict[str, Container], postgresql: PostgreSQL
) -> None:
    original, api = originals["unstored"], pair.api
    started_at = api.started_at
    with nothing_stored(postgresql):
        crash(original)
        wait_for_waiting(postgresql, "Lock")
        kill(api)
        api.wait_for_start_after(started_at)
    pair.wait_until_ready()
    wait_for_entries(pair, original, ["start"])


def test_the_ssa_killed_when_it_has_stored_a_report_and_not_answered(
    pair: Pair, originals: dict[str, Container], postgresql: PostgreSQL
) -> None:
    original, api = originals["unanswered"], pair.api
    started_at = api.started_at
    with nothing_answered(postgresql):
        crash(original)
        wait_for_waiting(postgresql, "SyncRep")
        kill(api)
        end_connections(postgresql)
    stored = postgresql.execute(
        postgresql.url(), "select 1 from status_state_journal where kind = 'action' and container = %s", original.name
    )
    assert len(stored) == 1, "it must be stored by now"
    api.wait_for_start_after(started_at)
    pair.wait_until_ready()
    wait_for_entries(pair, original, ["start"])


def test_the_controller_killed_when_its_report_is_stored_and_not_answered(
    pair: Pair, originals: dict[str, Container], postgresql: PostgreSQL
) -> None:
    original, controller = originals["ended later"], pair.controller
    started_at = controller.started_at
    with nothing_answered(postgresql):
        crash(original)
        wait_for_waiting(postgresql, "SyncRep")
        kill(controller)
        end_connections(postgresql)
        controller.wait_for_start_after(started_at)
    pair.wait_until_at_work()
    wait_for_entries(pair, original, ["start"])


def test_the_controller_killed_before_its_report_is_taken_leaves_what_the_ssa_has_seen(
    pair: Pair, originals: dict[str, Container]
) -> None:
    original, controller, api = originals["ended"], pair.controller, pair.api
    started_at = controller.started_at
    api.docker("pause")
    try:
        crash(original)
        kill(controller)
        controller.wait_for_start_after(started_at)
    finally:
        api.docker("unpause")
    pair.wait_until_at_work()
    wait_for_entries(pair, original, [])
