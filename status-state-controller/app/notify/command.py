"""The command line of the controller's image: `docker compose exec status-state-controller status-state notify-test`.

The rest of `status-state` is in the image of status-state-api. Where people are notified is known to the controller alone, so
its test is here.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from ..engine.client import Engine
from ..errors import EngineError
from ..settings import SettingsError, read_settings
from .message import Level, Message
from .sending import SEND_SECONDS, send
from .targets import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

ENGINE_SECONDS = 3.0
"""How long the engine is waited for, which alone knows the host's name."""
DESCRIPTION = f"""\
Send a test message to each target of SSC_NOTIFY_URLS or SSC_NOTIFY_URLS_FILE, and say which have taken it.

It takes {SEND_SECONDS:g} s at most. Of a target only its number and its scheme are shown: its URL holds secrets.
"""
EPILOG = """\
Exit code: 0 every target has taken it; 1 one has not, or none is set; 2 wrong usage.

The other commands are in the other container: docker compose exec status-state-api status-state --help
"""


def main() -> int:
    """Do what the arguments of the process say; return the exit code."""
    looks = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("status-state", epilog=EPILOG, formatter_class=looks)
    commands = parser.add_subparsers(title="commands", required=True)
    commands.add_parser(
        "notify-test",
        help="send a test message to each target of the notifications",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=looks,
    )
    parser.parse_args()
    try:
        urls = read_settings().notify_targets
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    if not urls:
        print("no target is set: see SSC_NOTIFY_URLS in docs/notifications.md", file=sys.stderr)
        return 1
    problems = asyncio.run(_test(urls))
    for number, (url, problem) in enumerate(zip(urls, problems, strict=True), 1):
        print(f"{shown(number, url)}: {'sent' if problem is None else f'failed: {problem}'}")
    return 0 if problems == [None] * len(urls) else 1


async def _test(urls: Sequence[str]) -> list[str | None]:
    host = socket.gethostname()
    with suppress(EngineError, TimeoutError):
        host = (await asyncio.wait_for(Engine(os.environ, threads=1).identity(), ENGINE_SECONDS)).name
    text = "This is a test of the notifications of Status State. Nothing has happened."
    return await send(urls, Message(f"{host}: test of the notifications", text, Level.INFO))


if __name__ == "__main__":
    sys.exit(main())
