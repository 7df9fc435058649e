"""The policy: rules for containers by their names, for those that can't be relabelled. Pure.

It is a list; every entry has `match`, a glob or several, and any of the keys that labels have. All entries that match a
name apply: where two set the same key, the later one counts, and each of them counts before a label. So the general
rule comes first, the exceptions after it. `policy_yaml` reads it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from typing import Any

from .rules import LABEL_PREFIX, HandlingRule, Setting, label_settings


@dataclass(frozen=True)
class Entry:
    """One entry of the list. `settings` are its keys as they are written; `handling` is what the controller needs."""

    place: str
    match: tuple[str, ...]
    settings: Mapping[str, Setting]
    handling: HandlingRule

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(translate(glob) for glob in self.match))

    def matches(self, name: str) -> bool:
        """Tell whether it is about a container of this name."""
        return self._pattern.match(name) is not None


@dataclass(frozen=True)
class Policy:
    """All entries in their order, and a sentence for each thing that is wrong in them."""

    entries: tuple[Entry, ...] = ()
    problems: tuple[str, ...] = ()

    def settings(self, name: str, labels: Mapping[str, str]) -> dict[str, Setting]:
        """Return the keys that are in force for a container of this name with these labels."""
        settings = label_settings(labels)
        for entry in self.entries:
            if entry.matches(name):
                settings.update(entry.settings)
        return settings

    def apply(self, name: str, labels: Mapping[str, str]) -> Mapping[str, str]:
        """Return the labels with what the policy says of how the controller treats it in their place."""
        handling: dict[str, str] = {}
        for entry in self.entries:
            if entry.matches(name):
                handling |= _as_labels(entry.handling)
        return {**labels, **handling} if handling else labels

    def unmatched(self, names: Iterable[str]) -> list[Entry]:
        """Return the entries that match none of these names."""
        present = list(names)
        return [entry for entry in self.entries if not any(entry.matches(name) for name in present)]

    def handling(self) -> list[dict[str, Any]]:
        """Return what the controller needs of it, in order, as it travels."""
        return [
            {"match": list(entry.match), **entry.handling.model_dump()}
            for entry in self.entries
            if _as_labels(entry.handling)
        ]


def _as_labels(handling: HandlingRule) -> dict[str, str]:
    said: dict[str, bool | str] = handling.model_dump(by_alias=True, exclude_none=True)
    return {
        f"{LABEL_PREFIX}{key}": str(value).lower() if isinstance(value, bool) else value for key, value in said.items()
    }
