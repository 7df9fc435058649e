"""What operators ask over HTTP: what becomes of the snapshot that is held, stored and told, and what is refused."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.model import Recipes

from ..ssa import BEARER, REPORT, Ssa, beside_two_containers
from ..world import DISK_FULL, HUNG, OTHER_IDENTITY, OWN_ID, Lines, container_id, entry, inspect, stored

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

WRITES = ["/snapshot", f"/snapshots/{'5' * 32}/rollback", "/pause", "/resume", "/reports"]


@pytest.fixture
async def ssa() -> AsyncGenerator[Ssa]:
    """An SSA that holds a snapshot of `web` and `db`."""
    async with beside_two_containers() as ssa:
        await ssa.holder.start()
        ssa.engine.asked.clear()
        yield ssa


def run(ssa: Ssa, name: str, **changes: Any) -> None:
    """Have one more container run."""
    ssa.engine.entries.append({**entry(name), **changes})
    ssa.engine.inspects[container_id(name)] = inspect(name)


async def post(ssa: Ssa, path: str, body: Any = None) -> dict[str, Any]:
    """What is answered to a request that succeeds."""
    answer = await ssa.client.post(path, json=body, headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


async def names(ssa: Ssa) -> list[str]:
    """The originals that the controller is told of."""
    answer = await ssa.client.get("/snapshot/recipes", headers=BEARER)
    return [original.name for original in Recipes.model_validate_json(answer.content).originals]


async def test_the_present_becomes_the_snapshot_which_is_stored_observed_and_reported(ssa: Ssa) -> None:
    before = ssa.parts.held().snapshot.id
    _, lines = await ssa.follow("/verdicts")
    first = json.loads(await anext(lines))
    run(ssa, "miner")
    with Lines() as log:
        answer = await post(ssa, "/snapshot", {"by": "operator: accept"})
    assert (answer["changed"], answer["dry_run"], answer["added"], answer["removed"]) == (True, False, ["miner"], [])
    head = answer["snapshot"]
    assert (head["reason"], head["by"]) == ("accepted", "operator: accept")
    assert await names(ssa) == ["db", "miner", "web"] == ssa.followed.names
    assert ssa.store.snapshots[-1].snapshot.id == head["id"] != before
    assert ssa.store.runs[OWN_ID].snapshot == stored(ssa.store.snapshots[-1])
    told = json.loads(await anext(lines))
    assert first["desired"] == f'"{before}"'
    assert told["desired"] == f'"{head["id"]}"'
    assert (await ssa.client.get("/snapshot/recipes", headers=BEARER)).headers["etag"] == told["desired"]
    assert log.one("snapshot_changed")["added"] == ["miner"]


@pytest.mark.parametrize("path", ["/snapshot", "/snapshot?dry_run=true"])
async def test_nothing_changes_where_nothing_is_different_or_it_was_only_asked(ssa: Ssa, path: str) -> None:
    before = ssa.parts.held()
    if "dry" in path:
        run(ssa, "miner")
    answer = await post(ssa, path)
    assert answer["changed"] is answer["dry_run"] is ("dry" in path)
    assert answer["added"] == (["miner"] if "dry" in path else [])
    assert answer["snapshot"]["id"] == before.snapshot.id
    assert ssa.parts.held() is before
    assert len(ssa.store.snapshots) == 1


async def test_names_are_accepted_released_and_dropped_in_one_change(ssa: Ssa) -> None:
    run(ssa, "miner")
    ssa.engine.entries = [one for one in ssa.engine.entries if one["Names"] != ["/web"]]
    ssa.engine.stopped = [{**entry("cache"), "State": "exited"}]
    ssa.engine.inspects[container_id("cache")] = inspect("cache")
    answer = await post(ssa, "/snapshot", {"accept": ["cache"], "release": ["db"], "drop": ["web"]})
    assert (answer["added"], answer["released"], answer["removed"]) == (["cache"], ["db"], ["web"])
    assert await names(ssa) == ["cache"]
    assert (await ssa.status()).snapshot.released == ["db"]  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess] - it holds one
    assert (await post(ssa, "/snapshot", {"release": ["db"]}))["changed"] is False


async def test_a_replacement_is_reported_with_what_the_controller_found_different(ssa: Ssa) -> None:
    ssa.engine.entries[0] = {**entry("web"), "Id": container_id("web2")}
    ssa.engine.inspects[container_id("web2")] = inspect("web", Id=container_id("web2"))
    ssa.engine.inspects[container_id("db")] = inspect("db", HostConfig={"Memory": 7})
    container = {"id": container_id("web"), "name": "web"}
    findings = [
        {"container": container, "kind": "replaced", "reason": "was replaced (image: a → b)"},
        {"container": container, "kind": "unhealthy", "reason": "its probe fails"},
    ]
    await ssa.client.post("/reports", json={**REPORT, "findings": findings}, headers=BEARER)
    answer = await post(ssa, "/snapshot")
    assert answer["replaced"] == [
        {"name": "db", "before_id": container_id("db"), "id": container_id("db"), "difference": "updated: Memory"},
        {
            "name": "web",
            "before_id": container_id("web"),
            "id": container_id("web2"),
            "difference": "was replaced (image: a → b)",
        },
    ]


async def test_what_differs_between_two_snapshots_is_told_to_who_has_the_token(ssa: Ssa) -> None:
    first = ssa.store.snapshots[0].snapshot.id
    ssa.engine.inspects[container_id("db")] = inspect("db", HostConfig={"Memory": 7})
    second = (await post(ssa, "/snapshot"))["snapshot"]["id"]
    path = f"/snapshots/{first}/changes/{second}"
    assert (await ssa.problem("GET", path))[0] == 401
    answer = (await ssa.client.get(path, headers=BEARER)).json()
    (db,) = answer["differing"]
    assert db["fields"] == [{"field": "Memory", "before": None, "after": "7"}]
    assert (answer["before"]["id"], answer["after"]["id"]) == (first, second)
    for wrong, status in (("7" * 32, 404), ("%00", 422)):
        assert (await ssa.problem("GET", f"/snapshots/{first}/changes/{wrong}", headers=BEARER))[0] == status


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/snapshot", {"accept": ["wob"]}, 404, "Is it web?"),
        ("/snapshot", {"release": ["wob"]}, 404, "Is it web?"),
        ("/snapshot", {"drop": ["web"]}, 409, "web is there"),
        ("/snapshot", {"accept": ["agent"]}, 409, "is protected"),
        ("/pause", {"for": "1m", "containers": ["web", "wob"]}, 404, "Is it web?"),
        (f"/snapshots/{'7' * 32}/rollback", None, 404, "GET /snapshots"),
        ("/snapshot", {"accept": []}, 422, "described"),
        ("/snapshot", {"acept": ["web"]}, 422, "described"),
        ("/snapshot", {"accept": "web"}, 422, "described"),
        ("/pause", {}, 422, "described"),
        ("/pause", {"for": "8000m", "containers": []}, 422, "described"),
        ("/pause", {"for": "169h"}, 422, "described"),
        ("/pause", {"for": 0}, 422, "described"),
        ("/pause", {"for": "soon"}, 422, "described"),
        ("/resume", {"containers": []}, 422, "described"),
    ],
)
async def test_what_can_not_be_done_is_refused_and_changes_nothing(
    ssa: Ssa, path: str, body: Any, status: int, said: str
) -> None:
    ssa.engine.stopped.append(entry("agent", **{"status-state.ignore": "true"}))
    before = ssa.parts.held()
    problem = await ssa.problem("POST", path, json=body, headers=BEARER)
    assert problem[0] == status
    assert said in problem[1]
    assert (ssa.parts.held(), ssa.store.pauses) == (before, {})


@pytest.mark.parametrize("question", ["running", "container", "image", "look"])
async def test_an_engine_that_dies_in_whatever_step_changes_nothing(
    ssa: Ssa, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    before = ssa.parts.held()
    run(ssa, "miner")

    async def dies(*_: Any) -> None:
        await asyncio.sleep(0)
        raise HUNG

    monkeypatch.setattr(ssa.engine, question, dies)
    status, said = await ssa.problem("POST", "/snapshot", headers=BEARER)
    assert (status, HUNG.cause in said) == (503, True)
    assert ssa.parts.held() is before
    assert len(ssa.store.snapshots) == 1
    assert ssa.watch.error is HUNG, "nobody but the watch asks it from now on"


async def test_another_engine_than_that_of_the_snapshot_is_not_taken_over(ssa: Ssa) -> None:
    run(ssa, "miner")
    ssa.engine.engine_look = replace(ssa.engine.engine_look, identity=OTHER_IDENTITY)
    assert (await ssa.problem("POST", "/snapshot", headers=BEARER))[0] == 503
    assert len(ssa.store.snapshots) == 1


async def test_another_name_of_the_host_changes_nothing_for_the_operator(ssa: Ssa) -> None:
    run(ssa, "miner")
    renamed = ssa.engine.engine_look.identity.model_copy(update={"name": "kiosk-18"})
    ssa.engine.engine_look = replace(ssa.engine.engine_look, identity=renamed)
    assert (await post(ssa, "/snapshot"))["added"] == ["miner"]
    assert ssa.watch.error is None


async def test_an_engine_that_was_upgraded_meanwhile_is_looked_at_by_the_watch_before_anything_changes(
    ssa: Ssa,
) -> None:
    run(ssa, "miner")
    upgraded = ssa.engine.engine_look.identity.model_copy(update={"id": "c9a1"})
    ssa.engine.engine_look = replace(ssa.engine.engine_look, identity=upgraded)
    assert (await ssa.problem("POST", "/snapshot", headers=BEARER))[0] == 503
    ssa.watch.expect(ssa.holder)
    await ssa.watch.turn()
    answer = await post(ssa, "/snapshot")
    assert (answer["added"], answer["snapshot"]["engine"]["id"]) == (["miner"], "c9a1")


async def test_what_is_saved_while_the_engine_gets_another_identity_is_of_that_one(
    ssa: Ssa, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(ssa, "miner")
    upgraded = ssa.holder.engine_identity.model_copy(update={"id": "c9a1"})
    save, saving, may_end = ssa.store.begin_run, asyncio.Event(), asyncio.Event()

    async def slowly(*what: Any) -> int | None:
        saving.set()
        await may_end.wait()
        return await save(*what)

    monkeypatch.setattr(ssa.store, "begin_run", slowly)
    changing = asyncio.create_task(post(ssa, "/snapshot"))
    await saving.wait()
    renaming = asyncio.create_task(ssa.holder.rename_engine(upgraded))
    await asyncio.sleep(0)
    may_end.set()
    await asyncio.gather(changing, renaming)
    assert {ssa.holder.engine_identity.id, ssa.store.snapshots[-1].snapshot.engine.id} == {"c9a1"}
    assert await names(ssa) == ["db", "miner", "web"]


async def test_what_can_not_be_stored_is_not_in_force_and_can_be_asked_for_again(ssa: Ssa) -> None:
    before = ssa.parts.held()
    run(ssa, "miner")
    ssa.store.error = DISK_FULL
    assert (await ssa.problem("POST", "/snapshot", headers=BEARER))[0] == 503
    assert (await ssa.problem("POST", "/pause", json={"for": 60}, headers=BEARER))[0] == 503
    assert ssa.parts.held() is before
    assert ssa.parts.pauses.book.in_force() == ()
    ssa.store.error = None
    assert await ssa.holder.record_stop(), "its run is still the one that it had begun"
    ssa.holder._stopping = False  # pyright: ignore[reportPrivateUsage] - it was only asked, it goes on
    assert (await post(ssa, "/snapshot"))["changed"]


async def test_two_changes_at_once_are_made_one_after_the_other(ssa: Ssa) -> None:
    run(ssa, "miner")
    run(ssa, "cache")
    bodies: list[Any] = [{"accept": ["miner"]}, {"accept": ["cache"]}, {"accept": ["miner"]}, None]
    before = len(ssa.store.snapshots)
    answers = await asyncio.gather(*(post(ssa, "/snapshot", body) for body in bodies))
    # In whatever order they come: what one has changed, none changes again.
    added = [name for answer in answers if answer["changed"] for name in answer["added"]]
    assert sorted(added) == ["cache", "miner"]
    assert len(ssa.store.snapshots) - before == sum(answer["changed"] for answer in answers)
    assert await names(ssa) == ["cache", "db", "miner", "web"]


async def test_a_change_is_made_although_who_asked_has_gone(ssa: Ssa) -> None:
    run(ssa, "miner")
    asking = asyncio.create_task(ssa.parts.changes.accept(None, None))
    while not ssa.engine.asked:  # noqa: ASYNC110 - pytest's time-out ends it
        await asyncio.sleep(0)
    asking.cancel()
    await ssa.parts.changes.accept(None, None)
    assert [len(ssa.store.snapshots), await names(ssa)] == [2, ["db", "miner", "web"]]


async def test_a_stop_is_recorded_after_what_is_being_saved_and_what_comes_later_is_refused(ssa: Ssa) -> None:
    run(ssa, "miner")
    await post(ssa, "/snapshot")
    assert await ssa.holder.record_stop()
    run(ssa, "cache")
    assert (await ssa.problem("POST", "/snapshot", headers=BEARER))[0] == 503
    last = ssa.store.runs[OWN_ID]
    assert (last.stopped_at is not None, last.snapshot) == (True, stored(ssa.store.snapshots[1]))


async def test_the_snapshots_are_listed_with_what_changed_and_can_be_gone_back_to(ssa: Ssa) -> None:
    first = ssa.parts.held().snapshot.id
    run(ssa, "miner")
    del ssa.engine.entries[0]
    await post(ssa, "/snapshot", {"by": "ci"})
    answer = await post(ssa, f"/snapshots/{first}/rollback", {"by": "me"})
    assert (answer["added"], answer["removed"], answer["snapshot"]["reason"]) == (["web"], ["miner"], "rolled_back")
    assert await names(ssa) == ["db", "web"]
    listed = (await ssa.client.get("/snapshots")).json()["snapshots"]
    assert [(one["reason"], one["by"], one["originals"], one["in_force"]) for one in listed] == [
        ("rolled_back", "me", 2, True),
        ("accepted", "ci", 2, False),
        ("startup", None, 2, False),
    ]
    assert [(one["added"], one["removed"], one["replaced"]) for one in listed] == [
        (["web"], ["miner"], []),
        (["miner"], ["web"], []),
        ([], [], []),
    ]
    assert (await post(ssa, f"/snapshots/{first}/rollback"))["changed"] is False


async def test_an_empty_snapshot_is_taken_and_said_loudly(ssa: Ssa) -> None:
    assert (await ssa.status()).warnings == []
    ssa.engine.entries = []
    with Lines() as log:
        assert (await post(ssa, "/snapshot"))["removed"] == ["db", "web"]
    assert "accept" in log.one("snapshot_empty")["remedy"]
    (warning,) = (await ssa.status()).warnings
    assert warning.startswith("The snapshot is empty")


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Origin": "http://evil.example"}, 401),
        ({**BEARER, "Origin": "http://evil.example"}, 403),
        ({**BEARER, "Origin": "http://localhost:9000"}, 403),
        ({**BEARER, "Origin": "null"}, 403),
        ({**BEARER, "Sec-Fetch-Site": "cross-site"}, 403),
        ({**BEARER, "Origin": "http://LOCALHOST:8000", "Sec-Fetch-Site": "same-origin"}, 0),
    ],
    ids=str,
)
async def test_a_write_needs_the_token_and_no_foreign_origin(
    ssa: Ssa, path: str, headers: dict[str, str], status: int
) -> None:
    answer = await ssa.client.post(path, content=b"{", headers={**headers, "Content-Type": "application/json"})
    assert answer.status_code == (status or 422), "422: what it says is read only then"
    assert ("www-authenticate" in answer.headers) is (status == 401)


async def test_a_pause_is_listed_everywhere_and_changes_what_the_controller_is_told(ssa: Ssa) -> None:
    _, lines = await ssa.follow("/verdicts")
    first = json.loads(await anext(lines))["desired"]
    ssa.engine.error = HUNG
    body = {"for": "15m", "containers": ["web"], "reason": "deploy", "by": "me"}
    (paused,) = (await post(ssa, "/pause", body))["pauses"]
    assert paused == {
        "container": "web",
        "until": "2026-11-23T18:15:00Z",
        "begun_at": "2026-11-23T18:00:00Z",
        "reason": "deploy",
        "accept_at_end": False,
        "by": "me",
    }
    desired = json.loads(await anext(lines))["desired"]
    answer = await ssa.client.get("/snapshot/recipes", headers=BEARER)
    assert (answer.json()["pauses"], answer.headers["etag"]) == ([paused], desired)
    assert desired != first
    assert (await ssa.client.get("/status")).json()["pauses"] == [paused]
    assert await post(ssa, "/resume") == {"pauses": [], "accepted": None}
    assert json.loads(await anext(lines))["desired"] == first
    assert await post(ssa, "/resume", {"containers": ["web"]}) == {"pauses": [], "accepted": None}


async def test_resuming_accepts_first_what_was_deployed(ssa: Ssa) -> None:
    await post(ssa, "/pause", {"for": 60, "accept_at_end": True})
    await post(ssa, "/pause", {"for": 60, "containers": ["db"]})
    run(ssa, "miner")
    ssa.store.error = DISK_FULL
    assert (await ssa.problem("POST", "/resume", headers=BEARER))[0] == 503
    assert len(ssa.parts.pauses.book.in_force()) == 2
    ssa.store.error = None
    (left,) = (dry := await post(ssa, "/resume?dry_run=true", {"containers": ["db"]}))["pauses"]
    assert (left["container"], dry["accepted"]) == (None, None)
    dry = await post(ssa, "/resume?dry_run=true")
    assert (dry["pauses"], dry["accepted"]["added"], dry["accepted"]["dry_run"]) == ([], ["miner"], True)
    assert len(ssa.parts.pauses.book.in_force()) == 2
    answer = await post(ssa, "/resume", {"by": "me"})
    assert (answer["pauses"], answer["accepted"]["added"], answer["accepted"]["snapshot"]["by"]) == (
        [],
        ["miner"],
        "me",
    )


async def test_the_export_needs_the_token_and_tells_no_secrets_unless_asked_to(ssa: Ssa) -> None:
    for name in ("web", "db"):
        config = {"Image": "nginx", "Env": ["PASSWORD=hunter2"]}
        ssa.engine.inspects[container_id(name)] = inspect(name, Config=config, HostConfig={"NetworkMode": "default"})
    await post(ssa, "/snapshot")
    assert (await ssa.problem("GET", "/snapshot/compose"))[0] == 401
    hidden = await ssa.client.get("/snapshot/compose", headers=BEARER)
    assert (hidden.headers["content-type"], hidden.headers["cache-control"]) == ("application/yaml", "no-store")
    assert 'PASSWORD: "${WEB_PASSWORD:?}"' in hidden.text
    whole = await ssa.client.get("/snapshot/compose?with_secrets=true", headers=BEARER)
    assert "PASSWORD: hunter2" in whole.text


@pytest.mark.parametrize("path", ["/snapshots", *WRITES])
async def test_before_there_is_a_snapshot_there_is_nothing_to_change(path: str) -> None:
    async with beside_two_containers() as ssa:
        method = "GET" if path == "/snapshots" else "POST"
        body: Any = {"for": 60} if path == "/pause" else REPORT if path == "/reports" else None
        assert (await ssa.problem(method, path, json=body, headers=BEARER))[0] == 503


@pytest.mark.parametrize(
    "path", ["/snapshot?dryrun=true", "/snapshot?dry_run=true&x", "/pause?dry_run=true", "/resume?%ff"]
)
async def test_a_slip_in_a_parameter_is_refused_and_not_taken_for_a_change_in_earnest(ssa: Ssa, path: str) -> None:
    run(ssa, "miner")
    body = {"for": 900} if "pause" in path else {}
    status, detail = await ssa.problem("POST", path, json=body, headers=BEARER)
    assert (status, "There is no parameter" in detail) == (422, True)
    assert ("What there is: dry_run." in detail) is ("/pause" not in path)
    assert (await names(ssa), ssa.store.pauses) == (["db", "web"], {})
    assert await ssa.problem("GET", "/snapshot/compose?with_secret=1", headers=BEARER) == (
        422,
        "There is no parameter 'with_secret', so nothing was done. What there is: with_secrets.",
    )
