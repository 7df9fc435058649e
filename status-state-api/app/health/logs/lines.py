"""From the engine's stream of a log to whole lines, each exactly once. Pure.

Without a terminal the stream is frames: a header of eight bytes (which stream, how long), then a part of the log; with
one it is the bare text. Every part begins with the time at which the engine took it, as asked for by `timestamps=1`;
a line of more than 16 KiB comes in several parts, and only the last of them ends with a newline.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

KEPT_BYTES = 16 * 1024
"""As much of a line is kept: the severity is at its beginning."""
LARGEST_FRAME_BYTES = 4 * 1024 * 1024
"""The engine's parts have 16 KiB; a length beyond this one is none."""
OVERLAP = timedelta(seconds=1)
"""The engine writes the times of stdout and stderr a little out of order: so far back a resumed log is read again."""

LONGEST_REPEAT = timedelta(minutes=1)
"""At a rotation engine 20.10 repeats what was written within some 0.1 s of it."""

_HEADER_BYTES = 8


class MalformedStream(ValueError):
    """What comes is not the stream of a log."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: when the engine took it (its own spelling, of fixed width, so that text compares as time), and what.

    `stream` is 1 for stdout, 2 for stderr; 1 with a terminal.
    """

    moment: str
    stream: int
    text: str


class LineReader:
    """Takes the stream apart; what is incomplete waits for the next chunk, within bounds."""

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal
        self._waiting = bytearray()
        self._begun: dict[int, bytearray] = {}

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """Yield the lines that are complete with this chunk. Raises `MalformedStream`."""
        self._waiting += chunk
        if self._terminal:
            yield from self._feed_terminal()
        else:
            yield from self._feed_frames()

    def finish(self) -> Iterator[Line]:
        """Yield what has no newline at the end of the stream."""
        for stream in sorted(self._begun):
            yield from self._line(stream, self._begun[stream])
        self._begun.clear()

    def _feed_frames(self) -> Iterator[Line]:
        data, position = self._waiting, 0
        while len(data) - position >= _HEADER_BYTES:
            size = int.from_bytes(data[position + 4 : position + 8], "big")
            if data[position] > 2 or size > LARGEST_FRAME_BYTES:
                raise MalformedStream("the engine's stream of a log can't be read")
            end = position + _HEADER_BYTES + size
            if end > len(data):
                break
            stream = max(data[position], 1)
            yield from self._take(stream, data[position + _HEADER_BYTES : end])
            position = end
        del data[:position]

    def _take(self, stream: int, part: bytearray) -> Iterator[Line]:
        """Take one part: the time, a space, and text, which ends the line if it ends with a newline."""
        begun = self._begun.pop(stream, None)
        if begun is not None and begun.partition(b" ")[0] != part.partition(b" ")[0]:
            # The parts of a line have one time. The driver `local` loses the newline of a long one.
            yield from self._line(stream, begun)
            begun = None
        if begun is not None:
            begun += part.partition(b" ")[2][: max(0, KEPT_BYTES - len(begun))]
        if part.endswith(b"\n"):
            yield from self._line(stream, part if begun is None else begun)
        else:
            self._begun[stream] = part[:KEPT_BYTES] if begun is None else begun

    def _feed_terminal(self) -> Iterator[Line]:
        *lines, rest = self._waiting.split(b"\n")
        begun = self._begun.setdefault(1, bytearray())
        for line in lines:
            begun += line[: KEPT_BYTES - len(begun)]
            yield from self._line(1, begun)
            begun.clear()
        begun += rest[: max(0, KEPT_BYTES - len(begun))]
        self._waiting.clear()

    @staticmethod
    def _line(stream: int, data: bytearray) -> Iterator[Line]:
        moment, _, text = data[:KEPT_BYTES].partition(b" ")
        if moment:
            yield Line(moment.decode("ascii", "replace"), stream, text.decode("utf-8", "replace").rstrip("\r\n"))


class Cursor:
    """Knows which lines have been seen, so that each counts once.

    The engine repeats lines when a log is rotated, and so does asking for a log again. Within one stream times
    grow, so what is not newer than the last line has been seen; but for what is much older: then the clock was set back.

    `since` is the moment from which on lines count, in the engine's spelling.
    """

    def __init__(self, since: str) -> None:
        self._since = since
        self._newest: dict[int, str] = {}

    def resume(self) -> str:
        """Return the moment from which on the log has to be asked for."""
        if not self._newest:
            return self._since
        return max(self._since, write_moment(read_moment(max(self._newest.values())) - OVERLAP))

    def is_new(self, line: Line) -> bool:
        """Tell whether the line counts and has not been seen yet; it has been from now on.

        Raises ValueError for a line without a time.
        """
        read_moment(line.moment)  # raises before anything is made of what is no time
        if line.moment < self._since:
            return False
        newest = self._newest.get(line.stream, "")
        if line.moment <= newest and read_moment(newest) - read_moment(line.moment) <= LONGEST_REPEAT:
            return False
        self._newest[line.stream] = line.moment
        return True


def read_moment(text: str) -> datetime:
    """Read the engine's spelling of a time; raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone, so it is none of the engine's times")
    return moment


def write_moment(moment: datetime) -> str:
    """Write a time in the engine's spelling for logs: UTC, nine digits."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"


def moment_of_question(text: str) -> str:
    """Turn the engine's spelling into the one that it takes in a question: seconds and nanoseconds."""
    seconds = int(read_moment(text).timestamp())
    digits = text.partition(".")[2].rstrip("Z")
    return f"{seconds}.{digits:0<9}"


def first_moment(started_at: datetime, finished_at: datetime | None) -> datetime:
    """Return from when on lines belong to the run that began at `started_at`; the one before ended at `finished_at`.

    The engine notes the start when the process is already running, and may take the last lines of the run before
    a little after its end: so the boundary is in the middle between the two, at most a second before the start.
    """
    earliest = started_at - timedelta(seconds=1)
    if finished_at is None or finished_at >= started_at:
        return earliest
    return max(earliest, finished_at + (started_at - finished_at) / 2)
