"""The logs of originals are followed through rotation, floods and restarts, and no line is lost or counted twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..kit.host import LIVE, Container, Host
from ..kit.pair import Pair
from ..kit.waiting import wait_until
from .health import (
    RESTART,
    Recorder,
    find_verdict,
    make_labels,
    make_lively,
    speak,
    wait_for_verdict,
)

if TYPE_CHECKING:
    from collections.abc import Generator


FLOOD = Path(__file__).with_name("log_flood.py").read_text()
BAD = b"CRITICAL:root:boom\n"
# At this rate the engine's own `docker logs --follow` repeats lines at each rotation, some of the bad ones among them.
ROTATED = {"lines": 10_000, "rate": 2_000, "bad": 50}
FLOODED = {"lines": 100_000, "rate": 10_000, "bad": 100}
ROTATION = ("--log-opt", "max-size=100k", "--log-opt", "max-file=5")
WITHIN_SECONDS = 3
# By original: its rule's count, its further options. Those with `-more` ask for one line more than is written.
COUNTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "signal": (1, ()),
    "apart": (2, ()),
    "started": (2, ()),
    "rotated": (ROTATED["bad"], ROTATION),
    "rotated-more": (ROTATED["bad"] + 1, ROTATION),
    "flood": (FLOODED["bad"], ()),
    "calm": (1, ()),
    "away": (3, ()),
    "away-more": (4, ()),
    "unreadable": (1, ("--log-driver", "none")),
}
STATUS_SECONDS = 4


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes, each for one test, with some that have no rule."""
    made = make_lively(module_host, ("plain-1", "plain-2"))
    for stem, (count, options) in COUNTS.items():
        within = f"{WITHIN_SECONDS}s" if stem == "apart" else "10m"
        labels = make_labels({"logs.severity": "critical", "logs.count": f"{count}", "logs.within": within})
        made[stem] = module_host.run(stem, *LIVE, options=(*labels, *options))
    return made


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container], recorder: Recorder) -> Generator[Pair]:
    """The pair, which has nothing to find fault with at first."""
    del recorder
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {container.name for container in originals.values()}
        for stem in COUNTS:
            if stem != "unreadable":
                wait_for_verdict(pair, originals[stem], "logs", "ok")
        yield pair


def flood(container: Container, *, lines: int, rate: int, bad: int) -> float:
    """The container writes so many lines, the last of the bad ones at the very end; returns the seconds it took."""
    return float(container.execute("python3", "-c", FLOOD, f"{lines}", f"{rate}", f"{lines // bad}"))


@pytest.fixture(scope="module")
def signalled(pair: Pair, originals: dict[str, Container], recorder: Recorder) -> None:
    """`apart` and `started` wrote two bad lines each, and an original that wrote its only one later was restarted."""
    del pair
    begun = time.time()
    speak(originals["apart"], BAD)
    speak(originals["started"], BAD)
    originals["started"].docker("restart")
    speak(originals["started"], BAD)
    wait_until(lambda: time.time() > begun + WITHIN_SECONDS + 1, "the first line to be old")
    speak(originals["apart"], BAD)
    speak(originals["signal"], BAD)
    recorder.wait_for_starts(originals["signal"])


@pytest.mark.usefixtures("signalled")
def test_lines_further_apart_than_the_rule_says_do_not_add_up(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    wait_for_verdict(pair, originals["apart"], "logs", "ok")
    assert recorder.actions(originals["apart"]) == []


@pytest.mark.usefixtures("signalled")
def test_lines_from_before_the_last_start_do_not_count(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    wait_for_verdict(pair, originals["started"], "logs", "ok")
    assert recorder.count_starts(originals["started"]) == 1, "the test's own restart"


@pytest.mark.usefixtures("signalled")
def test_lines_that_are_close_enough_and_since_the_last_start_do_count(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    speak(originals["apart"], BAD * 2)
    speak(originals["started"], BAD)
    recorder.wait_for_starts(originals["apart"])
    recorder.wait_for_starts(originals["started"], 2)
    for stem in ("apart", "started"):
        wait_for_verdict(pair, originals[stem], "logs", "ok")


def test_a_log_that_can_not_be_read_is_unknown_with_a_remedy(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    original = originals["unreadable"]
    speak(original, BAD)
    verdict = wait_for_verdict(pair, original, "logs", "unknown")
    assert "driver" in verdict["reason"]
    assert recorder.actions(original) == []


def test_no_line_is_lost_or_counted_twice_when_the_log_is_rotated_under_load(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    exactly, more = originals["rotated"], originals["rotated-more"]
    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(flood, original, **ROTATED) for original in (more, exactly)]
        assert [done.result() > 0 for done in writing] == [True, True]
    recorder.wait_for_starts(exactly)
    wait_for_verdict(pair, more, "logs", "ok")
    wait_for_verdict(pair, exactly, "logs", "ok")
    assert (recorder.actions(exactly), recorder.actions(more)) == (RESTART, [])


def test_a_flood_from_one_starves_neither_the_others_nor_the_interface(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    source, calm = originals["flood"], originals["calm"]
    slowest = 0.0

    def is_failing(original: Container) -> bool:
        nonlocal slowest
        begun = time.monotonic()
        verdict = find_verdict(pair, original, "logs")
        slowest = max(slowest, time.monotonic() - begun)
        return verdict is not None and verdict["verdict"] == "failing"

    with ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(flood, source, **FLOODED)
        speak(calm, BAD)
        wait_until(lambda: is_failing(calm), "the one that is not flooding to be heard", 8)
        assert not flooding.done(), "the flood was over too early"
        wait_until(lambda: is_failing(source) or recorder.count_starts(source), "the flood to be read to its end", 60)
        assert flooding.result() < 2 * FLOODED["lines"] / FLOODED["rate"], "that was no flood"
    assert slowest < STATUS_SECONDS
    for original in (calm, source):
        recorder.wait_for_starts(original)
        wait_for_verdict(pair, original, "logs", "ok")
        assert recorder.actions(original) == RESTART


def test_no_line_is_lost_or_counted_twice_over_a_restart_of_the_ssa(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    exactly, more = originals["away"], originals["away-more"]
    api, begun = pair.api, time.time()
    for original in (more, exactly):
        speak(original, BAD * 2)
    api.docker("stop")
    for original in (more, exactly):
        speak(original, BAD)
    api.docker("start")
    pair.wait_until_at_work(begun)
    recorder.wait_for_starts(exactly)
    for original in (more, exactly):
        wait_for_verdict(pair, original, "logs", "ok")
    assert (recorder.actions(exactly), recorder.actions(more)) == (RESTART, [])


@pytest.mark.usefixtures("signalled")
def test_nobody_is_restarted_more_often_than_that(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    pair.wait_for_checks(3)
    # Not more than these, or fewer where a test was left out; one of `started` is the test's own.
    most = dict.fromkeys(("signal", "apart", "rotated", "flood", "calm", "away"), 1) | {"started": 2}
    counts = {stem: recorder.count_starts(original) for stem, original in originals.items()}
    assert {stem: count for stem, count in counts.items() if count > most.get(stem, 0)} == {}
