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

from .protection import IGNORE_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Container

RESTART_LABEL = "status-state.restart"


@dataclass(frozen=True)
class Entry:
    """What is said of containers whose names match one of the globs; None for what is not said."""

    match: tuple[str, ...]
    ignore: bool | None
    restart: str | None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(translate(glob) for glob in self.match))

    def labels(self, name: str) -> dict[str, str]:
        """Return what it says of a container of this name, as labels."""
        said: dict[str, str] = {}
        if self._pattern.match(name) is None:
            return said
        if self.ignore is not None:
            said[IGNORE_LABEL] = "true" if self.ignore else "false"
        if self.restart is not None:
            said[RESTART_LABEL] = self.restart
        return said


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
