"""The state as the page shows it: judged as the command line judges, joined by container."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from status_state_api.http.schemas import Overview
from status_state_api.shown.overview import overview

from ..ssa import BEARER, REPORT, Ssa, beside_two_containers
from ..world import HUNG, NOW, container_id, entry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.fixture
async def ssa() -> AsyncGenerator[Ssa]:
    """An SSA that holds a snapshot of `db` and `web`."""
    async with beside_two_containers() as ssa:
        await ssa.holder.start()
        yield ssa


def fields(document: Any) -> Any:
    """The names of a document's fields, however deep, without their values."""
    if isinstance(document, dict):
        return {key: fields(value) for key, value in document.items()}  # pyright: ignore[reportUnknownVariableType] - JSON
    return [fields(one) for one in document] if isinstance(document, list) else None  # pyright: ignore[reportUnknownVariableType] - JSON


async def seen(ssa: Ssa) -> dict[str, Any]:
    """What is answered, which is what is described: no field more or less."""
    answer = (await ssa.client.get("/overview")).json()
    assert fields(answer) == fields(Overview.model_validate(answer).model_dump(mode="json"))
    return answer


def controller(seconds: float, *, awaited: bool = False, **of: Any) -> dict[str, Any]:
    """What is shown of a controller so many seconds after it was seen, or, where it is awaited, after the start."""
    told = {"last_seen_at": None if awaited else "2026-11-23T18:00:00Z", "report": None, **of}
    at = (NOW + timedelta(seconds=seconds)).isoformat()
    document: dict[str, Any] = {"at": at, "engine": {}, "snapshot": None, "running": None, "pauses": [], "warnings": []}
    return overview({**document, "controller": told}, {}, NOW if awaited else None)["controller"]


async def test_a_host_that_is_as_it_should_be(ssa: Ssa) -> None:
    found = await seen(ssa)
    assert (found["verdict"], found["sentence"], found["snapshot"]["originals"]) == ("in_sync", "in sync", 2)
    assert [(one["name"], one["standing"], one["difference"]) for one in found["containers"]] == [
        ("db", "original", None),
        ("web", "original", None),
    ]


async def test_what_differs_stands_with_its_container(ssa: Ssa) -> None:
    del ssa.engine.entries[0]
    ssa.engine.entries.append(entry("miner"))
    finding = {"container": {"id": container_id("web"), "name": "web"}, "kind": "stopped", "reason": "had exited"}
    held = ssa.holder.held
    assert held is not None
    report = {**REPORT, "snapshot_id": held.snapshot.id, "findings": [finding]}
    await ssa.client.post("/reports", json=report, headers=BEARER)
    found = await seen(ssa)
    assert found["verdict"] == "drifted"
    assert {
        one["name"]: one["difference"] and (one["difference"]["what"], one["difference"]["reason"])
        for one in found["containers"]
    } == {
        "db": None,
        "web": ("missing", "had exited"),
        "miner": ("newcomer", "runs and is not in the snapshot"),
    }


async def test_without_an_engine_nothing_is_known(ssa: Ssa) -> None:
    ssa.engine.error = HUNG
    found = await seen(ssa)
    assert (found["verdict"], found["containers"], found["engine"]["reachable"]) == ("unknown", None, False)


async def test_before_there_is_a_snapshot_nothing_is_judged() -> None:
    async with beside_two_containers() as ssa:
        found = await seen(ssa)
        assert (found["verdict"], found["snapshot"]) == ("unknown", None)


@pytest.mark.parametrize(
    ("what", "name", "since"), [("up", "web", True), ("down", "web", False), ("up", "db", False)], ids=str
)
async def test_how_long_an_original_is_up_is_reported_where_it_is_known(
    ssa: Ssa, what: str, name: str, since: bool
) -> None:
    status = orjson.loads(await ssa.parts.status.document())
    found = overview(status, {"web": (what, "2026-11-23T17:00:00+00:00")})
    assert [one["since"] for one in found["containers"] if one["name"] == name] == [
        "2026-11-23T17:00:00+00:00" if since else None
    ]


def test_when_the_controller_checks_next_and_when_it_is_away() -> None:
    report = {"at": "x", "dry_run": True, "sentence": "in sync", "interval_seconds": 60.0}
    told = controller(1, report=report)
    assert (told["next_check_at"], told["dry_run"], told["is_away"]) == ("2026-11-23T18:01:00Z", True, False)
    assert [controller(ago, report=report)["is_away"] for ago in (180, 181)] == [False, True]
    assert [controller(ago)["is_away"] for ago in (90, 91)] == [False, True], "of an older controller"
    assert [controller(ago, awaited=True)["is_away"] for ago in (90, 91)] == [False, True], "it was never seen"
    assert controller(1)["next_check_at"] is None
