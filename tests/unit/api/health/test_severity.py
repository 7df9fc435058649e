"""The severity of a line of a container's log, read from the formats that real programs write.

The lines are in severity.tsv: those that tell a severity, and those that only look as if they did.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from status_state_api.health.logs.severity import Severity, read_severity

Row = tuple[str, Severity | None, str]

MEGABYTE = 1_000_000
LONGEST_SECONDS = 1.0
TOO_LONG_FOR_A_TABLE: list[Row] = [
    ("json-huge-message", Severity.ERROR, '{"msg":"' + "x" * 100_000 + '","level":"error"}'),
    ("megabyte-of-x", None, "x" * MEGABYTE),
    ("json-level-huge", None, '{"level":' + "9" * 5000 + "}"),
    ("json-nested-too-deep", None, '{"a":' * 100_000),
    ("json-arrays-too-deep", None, "[" * 100_000),
]
HOSTILE = {
    "spaces": " " * MEGABYTE,
    "tabs-then-word": "\t" * MEGABYTE + "ERROR",
    "open-brackets": "[" * MEGABYTE,
    "bracket-pairs": "[]" * (MEGABYTE // 2),
    "bracketed-words": "[a] " * (MEGABYTE // 4),
    "open-braces": "{" * MEGABYTE,
    "digits": "1" * MEGABYTE,
    "time-like": "2024-05-01 10:00:00 " * (MEGABYTE // 20),
    "dots": "a." * (MEGABYTE // 2),
    "dashes": "- " * (MEGABYTE // 2),
    "colons": "a:" * (MEGABYTE // 2),
    "slashes": "a/" * (MEGABYTE // 2),
    "pipes": "a | " * (MEGABYTE // 4),
    "pairs": "a=b " * (MEGABYTE // 4),
    "pairs-of-quotes": 'a="b" ' * (MEGABYTE // 6),
    "quotes": '"' * MEGABYTE,
    "open-quote": 'a="' + "b" * MEGABYTE,
    "backslashes": 'a="' + "\\" * MEGABYTE,
    "escapes": "\x1b" * MEGABYTE,
    "unended-colours": "\x1b[" + "3;" * (MEGABYTE // 2),
    "colours": "\x1b[31m" * (MEGABYTE // 5),
    "angles": "<" * MEGABYTE,
    "words": "error " * (MEGABYTE // 6),
    "json": '{"level":"' + "e" * MEGABYTE,
}
ESCAPE = re.compile(r"\\(?:x(..)|u(....)|(.))")


def read_table() -> dict[str, list[Row]]:
    """The samples, by their group."""
    groups: dict[str, list[Row]] = {"too long for a table": TOO_LONG_FOR_A_TABLE}
    group: list[Row] = []
    for text in (Path(__file__).parent / "severity.tsv").read_text(encoding="utf-8").split("\n"):
        if text.startswith("## "):
            group = groups[text.removeprefix("## ")] = []
        elif text and not text.startswith("#"):
            severity, name, line = text.split("\t")
            group.append((name, None if severity == "-" else Severity[severity.upper()], unescape(line)))
    return groups


def unescape(line: str) -> str:
    """A line of the table as the program wrote it."""
    return ESCAPE.sub(
        lambda found: (
            chr(int(found[1] or found[2], 16))
            if found[3] is None
            else {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}[found[3]]
        ),
        line,
    )


GROUPS = read_table()
SAMPLES = [row for rows in GROUPS.values() for row in rows]


def test_severities_are_ordered() -> None:
    assert [severity.name for severity in sorted(Severity)] == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


@pytest.mark.parametrize("group", GROUPS)
def test_a_line_tells_its_severity_or_none(group: str) -> None:
    read = [(name, read_severity(line)) for name, _, line in GROUPS[group]]
    assert read == [(name, severity) for name, severity, _ in GROUPS[group]]


@pytest.mark.parametrize("at_least", Severity)
def test_what_is_asked_for_at_least_changes_no_answer_that_matters(at_least: Severity) -> None:
    matters = [row for row in SAMPLES if row[1] is not None and row[1] >= at_least]
    assert [(name, read_severity(line, at_least)) for name, _, line in matters] == [row[:2] for row in matters]


def test_every_sample_is_there_once_and_every_severity_has_some() -> None:
    names, severities, lines = zip(*SAMPLES, strict=True)
    assert len(set(names)) == len(set(lines)) == len(SAMPLES) > 600
    assert set(severities) == {None, *Severity}


@pytest.mark.parametrize("line", [pytest.param(line, id=name) for name, line in HOSTILE.items()])
def test_a_megabyte_is_read_at_once(line: str) -> None:
    begin = time.process_time()
    read_severity(line)
    assert time.process_time() - begin < LONGEST_SECONDS


@given(st.text())
def test_any_text_can_be_read(line: str) -> None:
    assert read_severity(line) in {None, *Severity}


@given(st.dictionaries(st.sampled_from(["level", "severity", "levelname", "s", "t", "@t", "@l"]), st.text()))
def test_unknown_values_of_logfmt_do_no_harm(pairs: dict[str, str]) -> None:
    line = " ".join(f"{key}={value}" for key, value in pairs.items())
    assert read_severity(line) in {None, *Severity}
