"""`/events`: something has changed is told at once, of which kind, together where it comes together, and never for ever."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.health.verdict import State, Subject, Verdict
from status_state_api.http.limits.streams import STREAMS
from status_state_api.journal.entry import service_entry

from ..ssa import BEARER, REPORT, Ssa, beside_two_containers
from ..world import LOOK, NOW, REFUSED, container_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

PATH = "/events"


@pytest.fixture
async def ssa() -> AsyncGenerator[Ssa]:
    """An SSA that holds a snapshot."""
    async with beside_two_containers() as ssa:
        await ssa.holder.start()
        yield ssa


def read(event: bytes) -> tuple[int, str, list[str]]:
    """An event: its number, its name and the kinds that it tells."""
    fields = dict(line.split(": ", 1) for line in event.decode().strip().split("\n"))
    return int(fields["id"]), fields["event"], json.loads(fields["data"])["kinds"]


async def begun(ssa: Ssa) -> tuple[dict[bytes, bytes], AsyncGenerator[bytes]]:
    """Follow, until the stream waits for something to happen."""
    headers, events = await ssa.follow(PATH)
    assert read(await anext(events)) == (1, "hello", [])
    for _ in range(20):
        await asyncio.sleep(0)
    return headers, events


async def soon(events: AsyncGenerator[bytes]) -> bytes:
    """The next event, long before a beat."""
    async with asyncio.timeout(5):
        return await anext(events)


async def fail(ssa: Ssa) -> None:
    ssa.watch.failed(REFUSED)


async def think(ssa: Ssa) -> None:
    ssa.verdicts.put(Verdict(Subject(container_id("web"), "web", "t0"), "probe", State.FAILING, "answered 500"))


async def check(ssa: Ssa) -> None:
    await ssa.client.get("/snapshot/recipes", headers=BEARER)


async def report(ssa: Ssa) -> None:
    await ssa.client.post("/reports", json=REPORT, headers=BEARER)


async def pause(ssa: Ssa) -> None:
    await ssa.client.post("/pause", json={"for": 60}, headers=BEARER)


async def release(ssa: Ssa) -> None:
    await ssa.client.post("/snapshot", json={"release": ["web"]}, headers=BEARER)


async def write(ssa: Ssa) -> None:
    await ssa.parts.journal.load(LOOK.identity)
    ssa.parts.journal.note(service_entry("started", NOW, None))
    await ssa.parts.journal.flush()


@pytest.mark.parametrize(
    ("do", "kinds"),
    [
        (fail, {"engine"}),
        (think, {"verdicts"}),
        (check, {"check"}),
        (report, {"report", "journal"}),
        (pause, {"pauses"}),
        (release, {"snapshot", "journal"}),
        (write, {"journal"}),
    ],
)
async def test_what_has_changed_is_reported(ssa: Ssa, do: Callable[[Ssa], Awaitable[None]], kinds: set[str]) -> None:
    headers, events = await begun(ssa)
    await do(ssa)
    number, name, told = read(await soon(events))
    assert (number, name, set(told)) == (2, "changed", kinds)
    assert (headers[b"content-type"], headers[b"cache-control"]) == (b"text/event-stream; charset=utf-8", b"no-store")


async def test_an_engine_that_is_back_is_reported(ssa: Ssa) -> None:
    await fail(ssa)
    _, events = await begun(ssa)
    ssa.watch.answered(LOOK)
    assert read(await soon(events))[2] == ["engine"]


async def test_a_storm_is_reported_together_and_nothing_of_it_is_kept(ssa: Ssa) -> None:
    _, events = await begun(ssa)
    await think(ssa)
    assert read(await soon(events)) == (2, "changed", ["verdicts"])
    for _ in range(100):
        await check(ssa)
        await fail(ssa)
        ssa.verdicts.drop(container_id("web"))
        await think(ssa)
    number, _, kinds = read(await soon(events))
    assert (number, set(kinds)) == (3, {"verdicts", "check", "engine"})


async def test_when_the_controller_was_seen_is_reported_with_each_event(ssa: Ssa) -> None:
    _, events = await ssa.follow(PATH)
    assert b'"checked_at":null' in await anext(events)
    await check(ssa)
    assert f'"checked_at":"{NOW:%Y-%m-%dT%H:%M:%S}.000Z"'.encode() in await anext(events)


async def test_a_beat_shows_that_the_connection_lives_and_the_end_of_the_service_ends_it() -> None:
    async with beside_two_containers(beat_seconds=0.01) as ssa:
        _, events = await ssa.follow(PATH)  # before there is a snapshot, too
        await anext(events)
        assert await anext(events) == b":\n\n"
        ssa.verdicts.close()
        assert [event async for event in events if event != b":\n\n"][1:] == []


async def test_there_may_be_so_many_readers_and_no_more(ssa: Ssa) -> None:
    open_ones = [await ssa.follow(PATH) for _ in range(STREAMS)]
    assert (await ssa.problem("GET", PATH))[0] == 503
    ssa.verdicts.close()
    for _, events in open_ones:
        _: Any = [event async for event in events]
    assert (await ssa.client.get(PATH)).text.startswith("id: 1\nevent: hello\n")
