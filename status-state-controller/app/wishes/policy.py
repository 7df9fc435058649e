"""What the policy file says of how containers are treated, by their names; it wins over labels. Pure.

The SSA reads the file and sends these entries with the snapshot. They are laid over the labels once, where containers
and originals come in; everything behind that sees labels only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import cached_property
from typing import TYPE_CHECKING

from ..protection import IGNORE_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Container

RESTART_LABEL = "status-state.restart"
ON_DOWN_LABEL = "status-state.on-down"
ON_REPLACE_LABEL = "status-state.on-replace"
ON_UNHEALTHY_LABEL = "status-state.on-unhealthy"


@dataclass(frozen=True)
class Entry:
    """What is said of containers whose names match one of the globs; None for what is not said."""

    match: tuple[str, ...]
    ignore: bool | None
    restart: str | None
    on_down: str | None = None
    on_replace: str | None = None
    on_unhealthy: str | None = None
    on_new: str | None = None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(translate(glob) for glob in self.match))

    def speaks_of(self, name: str) -> bool:
        """Tell whether this is about a container of this name."""
        return self._pattern.match(name) is not None

    def labels(self, name: str) -> dict[str, str]:
        """Return what it says of a container of this name, as labels."""
        if not self.speaks_of(name):
            return {}
        ignore = None if self.ignore is None else "true" if self.ignore else "false"
        said = {
            IGNORE_LABEL: ignore,
            RESTART_LABEL: self.restart,
            ON_DOWN_LABEL: self.on_down,
            ON_REPLACE_LABEL: self.on_replace,
            ON_UNHEALTHY_LABEL: self.on_unhealthy,
        }
        return {label: value for label, value in said.items() if value is not None}


@dataclass(frozen=True)
class Policy:
    """All entries; where two speak of the same, the later one counts."""

    entries: tuple[Entry, ...] = ()

    def labels(self, name: str) -> dict[str, str]:
        """Return what it says of a container of this name, as labels."""
        said: dict[str, str] = {}
        for entry in self.entries:
            said |= entry.labels(name)
        return said

    def on_new(self, name: str) -> str | None:
        """Return what it says is done about a newcomer of this name; no label says that, or any container could."""
        said = [one.on_new for one in self.entries if one.on_new is not None and one.speaks_of(name)]
        return said[-1] if said else None

    def apply(self, observed: Iterable[Container]) -> list[Container]:
        """Lay it over the labels of containers."""
        if not self.entries:
            return list(observed)
        return [
            replace(container, labels={**container.labels, **said})
            if (said := self.labels(container.name))
            else container
            for container in observed
        ]


def released(names: Iterable[str]) -> Entry | None:
    """Return the entry by which released containers are left alone, by their exact names; None when there are none."""
    exact = tuple(re.sub(r"([*?[])", r"[\1]", name) for name in names)
    return Entry(exact, ignore=True, restart=None) if exact else None
