"""Durations as people write them: `10s`, `1m30s`, `1.5m`, `2h`, or plain seconds. Pure; the same file in both services.

One parser for settings, labels and the policy. No library reads exactly this: those for durations also take days,
months, signs or words, and a typing error must be reported, not read as something else.
"""

import math
import re

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PLAIN = re.compile(_NUMBER)
_PARTS = re.compile(rf"(?:(?P<h>{_NUMBER})h)?(?:(?P<m>{_NUMBER})m)?(?:(?P<s>{_NUMBER})s)?")


def parse_duration(text: str) -> float:
    """Return a duration in seconds, finite and not negative.

    Raises:
        ValueError: it is written in another way, or too large for a number.
    """
    text = text.strip()
    parts = _PARTS.fullmatch(text)
    if _PLAIN.fullmatch(text):
        seconds = float(text)
    elif text and parts:
        seconds = float(parts["h"] or 0) * 3600 + float(parts["m"] or 0) * 60 + float(parts["s"] or 0)
    else:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise ValueError("it is no duration such as 10s, 1m30s or 90")
    return seconds


def read_duration(value: object) -> object:
    """Read text by `parse_duration`; leave the rest to the check of the field whose value it is."""
    return parse_duration(value) if isinstance(value, str) else value
