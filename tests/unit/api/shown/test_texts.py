"""The texts for people, each as a file in `golden/`: UPDATE_GOLDEN=1 writes them anew, for the eye to check."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.shown.changes import change_text, snapshots_text
from status_state_api.shown.moments import duration
from status_state_api.shown.state import differences, rows
from status_state_api.shown.status import difference_text, status_text
from status_state_api.shown.table import Column, cut, table, width_of

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent / "golden"
AT = "2026-11-23T18:00:30.000Z"
SNAPSHOT = "3f0c2a4e8c1d4b7f9a6e5d4c3b2a1908"


def reference(name: str) -> dict[str, str]:
    """A container, as others refer to it."""
    return {"id": name.encode().hex().ljust(64, "0"), "name": name}


def original(name: str, image: str = "nginx:1.27") -> dict[str, Any]:
    """An original, as the snapshot shows it."""
    return {**reference(name), "image": image, "image_id": f"sha256:{image.encode().hex():0<64}"}


def running(name: str, image: str = "nginx:1.27", status: str = "Up 2 hours") -> dict[str, Any]:
    """A container that runs."""
    return {**original(name, image), "status": status, "state": "running", "labels": {}}


def document(*standings: tuple[dict[str, Any], str], **changes: Any) -> dict[str, Any]:
    """A `/status` document about these containers."""
    held = [one for one, standing in standings if standing in {"original", "missing", "finished"}]
    usual: dict[str, Any] = {
        "at": AT,
        "engine": {"reachable": True, "error": None, "id": "T7KA", "name": "kiosk-17", "version": "20.10.24"},
        "snapshot": {
            "id": SNAPSHOT,
            "taken_at": "2026-11-23T17:00:00Z",
            "reason": "startup",
            "originals": [{key: one[key] for key in ("id", "name", "image", "image_id")} for one in held],
        },
        "running": [one for one, _ in standings if "status" in one],
        "standings": [
            {"container": {"id": one["id"], "name": one["name"]}, "standing": word} for one, word in standings
        ],
        "verdicts": [],
        "controller": {"last_seen_at": AT, "last_seen_seconds_ago": 4.9, "report": None, "report_age_seconds": None},
    }
    return {**usual, **changes}


def controller(*told: tuple[str, str, str, str | None], snapshot_id: str = SNAPSHOT, **outcome: Any) -> dict[str, Any]:
    """The controller, with a report of these: a container, the kind, the reason, the action with its result."""
    report: dict[str, Any] = {"snapshot_id": snapshot_id, "dry_run": False, "sentence": "see below", "outcomes": []}
    report["findings"] = [{"container": reference(name), "kind": kind, "reason": why} for name, kind, why, _ in told]
    for name, _, why, action in told:
        if action is not None:
            verb, result = action.split()
            one = {"container": reference(name), "action": verb, "result": result, "reason": why, "detail": None}
            report["outcomes"].append({**one, **outcome})
    return {"last_seen_at": AT, "last_seen_seconds_ago": 4.9, "report": report, "report_age_seconds": 61.3}


WIDE = running("web", "registry.example/研究所/とても長い名前のイメージ:1", "Up 2 hours (healthy)")
OTHER = "was replaced by a different container of the same name"
FIELDS = "image: nginx:1.27 → nginx:1.28, Cmd: a, b → c, env.COLOUR: set → other, and 3 more"
DRIFTED = document(
    (original("db", "postgres:17"), "missing"),
    (running("miner", "alpine", "Up 2 seconds"), "newcomer"),
    (running("queue"), "original"),
    (original("task"), "finished"),
    (running("status-state-api-1", "status-state-api"), "protected"),
    (running("web", "nginx:1.28", "Up 5 minutes"), "replaced"),
    (running("api"), "original"),
    (running("old"), "released"),
    verdicts=[
        {"container": reference("queue"), "verdict": "ok", "reason": "", "source": "engine"},
        {"container": reference("queue"), "verdict": "failing", "reason": "its probe answered 500", "source": "probe"},
        {"container": reference("queue"), "verdict": "unknown", "reason": "no line yet", "source": "logs"},
    ],
    controller=controller(
        ("db", "stopped", "had exited with code 137", "start waiting"),
        ("web", "replaced", f"{OTHER} ({FIELDS}), which is protected", None),
        ("api", "unhealthy", "uses a namespace of db, which was started again since", None),
        until="2026-11-23T18:01:10Z",
        detail="the engine says: port is already allocated",
    ),
    pauses=[
        {"container": "web", "until": "2026-11-23T18:15:30Z", "reason": None, "accept_at_end": False},
        {"container": None, "until": "2026-11-24T18:00:30Z", "reason": "deploy", "accept_at_end": True},
    ],
    warnings=["the snapshot is empty"],
)
HOSTILE = document(
    (running("a\x1b[2Jb", "\u202eegami\n", "Up\x9b"), "newcomer"),
    controller=controller(("a\x1b[2Jb", "new", "\r\x1b]0;x\x07", "stop failed"), detail="\u2028\x00"),
    warnings=["\x1b[31m"],
    pauses=[{"container": None, "until": "x\x1b", "reason": "\x1b", "accept_at_end": False}],
)
CHANGE = {
    "snapshot": {"id": SNAPSHOT},
    "added": ["miner"],
    "removed": ["db", "old"],
    "replaced": [
        {"name": "web", "before_id": "a" * 64, "id": "b" * 64, "difference": FIELDS},
        {"name": "api", "before_id": "c" * 64, "id": "d" * 64, "difference": None},
        {"name": "queue", "before_id": "e" * 64, "id": "e" * 64, "difference": "Memory: none → 1"},
    ],
    "released": ["old"],
    "released_no_longer": ["legacy"],
}
SNAPSHOTS: list[dict[str, Any]] = [
    {
        "id": SNAPSHOT,
        "taken_at": "2026-11-23T18:00:00Z",
        "reason": "accepted",
        "by": "operator: accept web",
        "originals": 12,
    }
    | {"in_force": True, "added": ["a"], "removed": ["b", "c"], "replaced": ["web"]},
    {"id": "f" * 32, "taken_at": "2026-11-23T17:00:00Z", "reason": "startup", "by": None, "originals": 2}
    | {"in_force": False, "added": [], "removed": [], "replaced": []},
]
TEXTS: dict[str, Callable[[], str]] = {
    "in_sync": lambda: status_text(document((running("db"), "original"), (running("web"), "original"))),
    "drifted": lambda: status_text(DRIFTED),
    "drifted_80": lambda: status_text(DRIFTED, 80),
    "wide_80": lambda: status_text(document((WIDE, "original"), (running("x" * 50), "original")), 80),
    "hostile": lambda: status_text(HOSTILE) + difference_text(HOSTILE),
    "engine_away": lambda: status_text(
        document(
            running=None,
            standings=None,
            engine={"reachable": False, "error": "nobody listens. Start it.", "name": None},
        )
    ),
    "no_snapshot": lambda: status_text(
        document(snapshot=None, standings=None, controller={"last_seen_seconds_ago": None, "report": None})
    ),
    "difference": lambda: difference_text(DRIFTED),
    "difference_50": lambda: difference_text(DRIFTED, 50),
    "change": lambda: change_text(CHANGE),
    "snapshots": lambda: snapshots_text(SNAPSHOTS, 80),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_as_it_was_last_looked_at(name: str) -> None:
    file, text = GOLDEN / f"{name}.txt", TEXTS[name]()
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_table_fits_and_a_name_is_never_cut() -> None:
    lines = TEXTS["drifted_80"]().split("\n\n")[1].split("\n")
    assert max(width_of(line) for line in lines) == 80
    assert "x" * 50 in TEXTS["wide_80"]()


def test_three_hundred_containers_are_three_hundred_rows() -> None:
    many = document(*[(running(f"web-{number}"), "newcomer") for number in range(300)])
    text = status_text(many, 80)
    assert len(text.split("\n\n")[1].splitlines()) == 301
    assert text.endswith("and 290 more\n")


def test_what_a_report_on_another_snapshot_found_is_no_difference() -> None:
    told = ("web", "replaced", OTHER, "restore failed")
    parts = [(running("web"), "original")]
    assert [one.what for one in differences(document(*parts, controller=controller(told)))] == ["replaced"]
    assert differences(document(*parts, controller=controller(told, snapshot_id="0" * 32))) == []


@pytest.mark.parametrize(
    "told",
    [
        ("web", "replaced", OTHER, "restore done"),
        ("web", "unhealthy", "its probe answered 500", "restart done"),
        ("web", "stopped", "had exited with code 1", "start running"),
        ("miner", "new", "is not in the snapshot", "stop done"),
    ],
    ids=lambda told: told[3],
)
def test_what_is_dealt_with_is_no_difference_any_more(told: tuple[str, str, str, str]) -> None:
    assert differences(document((running("web"), "original"), controller=controller(told))) == []


def test_another_image_is_reported_before_the_controller_has_looked() -> None:
    replaced = document((running("web", "nginx:1.28"), "replaced"))
    replaced["snapshot"]["originals"] = [original("web") | {"id": "0" * 64}]
    assert [one.fields for one in differences(replaced)] == [("image: nginx:1.27 → nginx:1.28",)]
    assert [row.image for row in rows(replaced)] == ["nginx:1.28"]


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("研究所", 6, "研究所"),
        ("研究所", 5, "研究…"),
        ("研究所", 4, "研…"),
        ("e\u0301e\u0301", 2, "e\u0301e\u0301"),
        ("ab", 1, "…"),
    ],
)
def test_text_is_cut_by_the_cells_that_it_takes(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown
    assert width_of(shown) <= width


def test_a_column_is_cut_no_further_than_its_least() -> None:
    columns = [Column("A"), Column("B", 3), Column("C", 2)]
    assert table(columns, [("name", "longer", "longest")], 8) == ["A     B    C", "name  lo…  l…"]
    assert table(columns, [], 8) == []


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599.6, "1 h"), (7500, "2 h 5 min"), (273600, "3 d 4 h"), (-1, "0 s")],
)
def test_a_duration_is_reported_in_its_two_largest_units(seconds: float, told: str) -> None:
    assert duration(seconds) == told
