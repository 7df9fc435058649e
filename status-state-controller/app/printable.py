"""Text from outside made harmless to terminals and to lines. Pure; the same file in both services."""

import json


def printable(text: str) -> str:
    """Escape what could move a terminal's cursor, end a line or turn the direction of writing, as in JSON."""
    return text if text.isprintable() else "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)
