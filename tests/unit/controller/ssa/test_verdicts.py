"""Following the SSA's verdicts: line by line as they come, for ever; what is not known to be failing now is not ill."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from status_state_controller.errors import ForeignSnapshot, SsaError
from status_state_controller.main import Timing as ControllerTiming
from status_state_controller.model import Verdicts
from status_state_controller.process.lasting import Lasting
from status_state_controller.ssa import client as func
from status_state_controller.ssa.client import follow_verdicts
from status_state_controller.ssa.link import Ssa, Timing
from status_state_controller.ssa.memory import KeptMemory
from status_state_controller.ssa.wire import read_verdicts

from ..fake_engine import FakeEngine
from ..stage import BOUND_SECONDS, Log, Stage, settled, stage, until
from ..world import (
    ENGINE,
    OTHER_ENGINE,
    STARTED_AT,
    FakeSsa,
    Lines,
    Network,
    container,
    id_of,
    snapshot,
    verdicts_document,
    verdicts_line,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

WEB = (id_of("web"), STARTED_AT)


# What a line says.


def read(document: object) -> Verdicts:
    """The verdicts of a line."""
    return read_verdicts(json.dumps(document).encode(), ENGINE).verdicts


def test_a_line_tells_who_is_failing_in_which_run_and_who_is_about_to() -> None:
    document = verdicts_document([("web", STARTED_AT, "its probe answered 500")], ["db", "cache"])
    verdicts = read(document)
    assert verdicts.failing == {WEB: "its probe answered 500"}
    assert verdicts.faltering == {id_of("db"), id_of("cache")}


def test_the_reasons_of_probe_and_log_are_joined() -> None:
    document = verdicts_document(
        [("web", STARTED_AT, "its probe answered 500"), ("web", STARTED_AT, "its log says so")]
    )
    assert read(document).failing == {WEB: "its probe answered 500; its log says so"}


def test_two_runs_of_a_container_are_told_apart() -> None:
    document = verdicts_document([("web", STARTED_AT, "a"), ("web", "2026-11-23T11:30:00Z", "b")])
    assert read(document).failing == {WEB: "a", (WEB[0], "2026-11-23T11:30:00Z"): "b"}


def test_a_line_may_say_that_all_is_well() -> None:
    assert read(verdicts_document()) == Verdicts(known=True)
    assert not Verdicts().known, "which is more than to say nothing"


def test_unknown_fields_of_a_line_are_accepted() -> None:
    document = verdicts_document([("web", STARTED_AT, "a")])
    for part in (document, document["engine"], document["failing"][0], document["failing"][0]["container"]):
        part["from the future"] = {"x": 1}
    assert read(document).failing == {WEB: "a"}


@pytest.mark.parametrize(
    "path",
    [
        ("engine",),
        ("engine", "id"),
        ("engine", "name"),
        ("failing",),
        ("failing", 0, "container"),
        ("failing", 0, "container", "id"),
        ("failing", 0, "started_at"),
        ("failing", 0, "reason"),
        ("faltering",),
    ],
    ids=lambda path: ".".join(str(step) for step in path),
)
@pytest.mark.parametrize("null", [False, True], ids=["missing", "null"])
def test_a_field_that_is_missing_or_null_makes_a_line_unusable(path: tuple[Any, ...], *, null: bool) -> None:
    document = verdicts_document([("web", STARTED_AT, "a")], ["db"])
    part: Any = document
    for step in path[:-1]:
        part = part[step]
    if null:
        part[path[-1]] = None
    else:
        del part[path[-1]]
    with pytest.raises(SsaError, match="the SSA's verdicts can't be used"):
        read(document)


@pytest.mark.parametrize("path", [("container", "id"), ("started_at",)], ids=str)
def test_nobody_without_an_id_or_a_start_is_failing(path: tuple[str, ...]) -> None:
    document = verdicts_document([("web", STARTED_AT, "a")])
    part: Any = document["failing"][0]
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = ""
    with pytest.raises(SsaError):
        read(document)


@pytest.mark.parametrize("line", [b"{", b"[]", b"null", b"<html>", b"\xff", b"[" * 100_000], ids=repr)
def test_what_is_no_line_of_verdicts_is_refused(line: bytes) -> None:
    with pytest.raises(SsaError, match="the SSA's verdicts can't be used"):
        read_verdicts(line, ENGINE)


def test_verdicts_about_another_engine_are_refused() -> None:
    document = verdicts_document([("web", STARTED_AT, "a")])
    document["engine"]["none_network_id"] = "other"
    with pytest.raises(ForeignSnapshot, match="about the engine"):
        read(document)


def test_verdicts_that_lack_the_network_none_are_refused() -> None:
    document = verdicts_document([("web", STARTED_AT, "a")])
    del document["engine"]["none_network_id"]
    with pytest.raises(SsaError):
        read(document)


@pytest.mark.parametrize("field", ["id", "name"])
def test_verdicts_are_used_whatever_an_upgrade_or_another_host_name_has_changed(field: str) -> None:
    document = verdicts_document([("web", STARTED_AT, "a")])
    document["engine"][field] = "other"
    assert read(document).known


# How lines come.


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A file with the token."""
    file = tmp_path / "token"
    file.write_text("open-sesame\n")
    return file


async def lines(token_file: Path, *chunks: bytes | Exception) -> list[bytes]:
    """What is made of an answer that comes in these chunks."""

    async def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("GET", "/verdicts")
        assert request.headers["Authorization"] == "Bearer open-sesame"
        assert request.headers["Accept-Encoding"] == "identity"
        return httpx.Response(200, stream=Lines(*chunks, None))

    async with httpx.AsyncClient(base_url="http://ssa:8000", transport=Network(answer)) as client:
        return [line async for line in follow_verdicts(client, token_file)]


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([], []),
        ([b"one\n"], [b"one"]),
        ([b"one\ntwo\n"], [b"one", b"two"]),
        ([b"o", b"n", b"e", b"\n"], [b"one"]),
        ([b"one\ntw", b"o\nthree\n"], [b"one", b"two", b"three"]),
        ([b"one", b"\ntwo", b"\n"], [b"one", b"two"]),
        ([b"\n", b"\n\n", b"one\n\n"], [b"one"]),
        ([b"one\ntwo"], [b"one"]),
        ([b"one\n", b""], [b"one"]),
    ],
    ids=repr,
)
async def test_lines_are_put_together_from_whatever_comes_and_signs_of_life_are_none(
    chunks: list[bytes], expected: list[bytes], token_file: Path
) -> None:
    assert await lines(token_file, *chunks) == expected


async def test_a_line_is_reported_as_soon_as_it_is_complete(token_file: Path) -> None:
    stream = Lines(b"one\ntw")

    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=stream)

    async with (
        httpx.AsyncClient(base_url="http://ssa:8000", transport=Network(answer)) as client,
        asyncio.timeout(BOUND_SECONDS),
        aclosing(follow_verdicts(client, token_file)) as told,
    ):
        assert await anext(told) == b"one"
        stream.put(b"o\n")
        assert await anext(told) == b"two"


async def test_a_line_without_an_end_is_given_up(token_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(func, "VERDICTS_LIMIT_BYTES", 10)
    assert await lines(token_file, b"12345", b"67890", b"\n", b"1234567890", b"\n") == [b"1234567890"] * 2
    with pytest.raises(SsaError, match="exceeds 10 bytes"):
        await lines(token_file, b"12345", b"67890", b"1", b"\n")


BREAKS = {
    "broken off": httpx.RemoteProtocolError("peer closed connection"),
    "silent": httpx.ReadTimeout(""),
    "no stream": ValueError("rubbish"),
}


@pytest.mark.parametrize("error", BREAKS.values(), ids=BREAKS.keys())
async def test_a_stream_that_breaks_is_an_error_after_what_it_has_told(error: Exception, token_file: Path) -> None:
    told = list[bytes]()

    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Lines(b"one\ntw", error))

    async with httpx.AsyncClient(base_url="http://ssa:8000", transport=Network(answer)) as client:
        with pytest.raises(SsaError, match=r"ssa:8000 can't be followed: .+"):
            told.extend([line async for line in follow_verdicts(client, token_file)])
    assert "open-sesame" not in str(told)


async def test_a_silence_of_more_than_two_signs_of_life_is_a_break(token_file: Path) -> None:
    timeouts = list[dict[str, float]]()

    async def answer(request: httpx.Request) -> httpx.Response:
        timeouts.append(request.extensions["timeout"])
        return httpx.Response(200, stream=Lines(None))

    async with httpx.AsyncClient(base_url="http://ssa:8000", transport=Network(answer)) as client:
        assert [line async for line in follow_verdicts(client, token_file)] == []
    assert 30 < timeouts[0]["read"] < 60
    assert timeouts[0]["connect"] <= 5


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(401), "refuses the token"),
        (httpx.Response(404, json={"detail": "Not Found"}), "404"),
        (httpx.Response(503, json={"detail": "x"}), "503"),
        (httpx.Response(204), "204"),
        (httpx.Response(302, headers={"Location": "/elsewhere"}), "302"),
    ],
    ids=lambda value: str(value.status_code) if isinstance(value, httpx.Response) else "",
)
async def test_an_ssa_that_refuses_to_be_followed_is_an_error_that_says_why(
    answer: httpx.Response, told: str, token_file: Path
) -> None:
    async def serve(_: httpx.Request) -> httpx.Response:
        return answer

    async with httpx.AsyncClient(base_url="http://ssa:8000", transport=Network(serve)) as client:
        with pytest.raises(SsaError, match=told):
            assert [line async for line in follow_verdicts(client, token_file)] == []


async def test_without_a_token_nobody_is_followed(tmp_path: Path) -> None:
    async with FakeSsa(None).client as client:
        with pytest.raises(SsaError, match="token volume"):
            assert [line async for line in follow_verdicts(client, tmp_path / "nowhere")] == []


# What is held of them.

AT_ONCE = ControllerTiming(ssa=Timing(verdicts_again=0))
"""A stream that ended is opened again without a pause."""


class Follower:
    """An `Ssa` that follows the verdicts of a pretended one."""

    def __init__(self, token_file: Path, again_seconds: float = 0) -> None:
        self.fake = FakeSsa(snapshot("web"))
        timing = Timing(verdicts_again=again_seconds)
        self.ssa = Ssa(self.fake.client, FakeEngine(), token_file, KeptMemory(), Lasting(), timing=timing)
        self.changes = list[set[str]]()

    def changed(self) -> None:
        """Note who is failing at each change."""
        self.changes.append({container_id for container_id, _ in self.ssa.verdicts.failing})

    @property
    def connections(self) -> int:
        """How often the stream was opened."""
        return self.fake.requests.count("GET /verdicts")


@asynccontextmanager
async def following(f: Follower) -> AsyncGenerator[Log]:
    """Follow during the block; with what is logged meanwhile."""
    with Log() as log:
        task = asyncio.create_task(f.ssa.follow_verdicts(f.changed))
        try:
            yield log
        finally:
            assert not task.done(), "they are followed for ever"
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()


@pytest.fixture
async def follower(token_file: Path) -> Follower:
    """One that connects again without a pause."""
    f = Follower(token_file)
    await f.ssa.refresh(ENGINE)
    return f


@pytest.fixture
async def patient(token_file: Path) -> Follower:
    """One that does not connect again during the test."""
    f = Follower(token_file, again_seconds=3600)
    await f.ssa.refresh(ENGINE)
    return f


async def test_what_a_line_says_is_in_force_until_the_next_one(patient: Follower) -> None:
    async with following(patient) as log:
        patient.fake.verdicts.put(verdicts_line("web"))
        await until(lambda: patient.ssa.verdicts.reason(*WEB) == "its probe answered 500")
        patient.fake.verdicts.put(verdicts_line("db"))
        await until(lambda: patient.ssa.verdicts.reason(*WEB) is None)
        assert patient.ssa.verdicts.failing.keys() == {(id_of("db"), STARTED_AT)}
        patient.fake.verdicts.put(b"\n")
        patient.fake.verdicts.put(verdicts_line())
        await until(lambda: patient.ssa.verdicts == Verdicts(known=True))
    assert patient.connections == 1
    assert log.entries == []


async def test_a_change_is_reported_when_others_are_failing_than_before_and_not_otherwise(patient: Follower) -> None:
    web, other_run = [("web", STARTED_AT, "a")], [("web", "2026-11-23T11:30:00Z", "a")]
    documents = [
        verdicts_document(),
        verdicts_document(web),
        verdicts_document([("web", STARTED_AT, "another reason")]),
        verdicts_document(web, ["db"]),
        verdicts_document(other_run),
        verdicts_document(),
        verdicts_document([], ["db"]),
    ]
    async with following(patient):
        for document in documents:
            patient.fake.verdicts.put(json.dumps(document).encode() + b"\n")
        await until(lambda: id_of("db") in patient.ssa.verdicts.faltering and not patient.ssa.verdicts.failing)
    assert patient.changes == [{WEB[0]}, {WEB[0]}, set()]


@pytest.mark.parametrize(
    "end",
    [None, httpx.RemoteProtocolError("peer closed connection"), ZeroDivisionError("a bug"), b"rubbish\n"],
    ids=["ended", "broken", "a bug", "rubbish"],
)
async def test_verdicts_are_forgotten_when_the_stream_ends_however_it_does(
    end: bytes | Exception | None, patient: Follower
) -> None:
    async with following(patient):
        patient.fake.verdicts.put(verdicts_line("web"))
        await until(lambda: patient.ssa.verdicts.failing)
        patient.fake.verdicts.put(end)
        await until(lambda: patient.ssa.verdicts == Verdicts())


@pytest.mark.parametrize(
    "end",
    [None, httpx.RemoteProtocolError("peer closed connection"), ZeroDivisionError("a bug"), b"rubbish\n"],
    ids=["ended", "broken", "a bug", "rubbish"],
)
async def test_a_stream_that_ended_is_opened_again(end: bytes | Exception | None, follower: Follower) -> None:
    async with following(follower):
        for count in (1, 2, 3):
            follower.fake.verdicts.put(verdicts_line("web"))
            await until(lambda: follower.ssa.verdicts.failing)
            assert follower.connections == count
            follower.fake.verdicts.put(end)
            await until(lambda: follower.ssa.verdicts == Verdicts())
        await until(lambda: follower.connections > count)


async def test_an_ssa_that_can_not_be_followed_is_reported_once_and_when_it_can_again(follower: Follower) -> None:
    follower.fake.away = True
    async with following(follower) as log:
        await until(lambda: follower.connections > 5)
        (told,) = log.sentences
        assert told.startswith("no verdicts from the SSA: the SSA at http://ssa:8000 can't be followed: All connection")
        assert told.endswith("; nothing is restarted because of a probe or a log")
        follower.fake.away = False
        follower.fake.verdicts.put(verdicts_line("web"))
        await until(lambda: follower.ssa.verdicts.failing)
        assert log.sentences[1:] == ["the SSA tells its verdicts again"]


async def test_verdicts_about_another_engine_are_not_used(patient: Follower) -> None:
    async with following(patient) as log:
        patient.fake.verdicts.put(verdicts_line("web", engine=OTHER_ENGINE))
        await until(lambda: log.about("about the engine"))
        assert patient.ssa.verdicts == Verdicts()
    assert patient.changes == []


@pytest.mark.parametrize("line", [b"rubbish\n", b"{}\n", verdicts_line("web", engine=OTHER_ENGINE)], ids=repr)
async def test_a_line_that_can_not_be_used_is_reported_and_takes_nothing_over(line: bytes, patient: Follower) -> None:
    async with following(patient) as log:
        patient.fake.verdicts.put(line)
        await until(lambda: log.sentences)
    assert len(log.about("no verdicts from the SSA")) == 1
    assert (patient.ssa.verdicts, patient.changes) == (Verdicts(), [])


async def test_rubbish_is_reported_once_however_often_it_comes(follower: Follower) -> None:
    async with following(follower) as log:
        for _ in range(4):
            follower.fake.verdicts.put(b"rubbish\n")
        await until(lambda: follower.connections > 4)
        assert len(log.sentences) == 1
        follower.fake.verdicts.put(verdicts_line("web"))
        await until(lambda: follower.ssa.verdicts.failing)
        assert log.sentences[1:] == ["the SSA tells its verdicts again"]


async def test_without_a_snapshot_verdicts_are_neither_used_nor_missed(follower: Follower) -> None:
    await follower.ssa.stay_with(OTHER_ENGINE)
    async with following(follower) as log:
        for _ in range(3):
            follower.fake.verdicts.put(verdicts_line("web"))
        await until(lambda: follower.connections > 3)
        assert (follower.ssa.verdicts, log.entries) == (Verdicts(), [])
        await follower.ssa.refresh(ENGINE)
        follower.fake.verdicts.put(verdicts_line("web"))
        await until(lambda: follower.ssa.verdicts.failing)


async def test_a_bug_in_following_is_logged_with_its_traceback(patient: Follower) -> None:
    async with following(patient) as log:
        patient.fake.verdicts.put(ZeroDivisionError("a bug"))
        await until(lambda: log.entries)
    assert [entry["log_level"] for entry in log.entries if entry.get("exc_info")] == ["error"]


# The whole loop.


@asynccontextmanager
async def running(s: Stage) -> AsyncGenerator[None]:
    """Run the controller's loop, which makes its first check, during the block."""
    stop = asyncio.Event()
    loop = asyncio.create_task(s.controller.run(stop))
    try:
        await until(lambda: s.completed)
        yield
    finally:
        stop.set()
        done, _ = await asyncio.wait({loop}, timeout=BOUND_SECONDS)
        loop.cancel()
    assert done, "the loop did not end, though verdicts are followed without end"
    loop.result()
    await settled()  # and nobody is followed any more


async def turned_unhealthy(s: Stage) -> None:
    """Let the SSA say that `web` is failing, once its words are listened to, and wait for the check that follows."""
    checks = len(s.completed)
    await until(lambda: s.engine.calls)
    s.ssa.verdicts.put(verdicts_line("web"))
    await until(lambda: len(s.completed) > checks)


async def test_a_verdict_wakes_the_loop_and_leads_to_a_restart_when_it_has_settled(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), timing=AT_ONCE, interval=3600, settle=0)
    async with running(s):
        await turned_unhealthy(s)
        assert s.engine.acts == []
        s.clock.advance(5)
        s.ssa.verdicts.put(verdicts_line("web", "plain"))
        await until(lambda: s.engine.acts == ["restart web None"])


async def test_a_verdict_that_is_withdrawn_wakes_the_loop_and_nothing_is_restarted(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), timing=AT_ONCE, interval=3600, settle=0)
    async with running(s):
        await turned_unhealthy(s)
        s.clock.advance(5)
        checks = len(s.completed)
        s.ssa.verdicts.put(verdicts_line())
        await until(lambda: len(s.completed) > checks)
    assert s.engine.acts == []


async def test_when_the_stream_is_broken_nothing_is_restarted(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"), timing=AT_ONCE, interval=3600, settle=0)
    async with running(s):
        await turned_unhealthy(s)
        connections = s.ssa.requests.count("GET /verdicts")
        s.ssa.verdicts.put(httpx.RemoteProtocolError("peer closed connection"))
        await until(lambda: s.ssa.requests.count("GET /verdicts") > connections)
        s.clock.advance(3600)
        checks = len(s.completed)
        s.happens("start", id_of("web"))
        await until(lambda: len(s.completed) > checks)
    assert s.engine.acts == []
