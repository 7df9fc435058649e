"""Waiting for a condition with a deadline: what these tests do instead of sleeping."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE_SECONDS = 0.1
T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Condition(Protocol[T_co]):
    """Gives something true once it holds, something false until then."""

    def __call__(self) -> T_co:
        """One look."""
        ...


def wait_until(condition: Condition[T], what: str, seconds: float = 20, seen: Callable[[], object] | None = None) -> T:
    """Looks until the condition gives something true and returns that.

    Args:
        condition: one look; an AssertionError inside counts as "not yet".
        what: the end of the sentence "waited N s in vain for …".
        seconds: the deadline.
        seen: tells, for the message, what was there instead.

    Raises:
        AssertionError: the deadline has passed.
    """
    __tracebackhide__ = True  # the caller's line tells more
    deadline = time.monotonic() + seconds
    reason: AssertionError | None = None
    while True:
        try:
            value = condition()
        except AssertionError as error:
            reason = error
        else:
            if value:
                return value
        if time.monotonic() > deadline:
            found = f"; instead: {seen()}" if seen else ""
            message = f"waited {seconds:g} s in vain for {what}{found}"
            raise AssertionError(message) from reason
        time.sleep(PAUSE_SECONDS)
