"""The token file: made once, its owner's alone, never half-written, and told about when it can't be used."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from status_state_api.errors import TokenUnusable
from status_state_api.main import run
from status_state_api.process.tokens import read_or_make_token

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.usefixtures("logging_as_before")


def test_a_token_is_made_at_the_first_start_and_read_at_the_next(tmp_path: Path) -> None:
    path = tmp_path / "run" / "token"
    token, made = read_or_make_token(path)
    assert (len(token), made) == (43, True)
    assert read_or_make_token(path) == (token, False)
    assert path.read_text() == token + "\n"
    assert [file.name for file in path.parent.iterdir()] == ["token"]


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_it_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "run" / "token"
    before = os.umask(umask)
    try:
        read_or_make_token(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_services_that_start_together_have_one_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with ThreadPoolExecutor(16) as pool:
        tokens = {token for token, _ in pool.map(read_or_make_token, [path] * 64)}
    assert len(tokens) == 1


def test_a_token_of_an_operator_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("  an-operators-own-token  \n")
    assert read_or_make_token(path) == ("an-operators-own-token", False)


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff\xfe\x00\x01 sixteen or more"])
def test_a_file_without_a_token_is_reported_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(TokenUnusable, match=r"(empty or too short.*Delete it|can't be read.*SSA_TOKEN_FILE)"):
        read_or_make_token(path)
    assert path.read_bytes() == content


def test_a_place_where_none_can_be_made_is_reported_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(TokenUnusable, match=r"can't be read or made: .*SSA_TOKEN_FILE"):
        read_or_make_token(tmp_path / "run" / "token")


def test_the_process_ends_with_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").touch()
    assert run({"SSA_TOKEN_FILE": str(tmp_path / "token")}) == 2
    assert "is empty or too short" in capsys.readouterr().err
