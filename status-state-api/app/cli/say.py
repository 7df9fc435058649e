"""How commands answer: text for people, JSON for scripts, and the exit code."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

from ..shown.table import cut

MOST_TOLD = 300
"""Characters: the SSA refuses more than 500."""

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_DIFFERS = 3


def say(text: str) -> None:
    """Print lines that end by themselves."""
    sys.stdout.write(text)


def say_json(document: Any) -> None:
    """Print a document for scripts."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def terminal_width() -> int | None:
    """Return the width of the terminal, 80 where it is not known; None where the output goes to a file or a program."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else None


def by(command: str, *names: str) -> str:
    """Tell the SSA who asks, and how; cut to what it takes."""
    return cut(" ".join(["operator:", command, *names]), MOST_TOLD)


def examples(*lines: str) -> str:
    """Return the end of a command's help: lines that are printed as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
