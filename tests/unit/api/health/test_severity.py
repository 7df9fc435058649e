"""The severity of a line of a container's log, read from the formats that real programs write.

The lines are in severity_samples.py: those that tell a severity, and those that only look as if they did.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from status_state_api.health.logs.severity import Severity, read_severity

from .severity_samples import TOLD, UNTOLD

MEGABYTE = 1_000_000
LONGEST_SECONDS = 1.0
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


def test_severities_are_ordered() -> None:
    assert list(Severity) == sorted(Severity)
    assert [severity.name for severity in Severity] == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


@pytest.mark.parametrize(("line", "severity"), [pytest.param(line, severity, id=name) for name, severity, line in TOLD])
def test_the_severity_that_a_line_tells_is_read(line: str, severity: Severity) -> None:
    assert read_severity(line) is severity


@pytest.mark.parametrize("line", [pytest.param(line, id=name) for name, line in UNTOLD])
def test_a_line_that_tells_no_severity_has_none(line: str) -> None:
    assert read_severity(line) is None


def test_every_sample_is_there_once() -> None:
    names = [name for name, *_ in TOLD] + [name for name, _ in UNTOLD]
    lines = [line for *_, line in TOLD] + [line for _, line in UNTOLD]
    assert sorted(names) == sorted(set(names))
    assert sorted(lines) == sorted(set(lines))


def test_every_severity_has_samples() -> None:
    assert {severity for _, severity, _ in TOLD} == set(Severity)


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


@pytest.mark.parametrize("at_least", Severity)
@pytest.mark.parametrize(("line", "severity"), [pytest.param(line, severity, id=name) for name, severity, line in TOLD])
def test_what_is_asked_for_at_least_changes_no_answer_that_matters(
    line: str, severity: Severity, at_least: Severity
) -> None:
    if severity >= at_least:
        assert read_severity(line, at_least) is severity
