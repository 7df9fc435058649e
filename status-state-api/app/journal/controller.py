"""What is known of the controller: when it last read the snapshot, and its last report.

In memory, with the last report of the store at the start; no decisions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog

from ..errors import StoreUnavailable
from ..model import EngineIdentity, Report

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class ReportStore(Protocol):
    """What is asked of the store."""

    async def save_report(self, engine: EngineIdentity, received_at: datetime, document: str) -> None:
        """Keep a report."""
        ...

    async def last_report(self, engine: EngineIdentity) -> tuple[datetime, str] | None:
        """The last report about an engine, and when it was received."""
        ...


@dataclass(frozen=True, slots=True)
class ReceivedReport:
    """A report as JSON, and when it was received."""

    received_at: datetime
    document: str


class ControllerRecord:
    """What is known of the controller."""

    def __init__(self, store: ReportStore, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now
        self._store_fails = False
        self.last_seen_at: datetime | None = None
        self.report: ReceivedReport | None = None

    def saw(self) -> None:
        """Note that the controller has read the snapshot just now."""
        self.last_seen_at = self._now()

    async def load(self, engine: EngineIdentity) -> None:
        """Fetch the last stored report about this engine, unless a newer one has come in. Raises `StoreUnavailable`."""
        stored = await self._store.last_report(engine)
        if stored is not None and self.report is None:
            self.report = ReceivedReport(*stored)

    async def receive(self, report: Report, engine: EngineIdentity) -> None:
        """Take in a report. It is shown even when it can't be stored, which is told once and raised each time."""
        received = ReceivedReport(self._now(), report.model_dump_json())
        self.report = received
        try:
            await self._store.save_report(engine, received.received_at, received.document)
        except StoreUnavailable as error:
            self._tell_store(error)
            raise
        self._tell_store(None)

    def _tell_store(self, error: StoreUnavailable | None) -> None:
        """Tell once when reports can't be stored, and once when they can again."""
        if error is not None and not self._store_fails:
            log.error(
                "report_unstored",
                message="A report of the controller can't be stored: it is shown in /status all the same.",
                cause=error.cause,
                remedy=error.remedy,
            )
        if error is None and self._store_fails:
            log.info("reports_stored_again", message="Reports of the controller are stored again.")
        self._store_fails = error is not None
