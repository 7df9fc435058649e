"""The policy file: what ends the start, what is taken over while the service runs, and what is only told, once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.errors import PolicyUnusable
from status_state_api.health.rules.policy_file import DEFAULT_PATH, LARGEST_BYTES, PolicyFile
from status_state_api.health.timing import Timing

from ..world import Lines
from .world import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

WEB = "- match: web\n  ignore: true\n"
DB = "- match: db\n  ignore: true\n"
GONE = "policy_gone"
BROKEN = "policy_unusable"
CHANGED = "policy_changed"
OFTEN = Timing(policy=0.001)


class LookedAt(type(Path())):
    """A path that counts how often it is looked at."""

    looks = 0

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        """Count, and look."""
        type(self).looks += 1
        return super().stat(follow_symlinks=follow_symlinks)


@pytest.fixture
def path(tmp_path: Path) -> LookedAt:
    """Where the file is, looked at often."""
    return LookedAt(tmp_path / "etc" / "policy.yaml")


def write(path: Path, text: str | bytes) -> None:
    """Write the file in place."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def kept_at(path: Path) -> Path:
    """Where the last version that was right is kept."""
    return Path(path.parent.parent / "data" / "policy.yaml")


def opened(path: Path, default_path: Path = DEFAULT_PATH) -> PolicyFile:
    """The policy at the start, whatever is there."""
    file = PolicyFile(path, kept_at(path), default_path=default_path, timing=OFTEN)
    file.load()
    return file


def loaded(path: Path, text: str | bytes = WEB) -> PolicyFile:
    """The policy at the start."""
    write(path, text)
    return opened(path)


def refusal(path: Path, text: str | bytes | None = None) -> PolicyUnusable:
    """What is said when the start can't go on."""
    if text is not None:
        write(path, text)
    with pytest.raises(PolicyUnusable) as raised:
        PolicyFile(path, kept_at(path)).load()
    return raised.value


def ignored(file: PolicyFile) -> list[str]:
    """What the policy in force is about."""
    return [glob for entry in file.policy.entries for glob in entry.match]


class Watching:
    """A policy file that is watched, and how often a new version came into force."""

    def __init__(self, file: PolicyFile) -> None:
        self.file = file
        self.changes = 0
        self.seen: list[list[str]] = []

    async def changed(self) -> None:
        """Note it."""
        self.seen.append(ignored(self.file))
        self.changes += 1

    async def looks(self, count: int = 5) -> None:
        """Let it be looked at some more times."""
        wanted = LookedAt.looks + count
        await until(lambda: LookedAt.looks >= wanted)


@asynccontextmanager
async def watching(path: Path, text: str | bytes = WEB) -> AsyncGenerator[tuple[Watching, Lines]]:
    """Watch a file that says this at the start."""
    stage = Watching(loaded(path, text))
    with Lines() as lines:
        task = asyncio.create_task(stage.file.watch(stage.changed))
        yield stage, lines
        assert not task.done(), "it watches for ever"
        task.cancel()
        await asyncio.wait([task])


def test_the_file_is_read_at_the_start(path: LookedAt) -> None:
    with Lines() as lines:
        assert ignored(loaded(path)) == ["web"]
    assert lines.events == []


def test_there_need_not_be_a_file_at_the_default_path(path: LookedAt) -> None:
    assert Path("/etc/status-state/policy.yaml") == DEFAULT_PATH
    assert ignored(opened(path, path)) == []


def test_a_file_that_was_named_must_be_there(path: LookedAt) -> None:
    error = refusal(path)
    assert error.cause == f"there is no policy file {path}"
    assert "correct SSA_POLICY_FILE" in error.remedy


def test_a_folder_that_the_engine_made_in_place_of_the_file_is_reported(path: LookedAt) -> None:
    path.mkdir(parents=True)
    error = refusal(path)
    assert "can't be read: Is a directory" in error.cause
    assert error.remedy.startswith("The engine makes a folder in place of a file that is missing on the host")


def test_a_file_that_may_not_be_read_is_reported(path: LookedAt, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    write(path, WEB)
    monkeypatch.setattr(LookedAt, "open", refuse)
    error = refusal(path)
    assert error.cause == f"the policy file {path} can't be read: Permission denied"
    assert "chmod a+r" in error.remedy


def test_a_folder_that_may_not_be_entered_is_reported(path: LookedAt, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(LookedAt, "stat", refuse)
    monkeypatch.setattr(LookedAt, "open", refuse)
    assert refusal(path).cause == f"the policy file {path} can't be read: Permission denied"


def test_a_file_below_what_is_no_folder_is_reported(path: LookedAt) -> None:
    path.parent.write_text("a file")
    assert "Not a directory" in refusal(path).cause


def test_a_file_that_is_too_large_is_reported(path: LookedAt) -> None:
    largest = WEB.encode() + b"#" * (LARGEST_BYTES - len(WEB))
    assert "is larger than a megabyte" in refusal(path, largest + b"#").cause
    assert ignored(loaded(path, largest)) == ["web"]


def test_a_file_that_is_no_text_is_reported(path: LookedAt) -> None:
    assert "is no UTF-8 text" in refusal(path, b"- match: caf\xe9\n").cause


def test_a_file_that_is_no_yaml_is_reported_with_its_line(path: LookedAt) -> None:
    error = refusal(path, "- match: web\n  ignore: true\n bad\n")
    assert error.cause.startswith("policy.yaml, line 3: this is no YAML: ")


def test_a_file_that_is_no_list_is_reported(path: LookedAt) -> None:
    assert refusal(path, "match: web\n").cause.startswith("policy.yaml, line 1: a list is expected")


def test_a_wrong_rule_is_reported_at_the_start_and_the_others_are_in_force(path: LookedAt) -> None:
    with Lines() as lines:
        file = loaded(path, f"{WEB}- match: db\n  restart: perhaps\n- ignore: true\n")
    assert ignored(file) == ["web", "db"]
    assert [line["event"] for line in lines.captured] == ["policy_rule_wrong"] * 2
    assert [line["log_level"] for line in lines.captured] == ["error", "error"]
    assert lines.captured[0]["problem"].startswith("policy.yaml, line 4: restart is 'perhaps'")
    assert lines.captured[1]["problem"].startswith("policy.yaml, line 5: this entry has no `match`")


async def test_a_version_written_in_place_is_taken_over(path: LookedAt) -> None:
    async with watching(path) as (stage, lines):
        write(path, DB + WEB)
        await until(lambda: stage.changes)
        assert stage.seen[-1] == ["db", "web"], "in force before it is told"
    assert lines.one(CHANGED)["entries"] == 2


async def test_a_version_put_in_place_by_renaming_is_taken_over(path: LookedAt) -> None:
    async with watching(path) as (stage, _):
        other = path.with_name("new.yaml")
        other.write_text(DB)
        other.rename(path)
        await until(lambda: stage.changes)
        assert stage.seen == [["db"]]


async def test_a_version_of_the_same_length_is_taken_over(path: LookedAt) -> None:
    async with watching(path, "- match: db1\n  ignore: true\n") as (stage, _):
        write(path, "- match: db2\n  ignore: true\n")
        await until(lambda: stage.changes)
        assert stage.seen == [["db2"]]


async def test_a_file_that_comes_to_the_default_path_is_taken_over(path: LookedAt) -> None:
    stage = Watching(opened(path, path))
    task = asyncio.create_task(stage.file.watch(stage.changed))
    with Lines() as lines:
        await stage.looks()
        assert lines.events == [], "that there is none is nothing to tell"
        write(path, WEB)
        await until(lambda: stage.changes)
    task.cancel()
    assert stage.seen == [["web"]]


async def test_an_empty_file_takes_the_policy_away(path: LookedAt) -> None:
    async with watching(path) as (stage, _):
        write(path, "")
        await until(lambda: stage.changes)
        assert stage.seen == [[]]


async def test_a_file_that_has_not_changed_is_not_read_again(path: LookedAt) -> None:
    async with watching(path) as (stage, lines):
        policy = stage.file.policy
        await stage.looks()
        assert stage.file.policy is policy
    assert (stage.changes, lines.events) == (0, [])


async def test_a_file_that_vanishes_is_reported_once_and_its_return_is_taken_over(path: LookedAt) -> None:
    async with watching(path) as (stage, lines):
        path.unlink()
        await until(lambda: lines.events)
        await stage.looks()
        assert (lines.events, ignored(stage.file), stage.changes) == ([GONE], ["web"], 0)
        write(path, DB)
        await until(lambda: stage.changes)
    assert lines.events == [GONE, CHANGED]
    assert "leave the file there, and empty" in lines.one(GONE)["remedy"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("- match: [\n", "this is no YAML", id="no YAML"),
        pytest.param("match: web\n", "a list is expected", id="no list"),
        pytest.param(b"\xff", "is no UTF-8 text", id="no text"),
        pytest.param(b"#" * (LARGEST_BYTES + 1), "larger than a megabyte", id="too large"),
        pytest.param(f"{DB}  restart: perhaps\n- 5\n", "'never'; policy.yaml, line 4: an entry", id="wrong rules"),
    ],
)
async def test_a_broken_version_is_reported_once_and_keeps_the_one_before(
    path: LookedAt, text: str | bytes, said: str
) -> None:
    async with watching(path) as (stage, lines):
        write(path, text)
        await until(lambda: lines.events)
        await stage.looks()
        assert lines.events == [BROKEN]
        assert said in lines.one(BROKEN)["problem"]
        assert (ignored(stage.file), stage.changes) == (["web"], 0)
        write(path, DB)
        await until(lambda: stage.changes)
        assert ignored(stage.file) == ["db"]


async def test_a_folder_in_place_of_the_file_keeps_the_policy(path: LookedAt) -> None:
    async with watching(path) as (stage, lines):
        path.unlink()
        path.mkdir()
        await until(lambda: BROKEN in lines.events)
        assert ignored(stage.file) == ["web"]
    assert "Is a directory" in lines.one(BROKEN)["problem"]


async def test_what_can_not_be_looked_at_is_reported_once(path: LookedAt) -> None:
    async with watching(path) as (stage, lines):
        path.unlink()
        path.parent.rmdir()
        path.parent.write_text("a file")
        await until(lambda: BROKEN in lines.events)
        await stage.looks()
        assert lines.events.count(BROKEN) == 1
        assert ignored(stage.file) == ["web"]
    assert "Not a directory" in lines.one(BROKEN)["problem"]


async def test_a_version_that_is_still_being_written_is_not_taken_over(
    path: LookedAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(f"- match: c{number}\n  ignore: true\n" for number in range(9))
    stage = Watching(loaded(path, ""))
    parts = [text[: len(text) * part // 5] for part in range(1, 6)]
    look = LookedAt.stat

    def write_on(self: LookedAt, *, follow_symlinks: bool = True) -> Any:
        if parts and self == path:  # a writer at work between the looks
            Path(path).write_text(parts.pop(0))
        return look(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(LookedAt, "stat", write_on)
    with Lines() as lines:
        task = asyncio.create_task(stage.file.watch(stage.changed))
        await until(lambda: stage.seen)
        task.cancel()
    assert stage.seen == [[f"c{number}" for number in range(9)]]
    assert lines.events == [CHANGED]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(None, GONE, id="gone"),
        pytest.param("match: web\n", BROKEN, id="no policy"),
        pytest.param(f"{DB}- match: x\n  restart: perhaps\n", BROKEN, id="a wrong rule"),
    ],
)
def test_at_a_start_the_last_version_that_was_right_stays_in_force(path: LookedAt, text: str | None, said: str) -> None:
    loaded(path)
    path.unlink()
    if text is not None:
        write(path, text)
    with Lines() as lines:
        file = opened(path)
    assert ignored(file) == ["web"]
    assert lines.events == [said]


async def test_a_version_that_was_taken_over_is_kept_for_the_next_start(path: LookedAt) -> None:
    async with watching(path) as (stage, _):
        write(path, DB)
        await until(lambda: stage.changes)
    path.unlink()
    with Lines():
        assert ignored(opened(path)) == ["db"]


def test_an_empty_policy_is_kept_as_such(path: LookedAt) -> None:
    loaded(path)
    loaded(path, "")
    path.unlink()
    assert "there is no policy file" in refusal(path).cause


def test_a_wrong_version_is_not_kept(path: LookedAt) -> None:
    with Lines():
        loaded(path, f"{WEB}- match: x\n  restart: perhaps\n")
    path.unlink()
    assert "there is no policy file" in refusal(path).cause


@pytest.mark.parametrize("kept", [b"match: [", b"\xff", b"", f"{DB}- 5\n".encode()], ids=str)
def test_what_was_kept_and_can_not_be_used_is_passed_over(path: LookedAt, kept: bytes) -> None:
    write(kept_at(path), kept)
    assert "there is no policy file" in refusal(path).cause
    assert ignored(loaded(path)) == ["web"]


def test_where_nothing_can_be_kept_that_is_reported(path: LookedAt) -> None:
    kept_at(path).parent.write_text("a file")
    with Lines() as lines:
        assert ignored(loaded(path)) == ["web"]
    assert lines.one("policy_not_kept")["remedy"] == "Make SSA_DATA_DIR writable"
