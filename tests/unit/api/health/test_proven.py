"""Which probes were ever answered well: kept over restarts, whatever becomes of the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from status_state_api.health.probe.proven import ProvenProbes

from ..world import Lines

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://user:pass@:8080/health?deep=1"
UNKEPT = "probes_not_kept"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where they are kept."""
    return tmp_path / "probes.json"


def test_without_a_file_none_was(file: Path) -> None:
    assert not ProvenProbes(file).has("web", URL)
    assert not file.exists(), "nor is one made by asking"


def test_what_was_noted_is_known_at_once_and_after_a_restart(file: Path) -> None:
    proven = ProvenProbes(file)
    proven.add("web", URL)
    proven.add("db", URL)
    for known in (proven, ProvenProbes(file)):
        assert known.has("web", URL)
        assert known.has("db", URL)
        assert not known.has("web", "http://:8080/")
        assert not known.has("cache", URL)


def test_more_is_noted_beside_what_was_kept(file: Path) -> None:
    ProvenProbes(file).add("web", URL)
    ProvenProbes(file).add("db", URL)
    assert ProvenProbes(file).has("web", URL)
    assert ProvenProbes(file).has("db", URL)


def test_what_is_known_is_not_written_again(file: Path) -> None:
    proven = ProvenProbes(file)
    proven.add("web", URL)
    file.unlink()
    proven.add("web", URL)
    assert not file.exists()


def test_the_file_is_in_order_and_nothing_is_left_beside_it(file: Path) -> None:
    proven = ProvenProbes(file)
    proven.add("web", URL)
    proven.add("db", URL)
    assert json.loads(file.read_text()) == [["db", URL], ["web", URL]]
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "kept",
    [b"", b"no json", b"\xff", b"5", b"null", b"[5]", b'[["web"]]', b'[["web", "x", "y"]]', b'{"web": 1}'],
    ids=str,
)
def test_a_file_that_is_none_is_begun_anew(file: Path, kept: bytes) -> None:
    file.write_bytes(kept)
    proven = ProvenProbes(file)
    assert not proven.has("web", URL)
    proven.add("web", URL)
    assert ProvenProbes(file).has("web", URL)


def test_where_nothing_can_be_kept_that_is_reported_once_and_it_is_known_all_the_same(tmp_path: Path) -> None:
    proven = ProvenProbes(tmp_path / "nowhere" / "probes.json")
    with Lines() as lines:
        proven.add("web", URL)
        proven.add("web", URL)
    assert proven.has("web", URL)
    line = lines.one(UNKEPT)
    assert line["cause"] == f"{tmp_path}/nowhere/probes.json: No such file or directory"
    assert line["remedy"] == "Make SSA_DATA_DIR writable"
