"""Sends one message to all targets: a process of its own, so that Apprise costs the controller neither memory nor time.

`python3 -m app.notify.sender` reads `{"urls": […], "message": {…} or null, "seconds": …}` from its standard input, and
writes `[number, problem or null]` for each target, a line as soon as it is known. Without a message it only says which
URLs can be used. It alone imports Apprise. Nothing else reads what it prints, and it prints no part of a URL.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from .targets import scrub

_CAUSE = re.compile(r"\[Errno -?\d+\] [^()'\"]+|(?<=Caused by ).*$", re.DOTALL)
"""What an exception of requests and urllib3 comes to."""


def main() -> None:
    """Do it, and end the process, whatever still hangs."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a service prints is no answer
    request: dict[str, Any] = json.load(sys.stdin)
    signal.alarm(int(request["seconds"]) + 1)  # also when the controller is gone
    _give_way()
    lock = threading.Lock()

    def work(number: int, url: str) -> None:
        try:
            problem = _problem(url, request["message"])
        except Exception as error:  # noqa: BLE001 # a service's bug concerns its target alone
            problem = scrub(f"{type(error).__name__}: {error}", url)
        with lock:
            answers.write(json.dumps([number, problem]) + "\n")
            answers.flush()

    __import__("apprise")  # before the threads, which would wait for each other
    threads = [threading.Thread(target=work, args=one, daemon=True) for one in enumerate(request["urls"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)


def _give_way() -> None:
    """Yield to the controller: in computing time, and where memory runs short."""
    with suppress(OSError):
        os.nice(10)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _problem(url: str, message: dict[str, str] | None) -> str | None:
    """Send to one target; return why that failed, None when it did not."""
    import apprise  # noqa: PLC0415 # see the module's docstring

    said = _Said(threading.get_ident())
    logger = logging.getLogger("apprise")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(said)
    target: Any = apprise.Apprise()
    if not target.add(url):
        return scrub(said.why() or "Apprise can't use this URL", url)
    if message is None:
        return None
    for service in target:
        if "overflow=" not in url:
            service.overflow_mode = apprise.OverflowMode.SPLIT  # else a service refuses what is too long for it
    sent = target.notify(
        title=message["title"],
        body=message["body"],
        notify_type=apprise.NotifyType(message["level"]),
        body_format=apprise.NotifyFormat.TEXT,
        log_level=logging.DEBUG,
    )
    entries = [(entry.level, entry.message) for result in sent.results for entry in result.logs()]
    return None if sent else scrub(_why(entries) or "Apprise does not say why", url)


class _Said(logging.Handler):
    """What Apprise logs in one thread."""

    def __init__(self, thread: int) -> None:
        super().__init__(logging.WARNING)
        self._thread = thread
        self._entries: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        if record.thread == self._thread:
            self._entries.append((record.levelname, record.getMessage()))

    def why(self) -> str:
        """Return the reason in it."""
        return _why(self._entries)


def _why(entries: list[tuple[str, str]]) -> str:
    """Return the warnings, else the errors, and what lies behind them: at DEBUG a service names the exception."""
    told = [text for level, text in entries if level == "WARNING"] or [
        text for level, text in entries if level == "ERROR"
    ]
    causes = [text.partition(": ")[2] for level, text in entries if level == "DEBUG" and "Exception: " in text]
    causes = [found[0] if (found := _CAUSE.search(text)) else text for text in causes]
    return " ".join([*told, *(f"({text})" for text in causes)])


if __name__ == "__main__":
    main()
