"""A hostile host: what containers, images, files and reports hold, shown to the program itself through a recorded engine."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import struct
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from status_state_api.engine.view import LONGEST_LABEL

from .recorded import RecordedEngine
from .test_hostile import ANSWERED_SECONDS, REPORT, limit_megabytes, peak, report
from .test_process import Process
from .world import container_id, entry

if TYPE_CHECKING:
    from collections.abc import Generator

CANARY = "c4n4ry"
ESCAPES = "\x1b]0;x\x07\x1b[2J\r\u202e\u2028 perhaps"
"""What moves a terminal's cursor, sets its title, ends a line, and turns the direction of writing."""


def frame(line: str) -> bytes:
    """A line of a container's log as the engine sends it."""
    at = datetime.now(UTC) + timedelta(minutes=10)  # it counts for as long as the test lasts
    content = f"{at:%Y-%m-%dT%H:%M:%S}.000000001Z {line}\n".encode()
    return struct.pack(">BxxxL", 2, len(content)) + content


def hostile(name: str) -> dict[str, Any]:
    """A container that holds secrets wherever it can."""
    labels = {
        "status-state.logs.severity": "critical",
        "status-state.probe.url": f"http://user:{CANARY}@:8080/health?token={CANARY}",
        "db.password": CANARY,
        "note": f"serve --password {CANARY} --token='{CANARY}' https://{CANARY}@git.example/x?key={CANARY}",
        "json": json.dumps({"password": f"{CANARY} {CANARY}"}),
        "status-state.ignore": "no",
    }
    command = f"mysql -u root -p{CANARY} --password={CANARY} -e 'x' postgres://u:{CANARY}@db/x"
    return {**entry(name, **labels), "Command": command}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where everything is."""
    return tmp_path_factory.mktemp("host")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Generator[RecordedEngine]:
    """An engine whose containers are hostile."""
    odd = entry("odd", **{"status-state.ignore": ESCAPES, "note": ESCAPES})
    with RecordedEngine(folder, hostile("web"), odd, entry("db")) as engine:
        engine.answers[f"/containers/{container_id('web')}/json"]["Config"]["Env"] = [f"A={CANARY}"]
        engine.logs[container_id("web")] = frame(f"CRITICAL login password={CANARY} Authorization: Bearer {CANARY}")
        yield engine


@pytest.fixture(scope="module")
def process(folder: Path, engine: RecordedEngine) -> Generator[Process]:
    """The service beside it."""
    assert engine
    (folder / "policy.yaml").write_text("- match: db\n  restart: never\n")
    with closing(Process(folder, SSA_POLICY_FILE=str(folder / "policy.yaml"))) as process:
        process.read_until("snapshot_captured")
        yield process


def wait_for_evidence(process: Process) -> dict[str, Any]:
    """The document once a log has made a container failing."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        status: dict[str, Any] = process.get("/status")[1]
        if any(verdict["evidence"] for verdict in status["verdicts"]):
            return status
        time.sleep(0.1)
    raise AssertionError(f"no verdict by the log: {process.get('/status')[1]['verdicts']}")


def test_no_path_shows_a_secret_to_who_has_no_token(process: Process) -> None:
    told = f"was replaced (Cmd: --password {CANARY} → x, image: a → b), GET http://u:{CANARY}@h/?a={CANARY}"
    container = {"id": container_id("web"), "name": "web"}
    finding = {"container": container, "kind": "replaced", "reason": told, "db_password": CANARY}
    outcome = {"container": container, "action": "restore", "result": "failed", "reason": told, "detail": told}
    outcome |= {"outcome_id": "one", "finding": "replaced", "seconds": 1.0, "attempt": 1}
    whole = {**REPORT, "sentence": told, "findings": [finding], "outcomes": [outcome], "memory": {"x": CANARY}}
    assert report(process, json.dumps(whole).encode())[0] == 204
    status = wait_for_evidence(process)
    shown = json.dumps(status)
    for expected in ("login password=***", "--password ***", "http://***@:8080/health", "replaced (Cmd: "):
        assert expected in shown
    described = process.get("/openapi.json")[1]["paths"]
    paths = [path for path, operations in described.items() if "get" in operations and path != "/events"]  # no end
    assert {"/status", "/snapshot", "/verdicts"} <= set(paths)
    further = [
        "/",
        "/docs",
        "/openapi.json",
        "/nothing",
        "/status?format=text",
        "/journal?format=jsonl",
        "/snapshot/compose",
    ]
    for path in [*paths, *further]:
        assert CANARY not in str(process.get(path)[1]), path
    assert "restore" in str(process.get("/journal")[1])
    exported = process.get("/snapshot/compose", **bearer(process))
    assert (exported[0], CANARY in str(exported[1])) == (200, False)
    recipes = Request(f"http://127.0.0.1:{process.port}/snapshot/recipes", headers=bearer(process))
    with urlopen(recipes, timeout=10) as answer:  # noqa: S310 - http
        assert CANARY in answer.read().decode(), "or this test would see nothing"


def test_health_and_the_journal_share_one_stream_of_events(process: Process, engine: RecordedEngine) -> None:
    deadline = time.monotonic() + 10
    while not (verdicts := process.get("/status")[1]["verdicts"]) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert {one["source"] for one in verdicts} >= {"logs"}, "the health is observed"
    assert engine.open_events == 1


def test_numbers_that_json_has_no_room_for_are_taken_in(process: Process) -> None:
    whole = {**REPORT, "findings": [], "outcomes": [], "big": 2**70, "none": float("nan"), "deep": [{"x": -(2**70)}]}
    assert report(process, json.dumps(whole).encode())[0] == 204
    told = process.get("/status")[1]["controller"]["report"]
    assert (told["big"], told["none"]) == (2**70, None)


def bearer(process: Process) -> dict[str, str]:
    """What shows the token."""
    return {"Authorization": f"Bearer {Path(process.environment['SSA_TOKEN_FILE']).read_text().strip()}"}


BOMBS = {
    "a list that holds itself": "- &a [*a]\n",
    "an entry that merges itself": "- &a\n  match: x\n  <<: *a\n  nonsense: 1\n",
    "merges that double": "- &a0 {match: x, restart: no}\n"
    + "".join(f"- &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 40)),
    "lists that double": "- &a0 [x]\n" + "".join(f"- &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40)),
    "deep": "[" * 100_000,
    "long": "- match: x\n" * 90_000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_policy_that_is_a_bomb_is_refused_with_its_line_and_holds_nobody_up(process: Process, bomb: str) -> None:
    Path(process.environment["SSA_POLICY_FILE"]).write_text(bomb)
    waits = list[float]()
    ended = time.monotonic() + 4
    while time.monotonic() < ended:
        begun = time.monotonic()
        assert process.get("/healthz")[0] == 200
        waits.append(time.monotonic() - begun)
    line = process.read_until("policy_unusable")
    assert "policy.yaml, line " in line
    assert max(waits) < ANSWERED_SECONDS


def test_nothing_of_what_is_logged_moves_a_terminal_or_is_secret(process: Process) -> None:
    assert process.stop(signal.SIGTERM) == 0
    logged = "".join(process.lines)
    assert "perhaps" in logged
    assert CANARY not in logged
    assert not [line for line in process.lines if not line.removesuffix("\n").isprintable()]
    assert "Traceback" not in logged


def test_a_damaged_report_is_left_out(folder: Path, engine: RecordedEngine) -> None:
    assert engine
    with closing(sqlite3.connect(folder / "data" / "status-state.sqlite3")) as connection:
        connection.execute("update status_state_reports set document = '{\"at\": NaN'")
        connection.commit()
    with closing(Process(folder)) as process:
        process.read_until("stored_report_dropped")
        assert process.get("/status")[1]["controller"]["report"] is None


def test_reading_needs_the_token_where_it_is_asked_for(folder: Path, engine: RecordedEngine) -> None:
    assert engine
    with closing(Process(folder, SSA_READ_TOKEN="true")) as process:
        process.read_until("snapshot_captured")
        paths = ["/status", "/snapshot", "/docs", "/docs/swagger-ui.css", "/openapi.json", "/verdicts", "/nothing"]
        assert {path: process.get(path)[0] for path in paths} == dict.fromkeys(paths, 401)
        assert [process.get(path)[0] for path in ("/healthz", "/readyz")] == [200, 200]
        assert process.is_ready().returncode == 0
        shown = bearer(process)
        assert [process.get(path, **shown)[0] for path in ("/status", "/docs", "/nothing")] == [200, 200, 404]
        assert report(process, json.dumps({**REPORT, "findings": [], "outcomes": []}).encode())[0] == 204


def test_a_host_with_huge_labels_costs_a_bounded_memory(folder: Path, engine: RecordedEngine) -> None:
    labels = {"short": "s", "long": "l" * 600_000, "key": 'key="' * 80_000, "name" * 1000: "of a label"}
    entries = [entry(f"big-{n}", **labels, token=CANARY) for n in range(20)]
    engine.show(*entries)
    dockerfile = (Path(__file__).parents[3] / "status-state-api" / "Dockerfile").read_text(encoding="utf-8")
    with closing(Process(folder, **dict(re.findall(r"(MALLOC_\w+)=(\w+)", dockerfile)))) as process:
        process.read_until("snapshot_captured")
        for _ in range(3):
            status, document = process.get("/status")
            assert status == 200
            assert CANARY not in json.dumps(document)
            shown = document["running"][0]["labels"]
            assert shown["short"] == "s"
            assert max(len(text) for label in shown.items() for text in label) == LONGEST_LABEL
        bearer = {"Authorization": f"Bearer {(folder / 'run' / 'token').read_text().strip()}"}
        _, recipes = process.get("/snapshot/recipes", **bearer)
        assert recipes["originals"][0]["inspect"]["Config"]["Labels"] == {**labels, "token": CANARY}
        engine.show(*entries[:19])
        change = Request(f"http://127.0.0.1:{process.port}/snapshot", headers=bearer, method="POST")
        with urlopen(change, timeout=60) as answer:  # noqa: S310 - http
            assert json.load(answer)["removed"] == ["big-19"]
        assert peak(process) < limit_megabytes()
