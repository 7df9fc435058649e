"""Tells a lasting failure when it begins, when it changes, and when it ends, not at every check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

log: FilteringBoundLogger = structlog.get_logger(__name__)


class Lasting:
    """What is wrong at present, by topic.

    Args:
        heard: called with topic, event and message of what has begun, has changed, or has ended.
    """

    def __init__(self, heard: Callable[[str, str, str], None] | None = None) -> None:
        self._present: dict[str, str] = {}
        self._heard = heard or _unheard

    def begins(self, topic: str, event: str, message: str, **fields: Any) -> None:
        """Log a warning unless this is what was last said on this topic."""
        if self._present.get(topic) != message:
            self._present[topic] = message
            log.warning(event, message=message, **fields)
            self._heard(topic, event, message)

    def awaits(self, topic: str, event: str, message: str, **fields: Any) -> None:
        """Log what is only waited for so far, once; if it becomes a failure, `begins` warns of it."""
        if topic not in self._present:
            self._present[topic] = message
            log.info(event, message=message, **fields)

    def ends(self, topic: str, event: str, message: str, **fields: Any) -> None:
        """Log that it is over, if there was anything; without a message nothing is said."""
        if self._present.pop(topic, None) is not None and message:
            log.info(event, message=message, **fields)
            self._heard(topic, event, message)


def _unheard(*_: object) -> None:
    """Nobody is notified."""
