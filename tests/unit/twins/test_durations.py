"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from status_state_api.durations import parse_duration, read_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("10s", 10), ("1m30s", 90), ("2h", 7200), ("1h2m3s", 3723), ("45", 45), ("0", 0), (" 10s ", 10)],
        *[("0.5", 0.5), ("1.5s", 1.5), ("1.5m", 90), ("0.5h", 1800), ("1.5h0.5m0.5s", 5430.5)],
    ],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "s", "soon", "10 s", "10x", "10ms", "1d", "1s1m", "30s1m", "1e3", "1.s", ".5s", "\u0661s", "1_0"],
        *["-1s", "-5", "+5", "inf", "nan", "infinity", "9" * 400, "9" * 400 + "h"],
    ],
)
def test_what_is_no_duration_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^it is no duration such as 10s, 1m30s or 90$"):
        parse_duration(text)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


def test_a_number_is_left_to_the_field_that_it_is_for() -> None:
    assert [read_duration(value) for value in (1.5, True, None, "2m")] == [1.5, True, None, 120]
