"""Tells a lasting failure when it begins, when it changes, and when it ends, not at every check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

log: FilteringBoundLogger = structlog.get_logger(__name__)


class Troubles:
    """What is wrong at present, by topic."""

    def __init__(self) -> None:
        self._present: dict[str, str] = {}

    def begins(self, topic: str, sentence: str) -> None:
        """Log the sentence unless it is what was last said on this topic."""
        if self._present.get(topic) != sentence:
            self._present[topic] = sentence
            log.warning(sentence)

    def ends(self, topic: str, sentence: str) -> None:
        """Log that it is over, if there was anything."""
        if self._present.pop(topic, None) is not None:
            log.info(sentence)
