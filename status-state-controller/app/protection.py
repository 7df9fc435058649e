"""Which containers are protected: in no snapshot, never touched. Pure; the same file in both services.

The labels are the whole rule: who starts a container decides, and a container can't lose a label while it lives.
"""

from collections.abc import Mapping

ROLE_LABEL = "status-state.role"
IGNORE_LABEL = "status-state.ignore"

ORCHESTRATOR_LABELS = (
    "com.hashicorp.nomad.alloc_id",
    "net.azure-devices.edge.owner",
    "io.balena.supervised",
    "supervisor_managed",  # Home Assistant's
)
ORCHESTRATOR_PREFIXES = ("com.docker.swarm.", "io.kubernetes.", "com.amazonaws.ecs.")
"""Orchestrators start again what is stopped: to touch their containers begins a fight (design, section 4)."""

TRUE_WORDS = frozenset({"true", "1", "yes", "on"})
FALSE_WORDS = frozenset({"false", "0", "no", "off"})


def protection(labels: Mapping[str, str]) -> str | None:
    """Say why a container with these labels is protected, to be read after its name; None when it is not.

    An `ignore` label that can't be read protects: a container left alone by mistake can be dealt with later, one
    stopped by mistake has been stopped.
    """
    if ROLE_LABEL in labels:
        return "is part of Status State"
    ignore = labels.get(IGNORE_LABEL)
    if ignore is not None and ignore.strip().lower() not in FALSE_WORDS:
        return f"carries {IGNORE_LABEL}={ignore}"
    for label in sorted(labels):
        if label in ORCHESTRATOR_LABELS or label.startswith(ORCHESTRATOR_PREFIXES):
            return f"belongs to an orchestrator (label {label})"
    return None


def misread(labels: Mapping[str, str]) -> str | None:
    """Return the value of an `ignore` label that is neither true nor false, else None."""
    ignore = labels.get(IGNORE_LABEL)
    if ignore is None or ignore.strip().lower() in TRUE_WORDS | FALSE_WORDS:
        return None
    return ignore
