"""How the benchmark speaks: rows of figures to stdout, what is going on to stderr."""

from __future__ import annotations

import sys


def say(sentence: str) -> None:
    """Tells people what is going on, apart from the table."""
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


def print_heading(title: str, *columns: str) -> None:
    """Begins a group of rows."""
    print(f"\n{title}")
    print_row("", *columns)


def print_row(name: str, *cells: str, note: str = "") -> None:
    """One line of the table."""
    print((f"  {name:<41}" + "".join(f"{cell:>14}" for cell in cells) + f"  {note}").rstrip(), flush=True)
