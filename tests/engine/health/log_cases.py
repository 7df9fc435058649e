"""What containers write in the tests of log severity, and how many of these lines are as bad as their rule says."""

from __future__ import annotations

from dataclasses import dataclass

# The engine cuts what is longer into pieces of this size.
PIECE = 16 * 1024
MEGABYTE = 1024 * 1024

BAD_BY_FORMAT = rb"""
{"level": "error", "msg": "boom"}
{"time": "2026-11-23T20:00:00Z", "severity": "CRITICAL", "message": "boom"}
{"levelname": "ERROR", "message": "boom", "exc_info": null}
{"level": 50, "time": 1795464000000, "pid": 1, "hostname": "x", "msg": "boom of pino"}
{"name": "shop", "level": 60, "msg": "boom of bunyan", "v": 0}
level=error msg="boom"
time="2026-11-23T20:00:00Z" level=fatal msg="boom" module=shop
CRITICAL:root:boom
2026-11-23 20:00:00,123 - shop.cart - ERROR - boom
2026-11-23 20:00:00,123 ERROR shop.cart: boom
2026/11/23 20:00:00 [error] 29#29: *1 open() "/page" failed (2: No such file or directory)
[Mon Nov 23 20:00:00.123456 2026] [core:error] [pid 35:tid 1401] AH00126: Invalid URI in request
E1123 20:00:00.000000       1 server.go:42] boom
F1123 20:00:00.000000       1 server.go:42] boom
<3>boom
<2>boom
ERROR: boom
[ERROR] boom
FATAL boom
""".lstrip()

# No line here is as bad as an error, whatever words are in it.
WORDS = rb"""
INFO:root:no CRITICAL and no FATAL ERROR today
{"level": "info", "message": "CRITICAL:root:a quotation", "error": null}
{"level": 30, "msg": "ERROR is a word", "severity_of_others": "critical"}
level=info msg="level=critical was seen elsewhere" error=none
2026-11-23 20:00:00,123 INFO shop.cart: ERROR and CRITICAL are words
2026-11-23 20:00:00,123 - shop.cart - WARNING - ERROR follows
2026/11/23 20:00:00 [notice] 1#1: signal 3 [error] is a word
[Mon Nov 23 20:00:00.123456 2026] [mpm_event:notice] [pid 1:tid 1] AH00489: [core:error] is a word
192.0.2.1 - - [23/Nov/2026:20:00:00 +0000] "GET /critical/error HTTP/1.1" 200 612 "-" "curl/8.0"
I1123 20:00:00.000000       1 server.go:42] ERROR is a word
W1123 20:00:00.000000       1 server.go:42] FATAL is a word
<6>CRITICAL is a word
<4>ERROR is a word
DEBUG: ERROR is a word

Finished with 0 errors, nothing critical happened
""".lstrip()


@dataclass(frozen=True)
class Case:
    """What is written, as pairs of stream (1: stdout, 2: stderr) and words; `matching` lines of it are that bad."""

    writes: tuple[tuple[int, bytes], ...]
    matching: int
    severity: str = "error"
    options: tuple[str, ...] = ()


def fill_pieces(*beginnings: bytes) -> bytes:
    """One line without its newline: pieces as the engine cuts them, each with its beginning, and a short last one.

    The driver `local` of engine 20.10 loses the newline of every line in pieces: there are no cases of that.
    """
    return b"".join(beginning.ljust(PIECE, b"x") for beginning in beginnings) + b" the end"


# One long line of no weight, of which each piece looks, by itself, as if it weighed much.
QUOTING = (b"INFO:root:begins ", *([b"CRITICAL:root:not a line "] * (MEGABYTE // PIECE - 1)))
TWO_LONG_LINES = fill_pieces(*QUOTING) + b"\n" + b"CRITICAL:root:long ".ljust(MEGABYTE + 1, b"x") + b"\n"
NO_UTF8 = b"\xff\xfe\x80 no text\nCRITICAL:root:caf\xe9 \xf0\x9f\xff\n\xc3\nCRITICAL:root:\xed\xa0\x80 \x00 \xc0\xaf\n"

CASES = {
    "python": Case(((1, b"ERROR:root:not that bad\nCRITICAL:root:the disk is full\n"),), 1, "critical"),
    "stderr": Case(((2, b"CRITICAL:root:the disk is full\n"),), 1, "critical"),
    "formats": Case(((1, BAD_BY_FORMAT),), BAD_BY_FORMAT.count(b"\n")),
    "words": Case(((1, WORDS + b"ERROR:root:a true one\n"),), 1),
    "cut": Case(((1, b"CRITI"), (1, b"CAL:root:in two "), (1, b"pieces\nCRITICAL:root:the next\n")), 2),
    "terminal": Case(
        ((1, fill_pieces(*QUOTING[:3]) + b"\nCRITICAL:root:one\nINFO:root:two\nCRITICAL:root:three\n"),),
        2,
        options=("--tty",),
    ),
    "megabyte": Case(((1, TWO_LONG_LINES),), 1),
    "interleaved": Case(
        (
            (1, fill_pieces(b"CRITICAL:root:long ")),
            (2, b"CRITICAL:root:between\n"),
            (1, b" and on\nINFO:root:after\n"),
        ),
        2,
    ),
    "no-utf8": Case(((1, NO_UTF8),), 2),
    "no-utf8-local": Case(((1, NO_UTF8),), 2, options=("--log-driver", "local")),
}
