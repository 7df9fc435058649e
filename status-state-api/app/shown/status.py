"""The `/status` document as a page of text: a few lines about the whole, a line per container, and whether it is in sync. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..printable import printable
from .moments import clock, duration, moment, seconds_between
from .state import Document, differences, objects, part, rows, words
from .table import Column, cut, table, width_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LOST_AFTER_SECONDS = 90
"""Three of the controller's usual intervals."""

LEAST_WIDTH = 40
MOST_NAMED = 10
"""How many differences the last line names before it counts the rest."""

_COLUMNS = (
    Column("NAME"),
    Column("IS"),
    Column("STATUS", 14),
    Column("HEALTH"),
    Column("IMAGE", 10),
    Column("LAST ACTION", 11),
)
_ALWAYS = ("NAME", "IS", "STATUS")
"""The columns that are there even when nothing is in them."""


def status_text(document: Document, width: int | None = None) -> str:
    """Return the page, ended by a line feed.

    Args:
        document: the answer of `GET /status`.
        width: the most cells of a line, if that can be; None for as wide as it gets. Names, warnings and pauses are not cut.
    """
    paused = {one["container"] for one in objects(document, "pauses") if one.get("container")}
    width = None if width is None else max(width, LEAST_WIDTH)
    lines = _head(document, width)
    shown = [
        (
            row.name,
            row.standing,
            row.status,
            row.health,
            row.image,
            "; ".join(part for part in ("healing is paused" if row.name in paused else "", row.last) if part),
        )
        for row in rows(document)
    ]
    used = [
        place for place, column in enumerate(_COLUMNS) if column.title in _ALWAYS or any(row[place] for row in shown)
    ]
    lines += ["", *table([_COLUMNS[place] for place in used], [[row[place] for place in used] for row in shown], width)]
    return "\n".join([*lines, *([""] if shown else []), verdict(document)]) + "\n"


def verdict(document: Document) -> str:
    """Tell in one sentence whether the host is as the snapshot says."""
    if document.get("running") is None:
        return "not known: the engine can't be asked"
    if document.get("snapshot") is None:
        return "not known: no snapshot is held yet"
    found = differences(document)
    if not found:
        return "in sync"
    named = [f"{printable(one.name)} is {_article(one.what)}" for one in found[:MOST_NAMED]]
    rest = len(found) - MOST_NAMED
    return f"drifted: {', '.join(named)}" + (f", and {rest} more" if rest > 0 else "")


def difference_text(document: Document, width: int | None = None) -> str:
    """Return what differs from the snapshot, field by field where a container was replaced; empty without a difference."""
    lines: list[str] = []
    found = differences(document)
    names = max((width_of(printable(one.name)) for one in found), default=0)
    for one in found:
        name = printable(one.name)
        indent = " " * (names + 2)
        lines.append(f"{name}{' ' * (names - width_of(name))}  {one.what}: {printable(one.reason)}")
        lines += [f"{indent}  {printable(field)}" for field in one.fields]
        lines += [f"{indent}  → {printable(one.last)}"] if one.last else []
    return "".join(f"{line if width is None else cut(line, max(width, LEAST_WIDTH))}\n" for line in lines)


def pause_lines(pauses: Sequence[dict[str, Any]], now: str) -> list[str]:
    """Tell of each pause of healing in a line, those of all containers first."""
    told: list[str] = []
    for one in sorted(pauses, key=lambda one: one.get("container") or ""):
        left = duration(seconds_between(now, one["until"]))
        line = f"{one.get('container') or 'all'} until {clock(one['until'], now)}, {left} left"
        line += f": {one['reason']}" if one.get("reason") else ""
        line += " (the present is accepted at the end)" if one.get("accept_at_end") else ""
        told.append(printable(line))
    return told


def _head(document: Document, width: int | None) -> list[str]:
    engine = document["engine"]
    snapshot = document.get("snapshot")
    name, version = engine.get("name") or "not known yet", engine.get("version")
    lines = [printable(f"engine      {name}, version {version}" if version else f"engine      {name}")]
    if not engine.get("reachable"):
        lines.append(f"            can't be asked: {printable(engine.get('error') or 'no reason is known')}")
    if snapshot is None:
        lines.append("snapshot    none is held yet")
    else:
        count = len(snapshot["originals"])
        why = printable(snapshot.get("by") or snapshot["reason"])
        originals = "1 original" if count == 1 else f"{count} originals"
        lines.append(f"snapshot    {snapshot['id'][:12]} of {moment(snapshot['taken_at'])}, {originals} ({why})")
    line = f"controller  {_controller(document)}"
    lines.append(line if width is None else cut(line, width))  # the report of many findings is a long sentence
    lines += [f"paused      {line}" for line in pause_lines(objects(document, "pauses"), document["at"])]
    return lines + [f"warning     {printable(line)}" for line in _warnings(document)]


def _controller(document: Document) -> str:
    controller = part(document, "controller")
    seen, report = controller.get("last_seen_seconds_ago"), part(controller, "report")
    told = "has not been seen yet" if seen is None else f"seen {duration(seen)} ago"
    if report:
        age = duration(controller.get("report_age_seconds") or 0)
        dry_run = ", dry run" if report.get("dry_run") else ""
        told += f"; its last report, {age} ago{dry_run}: {printable(report['sentence'])}"
    return told


def _warnings(document: Document) -> list[str]:
    warnings = [*words(document, "warnings")]
    seen = part(document, "controller").get("last_seen_seconds_ago")
    if seen is None or seen > LOST_AFTER_SECONDS:
        since = "" if seen is None else f" for {duration(seen)}"
        warnings.append(f"the controller has not been seen{since}: nothing is healed while it is away")
    return warnings


def _article(what: str) -> str:
    return f"a {what}" if what == "newcomer" else what
