"""Entries of the journal, and how available the originals were, as lines of text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..printable import printable
from .moments import moment
from .state import part
from .table import Column, table

if TYPE_CHECKING:
    from collections.abc import Sequence

_AVAILABILITY = (Column("NAME"), Column("1 DAY"), Column("7 DAYS"), Column("30 DAYS"))


def entry_line(entry: dict[str, Any]) -> str:
    """Return one entry as a line: when, about whom, what, why, what came of it, and by whom."""
    name: str = part(entry, "container").get("name") or ""
    source = f" ({entry['source']})" if entry.get("source") else ""
    said = " ".join(word for word in (name, f"{entry['what']}{source}") if word)
    if entry.get("reason"):
        said += f": {entry['reason']}"
    if entry.get("result"):
        seconds = f" after {entry['seconds']:.2f} s" if entry.get("seconds") is not None else ""
        attempt = f", attempt {entry['attempt']}" if (entry.get("attempt") or 1) > 1 else ""
        said += f" → {entry['result']}{seconds}{attempt}"
    if entry.get("detail"):
        said += f" ({entry['detail']})"
    return printable(f"{moment(entry['at'])}  {entry['kind']:<8}  {said}  [{entry['by']}]") + "\n"


def availability_text(document: dict[str, Any], width: int | None = None) -> str:
    """Return the table of the originals with their shares, in per cent."""
    rows = [
        (one["name"], *(_share(one["percent"].get(window)) for window in ("1d", "7d", "30d")))
        for one in document["originals"]
    ]
    lines = table(_AVAILABILITY, _printable(rows), width)
    known = (
        f"Known since {moment(document['known_since'])}." if document.get("known_since") else "Nothing is known yet."
    )
    return "".join(f"{line}\n" for line in (*lines, known))


def _printable(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [tuple(printable(cell) for cell in row) for row in rows]


def _share(percent: float | None) -> str:
    return "-" if percent is None else f"{percent:.4f}".rstrip("0").rstrip(".") + " %"
