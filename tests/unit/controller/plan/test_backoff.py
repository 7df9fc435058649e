"""A failing original waits longer and longer, but never for ever; only running for long makes it well."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from status_state_controller.plan.backoff import Backoff


def waits(attempts: int) -> list[float | None]:
    """The wait before each of so many attempts, each made as soon as it is due."""
    backoff, now, found = Backoff(), 1000.0, list[float | None]()
    for _ in range(attempts):
        due = backoff.due_at("web")
        found.append(None if due is None else due - now)
        now = now if due is None else due
        backoff.attempted("web", now)
    return found


def test_the_first_attempt_is_made_at_once_and_the_next_ones_wait_twice_as_long_up_to_five_minutes() -> None:
    assert waits(9) == [None, 10, 20, 40, 80, 160, 300, 300, 300]


def test_it_is_never_given_up_however_many_attempts_there_were() -> None:
    assert waits(5000)[-1] == 300


@settings(max_examples=50, deadline=None, database=None)
@given(st.integers(min_value=1, max_value=3000))
def test_a_wait_is_never_shorter_than_the_one_before_and_never_longer_than_five_minutes(attempts: int) -> None:
    found = [wait for wait in waits(attempts) if wait is not None]
    assert found == sorted(found)
    assert all(10 <= wait <= 300 for wait in found)


def test_the_wait_begins_with_the_last_attempt() -> None:
    backoff = Backoff()
    backoff.attempted("web", 0.0)
    backoff.attempted("web", 5000.0)
    assert backoff.due_at("web") == 5020.0
    assert backoff.attempts("web") == 2


@pytest.mark.parametrize(("up_seconds", "attempts"), [(0, 3), (599, 3), (600, 0), (86400, 0)])
def test_only_ten_minutes_of_running_make_the_attempts_forgotten(up_seconds: float, attempts: int) -> None:
    backoff = Backoff()
    for now in (0.0, 10.0, 30.0):
        backoff.attempted("web", now)
    backoff.ran("web", up_seconds)
    assert backoff.attempts("web") == attempts
    assert (backoff.due_at("web") is None) == (attempts == 0)


def test_one_original_does_not_wait_for_another() -> None:
    backoff = Backoff()
    backoff.attempted("web", 0.0)
    backoff.ran("db", 600)
    assert backoff.due_at("db") is None
    assert backoff.due_at("web") == 10.0


def test_whoever_left_the_snapshot_is_forgotten_and_nobody_else() -> None:
    backoff = Backoff()
    backoff.attempted("web", 0.0)
    backoff.attempted("db", 0.0)
    backoff.keep_only({"db", "new"})
    assert backoff.due_at("web") is None
    assert backoff.due_at("db") == 10.0
    assert backoff.attempts("new") == 0
