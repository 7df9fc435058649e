"""From the engine's stream of a log to lines: whole, each once, bounded, however the stream is cut."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as thoroughness
from hypothesis import strategies as st
from status_state_api.health.logs.lines import (
    KEPT_BYTES,
    LARGEST_FRAME_BYTES,
    Cursor,
    Line,
    LineReader,
    MalformedStream,
    first_moment,
    moment_of_question,
    read_moment,
    write_moment,
)

from .world import STARTED, frame, logged, moment

if TYPE_CHECKING:
    from collections.abc import Iterable

T1, T2, T3 = moment(1), moment(2), moment(3)


def read(chunks: Iterable[bytes], *, terminal: bool = False) -> list[Line]:
    """The lines of a stream that comes in these chunks, and then ends."""
    reader = LineReader(terminal=terminal)
    lines = [line for chunk in chunks for line in reader.feed(chunk)]
    return [*lines, *reader.finish()]


STREAM = b"".join(
    (
        logged(1, "to stderr"),
        logged(2, "to stdout", stream=1),
        frame(f"{T3} a long li".encode(), 1),
        logged(3.5, "in between"),
        frame(f"{T3} ne\n".encode(), 1),
        frame(f"{moment(4)} gr\u00fcn \u2713\r\n".encode()),
        logged(5, ""),
        frame(f"{moment(6)} without an end".encode()),
    )
)
LINES = [
    Line(T1, 2, "to stderr"),
    Line(T2, 1, "to stdout"),
    Line(moment(3.5), 2, "in between"),
    Line(T3, 1, "a long line"),
    Line(moment(4), 2, "gr\u00fcn \u2713"),
    Line(moment(5), 2, ""),
    Line(moment(6), 2, "without an end"),
]
TERMINAL_STREAM = f"{T1} one\r\n{T2} gr\u00fcn \u2713\r\n\n{moment(4)} \r\n{T3} without an end".encode()
TERMINAL_LINES = [
    Line(T1, 1, "one"),
    Line(T2, 1, "gr\u00fcn \u2713"),
    Line(moment(4), 1, ""),
    Line(T3, 1, "without an end"),
]


def test_frames_become_lines() -> None:
    assert read([STREAM]) == LINES


@pytest.mark.parametrize(
    ("stream", "lines", "terminal"), [(STREAM, LINES, False), (TERMINAL_STREAM, TERMINAL_LINES, True)]
)
def test_a_stream_may_be_cut_at_every_byte(stream: bytes, lines: list[Line], terminal: bool) -> None:
    for cut in range(len(stream) + 1):
        assert read([stream[:cut], stream[cut:]], terminal=terminal) == lines
    assert read([bytes((byte,)) for byte in stream], terminal=terminal) == lines


@thoroughness(deadline=None, database=None)
@given(st.lists(st.integers(0, len(STREAM))), st.booleans())
def test_any_cuts_give_the_same_lines(cuts: list[int], terminal: bool) -> None:
    stream = TERMINAL_STREAM if terminal else STREAM
    edges = [0, *sorted(cuts), len(stream)]
    chunks = [stream[begin:end] for begin, end in pairwise(edges)]
    assert read(chunks, terminal=terminal) == (TERMINAL_LINES if terminal else LINES)


@thoroughness(deadline=None, database=None)
@given(
    st.lists(st.tuples(st.integers(1, 2), st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))))
)
def test_every_text_comes_out_as_it_went_in(texts: list[tuple[int, str]]) -> None:
    stream = b"".join(logged(number, text, stream) for number, (stream, text) in enumerate(texts))
    assert read([stream]) == [Line(moment(number), *one) for number, one in enumerate(texts)]


def test_a_line_comes_as_soon_as_it_is_complete() -> None:
    reader = LineReader(terminal=False)
    assert list(reader.feed(logged(1, "one") + logged(2, "two")[:-1])) == [Line(T1, 2, "one")]
    assert list(reader.feed(b"\n")) == [Line(T2, 2, "two")]
    assert list(reader.finish()) == []


def test_a_terminal_has_lines_without_frames() -> None:
    assert read([TERMINAL_STREAM], terminal=True) == TERMINAL_LINES


def test_the_stream_of_the_standard_input_counts_as_output() -> None:
    assert read([logged(1, "x", stream=0)]) == [Line(T1, 1, "x")]


def test_the_parts_of_two_streams_are_not_mixed() -> None:
    parts = [(1, "a-"), (2, "b-"), (1, "c-"), (2, "d\n"), (1, "e\n")]
    stream = b"".join(frame(f"{T1 if number == 1 else T2} {text}".encode(), number) for number, text in parts)
    assert read([stream]) == [Line(T2, 2, "b-d"), Line(T1, 1, "a-c-e")]


def test_what_has_no_end_comes_at_the_end_of_the_stream_once() -> None:
    reader = LineReader(terminal=False)
    stream = frame(f"{T2} b".encode(), 2) + frame(f"{T1} a".encode(), 1)
    assert list(reader.feed(stream)) == []
    assert list(reader.finish()) == [Line(T1, 1, "a"), Line(T2, 2, "b")]
    assert list(reader.finish()) == []


def test_a_frame_that_is_cut_off_at_the_end_is_no_line() -> None:
    assert read([logged(1, "one") + logged(2, "two")[:-2]]) == [Line(T1, 2, "one")]


def test_a_lost_newline_ends_with_the_line_that_follows() -> None:
    stream = frame(f"{T1} lost".encode()) + logged(2, "next")
    assert read([stream]) == [Line(T1, 2, "lost"), Line(T2, 2, "next")]
    stream = frame(f"{T1} lost".encode()) + frame(f"{T2} in ".encode()) + frame(f"{T2} parts\n".encode())
    assert read([stream]) == [Line(T1, 2, "lost"), Line(T2, 2, "in parts")]


def test_of_a_line_of_a_megabyte_the_beginning_is_kept() -> None:
    reader = LineReader(terminal=False)
    lines: list[Line] = []
    for _ in range(64):
        lines += reader.feed(frame(f"{T1} {'x' * 16384}".encode()))
    lines += reader.feed(frame(f"{T1} end\n".encode()) + logged(2, "next"))
    assert lines == [Line(T1, 2, "x" * (KEPT_BYTES - len(T1) - 1)), Line(T2, 2, "next")]


def test_of_a_single_huge_frame_the_beginning_is_kept() -> None:
    stream = frame(f"{T1} {'x' * 1_000_000}\n".encode()) + logged(2, "next")
    assert read([stream]) == [Line(T1, 2, "x" * (KEPT_BYTES - len(T1) - 1)), Line(T2, 2, "next")]
    stream = frame(f"{T1} {'x' * 1_000_000}".encode()) + frame(f"{T1} end\n".encode())
    assert read([stream]) == [Line(T1, 2, "x" * (KEPT_BYTES - len(T1) - 1))]


@pytest.mark.parametrize("size", [1000, KEPT_BYTES, 1_000_000])
def test_of_a_terminals_line_of_a_megabyte_the_beginning_is_kept(size: int) -> None:
    stream = f"{T1} {'x' * 1_000_000}\r\n{T2} next\r\n".encode()
    chunks = [stream[begin : begin + size] for begin in range(0, len(stream), size)]
    assert read(chunks, terminal=True) == [Line(T1, 1, "x" * (KEPT_BYTES - len(T1) - 1)), Line(T2, 1, "next")]


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "frames"])
def test_what_waits_for_its_end_is_bounded(terminal: bool) -> None:
    reader = LineReader(terminal=terminal)
    part = b"x" * 65536 if terminal else frame(T1.encode() + b" " + b"x" * 65536)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(160):
            assert list(reader.feed(part)) == []
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1_000_000, "of ten megabytes"


def test_what_is_no_text_becomes_one() -> None:
    assert read([frame(T1.encode() + b" caf\xe9 \xff\xfe!\n")]) == [Line(T1, 2, "caf\ufffd \ufffd\ufffd!")]
    assert read([frame(b"\xff\xff x\n")]) == [Line("\ufffd\ufffd", 2, "x")]


def test_a_part_without_a_text_is_a_line_without_a_text() -> None:
    assert read([frame(f"{T1} \n".encode())]) == [Line(T1, 2, "")]
    assert read([frame(b"")]) == []


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"\x03\x00\x00\x00\x00\x00\x00\x01", id="unknown stream"),
        pytest.param(b"2026-11-", id="text"),
        pytest.param(b"\x01\x00\x00\x00" + (LARGEST_FRAME_BYTES + 1).to_bytes(4, "big"), id="too long"),
    ],
)
def test_what_has_no_header_is_refused(header: bytes) -> None:
    reader = LineReader(terminal=False)
    lines: list[Line] = []
    with pytest.raises(MalformedStream):  # noqa: PT012 - what has come before counts
        for line in reader.feed(logged(1, "one") + header):
            lines.append(line)  # noqa: PERF402
    assert lines == [Line(T1, 2, "one")]


def test_the_longest_frame_is_waited_for() -> None:
    reader = LineReader(terminal=False)
    assert list(reader.feed(b"\x01\x00\x00\x00" + LARGEST_FRAME_BYTES.to_bytes(4, "big"))) == []


def kept(cursor: Cursor, *lines: tuple[float, int]) -> list[float]:
    """Which of these lines count, by their seconds."""
    return [seconds for seconds, stream in lines if cursor.is_new(Line(moment(seconds), stream, "x"))]


def test_a_line_counts_once() -> None:
    cursor = Cursor(moment(0))
    assert kept(cursor, (1, 2), (2, 2), (1, 2), (2, 2), (3, 2)) == [1, 2, 3]


def test_what_is_older_than_the_run_does_not_count() -> None:
    cursor = Cursor(moment(10))
    assert kept(cursor, (9.999999, 1), (10, 1), (10.000001, 1)) == [10, 10.000001]


def test_the_streams_may_come_a_little_out_of_order() -> None:
    cursor = Cursor(moment(0))
    assert kept(cursor, (2, 1), (1, 2), (2.5, 1), (2.4, 2), (2.4, 2)) == [2, 1, 2.5, 2.4]


def test_a_clock_that_was_set_back_loses_no_lines() -> None:
    cursor = Cursor(moment(0))
    assert kept(cursor, (100, 1), (40, 1), (39.9, 1), (39.9, 1), (40, 1), (41, 1)) == [100, 39.9, 40, 41]
    assert kept(cursor, (200, 1), (140, 1), (139, 2)) == [200, 139]


@pytest.mark.parametrize("moment_of_it", ["yesterday", "ERROR", "9999-99-99T00:00:00Z"])
def test_a_line_without_a_time_is_refused_and_not_held(moment_of_it: str) -> None:
    cursor = Cursor(moment(0))
    kept(cursor, (10, 2))
    for stream in (1, 2):
        with pytest.raises(ValueError, match=r"isoformat|month"):
            cursor.is_new(Line(moment_of_it, stream, "x"))
    assert cursor.resume() == moment(9)
    assert kept(cursor, (10, 2), (11, 2)) == [11]


def test_a_log_is_resumed_a_second_before_its_newest_line() -> None:
    cursor = Cursor(moment(0))
    assert cursor.resume() == moment(0)
    kept(cursor, (100, 1), (50, 2))
    assert cursor.resume() == moment(99)
    assert kept(cursor, (99, 1), (99.5, 2), (100, 1), (100, 2)) == [99.5, 100]


def test_a_log_is_never_resumed_before_the_run() -> None:
    cursor = Cursor(moment(10))
    kept(cursor, (10.2, 1))
    assert cursor.resume() == moment(10)


def test_a_moment_is_written_as_the_engine_writes_it() -> None:
    text = "2026-11-23T17:00:01.250000000Z"
    assert write_moment(STARTED + timedelta(seconds=1.25)) == text
    assert read_moment(text) == STARTED + timedelta(seconds=1.25)
    east = datetime(2026, 11, 23, 18, 0, 1, tzinfo=UTC).astimezone()
    assert write_moment(east) == "2026-11-23T18:00:01.000000000Z"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("2026-11-23T17:00:01.123456789Z", "1795453201.123456789"),
        ("2026-11-23T17:00:01.000000000Z", "1795453201.000000000"),
        ("2026-11-23T17:00:01.999999999Z", "1795453201.999999999"),
        ("2026-11-23T17:00:01.5Z", "1795453201.500000000"),
        ("2026-11-23T17:00:01Z", "1795453201.000000000"),
    ],
)
def test_a_moment_is_asked_for_with_all_its_digits(text: str, asked: str) -> None:
    assert moment_of_question(text) == asked


@pytest.mark.parametrize(
    ("ended_before", "boundary"),
    [(None, 1.0), (0.2, 0.1), (1.0, 0.5), (2.0, 1.0), (60.0, 1.0), (0.0, 1.0), (-5.0, 1.0)],
    ids=str,
)
def test_the_first_moment_of_a_run_lies_between_it_and_the_one_before(
    ended_before: float | None, boundary: float
) -> None:
    ended = None if ended_before is None else STARTED - timedelta(seconds=ended_before)
    assert first_moment(STARTED, ended) == STARTED - timedelta(seconds=boundary)
