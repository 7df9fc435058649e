"""How log lines look, in either form; in a process of its own, because logging is set up for a whole process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = Path(__file__).resolve().parents[2] / "packages"
PROGRAM = """
import logging, sys
import structlog
from status_state_controller.logs import set_up_logging
set_up_logging(sys.argv[1], sys.argv[2])
log = structlog.get_logger("a")
log.debug("a debug line")
log.info("web had exited: started", snapshot="abc", originals=3, odd='say "hi" = x', dry=True)
log.warning("a line\\nof two", token=None)
logging.getLogger("some.library").warning("the library says %s", "so")
logging.getLogger("httpx").warning("chatter")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("a bug")
"""


def lines(log_format: str, level: str = "info") -> list[str]:
    """What the program writes to standard output."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, log_format, level],
        env={"PYTHONPATH": str(PACKAGES)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stderr == ""
    return ended.stdout.splitlines()


def test_logfmt_lines_hold_time_level_and_sentence_first_and_each_is_one_line() -> None:
    found = lines("logfmt")
    assert len(found) == 4
    assert all(line.startswith("time=20") for line in found)
    assert 'level=info event="web had exited: started" snapshot=abc originals=3' in found[0]
    assert r'odd="say \"hi\" = x"' in found[0]
    assert "dry=true" in found[0]
    assert r'event="a line\nof two"' in found[1]
    assert 'level=warning event="the library says so"' in found[2]
    assert "ZeroDivisionError" in found[3]


def test_json_lines_are_one_object_each() -> None:
    found = [json.loads(line) for line in lines("json")]
    assert [(line["level"], line["event"]) for line in found] == [
        ("info", "web had exited: started"),
        ("warning", "a line\nof two"),
        ("warning", "the library says so"),
        ("error", "a bug"),
    ]
    assert found[0]["originals"] == 3
    assert found[0]["time"].endswith("Z")
    assert "ZeroDivisionError" in found[3]["exception"]


@pytest.mark.parametrize(("level", "count"), [("debug", 5), ("warning", 3), ("error", 1)])
def test_the_level_decides_what_is_written(level: str, count: int) -> None:
    assert len(lines("json", level)) == count
