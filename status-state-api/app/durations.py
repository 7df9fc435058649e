"""Durations as people write them. Pure."""

import re

_DURATION = re.compile(r"(?:(?P<h>[0-9]+)h)?(?:(?P<m>[0-9]+)m)?(?:(?P<s>[0-9]+(?:\.[0-9]+)?)s)?")


def parse_duration(text: str) -> float:
    """Read `10s`, `1m30s`, `2h` or plain seconds as seconds; raises ValueError for anything else."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    found = _DURATION.fullmatch(text)
    if not found or not text:
        raise ValueError("it is no duration such as 10s, 1m30s or 90")
    return float(found["h"] or 0) * 3600 + float(found["m"] or 0) * 60 + float(found["s"] or 0)
