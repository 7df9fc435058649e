"""One check: when it acts, and above all when it does not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from status_state_controller.errors import EngineError

from .stage import Log, Stage, stage, until
from .world import OTHER_ENGINE, container, id_of, original, snapshot

if TYPE_CHECKING:
    from pathlib import Path

ME = container("status-state-controller-1", word="me", labels={"status-state.role": "controller"})
WEB_IS_DOWN = container("web", "exited")
MINER = container("miner")
BOTH = ["start web", "stop miner None"]


def drifted(folder: Path, **others: Any) -> Stage:
    """The original `web` is down, and there is a newcomer `miner`."""
    return stage(folder, snapshot("web"), WEB_IS_DOWN, MINER, **others)


def drift_again(s: Stage) -> None:
    """Take down `web` and bring `miner` back, and let every back-off pass."""
    s.engine.calls.clear()
    s.engine.put(WEB_IS_DOWN, MINER)
    s.clock.advance(300)


async def test_a_check_starts_originals_and_stops_newcomers_and_the_next_one_finds_nothing_to_do(
    tmp_path: Path,
) -> None:
    s = drifted(tmp_path)
    assert await s.check() == 30
    assert sorted(s.engine.acts) == BOTH
    assert await s.check_later(30) == 30
    assert sorted(s.engine.acts) == BOTH


async def test_an_idle_check_costs_one_request_to_the_ssa_and_one_to_the_engine(tmp_path: Path) -> None:
    world = [container(f"web-{number}") for number in range(100)]
    s = stage(tmp_path, snapshot(*(c.name for c in world)), *world, ME, own_id=ME.id)
    await s.check()
    for _ in range(3):
        s.engine.calls.clear()
        s.ssa.requests.clear()
        await s.check_later(30)
        assert s.engine.calls == ["list"]
        assert s.ssa.requests == ["GET /snapshot/recipes"]


async def test_without_a_snapshot_nothing_is_done_and_it_is_asked_for_again_soon(tmp_path: Path) -> None:
    s = drifted(tmp_path)
    s.ssa.away = True
    for _ in range(3):
        assert 0 < await s.check_later(300) <= 5
    assert s.engine.acts == []
    s.ssa.away = False
    await s.check()
    assert sorted(s.engine.acts) == BOTH


RUBBISH = {
    "empty": httpx.Response(200, content=b""),
    "no originals": httpx.Response(200, json={}),
    "an empty list": httpx.Response(200, json=[]),
    "originals alone": httpx.Response(200, json={"originals": []}),
    "html": httpx.Response(200, html="<h1>Welcome to nginx</h1>"),
    "error": httpx.Response(500, json={"detail": "Internal Server Error"}),
    "error in depths": httpx.Response(500, content=b"[" * 100_000),
    "redirect": httpx.Response(307, headers={"Location": "/elsewhere"}),
    "no content": httpx.Response(204),
    "unauthorized": httpx.Response(401),
}


@pytest.mark.parametrize("answer", RUBBISH.values(), ids=RUBBISH.keys())
async def test_rubbish_from_the_ssa_never_leads_to_an_action(answer: httpx.Response, tmp_path: Path) -> None:
    s = drifted(tmp_path)
    s.ssa.answer = answer
    await s.check()
    assert s.engine.acts == []


@pytest.mark.parametrize("answer", RUBBISH.values(), ids=RUBBISH.keys())
async def test_healing_goes_on_from_the_last_snapshot_while_the_ssa_serves_rubbish(
    answer: httpx.Response, tmp_path: Path
) -> None:
    s = drifted(tmp_path)
    await s.check()
    drift_again(s)
    s.ssa.answer = answer
    await s.check()
    assert sorted(s.engine.acts) == BOTH


async def test_healing_goes_on_from_the_last_snapshot_while_the_ssa_is_away(tmp_path: Path) -> None:
    s = drifted(tmp_path)
    await s.check()
    drift_again(s)
    s.ssa.away = True
    assert await s.check() == 30
    assert sorted(s.engine.acts) == BOTH


@pytest.mark.parametrize("token", [None, b"", b"\xff\xfe"], ids=["missing", "empty", "no text"])
async def test_healing_goes_on_while_the_token_can_not_be_read(token: bytes | None, tmp_path: Path) -> None:
    s = drifted(tmp_path)
    await s.check()
    drift_again(s)
    (tmp_path / "token").unlink()
    if token is not None:
        (tmp_path / "token").write_bytes(token)
    await s.check()
    assert sorted(s.engine.acts) == BOTH


async def test_a_foreign_snapshot_is_refused(tmp_path: Path) -> None:
    s = drifted(tmp_path)
    s.ssa.held = snapshot("far", engine=OTHER_ENGINE)
    with Log() as log:
        await s.check()
    assert s.engine.acts == []
    assert log.about("belongs to the engine")


async def test_a_foreign_snapshot_does_not_replace_the_one_in_force(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), container("db", "exited"))
    await s.check()
    s.ssa.held = snapshot("db", "far", "away", id="snapshot-2", engine=OTHER_ENGINE)
    await s.check()
    assert s.engine.acts == []


async def test_a_newer_snapshot_is_taken_over_at_the_next_check(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), container("db", "exited"))
    await s.check()
    s.ssa.held = snapshot("db", id="snapshot-2")
    await s.check()
    assert sorted(s.engine.acts) == ["start db", "stop web None"]


async def test_a_dry_run_does_nothing_and_reports_what_it_would_have_done(tmp_path: Path) -> None:
    s = drifted(tmp_path, dry_run=True)
    for _ in range(3):
        assert await s.check_later(30) == 30
    assert s.engine.acts == []
    report = s.ssa.reports[0]
    assert report["dry_run"] is True
    assert [(o["container"]["name"], o["action"], o["result"]) for o in report["outcomes"]] == [
        ("web", "start", "dry_run"),
        ("miner", "stop", "dry_run"),
    ]


async def test_whether_a_name_is_held_by_a_successor_is_asked_once(tmp_path: Path) -> None:
    again = container("web", "exited", word="web again")
    s = stage(tmp_path, snapshot("web"), again)
    await s.check()
    assert s.engine.acts == ["start web"]
    s.engine.calls.clear()
    await s.check_later(30)
    assert s.engine.calls == ["list"]


async def test_whether_a_container_is_a_successor_is_asked_anew_when_the_recipe_has_changed(tmp_path: Path) -> None:
    updated = original("web")
    held = snapshot(replace(updated, inspect=dict(updated.inspect) | {"HostConfig": {"Memory": 1 << 28}}))
    s = stage(tmp_path, held, container("web", "exited", word="web again"))
    s.engine.images.clear()  # so that nothing comes of restoring
    await s.check()
    assert s.engine.acts == []
    s.ssa.held = snapshot(updated, id="snapshot-2")
    await s.check_later(30)
    assert s.engine.acts == ["start web"]


async def test_an_impostor_gives_way_to_the_original_and_the_next_check_finds_nothing_to_do(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", word="impostor"))
    s.engine.inspects[id_of("impostor")] = {"Image": "sha256:other"}
    await s.check()
    assert s.engine.shown == {"web": "running", f"web-replaced-{id_of('impostor')[:12]}": "exited"}
    assert [(f["container"]["name"], f["kind"]) for f in s.ssa.reports[-1]["findings"]] == [("web", "replaced")]
    s.engine.calls.clear()
    await s.check_later(30)
    assert s.engine.acts == []
    assert s.ssa.reports[-1]["sentence"] == "in sync"


async def test_a_removed_original_is_made_again_and_the_next_check_finds_nothing_to_do(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"))
    await s.check()
    assert s.engine.acts == ["create web", "start web"]
    assert s.engine.shown == {"web": "running"}
    await s.check_later(30)
    assert s.engine.acts == ["create web", "start web"]
    s.engine.calls.clear()
    await s.check_later(30)
    assert s.engine.calls == ["list"]


async def test_newcomers_may_live_for_a_while_when_that_is_set(tmp_path: Path) -> None:
    s = drifted(tmp_path, new_container_grace=20)
    assert await s.check() == 20
    assert s.engine.acts == ["start web"]
    assert sorted((o["container"]["name"], o["result"]) for o in s.ssa.reports[-1]["outcomes"]) == [
        ("miner", "waiting"),
        ("web", "done"),
    ]
    await s.check_later(19)
    assert s.engine.acts == ["start web"]
    await s.check_later(1)
    assert s.engine.acts == ["start web", "stop miner None"]


async def test_a_label_that_can_not_be_read_is_reported_once(tmp_path: Path) -> None:
    labels = {"status-state.ignore": "maybe", "status-state.restart": "sometimes"}
    s = stage(tmp_path, snapshot("web"), container("web"), container("odd", labels=labels))
    with Log() as log:
        await s.check()
        await s.check()
    told = [(e["container"], e["label"], e["value"]) for e in log.entries if "label" in e]
    assert told == [("odd", "status-state.ignore", "maybe"), ("odd", "status-state.restart", "sometimes")]
    assert s.engine.acts == []


async def test_a_bug_in_a_check_ends_that_check_alone(tmp_path: Path) -> None:
    s = drifted(tmp_path)
    s.engine.failures["list"] = ZeroDivisionError("a bug")
    with Log() as log:
        assert await s.check() == 30
    assert [entry["log_level"] for entry in log.entries if entry.get("exc_info")] == ["error"]
    assert s.engine.acts == []
    s.engine.failures.clear()
    await s.check()
    assert sorted(s.engine.acts) == BOTH


async def test_a_sign_of_life_that_can_not_be_written_does_not_end_the_healing(tmp_path: Path) -> None:
    s = drifted(tmp_path)

    def fails() -> None:
        raise OSError(28, "No space left on device")

    s.controller._completed = fails  # pyright: ignore[reportPrivateUsage] # nothing else can be made to fail here
    await s.check()
    assert sorted(s.engine.acts) == BOTH


async def test_a_check_that_dies_of_a_bug_is_no_sign_of_life_and_is_reported_once(tmp_path: Path) -> None:
    s = drifted(tmp_path)
    s.engine.failures["list"] = ZeroDivisionError("a bug")
    with Log() as log:
        for _ in range(3):
            await s.check_later(30)
    assert s.completed == []
    assert len([entry for entry in log.entries if entry.get("exc_info")]) == 1
    s.engine.failures["list"] = EngineError("no answer")  # a restart would not help against that
    await s.check_later(30)
    assert len(s.completed) == 1


async def test_every_check_that_is_completed_is_a_sign_of_life(tmp_path: Path) -> None:
    s = drifted(tmp_path)
    await s.check()
    await s.check_later(30)
    assert s.completed == [1000, 1030]


async def test_a_check_that_took_long_is_followed_by_the_next_one_sooner(tmp_path: Path) -> None:
    s = drifted(tmp_path)
    await s.check()
    listing = s.engine.hang("list")
    pauses = list[float]()

    async def check() -> None:
        pauses.append(await s.controller.check())

    for seconds in (12, 100):
        task = asyncio.create_task(check())
        await s.engine.reached["list"].wait()
        s.clock.advance(seconds)
        listing.set()
        await task
        listing.clear()
        s.engine.reached["list"].clear()
    assert pauses == [18, 0]
    assert s.ssa.told_of_checks[-1] == "completed=2, seconds=12.000", "the one under way is told with the next one"


async def test_a_successor_that_vanished_while_it_was_asked_about_is_no_bug(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", word="web again"))
    asked = s.engine.hang("inspect web")
    task = asyncio.create_task(s.controller.check())
    await until(s.engine.reached["inspect web"].is_set)
    s.engine.world.clear()
    asked.set()
    await task
    assert s.engine.acts == []
