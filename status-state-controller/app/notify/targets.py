"""Where notifications go, as it may be shown: a target's URL holds secrets, so none of it but its scheme is. Pure."""

from __future__ import annotations

import re
from itertools import chain
from urllib.parse import quote, unquote

from ..masking import MASK, mask
from ..printable import printable

LONGEST_REASON = 300
SHORTEST_SECRET = 3
"""Characters: shorter parts of a URL, such as a method or `no`, stand in many words."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,19}(?=://)")
_PARTS = [re.compile(signs) for signs in (r"/", r"[/?&]", r"[/:@?&]+", r"[/:@?&=#,;+\s]+")]
"""A secret may hold any of these signs itself, so a URL is taken apart in coarse and in small parts."""
_ANY_URL = re.compile(r"\S+://\S+")


def shown(number: int, url: str) -> str:
    """Name a target, the `number`-th of those set, without anything that its URL holds besides the scheme."""
    scheme = _SCHEME.match(url)
    return f"{number} ({scheme[0].lower()}://{MASK})" if scheme else f"{number} (no URL)"


def scrub(text: str, url: str) -> str:
    """Return what may be shown of a text about a URL: no part of that, however spelt, and one line that is not too long."""
    rest = _SCHEME.sub("", url, count=1).removeprefix("://")
    parts = {rest, *chain.from_iterable(signs.split(rest) for signs in _PARTS)}
    spelt = {form for part in parts for form in (part, unquote(part), quote(part, safe=""), part.lower())}
    text = _ANY_URL.sub(MASK, text)
    for form in sorted((one for one in spelt if len(one) >= SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(form, MASK)
    text = printable(mask(" ".join(text.split())))
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"
