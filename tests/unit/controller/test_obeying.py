"""An operator is obeyed within a second: what is desired is read at once when it changes, and before what is done."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from status_state_controller.main import Timing
from status_state_controller.wishes.pauses import Pause
from status_state_controller.wishes.policy import Entry, Policy

from .stage import BOUND_SECONDS, Log, Stage, settled, stage, until
from .test_loop import running
from .world import NOON, container, id_of, original, snapshot, verdicts_line

if TYPE_CHECKING:
    from pathlib import Path

    from status_state_controller.model import Snapshot

PAUSED = (Pause(None, NOON.timestamp() + 600, "deploy"),)
ACCEPTS = {"status-state.on-replace": "accept"}
READ = "GET /snapshot/recipes"


def change(s: Stage, held: Snapshot, tag: str, *, tell: bool = True) -> None:
    """Let something else be desired, and the SSA tell of it."""
    s.ssa.held, s.ssa.tag = held, tag
    if tell:
        s.ssa.verdicts.put(verdicts_line(desired=tag))


async def test_what_the_ssa_tells_is_read_at_once_and_not_at_the_next_check(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    s.ssa.tag = "1"
    async with running(s):
        await until(lambda: s.completed)
        s.ssa.verdicts.put(verdicts_line(desired="1"))
        await until(lambda: s.controller._ssa.is_current)  # pyright: ignore[reportPrivateUsage] # what is waited for
        reads = s.ssa.requests.count(READ)
        change(s, snapshot("web", pauses=PAUSED), "2")
        await until(lambda: s.controller._ssa.snapshot.pauses)  # pyright: ignore # as above
        assert s.ssa.requests.count(READ) == reads + 1


@pytest.mark.parametrize(
    ("told", "reads"), [("1", 1), ("2", 2), ("", 2)], ids=["nothing new", "a change", "no word from the SSA"]
)
async def test_before_an_action_it_is_read_again_unless_the_ssa_tells_that_nothing_is_new(
    told: str, reads: int, tmp_path: Path
) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    s.ssa.tag = "1"
    await s.check()
    if told:
        s.controller._ssa.hear(verdicts_line(desired=told))  # pyright: ignore[reportPrivateUsage] # where no stream is open
    s.engine.put(container("web", "exited"))
    before = s.ssa.requests.count(READ)
    s.clock.advance(30)
    listing = s.engine.hang("list")
    check = asyncio.create_task(s.controller.check())
    await s.engine.reached["list"].wait()
    s.clock.advance(30)  # so long ago was it read for the check itself
    listing.set()
    await check
    await settled()
    assert s.engine.acts == ["start web"]
    assert s.ssa.requests.count(READ) - before == reads


@pytest.mark.parametrize("tell", [True, False], ids=["it is told", "it is found out"])
@pytest.mark.parametrize(
    ("new", "why"),
    [
        (snapshot("web", "db", pauses=PAUSED), "healing is paused until 2026-11-23 12:10:00 UTC (deploy)"),
        (snapshot("web", id="snapshot-2"), "it is no longer in the snapshot"),
        (
            snapshot("web", "db", policy=Policy((Entry(("db",), None, None, on_down="report"),))),
            "it is to be left alone by now",
        ),
        (snapshot("web", "db", policy=Policy((Entry(("db",), True, None),))), "it is protected by now"),
    ],
    ids=["paused", "released", "rule", "ignored"],
)
async def test_a_check_that_began_before_acts_on_nothing_that_is_not_to_be_acted_on_now(
    new: Snapshot, why: str, tmp_path: Path, *, tell: bool
) -> None:
    s = stage(tmp_path, snapshot("web", "db"), container("web"), container("db", "exited"))
    s.ssa.tag = "1"
    listing = s.engine.hang("list")
    with Log() as log:
        check = asyncio.create_task(s.controller.check())
        await s.engine.reached["list"].wait()
        await until(lambda: s.controller._ssa.snapshot)  # pyright: ignore[reportPrivateUsage] # read for the check
        change(s, new, "2", tell=False)
        if tell:
            s.controller._ssa.hear(verdicts_line(desired="2"))  # pyright: ignore[reportPrivateUsage] # as above
        s.clock.advance(2)
        listing.set()
        await check
        await settled()
    assert s.engine.acts == []
    assert log.about(f"no start after all: {why}")


async def test_with_an_ssa_that_is_away_or_hangs_healing_goes_on(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), timing=Timing(slow_ssa=0.05))
    await s.check()
    s.ssa.away = True
    s.engine.put(container("web", "exited"))
    await s.check_later(30)
    s.ssa.hang = asyncio.Event()
    s.engine.put(container("web", "exited"))
    s.clock.advance(600)
    await asyncio.wait_for(s.controller.check(), BOUND_SECONDS)
    await until(lambda: s.engine.acts == ["start web", "start web"])
    s.ssa.hang.set()
    await settled()


# Deploys.


def replaced(tmp_path: Path) -> Stage:
    """A controller whose `web` has been replaced, which its rule wants accepted."""
    other = container("web", word="other", status="Up 20 seconds", labels=ACCEPTS)
    s = stage(tmp_path, snapshot(original("web", labels=ACCEPTS)), other)
    s.engine.inspects[id_of("other")] = {"Image": "sha256:other"}
    return s


async def test_a_replacement_is_accepted_by_its_id_and_the_new_snapshot_is_in_force_at_once(tmp_path: Path) -> None:
    s = replaced(tmp_path)
    s.ssa.after_change = snapshot(original("web", word="other", labels=ACCEPTS), id="snapshot-2")
    with Log() as log:
        await s.check()
        assert [entry["event"] for entry in log.entries if entry.get("container") == "web"] == ["accepted"]
    (change,) = s.ssa.changes
    assert change["accept"] == [id_of("other")]
    assert change["by"].startswith("controller: web was replaced by a different container of the same name")
    assert s.ssa.requests.count(READ) >= 2
    await s.check_later(30)
    assert len(s.ssa.changes) == 1
    assert s.engine.acts == []
    s.engine.put(container("web", "exited", word="other"))
    await s.check_later(1)
    assert s.engine.acts == ["start web"], "it is healed without a back-off"


async def test_an_accept_whose_answer_is_lost_is_asked_again_and_the_replacement_left_alone(tmp_path: Path) -> None:
    s = replaced(tmp_path)
    await s.check()
    s.ssa.away = True
    for seconds in (0, 9, 1, 19, 1):
        await s.check_later(seconds)
    assert s.engine.acts == []
    s.ssa.away = False
    s.ssa.refuses_changes = httpx.Response(409, json={"detail": "it is protected"})
    with Log() as log:
        await s.check_later(300)
    assert log.about("accept failed: the SSA at http://ssa:8000 answered 409: it is protected")
    s.ssa.refuses_changes, s.ssa.after_change = None, snapshot(original("web", word="other"), id="snapshot-2")
    await s.check_later(300)
    assert [one["accept"] for one in s.ssa.changes] == [[id_of("other")]] * 2
    assert s.engine.acts == []


async def test_one_that_was_scaled_down_is_dropped_by_its_name(tmp_path: Path) -> None:
    labels = ACCEPTS | {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    held = snapshot(original("web-1", labels=labels), original("web-2", labels=labels))
    s = stage(tmp_path, held, container("web-1", labels=labels), container("web-2", labels=labels))
    await s.check()
    del s.engine.world[id_of("web-2")]
    await s.check_later(1)
    (change,) = s.ssa.changes
    assert (change["drop"], "accept" in change) == (["web-2"], False)
    assert s.engine.acts == []


async def test_a_dry_run_accepts_nothing(tmp_path: Path) -> None:
    s = replaced(tmp_path)
    dry = stage(tmp_path, s.ssa.held, *s.engine.world.values(), dry_run=True)
    dry.engine.inspects = s.engine.inspects
    with Log() as log:
        await dry.check()
    assert dry.ssa.changes == []
    assert log.about("would accept it (dry run)")


# An empty snapshot.


async def test_an_empty_snapshot_is_reported_and_newcomers_have_their_time_under_it(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot(), container("web"), empty_snapshot_grace=600)
    with Log() as log:
        await s.check()
        assert [entry["event"] for entry in log.entries].count("snapshot_empty") == 1
        assert log.about("docker compose exec status-state-api status-state accept")
        await s.check_later(599)
        assert s.engine.acts == []
        s.ssa.held = replace(snapshot("web", id="snapshot-2"))
        await s.check_later(1)
        assert [entry["event"] for entry in log.entries].count("snapshot_filled") == 1
    assert s.engine.acts == []


async def test_pauses_are_reported_when_they_begin_and_when_they_end(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web", pauses=PAUSED), container("web", "exited"))
    with Log() as log:
        pause = await s.check()
        assert log.about("healing is paused until 2026-11-23 12:10:00 UTC (deploy)")
        assert (s.engine.acts, pause) == ([], 30)
        await s.check_later(599)
        assert await s.check_later(0.5) <= 0.5, "it wakes up at the end"
        await s.check_later(0.5)
        assert [entry["event"] for entry in log.entries if entry["event"].startswith("healing")] == [
            "healing_paused",
            "healing_resumed",
        ]
    assert s.engine.acts == ["start web"]
