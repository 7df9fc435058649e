"""Reports that the SSA has not taken yet: kept, bounded, and delivered in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

import structlog

from ..errors import ReportRefused, SsaError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from structlog.typing import FilteringBoundLogger

    from ..process.lasting import Lasting

log: FilteringBoundLogger = structlog.get_logger(__name__)

MOST_KEPT = 100
"""How many undelivered reports are kept; the oldest are dropped first."""


class Outbox:
    """Delivers reports.

    Args:
        send: delivers one report to the SSA, raises SsaError when it was not taken.
        lasting: logs a lasting failure of the delivery.
        most_kept: how many undelivered reports are kept.
    """

    def __init__(
        self, send: Callable[[dict[str, Any]], Awaitable[None]], lasting: Lasting, most_kept: int = MOST_KEPT
    ) -> None:
        self._send = send
        self._lasting = lasting
        self._kept: deque[dict[str, Any]] = deque(maxlen=most_kept)
        self._delivery = asyncio.Lock()

    def put(self, report: dict[str, Any]) -> None:
        """Keep a report until it is taken."""
        self._kept.append(report)

    @property
    def is_empty(self) -> bool:
        """Whether every report was taken."""
        return not self._kept

    async def deliver(self) -> None:
        """Deliver what is kept, the oldest first, until one is not taken."""
        async with self._delivery:
            while self._kept:
                report = self._kept[0]
                try:
                    await self._send(report)
                except ReportRefused as error:
                    log.warning(
                        "report_refused", message="a report is dropped, because the SSA can't use it", cause=str(error)
                    )
                except SsaError as error:
                    self._lasting.begins("reports", "reports_waiting", f"a report waits to be delivered: {error}")
                    return
                if self._kept and self._kept[0] is report:  # it may have been dropped meanwhile
                    self._kept.popleft()
            self._lasting.ends("reports", "reports_delivered", "all reports are delivered")
