"""Masks secrets in text that people read. Pure; the same file in both services.

Labels, commands, log lines and what the engine says come from outside and are shown without a token. In them `***` takes
the place of

- the user-info of a URL and the values of its query; `user:password@host` without a scheme;
- what follows a secret name by `=` or `:`, in quotes or up to the next blank (`PASSWORD=x`, `"token": "x"`,
  `Authorization: Bearer x`), and by a blank or as the next word of a list where the name is an option (`--password x`);
- passwords given to `mysql`, `mariadb`, `sshpass`, `redis-cli` and `curl` by their short options;
- tokens that are known by their looks: JWTs, those of GitHub, GitLab, Slack and AWS, private keys in PEM.

A name is secret by the words in it (`is_secret`). One that ends with `file`, `path` or `dir` is the name of a place, which
helps to find a fault: it is shown. So are values that can't be a secret, such as `true`. A secret that has none of these
forms is not known as one: this is a net, not a wall. A text is shown up to `LONGEST` characters, so masking takes no longer
than a few milliseconds whatever is in it.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

MASK = "***"
LONGEST = 16 * 1024

_HARMLESS = frozenset({"", "true", "false", "yes", "no", "on", "off", "none", "null", "set", "other", "0", "1", MASK})
_CLOSING = ",;.)]}"

_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase|code)|passwort|secret|token|credential|cookie|(?:api|access|private|account|license)[_.-]?key"
    r"|pass(?![a-z])"
    r"|(?<![a-z])(?:pwd|pw|keys?|otp|bearer|(?:basic|digest|o)?auth(?:orization)?)(?![a-z])",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLACE_NAME = re.compile(r"(?:file|path|dir)s?$", re.IGNORECASE)

_HINT = re.compile(
    r"pass|pw|secret|token|credential|cookie|key|otp|auth|bearer|@|://|mysql|redis-cli|curl|eyJ|gh[pousr]_|glpat-|xox|AKIA|-----BEGIN",
    re.IGNORECASE,
)
"""Nothing is masked in a text without one of these: most have none."""

_NAMED = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]++)(?:(?P<pair>\\*+["'\])]?+[ \t]*+[:=][ \t]*+)|(?P<next>\\*+["'][ \t]*+,[ \t]*+(?=\\*["'])|[ \t]++(?!-)))"""
)
_VALUE = re.compile(
    r"""(?P<quote>["'])(?P<quoted>(?:(?!(?P=quote))[^\\]|\\.)*+)(?P=quote)?"""
    r"""|(?:(?:bearer|basic|digest|negotiate|token|apikey)[ \t]++)?+\S++""",
    re.IGNORECASE | re.DOTALL,
)
_URL = re.compile(r"""://[^\s"'<>`]++""")
_QUERY_VALUE = re.compile(r"=[^&;#]*")
_USER_AT_HOST = re.compile(r"""(?<![\w.+/:-])([\w.+-]++:)(?!//)[^\s@/"',;]{1,200}+@(?!sha\d)""")
_KNOWN = re.compile(
    r"\beyJ[\w-]{8,}+\.[\w-]++(?:\.[\w-]++)?|\bgh[pousr]_\w{20,}+|\bglpat-[\w-]{16,}+|\bxox[abeoprs]-[\w-]{10,}+"
    r"|\bAKIA[0-9A-Z]{16}\b|(?<=PRIVATE KEY-----)[^-]++"
)
_PROGRAMS = (
    (re.compile(r"\b(?:mysql|mariadb)"), re.compile(r"(?<!\S)(-p)(?=\S)\S++")),
    (re.compile(r"\bsshpass\b"), re.compile(r"(?<!\S)(-p ?)\S++")),
    (re.compile(r"\bredis-cli\b"), re.compile(r"(?<!\S)(-a ?)\S++")),
    (re.compile(r"\bcurl\b"), re.compile(r"(?<!\S)((?:-u|--user)[ =]?[^\s:]++:)\S++")),
)


def is_secret(name: str) -> bool:
    """Tell whether what has this name is a secret, judged by the words in the name: `DB_PASSWORD`, `apiKey`, `x-auth`."""
    if _SECRET_NAME.search(_CAMEL.sub("_", name)) is None:
        return False
    return _PLACE_NAME.search(name) is None


def mask(text: str) -> str:
    """Return the text with `***` in the place of secrets."""
    if _HINT.search(text) is None:
        return text
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 1]}…"
    text = _USER_AT_HOST.sub(rf"\1{MASK}@", _URL.sub(_mask_url, text))
    for program, option in _PROGRAMS:
        if program.search(text):
            text = option.sub(rf"\1{MASK}", text)
    return _KNOWN.sub(MASK, _mask_named(text))


def mask_value(name: str, value: str) -> str:
    """Return what may be shown of the value of this name: of a label, of a field."""
    if is_secret(name):
        return value if value.lower() in _HARMLESS else MASK
    return mask(value)


def mask_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return what may be shown of labels."""
    return {name: mask_value(name, value) for name, value in labels.items()}


def mask_document(document: Any, name: str = "") -> Any:
    """Return what may be shown of JSON: every text in it is masked, and what has a secret name."""
    if isinstance(document, str):
        return mask_value(name, document)
    if isinstance(document, Mapping):
        members = cast("Mapping[str, Any]", document)
        return {key: mask_document(value, key) for key, value in members.items()}
    if isinstance(document, list | tuple):
        return [mask_document(one, name) for one in cast("list[Any]", document)]
    return document


def _mask_url(found: re.Match[str]) -> str:
    """Mask what follows a scheme; a URL in the path of another one is masked as well."""
    head, mark, query = found[0].partition("?")
    parts = head.split("://")
    for place, part in enumerate(parts):
        authority, slash, path = part.partition("/")
        if place and "@" in authority:
            parts[place] = f"{MASK}@{authority.rpartition('@')[2]}{slash}{path}"
    if mark and query:
        query = _QUERY_VALUE.sub(f"={MASK}", query) if "=" in query else MASK
    return "://".join(parts) + mark + query


def _mask_named(text: str) -> str:
    """Mask the values that follow secret names."""
    pieces: list[str] = []
    place = 0
    while (found := _NAMED.search(text, place)) is not None:
        name = found["name"]
        follows = found["pair"] is not None or name.startswith("-")
        value = _VALUE.match(text, found.end()) if follows and is_secret(name) else None
        # Where the name is none, the search goes on behind it: what follows it may be a name, too.
        end = found.end("name") if value is None else value.end()
        pieces.append(text[place:end] if value is None else text[place : found.end()] + _mask_one(value))
        place = end
    return "".join([*pieces, text[place:]])


def _mask_one(value: re.Match[str]) -> str:
    if value["quote"] is not None:
        return value[0] if value["quoted"].lower() in _HARMLESS else f"{value['quote']}{MASK}{value['quote']}"
    bare = value[0].rstrip(_CLOSING)
    return value[0] if bare.lower() in _HARMLESS else MASK
