"""Ends the process when the checks have come to a halt, so that the restart policy brings a new one.

A thread, because whatever blocks the event loop would block a task as well.
"""

from __future__ import annotations

import faulthandler
import os
import threading
import time
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

log: FilteringBoundLogger = structlog.get_logger(__name__)

LEAST_PATIENCE_SECONDS = 90.0
"""A check may wait for the engine (60 s) and the SSA (10 s): a short interval must not make that look like a halt."""


def patience_seconds(interval_seconds: float) -> float:
    """Return how long no check may be completed: five intervals."""
    return max(5 * interval_seconds, LEAST_PATIENCE_SECONDS)


LAST_WORDS_SECONDS = 2.0


def _tell(overdue: float) -> None:
    message = "no check was completed for too long: ending, to be started anew"
    log.critical("watchdog_ends", message=message, seconds=round(overdue))
    faulthandler.dump_traceback(all_threads=True)


def _end_process() -> None:
    os._exit(1)  # a process that hangs can't be asked to end in order


class Watchdog:
    """Call `completed` after each check; `start` once.

    Args:
        patience: seconds without a completed check after which the process ends.
        end_process: what then happens.
    """

    def __init__(self, patience: float, end_process: Callable[[], None] = _end_process) -> None:
        self._patience = patience
        self._end_process = end_process
        self._last = time.monotonic()

    def completed(self) -> None:
        """Note a completed check."""
        self._last = time.monotonic()

    def start(self) -> None:
        """Watch from now on."""
        self.completed()
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()

    def _watch(self) -> None:
        while (overdue := time.monotonic() - self._last) < self._patience:
            time.sleep(max(0.01, self._patience - overdue))
        # From a thread of its own: what made the checks halt may be a log that takes nothing any more.
        telling = threading.Thread(target=_tell, args=(overdue,), daemon=True)
        telling.start()
        telling.join(LAST_WORDS_SECONDS)
        self._end_process()
