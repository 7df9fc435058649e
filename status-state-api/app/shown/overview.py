"""What the page shows of the state: `/status` judged and joined, a container at a time. Pure.

By the same rules as the command line's, so that the two never differ on whether the host is as it should be.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .moments import read_moment
from .state import Document, differences, objects, part, rows
from .status import LOST_AFTER_SECONDS, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

MISSED_CHECKS = 3
"""A controller that has missed so many is away; see `LOST_AFTER_SECONDS`, which is that for the usual interval."""


def overview(
    document: Document, since: Mapping[str, tuple[str, str]], awaited_since: datetime | None = None
) -> Document:
    """Return `http.schemas.Overview`.

    Args:
        document: the answer of `GET /status`.
        since: of originals, by name, `up` or `down`, and since when.
        awaited_since: since when the controller can be seen; None when it can't be yet.
    """
    snapshot = document.get("snapshot")
    found = {one.name: one for one in differences(document)}
    verdicts: dict[str, list[Document]] = {}
    for one in objects(document, "verdicts"):
        verdicts.setdefault(one["container"]["id"], []).append({key: one[key] for key in _OF_VERDICT})
    containers: list[Document] = []
    for row in rows(document):
        difference = found.get(row.name)
        what, at = since.get(row.name, ("", None))
        is_known = what == ("up" if row.status else "down") and row.standing in _ORIGINALS
        containers.append(
            {
                **asdict(row),
                "since": at if is_known else None,
                "difference": None if difference is None else _told(asdict(difference)),
                "verdicts": verdicts.get(row.id, []),
            }
        )
    return {
        "at": document["at"],
        "verdict": _word(document),
        "sentence": verdict(document),
        "engine": document["engine"],
        "snapshot": None if snapshot is None else _head(snapshot),
        "containers": None if document.get("running") is None else containers,
        "controller": _controller(part(document, "controller"), read_moment(document["at"]), awaited_since),
        "pauses": document["pauses"],
        "warnings": document["warnings"],
    }


_OF_VERDICT = ("source", "verdict", "since", "reason", "evidence")
_ORIGINALS = {"original", "replaced", "missing", "finished"}


def _word(document: Document) -> str:
    if document.get("running") is None or document.get("snapshot") is None:
        return "unknown"
    return "drifted" if differences(document) else "in_sync"


def _told(difference: Document) -> Document:
    return {key: difference[key] for key in ("what", "reason", "fields", "last")}


def _head(snapshot: Document) -> Document:
    head = {key: snapshot.get(key) for key in ("id", "taken_at", "reason", "by")}
    return {**head, "originals": len(snapshot["originals"])}


def _controller(controller: Document, now: datetime, awaited_since: datetime | None) -> Document:
    seen_at, report = controller.get("last_seen_at"), part(controller, "report")
    last_sign = awaited_since if seen_at is None else read_moment(seen_at)
    interval: float | None = report.get("interval_seconds")
    next_at = None
    if seen_at is not None and interval is not None:
        next_at = (read_moment(seen_at) + timedelta(seconds=interval)).isoformat().replace("+00:00", "Z")
    patience = max(LOST_AFTER_SECONDS, MISSED_CHECKS * (interval or 0))
    return {
        "checked_at": seen_at,
        "next_check_at": next_at,
        "awaited_since": None if awaited_since is None else awaited_since.isoformat(),
        "is_away": last_sign is not None and (now - last_sign).total_seconds() > patience,
        "away_after_seconds": patience,
        "dry_run": bool(report.get("dry_run")),
        "sentence": report.get("sentence"),
        "reported_at": report.get("at"),
    }
