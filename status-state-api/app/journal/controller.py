"""What is known of the controller: when it last read the snapshot, its last report, and its memory.

Held here, and stored, so that both survive a restart of either service. What the memory says is the controller's business
alone: it is never looked into, shown or logged. No decisions.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
import structlog

from ..errors import StoreUnavailable
from ..masking import mask_document
from ..model import EngineIdentity
from ..process.bell import Bell
from .entry import Entry, entries_of
from .report import Report, ReportWithMemory

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReceivedReport:
    """A report as JSON, and when it was received."""

    received_at: datetime
    document: str


class ReportStore(Protocol):
    """What is asked of the store."""

    async def save_report(
        self,
        engine: EngineIdentity,
        received: ReceivedReport,
        memory: str | None,
        entries: Sequence[Entry] = (),
    ) -> None:
        """Keep a report, and the memory, if there is one, in place of the last; write the report's entries."""
        ...

    async def last_report(self, engine: EngineIdentity) -> tuple[datetime, str] | None:
        """The last report about an engine, and when it was received."""
        ...

    async def last_memory(self, engine: EngineIdentity) -> str | None:
        """The memory of an engine's controller."""
        ...


class ControllerRecord:
    """What is known of the controller."""

    def __init__(
        self, store: ReportStore, now: Callable[[], datetime] = lambda: datetime.now(UTC), bell: Bell | None = None
    ) -> None:
        self._store = store
        self._bell = bell or Bell()
        self._now = now
        self._store_fails = False
        self.last_seen_at: datetime | None = None
        self.awaited_since: datetime | None = None
        """Since when it can be seen; None until there is a snapshot to read."""
        self.report: ReceivedReport | None = None
        self.memory: str | None = None
        """The controller's memory as JSON; None when none is kept."""
        self._memory_is_stored = True

    def saw(self) -> None:
        """Note that the controller has read the snapshot just now."""
        self.last_seen_at = self._now()
        self._bell.ring()

    def differences(self) -> dict[str, str]:
        """What the last report says of each original that was replaced, by its name: the report is read once for all."""
        findings: list[dict[str, Any]] = [] if self.report is None else orjson.loads(self.report.document)["findings"]
        return {one["container"]["name"]: str(one["reason"]) for one in findings if one["kind"] == "replaced"}

    async def load(self, engine: EngineIdentity) -> None:
        """Fetch what is stored of this engine's controller, unless newer has come in. Raises `StoreUnavailable`.

        What is damaged is dropped: it is passed on as it is, so it would make the whole document unreadable.
        """
        self.awaited_since = self.awaited_since or self._now()
        report, memory = await self._store.last_report(engine), await self._store.last_memory(engine)
        if report is not None and not _is_report(report[1]):
            report = None
            log.warning(
                "stored_report_dropped",
                message="The stored report of the controller is damaged: it is left out until the next one comes.",
            )
        if memory is not None and not _is_object(memory):
            memory = None
            log.warning(
                "stored_memory_dropped",
                message="The stored memory of the controller is damaged: the controller begins without.",
            )
        if report is not None and self.report is None:
            received_at, document = report
            self.report = ReceivedReport(received_at, orjson.dumps(mask_document(orjson.loads(document))).decode())
        if self.memory is None:
            self.memory = memory

    async def receive(self, report: ReportWithMemory, engine: EngineIdentity) -> None:
        """Take in a report, and the memory that it brings.

        Both are held even when they can't be stored, which is logged once and raised each time; the memory is then stored
        with the next report.
        """
        # By pydantic's own writer, which makes JSON of everything: of NaN, and of integers that orjson has no room for.
        shown = mask_document(json.loads(report.model_dump_json(exclude={"memory"})))
        received = ReceivedReport(self._now(), json.dumps(shown, ensure_ascii=False, separators=(",", ":")))
        self.report = received
        if report.memory is not None:
            self.memory, self._memory_is_stored = json.dumps(report.memory, separators=(",", ":")), False
        memory = None if self._memory_is_stored else self.memory
        try:
            await self._store.save_report(engine, received, memory, entries_of(report))
        except StoreUnavailable as error:
            self._tell_store(error)
            raise
        finally:
            self._bell.ring()  # when its entries can be read, or will not be
        self._memory_is_stored = self._memory_is_stored or self.memory is memory  # unless a newer one came meanwhile
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


def _is_object(document: str) -> bool:
    try:
        return isinstance(orjson.loads(document), dict)
    except ValueError:
        return False


def _is_report(document: str) -> bool:
    """Tell whether it is a report, and JSON for every reader: pydantic's own reader takes NaN, too."""
    try:
        Report.model_validate(orjson.loads(document))
    except ValueError:
        return False
    return True
