"""Tables of plain text: aligned by the width that a terminal gives each letter, cut down to a width where that can be. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 2
"""Blanks between two columns."""
_MARKS = frozenset({"Mn", "Me", "Cf"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `least` is the width it may be cut down to, None for one that is never cut."""

    title: str
    least: int | None = None


def width_of(text: str) -> int:
    """Return how many cells of a terminal a printable text takes.

    By the Unicode data of Python: a wide letter takes two, a mark that is put on the letter before it none. A library for
    this (wcwidth) also knows joined emoji, takes 3.6 MB, and as long to import as everything else together.
    """
    if text.isascii():
        return len(text)
    return sum(_cells(letter) for letter in text)


def cut(text: str, width: int) -> str:
    """Return text that takes at most this many cells, at least one; what was cut off is marked by `…`."""
    if width_of(text) <= width:
        return text
    kept, taken = "", 1
    for letter in text:
        taken += _cells(letter)
        if taken > width:
            break
        kept += letter
    return f"{kept.rstrip()}…"


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """Return the lines of a table, its titles first, and nothing when it has no rows.

    Args:
        columns: what may be cut is cut from the one with the widest `least` on, the last of them first.
        rows: a text per column; what isn't printable is escaped.
        width: the most cells of a line, if that can be; None for as wide as it gets.
    """
    if not rows:
        return []
    cells = [[column.title for column in columns], *([printable(text) or "-" for text in row] for row in rows)]
    widths = [max(width_of(row[place]) for row in cells) for place in range(len(columns))]
    if width is not None:
        widths = _fit(columns, widths, width)
    return [_line(row, widths) for row in cells]


def _cells(letter: str) -> int:
    if unicodedata.category(letter) in _MARKS:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _fit(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """Make columns narrower, the last one first, until the line fits or nothing can be cut any more."""
    fitted = list(widths)
    excess = sum(fitted) + GAP * (len(fitted) - 1) - width
    for place in range(len(columns) - 1, -1, -1):
        least = columns[place].least
        if excess > 0 and least is not None:
            taken = max(0, min(excess, fitted[place] - max(least, len(columns[place].title))))
            fitted[place] -= taken
            excess -= taken
    return fitted


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    shown = [cut(text, width) for text, width in zip(row, widths, strict=True)]
    padded = [text + " " * (width - width_of(text)) for text, width in zip(shown, widths, strict=True)]
    return (" " * GAP).join(padded).rstrip()
