"""Why the engine could not be asked, in words: from what the SDK raised to an error of ours. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests.exceptions

from ..errors import EngineError, EngineRefused

if TYPE_CHECKING:
    from collections.abc import Iterator


def explain(error: BaseException, address: str, timeout_seconds: float) -> EngineError:
    """Return the error of ours for what the SDK raised: what happened, and where it helps, what to do.

    Args:
        error: with all that it wraps.
        address: where the engine was asked.
        timeout_seconds: how long an answer was waited for.
    """
    causes = list(_causes(error))
    if any(isinstance(cause, FileNotFoundError) for cause in causes):
        return EngineRefused(
            f"there is no engine socket at {address}: mount the host's /var/run/docker.sock, or set DOCKER_HOST"
        )
    if any(isinstance(cause, PermissionError) for cause in causes):
        return EngineError(
            f"the engine socket at {address} may not be opened: run this container as user 0, or as a member "
            "of the socket's group"
        )
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return EngineRefused(f"no engine listens at {address}: is it down or being restarted?")
    if any(isinstance(cause, requests.exceptions.Timeout | TimeoutError) for cause in causes):
        return EngineError(f"the engine at {address} did not answer within {timeout_seconds:g} s")
    return EngineError(f"the engine at {address} can't be asked: {error}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk through everything that an exception wraps; urllib3 and requests hide the cause among the arguments."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        linked = (current.__cause__, current.__context__, *current.args, getattr(current, "reason", None))
        waiting += [link for link in linked if isinstance(link, BaseException)]
