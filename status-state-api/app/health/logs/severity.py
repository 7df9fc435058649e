"""How severe a line of a log says it is. Pure.

Every program writes it its own way, but each of them writes it in the *head* of the line, before the message: as a field
of JSON or logfmt, as a syslog priority, in brackets, as a word among time, process and logger. Only the head is looked
at, because words inside a message ("0 errors", "no ERROR seen") tell nothing; where a line can be read in two ways, it
tells no severity: a restart that is not needed is worse than one that comes later.

The formats are those of the programs' own documentation; tests/unit/api/health/severity.tsv has samples of each.
"""

import json
import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, cast

HEAD_CHARACTERS = 4096
"""More than any head has; a longer text is not looked at beyond it, unless it is JSON."""
HEAD_WORDS = 10
"""How many words (time, host, process, thread, logger, …) may stand before the severity."""


class Severity(IntEnum):
    """What rules name, in their order."""

    DEBUG = 1
    INFO = 2
    WARNING = 3
    ERROR = 4
    CRITICAL = 5


_WORDS = {
    Severity.DEBUG: "debug dbg debu dbug debug1 debug2 debug3 debug4 debug5 trace trc trac trce verbose vrb silly "
    "fine finer finest",
    Severity.INFO: "info inf information informational notice noti note log system",
    Severity.WARNING: "warning warn wrn warni",
    Severity.ERROR: "error err erro eror severe fail",
    Severity.CRITICAL: "critical crit criti fatal ftl fata fatl panic pani pnc dpanic alert emerg emergency crash",
}
_OF_WORD = {word: severity for severity, words in _WORDS.items() for word in words.split()}
_CRITICAL_STEMS = ("crit", "fata", "ftl", "fatl", "pani", "pnc", "alert", "emerg", "crash")
_ERROR_STEMS = ("err", "eror", "sever", "fail", *_CRITICAL_STEMS)
_STEMS = {
    Severity.CRITICAL: _CRITICAL_STEMS,
    Severity.ERROR: _ERROR_STEMS,
    Severity.WARNING: ("warn", "wrn", *_ERROR_STEMS),
}
"""What each word of that severity, or of a higher one, begins with."""
_UNTELLING = ("{", "<", "\x1b", " ", "\t", "\ufeff", "=")
"""Beginnings after which a line can be of any severity."""
_OF_LETTER = {
    **dict.fromkeys("DTV", Severity.DEBUG),
    **dict.fromkeys("IN", Severity.INFO),
    "W": Severity.WARNING,
    "E": Severity.ERROR,
    **dict.fromkeys("FC", Severity.CRITICAL),
}
_OF_SYSLOG = (
    *(Severity.CRITICAL, Severity.CRITICAL, Severity.CRITICAL, Severity.ERROR),
    *(Severity.WARNING, Severity.INFO, Severity.INFO, Severity.DEBUG),
)
"""By the numbers of RFC 5424: emergency, alert, critical, error, warning, notice, informational, debug."""
_OF_MYSQL = {"0": Severity.INFO, "1": Severity.ERROR, "2": Severity.WARNING, "3": Severity.INFO}
_OF_REDIS = {".": Severity.DEBUG, "-": Severity.DEBUG, "*": Severity.INFO, "#": Severity.WARNING}

_FIELDS = (
    *("level", "severity", "levelname", "level_name", "lvl", "loglevel", "LogLevel", "Level", "log.level", "@l"),
    *("PRIORITY", "priority", "error_severity"),
)
"""Fields of JSON that hold it, the commonest first."""
_FIELDS_OF_LOGFMT = frozenset({"level", "severity", "levelname", "lvl", "loglevel", "log.level"})
_NESTED = ("log", "event")
"""Objects in which some (ECS, GELF shippers) nest the field."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PRIORITY = re.compile(r"<(\d{1,3})>")
_KLOG = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [^\s\]]+:\d+\]")
_GLOG = re.compile(r"([IWEF])\d{8} \d\d:\d\d:\d\d\.\d+ +\d+ [^\s\]]+:\d+\]")
_REDIS = re.compile(r"\d+:[A-Z] \d\d [A-Z][a-z]{2} (?:\d{4} )?\d\d:\d\d:\d\d\.\d{3} ([.*#-]) ")
_MONGO = re.compile(r"\d{4}-\d\d-\d\dT\S+ ([FEWID])\d? +(?:[A-Z]+|-) +\[")
_LETTER = re.compile(r"\[([TDVINWEFC]) (?:[\d-]{6,10}[ T]|\d\d:\d\d:\d\d)|([DIWEF]), \[\d{4}-")
_ERLANG = re.compile(r"=([A-Z]+) REPORT====")
_LOGFMT = re.compile(r"""\s*([A-Za-z_@][\w.@-]*)=("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\S*)""")
_OFFSET = re.compile(r"[+-]\d{1,2}$")
"""Go's slog writes levels between the named ones as `ERROR+4`."""
_ACCESS = re.compile(r"\S+ \S+ \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:")
"""The access log of web servers: a user may be called anything."""
_TRUNCATED_JSON = re.compile(r'[{,]\s*"(level|severity|levelname|lvl)"\s*:\s*("?)(\w+)\2\s*[,}]')
_SYSLOG_HEAD = re.compile(
    r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)) [\w.-]+ "
    r"[\w./@-]+(?:\[\d+\])?: "
)
"""RFC 3164, and what systemd makes of it: time, host, program; what follows is the program's own line."""

_BRACKETED = re.compile(r"\[[^\[\]]{0,120}\]|\([^()]{0,120}\)|<[\w.]+>|\{[\w.,: -]{0,60}\}")
_TIME = re.compile(
    r"\d[\d:.,/TZ+_-]*(?:[AP]M|s|ms)?|\d\d-[A-Z][a-z]{2}-\d{4}|[AP]M|UTC|GMT|[A-Z]{1,3}S?T|[+-]\d\d:?\d\d|Z"
    r"|[a-z]\w*=\S+|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun),?"
)
_WORD = re.compile(r"[^\s\[\]()<>{}|]+")
_SEPARATOR = re.compile(r"[-|:]+|\u2013|\u2014|\u00b7")
_LOGGER = re.compile(r"[A-Za-z_][\w.$/@#*:-]{0,199}")
_SHOUTED = re.compile(r"([A-Z]{3,}[1-5]?)(?:[:,|!\]]|-{2,}|-$|\[|/|$)")
_SPOKEN = re.compile(r"(?:PHP |npm )?([A-Za-z]{3,})(?: error)?:(?=\s|$)")
_IN_BRACKETS = re.compile(
    r"(?:[\w.-]+:|[\d\s:.,/TZ+-]*[:\s]\s?|[\w# -]+/)?([A-Za-z]{3,13})\d?(?:/[\w.-]+| [\w.:-]+)?\s*"
)
_CHANNEL = re.compile(r"\[\d{4}-[^\]]*\] [\w-]+\.([A-Z]+):")
"""Monolog and Laravel: the time, then channel and severity."""
_QUALIFIED = re.compile(r"(?:PHP )?(Fatal|Parse|Recoverable fatal|Catchable fatal) error:")


def read_severity(line: str, at_least: Severity = Severity.DEBUG) -> Severity | None:
    """Read the severity of one line; None where it tells none, or plainly not as much as `at_least`."""
    if at_least >= Severity.WARNING and not _may_be(line, at_least):
        return None
    if "\x1b" in line[:HEAD_CHARACTERS]:
        line = _COLOUR.sub("", line)
    line = line.lstrip("\ufeff \t")
    if line.startswith("{"):
        return _of_json(line)
    line = line[:HEAD_CHARACTERS].rstrip()
    if not line:
        return None
    if line[0] == "<" and (found := _PRIORITY.match(line)) and int(found[1]) < 192:
        return _OF_SYSLOG[int(found[1]) % 8]
    if _ACCESS.match(line):
        return None
    for shape in (_KLOG, _GLOG, _MONGO, _LETTER):
        if found := shape.match(line):
            return _OF_LETTER[found[1] or found[2]]
    if found := _REDIS.match(line):
        return _OF_REDIS[found[1]]
    if found := _ERLANG.match(line) or _CHANNEL.match(line):
        return _OF_WORD.get(found[1].lower())
    if found := _LOGFMT.match(line):
        return _of_logfmt(line)
    if found := _SYSLOG_HEAD.match(line):
        return read_severity(line[found.end() :])
    return _of_head(line)


def _may_be(line: str, at_least: Severity) -> bool:
    """Tell, at a tenth of the price of reading, whether the line can be that severe: most lines of most logs can't."""
    first, second = line[:1], line[1:2]
    if first in _UNTELLING or (first in "EWFC[" and (second.isdigit() or second in _OF_LETTER or line[1:4] == ", [")):
        return True
    head = line[:HEAD_CHARACTERS]
    if first.isdigit() and any(mark in head[:64] for mark in (" E ", " F ", " W ", " # ")):
        return True
    head = head.lower()
    return any(stem in head for stem in _STEMS[at_least])


def _of_json(line: str) -> Severity | None:
    try:
        entry: object = json.loads(line)
    except (ValueError, RecursionError):
        # Cut off because it is too long, or followed by something: what its beginning says plainly is believed.
        found = _TRUNCATED_JSON.search(line[:HEAD_CHARACTERS])
        return _of_value(found[3]) if found else None
    if not isinstance(entry, dict):
        return None
    return _of_fields(cast("dict[str, Any]", entry))


def _of_fields(entry: Mapping[str, Any]) -> Severity | None:
    for field in _FIELDS:
        if field in entry and (severity := _of_value(entry[field])) is not None:
            return severity
    for outer in _NESTED:
        inner = entry.get(outer)
        if isinstance(inner, dict) and (severity := _of_value(cast("dict[str, Any]", inner).get("level"))) is not None:
            return severity
    if "s" in entry and "c" in entry:  # MongoDB: {"t": …, "s": "E", "c": "NETWORK", …}
        return _OF_LETTER.get(str(entry["s"])[:1])
    if "prio" in entry and "subsystem" in entry:  # MySQL: {"prio": 1, "err_code": …, "subsystem": "Server", …}
        return _OF_MYSQL.get(str(entry["prio"]))
    if "@t" in entry and "@l" not in entry:  # Serilog's compact form leaves the commonest one out
        return Severity.INFO
    return None


def _of_value(value: object) -> Severity | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _of_number(value)
    if not isinstance(value, str):
        return None
    word = value.strip().lower()
    if word.isdecimal() and len(word) < 4:
        return _of_number(int(word))
    return _OF_WORD.get(word)


def _of_number(number: float) -> Severity | None:
    """Read a syslog number (0 to 7), or one of pino and bunyan (10 to 60, and those that users put between)."""
    if number in range(8):
        return _OF_SYSLOG[int(number)]
    if not 10 <= number < 70:
        return None
    return (
        *(Severity.DEBUG, Severity.DEBUG, Severity.INFO),
        *(Severity.WARNING, Severity.ERROR, Severity.CRITICAL),
    )[int(number) // 10 - 1]


def _of_logfmt(line: str) -> Severity | None:
    """Read the field of a line that begins with `key=value`; what stands in quotes is no key."""
    position = 0
    while found := _LOGFMT.match(line, position):
        if found[1].lower() in _FIELDS_OF_LOGFMT:
            return _of_value(_OFFSET.sub("", found[2].strip("\"'")))
        position = found.end()
    return None


def _of_head(line: str) -> Severity | None:
    """Walk through the words before the message."""
    position, loggers = 0, 0
    for _ in range(HEAD_WORDS):
        while position < len(line) and line[position].isspace():
            position += 1
        # First, or first after the time, a colon makes a word of any spelling the severity: "error: cannot open …".
        if not loggers and _QUALIFIED.match(line, position):
            return Severity.CRITICAL
        if not loggers and (found := _SPOKEN.match(line, position)) and found[1].lower() in _OF_WORD:
            return _OF_WORD[found[1].lower()]
        if (found := _BRACKETED.match(line, position)) and (position or line[0] != "<"):
            if (severity := _of_brackets(found[0][1:-1])) is not None:
                return severity
            position = found.end()
            continue
        word = _WORD.match(line, position)
        if word is None:
            position += 1  # a bar between columns, a bracket that is not closed
            if position >= len(line):
                return None
            continue
        if (severity := _of_shouted(line, word)) is not None:
            return severity
        end = word.end()
        if _TIME.fullmatch(word[0]) or _SEPARATOR.fullmatch(word[0]) or _TIME.fullmatch(word[0].rstrip(":,;")):
            position = end
            continue
        severity, is_column = _of_column(line, word, position)
        if severity is not None:
            return severity
        # One name of a process or a logger may come first, where it looks like one or a separator follows it.
        named = (is_column and (position or not word[0].istitle())) or _looks_like_a_name(word[0])
        if loggers or not named:
            return None
        loggers += 1
        position = end
    return None


def _of_brackets(inside: str) -> Severity | None:
    found = _IN_BRACKETS.fullmatch(inside.strip())
    if found is None:
        return None
    word = found[1]
    return _OF_WORD.get(word.lower()) if word.isupper() or word.islower() or word.istitle() else None


def _of_shouted(line: str, word: re.Match[str]) -> Severity | None:
    """Read a word in capitals: followed by white space, a bracket, or what separates it from the message."""
    found = _SHOUTED.match(word[0])
    if found is None:
        return None
    if word.end() < len(line) and line[word.end()] in "_(":
        return None
    return _OF_WORD.get(found[1].lower())


def _of_column(line: str, word: re.Match[str], start: int) -> tuple[Severity | None, bool]:
    """Read a word of any spelling that stands in a column of its own: between separators or tabs.

    Return the severity, and whether a separator follows at all.
    """
    after = line[word.end() : word.end() + 3]
    is_column = after.startswith(("\t", " - ", " | ", "|", " : ")) or after in (" -", " |") or word[0].endswith(":")
    before = line[max(0, start - 3) : start]
    opened = start > 0 and (before.endswith(("\t", "|", "- ", "| ")) or before.strip() in {"-", "|"})
    if is_column and opened:
        return _OF_WORD.get(word[0].rstrip(":").lower()), True
    return None, is_column


def _looks_like_a_name(word: str) -> bool:
    word = word.rstrip(":")
    if word == "main":
        return True
    return any(mark in word for mark in "._/@-$:#") and _LOGGER.fullmatch(word) is not None
