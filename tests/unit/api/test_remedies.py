"""Every remedy that a message of the SSA names is carried out on the program itself, and helps."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from .recorded import RecordedEngine
from .test_process import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

IN_FORCE = "snapshot_captured"


@pytest.fixture
def engine(tmp_path: Path) -> Generator[RecordedEngine]:
    """An engine with two containers."""
    with RecordedEngine(tmp_path) as engine:
        yield engine


def run(folder: Path, said: str, **settings: str) -> tuple[str, list[str]]:
    """Start the service, read its log until it says this, and stop it; the line, and all lines."""
    with closing(start(folder, settings)) as process:
        line = process.read_until(said)
        process.stop(signal.SIGTERM)
        return line, process.lines


def start(folder: Path, settings: dict[str, str]) -> Process:
    """Start the service."""
    return Process(folder, **{"SSA_LOG_FORMAT": "json", **settings})


def store(folder: Path) -> Path:
    """The file of the store."""
    return folder / "data" / "status-state.sqlite3"


def change_store(statement: str) -> Callable[[Path], None]:
    """A damage that is done by SQL to a store that has held a snapshot."""

    def damage(folder: Path) -> None:
        run(folder, IN_FORCE)
        with contextlib.closing(sqlite3.connect(store(folder))) as connection:
            connection.execute(statement)
            connection.commit()

    return damage


def overwrite_store(folder: Path) -> None:
    """Put rubbish in the place of the store."""
    run(folder, IN_FORCE)
    store(folder).write_bytes(b"no database" * 1000)


def write(name: str, text: str) -> Callable[[Path], None]:
    """A file that is written."""

    def put(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return put


def nothing(_: Path) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Case:
    """What is wrong, what a message says, and what helps by that; `{}` in a setting is the test's folder."""

    damage: Callable[[Path], None]
    settings: dict[str, str]
    told: str
    help: Callable[[Path], None]
    changed: dict[str, str]


UNREADABLE = "update status_state_snapshots set document = "
FRESH = {"SSA_SNAPSHOT_ON_START": "fresh"}
RESUME = {"SSA_SNAPSHOT_ON_START": "resume"}
CASES = {
    "a snapshot that is no JSON": Case(
        change_store(UNREADABLE + "'{'"), RESUME, "set SSA_SNAPSHOT_ON_START=fresh for one start", nothing, FRESH
    ),
    "a snapshot of another shape": Case(
        change_store(UNREADABLE + "'{}'"), RESUME, "set SSA_SNAPSHOT_ON_START=fresh", nothing, FRESH
    ),
    "a snapshot that is null": Case(
        change_store(UNREADABLE + "x'00ff'"), RESUME, "set SSA_SNAPSHOT_ON_START=fresh", nothing, FRESH
    ),
    "a recipe without a configuration": Case(
        change_store(UNREADABLE + "replace(document, '\"Config\"', '\"Gone\"')"),
        RESUME,
        "set SSA_SNAPSHOT_ON_START=fresh",
        nothing,
        FRESH,
    ),
    "a damaged store": Case(
        overwrite_store, {}, "Move the file away", lambda folder: store(folder).rename(folder / "away") and None, {}
    ),
    "a store of a newer version": Case(
        change_store("update status_state_schema_version set version = 99"),
        {},
        "name another store by SSA_DATA_DIR",
        nothing,
        {"SSA_DATA_DIR": "{}/other"},
    ),
    "a folder that is a file": Case(
        write("data", ""), {}, "See that its folder is a writable volume", nothing, {"SSA_DATA_DIR": "{}/other"}
    ),
    "no engine": Case(
        nothing,
        {"DOCKER_HOST": "unix:///nowhere.sock"},
        "or set DOCKER_HOST",
        nothing,
        {"DOCKER_HOST": "unix://{}/docker.sock"},
    ),
    "a short token": Case(
        write("run/token", "x"),
        {},
        "Delete it, to have one made",
        lambda folder: (folder / "run" / "token").unlink(),
        {},
    ),
    "a short token, made longer": Case(
        write("run/token", "x"), {}, "put at least 16 random characters into it", write("run/token", "x" * 16), {}
    ),
    "no place for a token": Case(
        write("run", ""),
        {},
        "name in SSA_TOKEN_FILE a file that this user can read",
        write("own", "x" * 16),
        {"SSA_TOKEN_FILE": "{}/own"},
    ),
    "no policy where one is named": Case(
        nothing, {"SSA_POLICY_FILE": "{}/p.yaml"}, "or leave it out", nothing, {"SSA_POLICY_FILE": ""}
    ),
    "no policy, mounted then": Case(
        nothing, {"SSA_POLICY_FILE": "{}/p.yaml"}, "Mount it there", write("p.yaml", "- match: x\n  ignore: true\n"), {}
    ),
    "a policy that is none": Case(
        write("p.yaml", "- &a [*a\n"), {"SSA_POLICY_FILE": "{}/p.yaml"}, "Fix the file", write("p.yaml", ""), {}
    ),
    "a wrong setting": Case(
        nothing, {"SSA_ENGINE_TIMEOUT": "soon"}, "Correct it, or leave it out", nothing, {"SSA_ENGINE_TIMEOUT": ""}
    ),
    "a file of a database's URL that is missing": Case(
        nothing,
        {"SSA_DATABASE_URL_FILE": "{}/url"},
        "leave it out for the SQLite file in SSA_DATA_DIR",
        nothing,
        {"SSA_DATABASE_URL_FILE": ""},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_a_message_says_helps(tmp_path: Path, engine: RecordedEngine, case: Case) -> None:
    assert engine
    case.damage(tmp_path)
    settings = {name: value.format(tmp_path) for name, value in case.settings.items()}
    run(tmp_path, case.told, **settings)
    case.help(tmp_path)
    settings |= {name: value.format(tmp_path) for name, value in case.changed.items()}
    line, lines = run(tmp_path, IN_FORCE, **settings)
    assert json.loads(line)["originals"] == 2
    assert not [line for line in lines if "Traceback" in line]


def test_a_fresh_start_says_that_the_snapshot_before_can_not_be_read(tmp_path: Path, engine: RecordedEngine) -> None:
    assert engine
    change_store(UNREADABLE + "'{}'")(tmp_path)
    _, lines = run(tmp_path, IN_FORCE, **FRESH)
    (told,) = [json.loads(line) for line in lines if "stored_snapshot_unreadable" in line]
    assert told["level"] == "warning"
    run(tmp_path, "snapshot_resumed", **RESUME)


EMPTIED: dict[str, Callable[[Path], object]] = {
    "an empty file": lambda folder: store(folder).write_bytes(b""),
    "no file": lambda folder: store(folder).unlink(),
    "no tables": change_store("drop table status_state_snapshots"),
}


@pytest.mark.parametrize("empty", EMPTIED.values(), ids=EMPTIED)
def test_a_store_that_was_emptied_is_reported(
    tmp_path: Path, engine: RecordedEngine, empty: Callable[[Path], object]
) -> None:
    assert engine
    _, lines = run(tmp_path, IN_FORCE)
    assert not [line for line in lines if "store_new" in line], "the first start"
    empty(tmp_path)
    _, lines = run(tmp_path, IN_FORCE)
    (told,) = [json.loads(line) for line in lines if "store_new" in line]
    assert told["level"] == "warning"
    _, lines = run(tmp_path, IN_FORCE)
    assert not [line for line in lines if "store_new" in line], "told once"


def test_a_taken_port_and_an_unknown_host_have_a_way_out(tmp_path: Path, engine: RecordedEngine) -> None:
    assert engine
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run(tmp_path, "set SSA_HOST or SSA_PORT", SSA_PORT=str(taken.getsockname()[1]))
    with closing(start(tmp_path, {"SSA_ALLOWED_HOSTS": "kiosk.example"})) as process:
        process.read_until(IN_FORCE)
        assert process.get("/status", host="other.example")[0] == 421
        assert process.get("/status", host="kiosk.example")[0] == 200
