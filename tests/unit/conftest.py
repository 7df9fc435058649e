"""What tests without an engine share."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import structlog

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture
def logging_as_before() -> Generator[None]:
    """Undo what a service that a test starts in this process sets up for the whole process."""
    root = logging.getLogger()
    handlers, level, was_configured = root.handlers, root.level, structlog.is_configured()
    yield
    root.handlers, root.level = handlers, level
    if structlog.is_configured() and not was_configured:
        structlog.reset_defaults()
