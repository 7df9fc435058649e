"""Which containers are protected: never part of a snapshot, never touched.

Pure. The controller has the same rules in its own words; a contract test holds the two together.
"""

from collections.abc import Mapping
from enum import Enum

ROLE_LABEL = "status-state.role"
IGNORE_LABEL = "status-state.ignore"
ORCHESTRATOR_PREFIXES = ("com.docker.swarm.", "io.kubernetes.")

_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}


class Protection(Enum):
    """Why a container is protected, or that it is not."""

    NONE = "none"
    ROLE = "it is one of the pair"
    ORCHESTRATOR = "an orchestrator owns it"
    IGNORED = "it is to be ignored"
    UNREADABLE = "whether it is to be ignored can't be read"
    """Protected too: leaving a container alone by mistake does less harm than stopping it by mistake."""


def protection_of(labels: Mapping[str, str]) -> Protection:
    """Tell whether a container with these labels is protected, and by what."""
    if ROLE_LABEL in labels:
        return Protection.ROLE
    if any(key.startswith(ORCHESTRATOR_PREFIXES) for key in labels):
        return Protection.ORCHESTRATOR
    ignore = labels.get(IGNORE_LABEL)
    if ignore is None or ignore.strip().lower() in _FALSE:
        return Protection.NONE
    return Protection.IGNORED if ignore.strip().lower() in _TRUE else Protection.UNREADABLE
