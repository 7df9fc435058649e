"""When a message is sent and what it says: grouped, limited, with the host's name, and without secrets."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from status_state_controller.notify.grouping import Grouping, Limits
from status_state_controller.notify.message import LONGEST_TEXT, Batch, Level, Occasion, compose
from status_state_controller.notify.targets import scrub, shown

NOON = 1795608000.0  # 2026-11-25 12:00:00 UTC
LIMITS = Limits(apart=30.0, most=3, per=3600.0, kept=4)


def occasion(name: str, level: Level = Level.SUCCESS) -> Occasion:
    """That a container was started."""
    return Occasion(level, f"{name}: started", f"{name} had exited: started")


def sent(grouping: Grouping, now: float, *, is_end: bool = False) -> list[str] | None:
    """The titles of what is sent at that moment."""
    batch = grouping.take(now, NOON + now, is_end=is_end)
    return None if batch is None else [one.title for _, one in batch.occasions]


def test_the_first_is_sent_at_once_and_those_that_follow_within_30_s_in_one_message() -> None:
    grouping = Grouping(LIMITS)
    assert (grouping.due_at, sent(grouping, 0)) == (None, None)
    grouping.put(occasion("a"), NOON)
    assert sent(grouping, 0) == ["a: started"]
    grouping.put(occasion("b"), NOON)
    grouping.put(occasion("c"), NOON)
    assert (grouping.due_at, sent(grouping, 29.9)) == (30, None)
    assert sent(grouping, 30) == ["b: started", "c: started"]
    grouping.put(occasion("d"), NOON)
    assert sent(grouping, 100) == ["d: started"]


def test_the_last_message_of_an_hour_says_until_when_others_are_held_back_and_those_come_in_one() -> None:
    grouping = Grouping(LIMITS)
    held = list[float | None]()
    for now in (0.0, 30.0, 60.0):
        grouping.put(occasion("a"), NOON)
        batch = grouping.take(now, NOON + now)
        assert batch is not None
        held.append(batch.held_until)
    assert held == [None, None, NOON + 3600]
    for name in "bcdefg":
        grouping.put(occasion(name), NOON)
    assert sent(grouping, 3599) is None
    batch = grouping.take(3600, NOON + 3600)
    assert batch is not None
    assert ([one.title[0] for _, one in batch.occasions], batch.left_out) == (["d", "e", "f", "g"], 2)


def test_at_the_end_what_waits_for_others_is_sent_and_what_is_held_back_is_not() -> None:
    grouping = Grouping(LIMITS)
    for now in (0.0, 30.0):
        grouping.put(occasion("a"), NOON)
        assert sent(grouping, now)
    grouping.put(occasion("b"), NOON)
    assert sent(grouping, 31, is_end=True) == ["b: started"]
    grouping.put(occasion("c"), NOON)
    assert sent(grouping, 32, is_end=True) is None


def test_one_occasion_makes_a_message_with_the_name_of_the_host() -> None:
    one = Occasion(
        Level.WARNING, "miner: newcomer stopped", "miner is not in the snapshot: stopped", "To keep it: accept"
    )
    message = compose(Batch([(NOON, one)]), "kiosk-17")
    assert (message.title, message.level) == ("kiosk-17: miner: newcomer stopped", Level.WARNING)
    assert message.body == "12:00:00 UTC: miner is not in the snapshot: stopped\nTo keep it: accept"


def test_several_make_one_that_is_as_grave_as_the_gravest_and_tells_what_is_left_out() -> None:
    batch = Batch([(NOON, occasion("a")), (NOON, occasion("b", Level.FAILURE))], left_out=3, held_until=NOON + 60)
    message = compose(batch, "kiosk-17")
    assert (message.title, message.level) == ("kiosk-17: a: started, and 4 more", Level.FAILURE)
    first, *_, last = message.body.split("\n\n")
    assert first.startswith("3 earlier ones")
    assert "held back until 12:01:00 UTC" in last


def test_what_comes_from_outside_is_masked_made_harmless_and_cut() -> None:
    text = "web said \x1b[31m PASSWORD=hunter2 " + "x" * 2000
    body = compose(Batch([(NOON, Occasion(Level.INFO, "t", text))]), "host").body
    assert "hunter2" not in body
    assert "\x1b" not in body
    assert len(body) < LONGEST_TEXT + 20


URLS = [
    "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "mailto://user:hunt%40er2@smtp.example.com?to=me@example.com&from=you@example.com",
    "jsons://hooks.example.com:8443/very/secret-path?+X-Token=abc123",
    "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    "ntfy://my-topic-nobody-guesses",
    "tgram://123456789:AAFgtrs-tuvwxyz/12315544",
    "hunter2-without-a-scheme",
]


@pytest.mark.parametrize("url", URLS)
def test_of_a_target_nothing_is_shown_but_its_number_and_scheme(url: str) -> None:
    scheme, found, _ = url.partition("://")
    assert shown(2, url) == (f"2 ({scheme}://***)" if found else "2 (no URL)")


@pytest.mark.parametrize("url", URLS)
def test_no_part_of_a_url_is_left_in_what_is_said_of_it(url: str) -> None:
    rest = url.partition("://")[2] or url
    parts = [part for part in rest.replace("?", "/").replace(":", "/").replace("@", "/").split("/") if len(part) > 2]
    spelt = [*parts, *(unquote(part) for part in parts), rest, rest.lower(), url]
    for part in spelt:
        assert part not in scrub(f"POST to {part} failed, 401 (see {url}): {part}.", url)
    assert scrub("Connection\nrefused", url) == "Connection refused"
