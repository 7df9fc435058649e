"""The rules that a container carries: what is done about which finding. Pure.

They are labels, with what the policy says in their place; what can't be read is the default, and is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .policy import ON_DOWN_LABEL, ON_REPLACE_LABEL, ON_UNHEALTHY_LABEL, RESTART_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model import Snapshot

ACCEPT, REPORT, RESTORE, STOP = "accept", "report", "restore", "stop"
ONEOFF_LABEL = "com.docker.compose.oneoff"
RULES = {
    RESTART_LABEL: ("always", "on-failure", "never"),
    ON_DOWN_LABEL: ("restart", REPORT),
    ON_REPLACE_LABEL: (RESTORE, ACCEPT, REPORT),
    ON_UNHEALTHY_LABEL: ("restart", REPORT),
}
"""Of each label the words it may hold, the default first."""

ON_NEW = (STOP, ACCEPT, REPORT)
"""As above; the policy alone says that."""


def rule(labels: Mapping[str, str], label: str) -> str:
    """Return the rule that these labels hold, one of `RULES[label]`."""
    word, words = labels.get(label, "").strip().lower(), RULES[label]
    return word if word in words else words[0]


def restart_rule(labels: Mapping[str, str]) -> str:
    """Return `always`, `on-failure` or `never` for an original with these labels; `never` is the default of one-offs."""
    if RESTART_LABEL in labels and not _is_misread(labels, RESTART_LABEL):
        return rule(labels, RESTART_LABEL)
    return "never" if is_oneoff(labels) else "always"


def on_new_rule(snapshot: Snapshot, name: str) -> str:
    """Return what the policy says is done about a newcomer of this name, one of `ON_NEW`."""
    word = (snapshot.policy.on_new(name) or "").strip().lower()
    return word if word in ON_NEW else ON_NEW[0]


def is_oneoff(labels: Mapping[str, str]) -> bool:
    """Tell whether compose made this container for one command, by `compose run`."""
    return labels.get(ONEOFF_LABEL, "").lower() == "true"


def misread_rules(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the labels that hold none of their words, with what they hold."""
    return [(label, labels[label]) for label in RULES if label in labels and _is_misread(labels, label)]


def _is_misread(labels: Mapping[str, str], label: str) -> bool:
    return labels[label].strip().lower() not in RULES[label]
