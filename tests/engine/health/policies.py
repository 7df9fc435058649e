"""Policy files of the tests, and what the SSA's log tells of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..kit.waiting import wait_until
from .health import QUICK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..kit.host import Container

NAME = "policy.yaml"
# So that a line's number is not one which is in every log.
HEAD = "# a comment\n" * 70
BAD_YAML = f"{HEAD}- match: some-*\n  ignore: true\n wrongly: indented\n"
BAD_YAML_LINES = (73,)


def make_entry(match: str, **rules: str) -> str:
    """One entry; `__` in a key stands for the dot."""
    lines = [f"- match: {match}", *(f"  {key.replace('__', '.')}: {value}" for key, value in rules.items())]
    return "\n".join(lines) + "\n"


def make_probe_entry(match: str, path: str) -> str:
    """An entry with a quick probe of this path."""
    rules: Mapping[str, str] = QUICK | {"probe.url": f"http://:8080{path}"}
    return make_entry(match, **rules)


def write_in_place(folder: Path, text: str) -> None:
    """As most editors do."""
    (folder / NAME).write_text(text)


def write_by_rename(folder: Path, text: str) -> None:
    """As the careful editors do."""
    (folder / "new").write_text(text)
    (folder / "new").replace(folder / NAME)


def find_lines_about(log: str, numbers: tuple[int, ...]) -> list[str]:
    """The log lines that name one of these lines of the policy file."""
    pattern = re.compile(rf"(?:line[ =:]|{re.escape(NAME)}:)\s*\"?(?:{'|'.join(map(str, numbers))})\b")
    return [line for line in log.splitlines() if pattern.search(line)]


def wait_for_lines_about(api: Container, numbers: tuple[int, ...], since: int = 0) -> list[str]:
    """Until the SSA's log, after so many characters of it, names one of these lines of the policy file."""
    return wait_until(
        lambda: find_lines_about(api.logs[since:], numbers),
        f"a log line about line {numbers} of the policy file",
        15,
        lambda: api.logs[since:],
    )
