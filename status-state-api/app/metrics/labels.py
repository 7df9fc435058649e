"""Values of labels: each kind has a bounded number of them, whatever is sent. Pure."""

from collections.abc import Collection

OTHER = "other"
"""In the place of what this version does not know."""

KINDS = ("stopped", "removed", "replaced", "unhealthy", "new")
"""Of findings: the controller's `Kind`."""

VERBS = ("start", "reattach", "restart", "recreate", "restore", "stop", "accept", "drop")
"""Of actions: the controller's `Verb`."""


def one_of(value: object, known: Collection[str]) -> str:
    """Return the value where it is known, else `OTHER`."""
    return value if isinstance(value, str) and value in known else OTHER


def name_label(name: str) -> str:
    """Return a container's name as it can be written in UTF-8: half a surrogate pair would have the whole answer fail."""
    return name.encode(errors="backslashreplace").decode()
