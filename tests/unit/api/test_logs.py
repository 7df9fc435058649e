"""What the SSA's libraries may put into its log: nothing of single requests, whose URLs can hold secrets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import structlog
from status_state_api.logs import configure_logs

if TYPE_CHECKING:
    from collections.abc import Generator

LIBRARIES = ("httpx", "httpcore", "urllib3")


@pytest.fixture(autouse=True)
def as_before() -> Generator[None]:
    """Leaves logging as it was."""
    root, levels = logging.getLogger(), {name: logging.getLogger(name).level for name in (*LIBRARIES, "uvicorn")}
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("level", ["debug", "info"])
def test_a_library_tells_nothing_of_single_requests(
    level: str, library: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(level, "logfmt")
    logging.getLogger(library).info("HTTP Request: GET http://user:secret@web/?key=secret")
    logging.getLogger(f"{library}.connection").debug("GET /?key=secret")
    logging.getLogger(library).warning("something is wrong")
    told = capsys.readouterr().out
    assert "secret" not in told
    assert "something is wrong" in told
