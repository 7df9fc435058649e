"""What differs between two snapshots that are kept, field by field, without secrets. Pure.

Values of the environment are never shown, only that they differ; all other values are masked, and long ones are cut.
"""

import json
from typing import TYPE_CHECKING, Any

from ..masking import mask_document, mask_value
from ..model import OriginalRecipe, Recipes
from .answers import Differing, FieldDifference, SnapshotDifference
from .change import lasting

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_VALUE = 200
"""What is longer is cut: a difference is read by people."""
_BY_NAME = ("Env", "Labels")
_ABSENT: tuple[object, ...] = (None, "", [], {}, 0, False)


def differences_between(before: Recipes, after: Recipes) -> SnapshotDifference:
    """Tell what is different in the second one; names and fields in order."""
    old = {original.name: original for original in before.originals}
    new = {original.name: original for original in after.originals}
    both = [(old[name], new[name]) for name in sorted(old.keys() & new.keys())]
    differing = [_differing(one, other) for one, other in both]
    return SnapshotDifference(
        before=before.snapshot,
        after=after.snapshot,
        added=sorted(new.keys() - old.keys()),
        removed=sorted(old.keys() - new.keys()),
        differing=[one for one in differing if one.before_id != one.id or one.fields],
        released=sorted(set(after.released) - set(before.released)),
        released_no_longer=sorted(set(before.released) - set(after.released)),
    )


def _differing(before: OriginalRecipe, after: OriginalRecipe) -> Differing:
    old, new = _fields(before), _fields(after)
    return Differing(
        name=after.name,
        before_id=before.id,
        id=after.id,
        fields=[
            FieldDifference(field=field, before=_shown(field, old.get(field)), after=_shown(field, new.get(field)))
            for field in sorted(old.keys() | new.keys())
            if not _is_same(old.get(field), new.get(field))
        ],
    )


def _fields(original: OriginalRecipe) -> dict[str, Any]:
    """The recipe by field: the environment and the labels by their names, without a host name that is only the id."""
    lasts = lasting(original.inspect)
    if lasts.get("Hostname") == original.id[:12]:
        del lasts["Hostname"]
    variables: list[str] = lasts.get("Env") or []
    labels: Mapping[str, str] = lasts.get("Labels") or {}
    return {
        **{field: value for field, value in lasts.items() if field not in _BY_NAME},
        **{f"env {name}": value for name, _, value in (one.partition("=") for one in variables)},
        **{f"label {name}": value for name, value in labels.items()},
    }


def _is_same(before: Any, after: Any) -> bool:
    """Whether the engine means the same by both: what is absent, and what is empty, are alike; not so a variable."""
    return before == after or (not isinstance(before, str) and not isinstance(after, str) and _is_absent(before, after))


def _is_absent(*values: Any) -> bool:
    return all(value in _ABSENT for value in values)


def _shown(field: str, value: Any) -> str | None:
    """The value as people may see it; None where there is none."""
    if value is None:
        return None
    if field.startswith("env "):
        return "set"
    name = field.removeprefix("label ")
    masked = mask_document(value, name)
    # As a whole once more: of a command's words one may say what the next one is.
    text = masked if isinstance(masked, str) else mask_value(name, json.dumps(masked, ensure_ascii=False))
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
