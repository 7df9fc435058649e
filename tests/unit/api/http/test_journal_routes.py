"""`GET /journal` and `GET /availability`, through the whole application."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.journal.entry import Entry
from status_state_api.model import ContainerReference

from ..journal.test_entries import OUTCOME
from ..ssa import BEARER, Ssa, beside_two_containers
from ..world import DISK_FULL, LOOK, NOW, container_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

REPORT: dict[str, Any] = {
    "at": "2026-11-23T18:00:00Z",
    "snapshot_id": "5" * 32,
    "dry_run": False,
    "sentence": "",
    "findings": [],
    "outcomes": [OUTCOME],
}


@pytest.fixture
async def ssa() -> AsyncGenerator[Ssa]:
    """An SSA that holds a snapshot, and whose journal is kept."""
    async with beside_two_containers() as ssa:
        await ssa.holder.start()
        await ssa.parts.journal.load(LOOK.identity)
        yield ssa


def state(what: str, minutes_ago: float) -> Entry:
    """The original `web` went up or down."""
    web = ContainerReference(id=container_id("web"), name="web")
    return Entry(
        key=f"{what} {minutes_ago}",
        at=NOW - timedelta(minutes=minutes_ago),
        kind="state",
        by="status-state-api",
        container=web,
        what=what,
    )


async def test_what_the_controller_did_is_in_the_journal_once_however_often_it_is_reported(ssa: Ssa) -> None:
    for _ in range(2):
        assert (await ssa.client.post("/reports", json=REPORT, headers=BEARER)).status_code == 204
    page = (await ssa.client.get("/journal", params={"kind": "action"})).json()
    assert page["next_before"] is None
    (entry,) = page["entries"]
    assert {key: entry[key] for key in ("what", "result", "reason", "attempt", "seconds", "finding", "by")} == {
        "what": "start",
        "result": "done",
        "reason": "had exited with code 137",
        "attempt": 2,
        "seconds": 0.41,
        "finding": "stopped",
        "by": "controller",
    }


async def test_a_report_of_a_time_that_utc_does_not_have_is_taken_in_without_an_entry(ssa: Ssa) -> None:
    report = {**REPORT, "at": "9999-12-31T23:59:59-01:00", "outcomes": [{**OUTCOME, "at": None}]}
    assert (await ssa.client.post("/reports", json=report, headers=BEARER)).status_code == 204
    assert (await ssa.client.get("/journal", params={"kind": "action"})).json()["entries"] == []


async def test_a_report_that_could_not_be_stored_leaves_no_entry_until_it_is_sent_again(ssa: Ssa) -> None:
    ssa.store.error = DISK_FULL
    assert (await ssa.client.post("/reports", json=REPORT, headers=BEARER)).status_code == 503
    assert (await ssa.problem("GET", "/journal"))[0] == 503
    ssa.store.error = None
    assert (await ssa.client.get("/journal")).json()["entries"] == []
    assert (await ssa.client.post("/reports", json=REPORT, headers=BEARER)).status_code == 204
    assert len((await ssa.client.get("/journal")).json()["entries"]) == 1


async def test_as_lines_of_json_all_that_match_is_reported(ssa: Ssa) -> None:
    await ssa.store.add_entries(LOOK.identity, [state("up", 5), state("down", 4)])
    answer = await ssa.client.get("/journal", params={"format": "jsonl", "container": "web"})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line)["what"] for line in answer.text.splitlines()] == ["down", "up"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": "0"},
        {"limit": "1001"},
        {"kind": "other"},
        {"since": "yesterday"},
        {"until": "-5m"},
        {"since": "1" * 41},
        {"since": "9" * 39},
        {"since": "9999-12-31T23:59:59-01:00"},
        {"until": "0001-01-01T00:00:00+00:01"},
        {"before": "x"},
        {"before": "9" * 30},
        {"after": "-1"},
        {"format": "xml"},
    ],
    ids=str,
)
async def test_a_question_that_is_none_is_refused(ssa: Ssa, wrong: dict[str, str]) -> None:
    assert (await ssa.problem("GET", "/journal", params=wrong))[0] == 422


async def test_the_availability_of_each_original_is_reported(ssa: Ssa) -> None:
    await ssa.store.add_entries(LOOK.identity, [state("up", 1000), state("down", 100), state("up", 50)])
    document = (await ssa.client.get("/availability")).json()
    assert document["known_since"] == (NOW - timedelta(minutes=1000)).isoformat().replace("+00:00", "Z")
    db, web = document["originals"]
    assert db == {"name": "db", "percent": {"1d": None, "7d": None, "30d": None}, "history": [None] * 48}
    assert (web["name"], web["percent"]) == ("web", {"1d": 95.0, "7d": 95.0, "30d": 95.0})
    # 1000 min are 33 half hours and a third: down from 100 to 50 min ago is the fourth last, from its 20th minute on.
    assert web["history"] == [None] * 14 + [100.0] * 30 + [66.6666, 0.0, 66.6666, 100.0]


async def test_those_who_ask_for_the_availability_together_share_one_reading_of_the_journal(ssa: Ssa) -> None:
    await ssa.store.add_entries(LOOK.identity, [state("up", 1000)])
    answers = await asyncio.gather(*(ssa.client.get("/availability") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert ssa.store.reads <= 10
    ssa.store.error = DISK_FULL
    assert (await ssa.problem("GET", "/availability"))[0] == 503
    ssa.store.error = None
    await ssa.store.add_entries(LOOK.identity, [state("down", 500)])
    web = (await ssa.client.get("/availability")).json()["originals"][1]
    assert web["percent"]["1d"] == 50.0


async def test_without_a_journal_nothing_is_known(ssa: Ssa) -> None:
    assert (await ssa.client.get("/availability")).json() == {"known_since": None, "originals": []}


async def entries_of(ssa: Ssa, kind: str) -> list[tuple[str, str, str]]:
    """What was noted of this kind, by whom, and why; the oldest first."""
    await ssa.parts.journal.flush()
    page = (await ssa.client.get("/journal", params={"kind": kind})).json()
    return [(one["what"], one["by"], one["reason"]) for one in reversed(page["entries"])]


async def test_pauses_are_in_the_journal_with_who_began_them(ssa: Ssa) -> None:
    wish = {"for": "15m", "reason": "deploy", "containers": ["web"]}
    assert (await ssa.client.post("/pause", json=wish, headers=BEARER)).status_code == 200
    assert (await ssa.client.post("/resume", headers=BEARER)).status_code == 200
    assert await entries_of(ssa, "pause") == [
        ("begun", "operator", "web until 2026-11-23 18:15:00 UTC (deploy)"),
        ("ended", "operator", "web: resumed"),
    ]
