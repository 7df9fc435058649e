"""What is told of the checks: once, in sentences, to the log and to the SSA, and later when the SSA is away."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from status_state_controller.errors import ContainerError, SsaError
from status_state_controller.model import Action, Container, Finding, Kind, Outcome, Result, Verb
from status_state_controller.process.lasting import Lasting
from status_state_controller.report.outbox import MOST_KEPT, Outbox
from status_state_controller.report.sentence import MOST_NAMED, tell

from ..stage import Log, stage, until
from ..world import container, snapshot

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def told(result: Result, verb: Verb = Verb.START, detail: str | None = None, until: float | None = None) -> str:
    """The sentence about one finding with this outcome."""
    web = container("web", "exited")
    finding = Finding(web, Kind.STOPPED, "had exited with code 1")
    return tell([finding], [Outcome(Action(verb, web, finding.reason, web.id), result, detail, until)])


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (told(Result.DONE), "web had exited with code 1: started"),
        (told(Result.DONE, Verb.STOP), "web had exited with code 1: stopped"),
        (told(Result.DONE, detail="it ran already"), "web had exited with code 1: started (it ran already)"),
        (told(Result.DONE, Verb.RESTART), "web had exited with code 1: restarted"),
        (told(Result.RUNNING, Verb.RESTART), "web had exited with code 1: still being restarted"),
        (told(Result.DRY_RUN, Verb.RESTART), "web had exited with code 1: would restart it (dry run)"),
        (told(Result.DONE, Verb.RECREATE), "web had exited with code 1: recreated"),
        (told(Result.DONE, Verb.RESTORE), "web had exited with code 1: restored"),
        (told(Result.RUNNING), "web had exited with code 1: still being started"),
        (told(Result.RUNNING, Verb.STOP), "web had exited with code 1: still being stopped"),
        (told(Result.FAILED, detail="no such image"), "web had exited with code 1: start failed: no such image"),
        (
            told(Result.WAITING, detail="after 2 attempts", until=NOON.timestamp()),
            "web had exited with code 1: next start at 12:00:00 UTC (after 2 attempts)",
        ),
        (
            told(Result.WAITING, Verb.RESTART, detail="one after the other"),
            "web had exited with code 1: next restart (one after the other)",
        ),
        (told(Result.DROPPED, detail="it is gone"), "web had exited with code 1: no start after all: it is gone"),
        (told(Result.DRY_RUN, Verb.STOP), "web had exited with code 1: would stop it (dry run)"),
        (tell([], []), "in sync"),
        (
            tell([Finding(container("web"), Kind.REMOVED, "was removed")], []),
            "web was removed: nothing is done about it",
        ),
    ],
)
def test_cause_and_effect_are_reported_in_one_sentence(sentence: str, expected: str) -> None:
    assert sentence == expected


def test_many_findings_are_named_up_to_a_number_and_the_rest_is_counted() -> None:
    findings = [Finding(container(f"c{n}"), Kind.REMOVED, "was removed") for n in range(MOST_NAMED + 3)]
    sentence = tell(findings, [])
    assert sentence.endswith("; and 3 more")
    assert sentence.count("was removed") == MOST_NAMED
    assert "more" not in tell(findings[:MOST_NAMED], [])


async def test_undelivered_reports_are_kept_in_order_and_the_oldest_dropped_first() -> None:
    sent, away = list[int](), [True]

    async def send(report: dict[str, Any]) -> None:
        if away:
            raise SsaError("it is away")
        sent.append(report["number"])

    outbox = Outbox(send, Lasting())
    for number in range(MOST_KEPT + 2):
        outbox.put({"number": number})
        await outbox.deliver()
    away.clear()
    await outbox.deliver()
    assert (sent, outbox.is_empty) == (list(range(2, MOST_KEPT + 2)), True)


async def test_reports_that_are_put_while_one_is_delivered_are_sent_once_each_and_in_order() -> None:
    sent, gate = list[str](), asyncio.Event()

    async def send(report: dict[str, Any]) -> None:
        sent.append(report["name"])
        await gate.wait()

    outbox = Outbox(send, Lasting())
    deliveries: list[asyncio.Task[None]] = []
    for name in "abc":
        outbox.put({"name": name})
        deliveries.append(asyncio.create_task(outbox.deliver()))
    await until(lambda: sent)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(sent) == 1
    gate.set()
    await asyncio.gather(*deliveries)
    assert sent == ["a", "b", "c"]


async def test_a_check_that_finds_something_ends_in_a_line_for_each_and_one_report(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"), container("miner"))
    with Log() as log:
        await s.check()
    lines = [(e["event"], e["container"], e["kind"], e["action"], e["result"], e["message"]) for e in log.entries[-2:]]
    assert lines == [
        ("healed", "web", "stopped", "start", "done", "web had exited with code 137: started"),
        ("newcomer_stopped", "miner", "new", "stop", "done", "miner is not in the snapshot: stopped"),
    ]
    (report,) = s.ssa.reports
    assert report["sentence"] == "web had exited with code 137: started; miner is not in the snapshot: stopped"
    assert (report["at"], report["snapshot_id"], report["dry_run"]) == ("2026-11-23T12:00:00Z", "snapshot-1", False)


async def test_in_sync_is_reported_once_and_then_there_is_silence(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    with Log() as log:
        await s.check()
    assert log.about("in sync") == ["in sync"]
    with Log() as log:
        for _ in range(5):
            await s.check_later(30)
    assert log.entries == []
    assert len(s.ssa.reports) == 1


async def test_a_newer_snapshot_is_news_even_when_all_is_in_sync_with_it(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    await s.check()
    s.ssa.held = snapshot("web", id="snapshot-2")
    for _ in range(3):
        await s.check_later(30)
    assert [(r["sentence"], r["snapshot_id"]) for r in s.ssa.reports] == [
        ("in sync", "snapshot-1"),
        ("in sync", "snapshot-2"),
    ]


async def test_healing_is_followed_by_in_sync_once(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"))
    with Log() as log:
        for _ in range(4):
            await s.check_later(30)
    assert log.about("web") + log.about("in sync") == ["web had exited with code 137: started", "in sync"]


@pytest.mark.parametrize(
    ("world", "dry_run"),
    [
        ((container("web", word="impostor", labels={"status-state.ignore": "true"}),), False),
        ((container("web-old", "exited", word="web"),), False),
        ((container("web", "exited"),), True),
        ((), True),
    ],
    ids=["a protected impostor", "a renamed original", "a dry run", "a dry run of a removed original"],
)
async def test_a_lasting_finding_is_reported_once(
    world: tuple[Container, ...], *, dry_run: bool, tmp_path: Path
) -> None:
    s = stage(tmp_path, snapshot("web"), *world, dry_run=dry_run)
    for c in world:
        s.engine.inspects[c.id] = {"Image": "sha256:other"}
    with Log() as log:
        for _ in range(5):
            await s.check_later(30)
    assert len([sentence for sentence in log.sentences if sentence.startswith("web ")]) == 1


async def test_a_lasting_wait_is_reported_once(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"))
    s.engine.failures["start web"] = ContainerError("no such image")
    await s.check()
    with Log() as log:
        for _ in range(9):
            await s.check_later(1)
    assert log.sentences == ["web had exited with code 137: next start at 12:00:10 UTC (after 1 attempt)"]


async def test_the_loss_of_the_ssa_is_reported_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    await s.check()
    s.ssa.away = True
    with Log() as log:
        for _ in range(5):
            await s.check_later(30)
    assert [entry["log_level"] for entry in log.entries] == ["warning"]
    assert "healing goes on" in log.sentences[0]
    s.ssa.away = False
    with Log() as log:
        for _ in range(5):
            await s.check_later(30)
    assert [entry["log_level"] for entry in log.entries] == ["info"]


async def test_a_failure_that_changes_is_reported_again(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    await s.check()
    with Log() as log:
        s.ssa.answer = httpx.Response(503, json={"detail": "there is no snapshot yet"})
        await s.check()
        s.ssa.away = True
        await s.check()
        await s.check()
    assert len(log.about("no snapshot")) == 2


async def test_an_ssa_that_is_just_starting_is_waited_for_and_warned_of_only_after_a_while(tmp_path: Path) -> None:
    s = stage(tmp_path, None)
    s.ssa.away = True
    with Log() as log:
        for _ in range(9):
            assert await s.check_later(2) == 2
        early = [(entry["log_level"], entry["event"]) for entry in log.entries if entry["event"].startswith("ssa_")]
        for _ in range(9):
            await s.check_later(2)
        s.ssa.held, s.ssa.away = snapshot(), False
        await s.check_later(2)
    told = [(entry["log_level"], entry["event"]) for entry in log.entries if entry["event"].startswith("ssa_")]
    assert early == [("info", "ssa_awaited")]
    assert told == [*early, ("warning", "ssa_lost"), ("info", "ssa_back")]


async def test_reports_are_kept_while_the_ssa_is_away_and_delivered_in_order_when_it_is_back(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    await s.check()
    s.ssa.reports.clear()
    s.ssa.away = True
    for name in ("a", "b", "c"):
        s.engine.put(container(name))
        await s.check_later(30)
    assert s.ssa.reports == []
    s.ssa.away = False
    await s.check_later(30)
    sentences = [report["sentence"] for report in s.ssa.reports]
    assert sentences == [f"{name} is not in the snapshot: stopped" for name in "abc"] + ["in sync"]
    assert [report["at"] for report in s.ssa.reports][:3] == [f"2026-11-23T12:0{t}Z" for t in ("0:30", "1:00", "1:30")]
    s.ssa.requests.clear()
    await s.check_later(30)
    assert s.ssa.requests == ["GET /snapshot/recipes"]


async def test_reports_are_kept_while_the_ssa_serves_snapshots_but_takes_no_reports(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"))
    s.ssa.refuses_reports = httpx.Response(503, json={"detail": "the store is locked"})
    with Log() as log:
        for _ in range(3):
            await s.check_later(30)
    assert len(log.about("the store is locked")) == 1
    s.ssa.refuses_reports = None
    with Log() as log:
        await s.check_later(30)
    assert [report["sentence"] for report in s.ssa.reports] == ["web had exited with code 137: started", "in sync"]
    assert len(log.about("delivered")) == 1


async def test_no_report_and_no_line_holds_a_secret(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web", "db"), container("web", "exited"), container("db", word="impostor"))
    with Log() as log:
        await s.check()
    assert s.ssa.reports
    assert "hunter2" not in str(s.ssa.reports) + str(log.entries)
    assert "open-sesame" not in str(s.ssa.reports) + str(log.entries)
