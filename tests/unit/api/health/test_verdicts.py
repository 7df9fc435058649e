"""The verdicts: since when, in which order, what counts as a change, and what those who follow them get."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.health.verdict import State, Subject, Verdict
from status_state_api.health.verdicts import Verdicts

from ..world import IDENTITY, NOW, container_id
from .world import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from status_state_api.health.verdict import Source

RUN = Subject("id", "web", "t0")


def verdict(*said: Any, **more: Any) -> Verdict:
    """A verdict of whatever run."""
    return Verdict(RUN, "probe", *said, **more)


OK = verdict(State.OK, "answered 200")
BAD = verdict(State.FAILING, "answered 500")
UNKNOWN = verdict(State.UNKNOWN, "can't be asked")
FALTERING = verdict(State.OK, "answered 200", faltering=True)
LONG = 3600.0


def subject(name: str, started_at: str = "t0") -> Subject:
    """A run of a container."""
    return Subject(container_id(name), name, started_at)


class Stage:
    """Verdicts with a clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW
        self.desired = '"5"'
        self.verdicts = Verdicts(lambda: self.now)

    def put(self, name: str, verdict: Verdict, source: Source = "probe", started_at: str = "t0") -> None:
        """Put a verdict, a minute later than the last one."""
        self.now += timedelta(minutes=1)
        self.verdicts.put(replace(verdict, subject=subject(name, started_at), source=source))

    @property
    def since(self) -> dict[str, int]:
        """Since which minute each verdict lasts."""
        return {told.container.name: int((told.since - NOW).total_seconds() // 60) for told in self.verdicts.told()}

    def failing(self) -> list[dict[str, Any]]:
        """What the controller is told."""
        return self.verdicts.for_controller(IDENTITY, self.desired).model_dump(mode="json")["failing"]

    def follow(self, beat_seconds: float = LONG) -> AsyncGenerator[bytes]:
        """Follow."""
        return self.verdicts.follow(IDENTITY, beat_seconds, lambda: self.desired)


async def following(lines: AsyncGenerator[bytes]) -> list[str]:
    """Who is failing, by the next line."""
    line = await asyncio.wait_for(anext(lines), 5)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    document = json.loads(line)
    assert document["engine"] == IDENTITY.model_dump()
    return [failing["container"]["name"] for failing in document["failing"]]


def test_a_verdict_is_reported_as_it_was_put() -> None:
    stage = Stage()
    stage.now = NOW.replace(microsecond=123456)
    stage.put("web", verdict(State.FAILING, "its log", ("a", "b")), "logs")
    (told,) = stage.verdicts.told()
    assert told.model_dump() == {
        "container": {"id": container_id("web"), "name": "web"},
        "source": "logs",
        "verdict": "failing",
        "since": NOW + timedelta(minutes=1),
        "reason": "its log",
        "evidence": ["a", "b"],
    }


def test_since_is_kept_while_the_state_lasts() -> None:
    stage = Stage()
    stage.put("web", BAD)
    stage.put("web", verdict(State.FAILING, "answered 503"))
    assert stage.since == {"web": 1}
    assert stage.verdicts.told()[0].reason == "answered 503"
    stage.put("web", OK)
    assert stage.since == {"web": 3}
    stage.put("web", FALTERING)
    assert stage.since == {"web": 3}
    stage.put("web", BAD)
    assert stage.since == {"web": 5}


def test_a_new_run_begins_anew() -> None:
    stage = Stage()
    stage.put("web", BAD)
    stage.put("web", BAD, started_at="t1")
    assert stage.since == {"web": 2}
    assert [failing["started_at"] for failing in stage.failing()] == ["t1"]


def test_verdicts_are_told_by_name_and_source() -> None:
    stage = Stage()
    stage.put("web", OK, "probe")
    stage.put("db", OK, "probe")
    stage.put("web", OK, "engine")
    stage.put("web", OK, "logs")
    assert [(told.container.name, told.source) for told in stage.verdicts.told()] == [
        ("db", "probe"),
        ("web", "engine"),
        ("web", "logs"),
        ("web", "probe"),
    ]


def test_the_revision_counts_changes_only() -> None:
    stage = Stage()
    revisions: list[int] = []
    for told in (OK, OK, FALTERING, FALTERING, BAD, verdict(State.FAILING, "x"), verdict(State.FAILING, "x")):
        stage.put("web", told)
        revisions.append(stage.verdicts.revision)
    assert revisions == [1, 1, 2, 2, 3, 4, 4]
    stage.put("web", verdict(State.FAILING, "x", ("evidence",)))
    stage.verdicts.drop(container_id("db"))
    assert stage.verdicts.revision == 5
    stage.verdicts.drop(container_id("web"), "logs", "engine")
    assert stage.verdicts.revision == 5
    stage.verdicts.drop(container_id("web"))
    assert stage.verdicts.revision == 6


def test_verdicts_can_be_dropped_by_source() -> None:
    stage = Stage()
    sources: tuple[Source, ...] = ("engine", "probe", "logs")
    for source in sources:
        stage.put("web", OK, source)
    stage.verdicts.drop(container_id("web"), "probe", "logs")
    assert [told.source for told in stage.verdicts.told()] == ["engine"]
    assert stage.verdicts.container_ids() == {container_id("web")}
    stage.verdicts.drop(container_id("web"))
    assert (stage.verdicts.told(), stage.verdicts.container_ids()) == ([], set())


def test_the_controller_is_told_who_is_failing_with_the_run_and_the_reason() -> None:
    stage = Stage()
    stage.put("web", BAD, started_at="2026-11-23T17:00:00.000000000Z")
    stage.put("db", verdict(State.FAILING, "its log has lines", ("first", "last")), "logs")
    stage.put("ok", OK)
    stage.put("unknown", UNKNOWN)
    stage.put("sick", BAD, "engine")
    assert [failing["container"]["name"] for failing in stage.failing()] == ["db", "web"]
    assert stage.failing()[0]["reason"] == "its log has lines («last»)"
    assert stage.failing()[1] == {
        "container": {"id": container_id("web"), "name": "web"},
        "started_at": "2026-11-23T17:00:00.000000000Z",
        "source": "probe",
        "since": "2026-11-23T18:01:00Z",
        "reason": "answered 500",
    }


def test_the_controller_is_not_told_of_a_failing_that_is_no_reason_to_act() -> None:
    stage = Stage()
    stage.put("web", verdict(State.FAILING, "is probe.url right?", actionable=False))
    stage.put("web", BAD, "logs")
    stage.put("db", verdict(State.FAILING, "is probe.url right?", actionable=False))
    assert [(failing["container"]["name"], failing["source"]) for failing in stage.failing()] == [("web", "logs")]
    told = [(told.container.name, told.source, told.verdict) for told in stage.verdicts.told()]
    assert told == [("db", "probe", "failing"), ("web", "logs", "failing"), ("web", "probe", "failing")], "people are"


def test_the_controller_is_told_who_falters_each_once() -> None:
    stage = Stage()
    stage.put("web", FALTERING)
    stage.put("web", verdict(State.UNKNOWN, "x", faltering=True), "logs")
    stage.put("db", FALTERING)
    stage.put("sick", FALTERING, "engine")
    told = stage.verdicts.for_controller(IDENTITY, stage.desired)
    assert told.faltering == sorted([container_id("web"), container_id("db")])
    assert told.failing == []


async def test_those_who_follow_get_a_line_at_once_and_after_every_change() -> None:
    stage = Stage()
    lines = stage.follow()
    assert await following(lines) == []
    stage.put("web", BAD)
    assert await following(lines) == ["web"]
    stage.put("db", BAD)
    assert await following(lines) == ["db", "web"]
    stage.verdicts.drop(container_id("web"))
    assert await following(lines) == ["db"]
    stage.put("db", FALTERING)
    assert await following(lines) == []
    await lines.aclose()


async def test_a_change_between_two_lines_is_not_lost() -> None:
    stage = Stage()
    lines = stage.follow()
    await following(lines)
    for name in ("a", "b", "c"):
        stage.put(name, BAD)
    assert await following(lines) == ["a", "b", "c"], "together"
    await lines.aclose()


async def test_a_change_wakes_one_who_waits() -> None:
    stage = Stage()
    lines = stage.follow()
    await following(lines)
    task = asyncio.create_task(following(lines))
    while not getattr(lines, "ag_running", False):  # noqa: ASYNC110 - until it waits
        await asyncio.sleep(0)
    stage.put("web", BAD)
    assert await task == ["web"]
    await lines.aclose()


async def test_what_does_not_concern_the_controller_makes_no_line() -> None:
    stage = Stage()
    lines = stage.follow()
    await following(lines)
    stage.put("web", OK)
    stage.put("sick", BAD, "engine")
    task = asyncio.create_task(following(lines))
    await asyncio.sleep(0)
    stage.put("web", UNKNOWN)
    await asyncio.sleep(0)
    stage.put("db", BAD)
    assert await task == ["db"]
    await lines.aclose()


async def test_an_empty_line_is_a_sign_of_life() -> None:
    stage = Stage()
    lines = stage.follow(beat_seconds=0.01)
    await following(lines)
    assert [await anext(lines), await anext(lines)] == [b"\n", b"\n"]
    stage.put("web", BAD)
    assert await following(lines) == ["web"]
    assert await anext(lines) == b"\n"
    await lines.aclose()


async def test_changes_that_do_not_concern_the_controller_put_off_no_sign_of_life() -> None:
    stage = Stage()
    lines = stage.follow(beat_seconds=0.1)
    await following(lines)

    async def change_for_ever() -> None:
        while True:
            stage.put("web", OK)
            await asyncio.sleep(0.005)
            stage.put("web", UNKNOWN)
            await asyncio.sleep(0.005)

    task = asyncio.create_task(change_for_ever())
    assert await asyncio.wait_for(anext(lines), 5) == b"\n"
    task.cancel()
    await lines.aclose()


async def test_a_change_that_does_not_concern_the_controller_leaves_the_next_sign_of_life_where_it_was() -> None:
    stage, loop = Stage(), asyncio.get_running_loop()
    lines = stage.follow(beat_seconds=1.0)
    await following(lines)
    told_at = loop.time()
    loop.call_later(0.8, stage.put, "web", OK)
    assert await asyncio.wait_for(anext(lines), 5) == b"\n"
    assert 0.99 <= loop.time() - told_at < 1.6, "not a second after the change"
    await lines.aclose()


async def test_a_line_puts_off_the_next_sign_of_life_by_one_beat() -> None:
    stage, loop = Stage(), asyncio.get_running_loop()
    lines = stage.follow(beat_seconds=0.2)
    await following(lines)
    began = loop.time()
    await until(lambda: loop.time() - began > 0.1)
    for started_at in range(30):
        stage.put("web", BAD, started_at=f"t{started_at}")
        assert await following(lines) == ["web"]
    told_at = loop.time()
    assert await asyncio.wait_for(anext(lines), 5) == b"\n"
    assert 0.19 <= loop.time() - told_at < 3, "not thirty"
    await lines.aclose()


@pytest.mark.parametrize("waits", [True, False])
async def test_a_close_ends_the_streams(waits: bool) -> None:
    stage = Stage()
    streams = [stage.follow(), stage.follow()]
    for lines in streams:
        await following(lines)
    ends = [asyncio.create_task(anext(lines, None)) for lines in streams] if waits else []  # type: ignore[arg-type]
    await asyncio.sleep(0)
    stage.verdicts.close()
    ends = ends or [asyncio.create_task(anext(lines, None)) for lines in streams]  # type: ignore[arg-type]
    assert await asyncio.wait_for(asyncio.gather(*ends), 5) == [None, None]
    assert [line async for line in stage.follow()] == [], "nor do new ones begin"


async def test_several_follow_at_their_own_pace() -> None:
    stage = Stage()
    quick, slow = stage.follow(), stage.follow()
    await following(quick)
    await following(slow)
    for name in ("a", "b"):
        stage.put(name, BAD)
        await following(quick)
    assert await following(slow) == ["a", "b"]
    await quick.aclose()
    await slow.aclose()
