"""Which containers the controller never touches. Pure.

The labels are the whole rule: whoever starts a container decides, and a container can't lose a label while it lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLE_LABEL = "status-state.role"
IGNORE_LABEL = "status-state.ignore"
ORCHESTRATOR_PREFIXES = ("com.docker.swarm.", "io.kubernetes.")

TRUE_WORDS = frozenset({"true", "1", "yes", "on"})
FALSE_WORDS = frozenset({"false", "0", "no", "off"})


def protection(labels: Mapping[str, str]) -> str | None:
    """Say why a container with these labels is protected, or None when it is not.

    An `ignore` label that can't be read protects: leaving a container alone can be mended, stopping it can't.
    """
    if ROLE_LABEL in labels:
        return "is part of Status State"
    ignore = labels.get(IGNORE_LABEL)
    if ignore is not None and ignore.strip().lower() not in FALSE_WORDS:
        return f"carries {IGNORE_LABEL}={ignore}"
    for label in labels:
        if label.startswith(ORCHESTRATOR_PREFIXES):
            return f"belongs to an orchestrator (label {label})"
    return None


def misread(labels: Mapping[str, str]) -> str | None:
    """Return the value of an `ignore` label that is neither true nor false, else None."""
    ignore = labels.get(IGNORE_LABEL)
    if ignore is None or ignore.strip().lower() in TRUE_WORDS | FALSE_WORDS:
        return None
    return ignore
