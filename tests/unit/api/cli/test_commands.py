"""The command line through its door: arguments, the HTTP that it speaks, what it prints, and its exit code."""

from __future__ import annotations

import json
import shlex
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.cli.main import main
from status_state_api.cli.pauses import LONGEST_SECONDS
from status_state_api.durations import parse_duration
from status_state_api.pauses import pause

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

TOKEN = "the-token-of-the-pair"
ID, OLD = "3f0c2a" + "0" * 26, "3f0c99" + "0" * 26
ORIGINAL = {"id": "a" * 64, "name": "web", "image": "nginx", "image_id": "sha256:1b"}


class FakeSsa(ThreadingHTTPServer):
    """Answers what it was told to, by method and path, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, Any]] = []
        self.authorizations: set[str | None] = set()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: FakeSsa  # pyright: ignore[reportIncompatibleVariableOverride] - the only server there is

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = f"{self.command} {self.path}"
        self.server.asked.append((asked, json.loads(body) if body else None))
        self.server.authorizations.add(self.headers.get("Authorization"))
        status, document = self.server.answers[asked]
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815 - as the library calls them

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the library calls it
        """Say nothing."""


@pytest.fixture
def ssa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[FakeSsa]:
    """An SSA where the command line looks for it."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with FakeSsa() as server:
        monkeypatch.setenv("SSA_HOST", "127.0.0.1")
        monkeypatch.setenv("SSA_PORT", str(server.server_port))
        monkeypatch.setenv("SSA_TOKEN_FILE", str(tmp_path / "token"))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command line: its exit code, and what it printed on both streams."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["status-state", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, printed.out, printed.err

    return run


def status(standing: str | None, **changes: Any) -> dict[str, Any]:
    """A `/status` document about `web`."""
    running = [] if standing == "missing" else [{**ORIGINAL, "status": "Up 2 hours"}]
    usual: dict[str, Any] = {
        "at": "2026-11-23T18:00:30Z",
        "engine": {"reachable": True, "name": "kiosk", "version": "20.10"},
        "snapshot": {"id": ID, "taken_at": "2026-11-23T18:00:00Z", "reason": "startup", "originals": [ORIGINAL]},
        "running": running,
        "standings": [{"container": {"id": "a" * 64, "name": "web"}, "standing": standing}],
        "verdicts": [],
        "controller": {"last_seen_seconds_ago": 5.0, "report": None, "report_age_seconds": None},
    }
    return {**usual, **changes}


FAILING = [{"container": {"id": "a" * 64, "name": "web"}, "verdict": "failing", "reason": "500", "source": "probe"}]
UNKNOWN = status("original", running=None, standings=None, engine={"reachable": False, "error": "down"})


@pytest.mark.parametrize("command", ["status", "diff"])
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize(
    ("document", "code"),
    [
        (status("original"), 0),
        (status("finished"), 0),
        (status("released"), 0),
        (status("protected"), 0),
        (status("missing"), 3),
        (status("replaced"), 3),
        (status("newcomer"), 3),
        (status("original", verdicts=FAILING), 3),
        (UNKNOWN, 1),
        (status("original", snapshot=None, standings=None), 1),
    ],
    ids=[
        "original",
        "finished",
        "released",
        "protected",
        "missing",
        "replaced",
        "newcomer",
        "failing",
        "engine",
        "none",
    ],
)
def test_whether_it_is_in_sync_is_the_exit_code(
    ssa: FakeSsa, run: Any, command: str, *, as_json: bool, document: dict[str, Any], code: int
) -> None:
    ssa.answers["GET /status"] = (200, document)
    ended, out, err = run(command, *(["--json"] if as_json else []))
    assert (ended, err) == (code, "")
    assert ssa.authorizations == {f"Bearer {TOKEN}"}, "reading may need it, too"
    if as_json:
        assert json.loads(out) == document if command == "status" else len(json.loads(out)) == (code == 3)
    else:
        assert "web" in out or code == 1 or command == "diff"


def answer(*, changed: bool = True, dry_run: bool = False) -> tuple[int, Any]:
    """An answer about a change of the snapshot."""
    head = {"snapshot": {"id": ID}, "changed": changed, "dry_run": dry_run}
    nothing: dict[str, list[str]] = {"removed": [], "replaced": [], "released": [], "released_no_longer": []}
    return 200, {**head, "added": ["miner"] if changed else [], **nothing}


CHANGES = {
    "accept": ("/snapshot", {"by": "operator: accept"}),
    "accept miner web": ("/snapshot", {"accept": ["miner", "web"], "by": "operator: accept miner web"}),
    "release old": ("/snapshot", {"release": ["old"], "by": "operator: release old"}),
    "rollback 3f0c9": (f"/snapshots/{OLD}/rollback", {"by": "operator: rollback 3f0c9"}),
}


@pytest.mark.parametrize("line", CHANGES)
def test_a_change_is_shown_first_and_then_made(ssa: FakeSsa, run: Any, line: str) -> None:
    path, body = CHANGES[line]
    ssa.answers["GET /snapshots"] = (200, {"snapshots": [{"id": ID}, {"id": OLD}]})
    ssa.answers[f"POST {path}?dry_run=true"], ssa.answers[f"POST {path}"] = answer(dry_run=True), answer()
    looked, made = (f"POST {path}?dry_run=true", body), (f"POST {path}", body)
    shown = "+ miner becomes an original\n"

    assert run(*line.split()) == (0, f"{shown}Snapshot {ID[:12]} is in force.\n", "")
    assert ssa.asked[-2:] == [looked, made]
    assert ssa.authorizations == {f"Bearer {TOKEN}"}

    ssa.asked.clear()
    assert run(*line.split(), "--dry-run") == (0, f"{shown}This was a dry run: nothing is changed.\n", "")
    assert made not in ssa.asked
    assert json.loads(run(*line.split(), "--dry-run", "--json")[1])["dry_run"] is True
    assert made not in ssa.asked

    ssa.asked.clear()
    assert json.loads(run(*line.split(), "--json")[1]) == answer()[1]
    assert looked not in ssa.asked

    ssa.asked.clear()
    ssa.answers[f"POST {path}?dry_run=true"] = answer(changed=False, dry_run=True)
    assert run(*line.split())[1] == f"Nothing changes: snapshot {ID[:12]} stays in force.\n"
    assert made not in ssa.asked


def test_what_has_changed_since_it_was_shown_is_reported(ssa: FakeSsa, run: Any) -> None:
    ssa.answers["POST /snapshot?dry_run=true"] = answer(dry_run=True)
    ssa.answers["POST /snapshot"] = (200, {**answer()[1], "removed": ["db"]})
    told = "Meanwhile this has become:\n+ miner becomes an original\n- db is no original any more\n"
    assert told in run("accept")[1]


def test_a_pause_says_what_is_paused_and_resuming_what_was_accepted(ssa: FakeSsa, run: Any) -> None:
    paused = {"container": "db", "until": "2999-01-01T00:00:00Z", "reason": "deploy", "accept_at_end": True}
    ssa.answers["POST /pause"] = (200, {"pauses": [paused]})
    ssa.answers["POST /resume"] = (200, {"pauses": [], "accepted": answer()[1]})
    code, out, _ = run("pause", "db", "--for", "15m", "--reason", "deploy", "--accept-at-end")
    assert (code, out.startswith("Healing is paused: db until 2999-01-01 00:00:00 UTC, ")) == (0, True)
    assert run("pause", "--for", "90")[0] == 0
    code, _, err = run("pause", "--for", "169h")
    assert (code, "at most 168h" in err) == (2, True)
    assert LONGEST_SECONDS == parse_duration("168h") == pause.LONGEST_SECONDS
    assert run("resume", "db")[1] == (
        f"+ miner becomes an original\nSnapshot {ID[:12]} is in force.\nHealing is not paused.\n"
    )
    assert json.loads(run("resume", "--json")[1])["pauses"] == []
    by = "operator: pause db"
    assert [(asked, body) for asked, body in ssa.asked if body is not None] == [
        ("POST /pause", {"for": "15m", "accept_at_end": True, "containers": ["db"], "reason": "deploy", "by": by}),
        ("POST /pause", {"for": "90", "accept_at_end": False, "by": "operator: pause"}),
        ("POST /resume", {"containers": ["db"], "by": "operator: resume db"}),
        ("POST /resume", {"by": "operator: resume"}),
    ]


def test_snapshots_are_listed(ssa: FakeSsa, run: Any) -> None:
    one = {
        "id": ID,
        "taken_at": "2026-11-23T18:00:00Z",
        "reason": "startup",
        "by": None,
        "originals": 3,
        "in_force": True,
    }
    ssa.answers["GET /snapshots"] = (200, {"snapshots": [one]})
    assert run("snapshots")[1].splitlines()[1].split() == [
        ID[:12],
        "*",
        "2026-11-23",
        "18:00:00",
        "UTC",
        "3",
        "startup",
        "-",
    ]
    assert json.loads(run("snapshots", "--json")[1]) == {"snapshots": [one]}


BETWEEN: dict[str, Any] = {
    "added": ["new"],
    "removed": ["old"],
    "released": ["x"],
    "released_no_longer": ["y"],
    "differing": [
        {
            "name": "web",
            "before_id": "a" * 64,
            "id": "b" * 64,
            "fields": [
                {"field": "Cmd", "before": None, "after": '["serve"]'},
                {"field": "env A", "before": "set", "after": "set"},
            ],
        }
    ],
}
BETWEEN_TEXT = f"""\
+ new
~ web: {"a" * 12} → {"b" * 12}
    Cmd: - → ["serve"]
    env A: set → another value
- old
- x is released
+ y is released no longer
"""


@pytest.mark.parametrize(("line", "second"), [("snapshots 3f0c9", ID), (f"snapshots 3f0c9 {OLD}", OLD)])
def test_what_changed_between_two_snapshots_is_shown(ssa: FakeSsa, run: Any, line: str, second: str) -> None:
    ssa.answers["GET /snapshots"] = (
        200,
        {"snapshots": [{"id": ID, "in_force": True}, {"id": OLD, "in_force": False}]},
    )
    ssa.answers[f"GET /snapshots/{OLD}/changes/{second}"] = (200, BETWEEN)
    assert run(*line.split()) == (0, BETWEEN_TEXT, "")
    assert json.loads(run(*line.split(), "--json")[1]) == BETWEEN
    ssa.answers[f"GET /snapshots/{OLD}/changes/{second}"] = (200, {key: [] for key in BETWEEN})
    assert run(*line.split())[1] == "Nothing differs.\n"


def test_the_token_is_printed(ssa: FakeSsa, run: Any) -> None:
    assert run("token") == (0, f"{TOKEN}\n", "")
    assert ssa.asked == []


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        ((404, {"detail": "There is no container \x1b[1mwbe."}), "There is no container \\u001b[1mwbe.\n"),
        ((422, {"detail": "Wrong.", "errors": ["body.for: too long"]}), "Wrong. body.for: too long.\n"),
        ((502, b"<html>"), "The status-state-api answers POST /resume with 502, and nothing that can be read.\n"),
        ((200, b"[]"), "The status-state-api answers POST /resume with 200, and nothing that can be read.\n"),
    ],
    ids=["problem", "errors", "no JSON", "no object"],
)
def test_a_failure_is_reported_in_the_words_of_the_ssa(
    ssa: FakeSsa, run: Any, answered: tuple[int, Any], said: str
) -> None:
    ssa.answers["POST /resume"] = answered
    assert run("resume") == (1, "", f"status-state: {said}")


def test_an_ssa_that_is_away_and_a_token_that_is_missing_are_failures(
    ssa: FakeSsa, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("\n")
    assert "is empty" in run("token")[2]
    (tmp_path / "token").unlink()
    code, out, err = run("resume")
    assert (code, out, "can't be read: No such file" in err, ssa.asked) == (1, "", True, [])
    monkeypatch.setenv("SSA_PORT", "1")
    assert "Nobody answers at 127.0.0.1:1" in run("status")[2]
    monkeypatch.setenv("SSA_PORT", "tcp://10.0.0.1:80")
    assert run("status")[0] == 1


@pytest.mark.parametrize(
    ("beginning", "said"), [("3f0c", "The ids of 2 snapshots begin with 3f0c"), ("77", "There is no snapshot 77")]
)
def test_a_snapshot_is_named_by_the_beginning_of_its_id(ssa: FakeSsa, run: Any, beginning: str, said: str) -> None:
    ssa.answers["GET /snapshots"] = (200, {"snapshots": [{"id": ID}, {"id": OLD}]})
    code, _, err = run("rollback", beginning)
    assert (code, said in err, len(ssa.asked)) == (1, True, 1)


@pytest.mark.parametrize(
    "line", ["pause", "pause --for soon", "pause --for 0s", "release", "rollback", "accept --force", "nothing"]
)
def test_wrong_usage_asks_nobody(ssa: FakeSsa, run: Any, line: str) -> None:
    code, out, err = run(*line.split())
    assert (code, out, "Usage: status-state" in err, ssa.asked) == (2, "", True, [])


ENTRY: dict[str, Any] = {
    "number": 7,
    "at": "2026-11-23T18:00:30Z",
    "kind": "action",
    "by": "controller",
    "container": {"id": "a" * 64, "name": "web"},
    "what": "start",
    "reason": "had exited\x1b[2J",
    "result": "failed",
    "detail": "port is already allocated",
    "seconds": 0.412,
    "attempt": 2,
}
PAUSED = {
    "number": 8,
    "at": "2026-11-23T18:01:00Z",
    "kind": "pause",
    "by": "operator: pause",
    "what": "begun",
    "reason": "all containers until 18:15",
}


def test_the_journal_is_shown_with_the_oldest_first(ssa: FakeSsa, run: Any) -> None:
    asked = "GET /journal?kind=action&kind=pause&container=web&limit=50&since=24h"
    ssa.answers[asked] = (200, {"entries": [PAUSED, ENTRY], "next_before": None})
    arguments = ("journal", "--kind", "action", "--kind", "pause", "--container", "web", "--since", "24h")
    assert run(*arguments) == (
        0,
        (
            "2026-11-23 18:00:30 UTC  action    web start: had exited\\u001b[2J → failed after 0.41 s, attempt 2"
            " (port is already allocated)  [controller]\n"
            "2026-11-23 18:01:00 UTC  pause     begun: all containers until 18:15  [operator: pause]\n"
        ),
        "",
    )
    code, out, _ = run(*arguments, "--jsonl")
    assert (code, [json.loads(line) for line in out.splitlines()]) == (0, [ENTRY, PAUSED])


def test_the_journal_is_followed_without_a_gap(ssa: FakeSsa, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("status_state_api.cli.journal.LOOK_AGAIN_SECONDS", 0)
    ssa.answers["GET /journal?limit=1"] = (200, {"entries": [ENTRY], "next_before": None})
    ssa.answers["GET /journal?limit=50"] = (200, {"entries": [ENTRY], "next_before": None})
    ssa.answers["GET /journal?limit=1000&after=7"] = (200, {"entries": [PAUSED], "next_before": None})
    ssa.answers["GET /journal?limit=1000&after=8"] = (503, {"detail": "The journal can't be read."})
    code, out, err = run("journal", "--follow", "--jsonl")
    assert (code, [json.loads(line)["number"] for line in out.splitlines()]) == (1, [7, 8])
    assert "The journal can't be read." in err


def test_following_from_now_on_does_not_show_what_was_before(
    ssa: FakeSsa, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("status_state_api.cli.journal.LOOK_AGAIN_SECONDS", 0)
    ssa.answers["GET /journal?limit=1"] = (200, {"entries": [ENTRY], "next_before": None})
    ssa.answers["GET /journal?container=db&limit=50&since=5m"] = (200, {"entries": [], "next_before": None})
    ssa.answers["GET /journal?container=db&limit=1000&after=7"] = (503, {"detail": "The journal can't be read."})
    code, out, err = run("journal", "--container", "db", "--since", "5m", "--follow")
    assert (code, out, "The journal can't be read." in err) == (1, "", True)


@pytest.mark.parametrize(
    "line",
    [
        "accept ''",
        "accept web ' '",
        "release ''",
        "rollback ''",
        "pause '' --for 1m",
        "resume ''",
        "journal --container ''",
        "journal --since ''",
    ],
)
def test_an_empty_argument_is_refused_and_does_not_mean_everything(ssa: FakeSsa, run: Any, line: str) -> None:
    code, out, err = run(*shlex.split(line))
    assert (code, out, "is a variable of your shell not set?" in err, ssa.asked) == (2, "", True, [])


def test_the_availability_is_shown_in_per_cent(ssa: FakeSsa, run: Any) -> None:
    percent = {"1d": 100.0, "7d": 99.9821, "30d": None}
    document = {"known_since": "2026-11-20T18:00:00Z", "originals": [{"name": "web", "percent": percent}]}
    ssa.answers["GET /availability"] = (200, document)
    assert run("availability") == (
        0,
        "NAME  1 DAY  7 DAYS     30 DAYS\nweb   100 %  99.9821 %  -\nKnown since 2026-11-20 18:00:00 UTC.\n",
        "",
    )
    assert json.loads(run("availability", "--json")[1]) == document


def test_the_export_is_printed_or_written_for_its_owner_alone(ssa: FakeSsa, run: Any, tmp_path: Path) -> None:
    ssa.answers["GET /snapshot/compose"] = (200, b"name: shop\n")
    ssa.answers["GET /snapshot/compose?with_secrets=true"] = (200, b"A: secret\n")
    assert run("export") == (0, "name: shop\n", "")
    file = tmp_path / "compose.yaml"
    assert run("export", "--with-secrets", "-o", str(file)) == (0, "", "")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("A: secret\n", 0o600)
    assert ssa.authorizations == {f"Bearer {TOKEN}"}
    code, printed, said = run("export", "-o", str(tmp_path))
    assert (code, printed) == (1, "")
    assert "can't be written" in said
    ssa.answers["GET /snapshot/compose"] = (503, {"detail": "No snapshot is held yet."})
    assert run("export") == (1, "", "status-state: No snapshot is held yet.\n")
