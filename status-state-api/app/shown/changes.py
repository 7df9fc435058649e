"""What accepting, releasing and rolling back changes, and the list of snapshots, as text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..printable import printable
from .moments import moment
from .state import objects, split_fields, words
from .table import Column, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SNAPSHOTS = (
    Column("ID"),
    Column("TAKEN"),
    Column("ORIGINALS"),
    Column("BY", 12),
    Column("CHANGES", 12),
)


def change_text(answer: dict[str, Any]) -> str:
    """Return what differs between the snapshot in force and the one that the answer is about, a line for each container."""
    lines = [f"+ {name} becomes an original" for name in words(answer, "added")]
    released = words(answer, "released")
    for one in objects(answer, "replaced"):
        if one["id"] == one["before_id"]:
            lines.append(f"~ {one['name']} is the same container, updated")
        else:
            lines.append(f"~ {one['name']} is the container {one['id'][:12]} now, it was {one['before_id'][:12]}")
        lines += [f"    {field}" for field in split_fields(one.get("difference"))]
    lines += [f"- {name} is no original any more" for name in words(answer, "removed") if name not in released]
    lines += [f"- {name} is released: it may stay or go" for name in released]
    lines += [f"+ {name} is released no longer" for name in words(answer, "released_no_longer")]
    return "".join(f"{printable(line)}\n" for line in lines)


def between_text(answer: dict[str, Any]) -> str:
    """Return what is different in the second of two snapshots, a line for each container and each field."""
    lines = [f"+ {name}" for name in words(answer, "added")]
    for one in objects(answer, "differing"):
        other = "" if one["id"] == one["before_id"] else f": {one['before_id'][:12]} → {one['id'][:12]}"
        lines.append(f"~ {one['name']}{other}")
        lines += [f"    {_field_text(field)}" for field in objects(one, "fields")]
    lines += [f"- {name}" for name in words(answer, "removed")]
    lines += [f"- {name} is released" for name in words(answer, "released")]
    lines += [f"+ {name} is released no longer" for name in words(answer, "released_no_longer")]
    return "".join(f"{printable(line)}\n" for line in lines)


def _field_text(field: Mapping[str, Any]) -> str:
    before, after = ("-" if field[key] is None else field[key] for key in ("before", "after"))
    return f"{field['field']}: {before} → {'another value' if before == after else after}"


def snapshots_text(snapshots: Sequence[dict[str, Any]], width: int | None = None) -> str:
    """Return the table of snapshots, the newest first; `*` marks the one in force."""
    rows = [
        (
            f"{one['id'][:12]}{' *' if one.get('in_force') else ''}",
            moment(one["taken_at"]),
            str(one["originals"]),
            one.get("by") or one["reason"],
            _changes(one),
        )
        for one in snapshots
    ]
    return "".join(f"{line}\n" for line in table(_SNAPSHOTS, rows, width))


def _changes(snapshot: dict[str, Any]) -> str:
    marks = (("+", "added"), ("~", "replaced"), ("-", "removed"))
    return " ".join(f"{mark}{name}" for mark, key in marks for name in words(snapshot, key))
