"""How log lines look, in either form; in a process of its own, because logging is set up for a whole process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = Path(__file__).resolve().parents[2] / "packages"
PROGRAM = r"""
import logging, sys
import structlog
from status_state_api.logs import set_up_logs
set_up_logs(sys.argv[2], sys.argv[1])
log = structlog.get_logger("a")
log.debug("looked", message="A debug line.")
log.info("healed", originals=3, names=["a", "b"], odd='say "hi" = x', none=None, dry=True, message="web had exited: started")
log.warning("odd_name", message="a line\nof two", name="\x1b[2J\r\a\x9d0;t\x9c\u202eevil\u2028\x7f\\", plain="ä-ö:1/2")
logging.getLogger("some.library").warning("the library says %s", "so")
for library in ("httpx", "httpcore", "urllib3", "docker"):
    logging.getLogger(library).warning("GET http://user:secret@web/")
    logging.getLogger(library + ".connection").info("secret")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("bug", message="A bug.")
"""


def lines(form: str, level: str = "info") -> list[str]:
    """What the program writes to standard output."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, form, level],
        env={"PYTHONPATH": str(PACKAGES), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert ended.stderr == b""
    return ended.stdout.decode().removesuffix("\n").split("\n")


def test_logfmt_lines_hold_time_level_event_and_sentence_first_and_nothing_that_does_not_print() -> None:
    found = lines("logfmt")
    assert all(line.startswith("time=20") and line.isprintable() for line in found)
    assert [line.partition(" ")[2] for line in found[:3]] == [
        r'level=info event=healed message="web had exited: started" originals=3 names=a,b odd="say \"hi\" = x" none= dry=true',
        r'level=warning event=odd_name message="a line\nof two" name="\u001b[2J\r\u0007\u009d0;t\u009c\u202eevil\u2028\u007f\\" plain=ä-ö:1/2',
        'level=warning event=log message="the library says so" logger=some.library',
    ]
    assert 'level=error event=bug message="A bug." exception="Traceback' in found[3]
    assert "ZeroDivisionError" in found[3]
    assert len(found) == 4, "the libraries tell nothing of single requests"


def test_json_lines_are_one_object_each() -> None:
    found = [json.loads(line) for line in lines("json")]
    assert [(line["level"], line["event"], line["message"]) for line in found] == [
        ("info", "healed", "web had exited: started"),
        ("warning", "odd_name", "a line\nof two"),
        ("warning", "log", "the library says so"),
        ("error", "bug", "A bug."),
    ]
    assert [*found[0]][:5] == ["time", "level", "event", "message", "originals"]
    assert found[0]["names"] == ["a", "b"]
    assert found[0]["time"].endswith("Z")
    assert "ZeroDivisionError" in found[3]["exception"]


@pytest.mark.parametrize(("level", "count"), [("debug", 5), ("warning", 3), ("error", 1)])
def test_the_level_decides_what_is_written(level: str, count: int) -> None:
    assert len(lines("json", level)) == count


SECRETS = r"""
import logging, sys
import structlog
from status_state_api.logs import set_up_logs
set_up_logs("info", sys.argv[1])
values = ["--password s3cret", ["--token=s3cret"], {"token=s3cret"}, {"db_password": "s3cret"}, OSError("key: s3cret")]
for value in values:
    structlog.get_logger("a").info("healed", message="password=s3cret", reason=value)
logging.getLogger("some.library").warning("GET http://u:s3cret@h/")
"""


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_no_line_holds_a_secret(form: str) -> None:
    command, environment = [sys.executable, "-c", SECRETS, form], {"PYTHONPATH": str(PACKAGES)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    told = ended.stdout.splitlines()
    assert len(told) == 6
    assert all("***" in line for line in told)
    assert "s3cret" not in ended.stdout
