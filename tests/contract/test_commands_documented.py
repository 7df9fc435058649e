"""docs/commands.md shows what each command says of itself: `UPDATE_COMMANDS=1 pytest` writes these parts anew."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from status_state_api.cli.main import GROUPS, main

FILE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
NAMES = [command.callback.__name__ for group in GROUPS for command in group.registered_commands if command.callback]


@pytest.mark.parametrize("name", NAMES)
def test_a_command_is_documented_as_it_says(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "argv", ["status-state", name, "--help"])
    with pytest.raises(SystemExit):
        main()
    said = f"## {name}\n\n```text\n{capsys.readouterr().out}```\n"
    text = FILE.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_COMMANDS"):
        text = re.sub(rf"^## {name}\n(?:\n```text\n.*?```\n)?", lambda _: said, text, flags=re.DOTALL | re.MULTILINE)
        FILE.write_text(text, encoding="utf-8")
    assert said in text


def test_nothing_else_is_documented() -> None:
    assert re.findall(r"^## (\w+)$", FILE.read_text(encoding="utf-8"), re.MULTILINE) == NAMES
