"""Has a message sent by the process `sender`, and ends that when it takes too long."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..settings import PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .message import Message

SEND_SECONDS = 30.0
"""Apprise waits 4 s for a connection and 4 s for an answer over HTTP, 15 s by mail; a URL may set more, and retries."""


async def send(urls: Sequence[str], message: Message | None, seconds: float = SEND_SECONDS) -> list[str | None]:
    """Send a message to each target; without one, only ask whether the URLs can be used.

    Args:
        urls: the targets.
        message: what is sent.
        seconds: how long all of it may take.

    Returns:
        For each target why it failed, None when it did not. No part of a URL is in it.
    """
    answers: dict[int, str | None] = {}
    unknown = f"no answer within {seconds:g} s"
    request = {"urls": list(urls), "message": None if message is None else asdict(message), "seconds": seconds}
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"{__package__}.sender",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # a traceback could hold a URL
            cwd=Path(__file__).parents[2],
            env={name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
        )
    except OSError as error:
        return [f"the process that sends can't be started: {error.strerror}"] * len(urls)
    try:
        async with asyncio.timeout(seconds):
            await _ask(process, json.dumps(request).encode(), answers)
            unknown = f"the process that sends ended with code {await process.wait()}"
    except TimeoutError:
        pass
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return [answers.get(number, unknown) for number in range(len(urls))]


async def _ask(process: asyncio.subprocess.Process, request: bytes, answers: dict[int, str | None]) -> None:
    """Hand the request over, and take the answers as they come."""
    assert process.stdin is not None  # noqa: S101 # both are pipes
    assert process.stdout is not None  # noqa: S101
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(request)
        await process.stdin.drain()
    process.stdin.close()
    async for line in process.stdout:
        number, problem = json.loads(line)
        answers[number] = problem
