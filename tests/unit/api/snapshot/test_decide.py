"""When a snapshot is taken and when the stored one is resumed: each row of the design, and what lies between them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from status_state_api.snapshot.start.decide import (
    AskWhenEnded,
    Fresh,
    OnStart,
    Resume,
    SettleTiming,
    Settling,
    Situation,
    StoredRun,
    decide,
    is_starting,
    judge_endings,
)

from ..world import BOOT, LOOK, NOW, OTHER_IDENTITY, OWN_ID, compared, recipes_of

HELD = compared(recipes_of("web"))
FOREIGN_WHY = (
    "fresh: the stored one is of another engine, kiosk-17: its network none is another one, and 0 of the 0 originals "
    "are there"
)
EMPTY = compared(recipes_of())
FOREIGN = compared(recipes_of("web", engine=OTHER_IDENTITY))
CRASHED = StoredRun(BOOT, "bridge-1", None, HELD)
STOPPED = replace(CRASHED, stopped_at=NOW - timedelta(seconds=30))
REBOOTED = replace(LOOK, bridge_id="bridge-2")

USUAL = Situation(LOOK, BOOT, OWN_ID, "", STOPPED, HELD)


def text(decision: Fresh | Resume | AskWhenEnded) -> str:
    """A decision in one line."""
    if isinstance(decision, AskWhenEnded):
        return f"ask: {decision.what_restarted} restarted"
    return f"{type(decision).__name__.lower()}: {decision.why}"


CASES: list[tuple[str, OnStart, Situation, str]] = [
    (
        "the first start",
        "auto",
        replace(USUAL, own_run=None, latest=None),
        "fresh: this container has not run before",
    ),
    (
        "compose down && up, and an upgrade: a new container",
        "auto",
        replace(USUAL, own_run=None),
        "fresh: this container has not run before",
    ),
    (
        "compose restart, and Ctrl-C and up again",
        "auto",
        USUAL,
        "fresh: this container had been stopped in order, and the engine has not restarted since",
    ),
    (
        "a crash, an OOM kill, a SIGKILL",
        "auto",
        replace(USUAL, own_run=CRASHED),
        "resume: this container had not been stopped in order",
    ),
    (
        "a power loss",
        "auto",
        replace(USUAL, own_run=CRASHED, boot_id="boot-2", look=REBOOTED),
        "resume: this container had not been stopped in order",
    ),
    ("an engine restart", "auto", replace(USUAL, look=REBOOTED), "ask: the engine restarted"),
    ("a reboot", "auto", replace(USUAL, look=REBOOTED, boot_id="boot-2"), "ask: the host restarted"),
    (
        "a reboot of an engine without the network bridge",
        "auto",
        replace(
            USUAL,
            look=replace(LOOK, bridge_id=None, bridge_created_at=None),
            own_run=replace(STOPPED, bridge_id=None),
            boot_id="boot-2",
        ),
        "ask: the host restarted",
    ),
    (
        "a restart of an engine without the network bridge can't be told",
        "auto",
        replace(
            USUAL, look=replace(LOOK, bridge_id=None, bridge_created_at=None), own_run=replace(STOPPED, bridge_id=None)
        ),
        "fresh: this container had been stopped in order, and the engine has not restarted since",
    ),
    (
        "a crash with an empty snapshot",
        "auto",
        replace(USUAL, own_run=replace(CRASHED, snapshot=EMPTY)),
        "fresh: the stored one is empty",
    ),
    (
        "a crash, and another engine since",
        "auto",
        replace(USUAL, own_run=replace(CRASHED, snapshot=FOREIGN)),
        FOREIGN_WHY,
    ),
    (
        "outside of a container",
        "auto",
        replace(USUAL, own_id=None, why_unknown="no container", own_run=None),
        "fresh: the own container is not known: no container",
    ),
    ("fresh, even after a crash", "fresh", replace(USUAL, own_run=CRASHED), "fresh: SSA_SNAPSHOT_ON_START is fresh"),
    ("resume, even after an orderly stop", "resume", USUAL, "resume: SSA_SNAPSHOT_ON_START is resume"),
    (
        "resume, in a new container",
        "resume",
        replace(USUAL, own_run=None, own_id=None),
        "resume: SSA_SNAPSHOT_ON_START is resume",
    ),
    (
        "resume, with none stored of this engine",
        "resume",
        replace(USUAL, own_run=replace(CRASHED, snapshot=FOREIGN), latest=None),
        "fresh: SSA_SNAPSHOT_ON_START is resume, but none is stored of this engine",
    ),
    (
        "resume, with an empty one",
        "resume",
        replace(USUAL, latest=EMPTY),
        "fresh: SSA_SNAPSHOT_ON_START is resume, but the one stored is empty",
    ),
]


@pytest.mark.parametrize(("on_start", "situation", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_the_start_decides(on_start: OnStart, situation: Situation, expected: str) -> None:
    assert text(decide(on_start, situation)) == expected


ASK = AskWhenEnded(HELD, "the host", NOW - timedelta(seconds=30))


@pytest.mark.parametrize(
    ("seconds", "resumed"),
    [(-61, False), (-60, True), (0, True), (60, True), (61, False), (None, False)],
    ids=["long before", "just before", "together", "just after", "long after", "still runs"],
)
def test_an_original_that_ended_within_a_minute_of_the_ssa_went_down_with_it(
    seconds: int | None, resumed: bool
) -> None:
    end = None if seconds is None else NOW + timedelta(seconds=seconds)
    decision = judge_endings(ASK, NOW, {"web": end, "other": NOW - timedelta(days=1)})
    assert isinstance(decision, Resume) is resumed


def test_a_resume_after_a_reboot_names_what_went_down_with_it() -> None:
    decision = judge_endings(ASK, NOW, dict.fromkeys(("web", "db", "cache", "queue", "cron"), NOW))
    assert text(decision) == ("resume: the host went down with it: cache, cron, db and 2 more ended at the same time")


def test_without_an_own_end_the_mark_stands_for_it() -> None:
    assert isinstance(judge_endings(ASK, None, {"web": ASK.stopped_at + timedelta(seconds=59)}), Resume)
    assert isinstance(judge_endings(ASK, None, {"web": ASK.stopped_at + timedelta(seconds=61)}), Fresh)


def test_an_engine_is_starting_for_a_minute_by_its_own_clock() -> None:
    times = SettleTiming()
    young = replace(LOOK, bridge_created_at=LOOK.clock - timedelta(seconds=59))
    assert is_starting(young, times)
    assert not is_starting(replace(young, clock=young.clock + timedelta(seconds=1)), times)
    assert not is_starting(replace(LOOK, bridge_id=None, bridge_created_at=None), times)


WEB, BOTH = frozenset({"web"}), frozenset({"web", "db"})


def test_the_engine_has_settled_when_nothing_has_changed_for_twenty_seconds() -> None:
    settling = Settling.begin(SettleTiming(), 0.0, WEB)
    settling = settling.observe(10.0, BOTH)
    assert settling.observe(29.9, BOTH).done is None
    assert settling.observe(30.0, BOTH).done == "unchanged for 20 s"


def test_the_wait_for_an_engine_that_never_settles_ends_after_five_minutes() -> None:
    settling = Settling.begin(SettleTiming(), 0.0, WEB)
    for second in range(1, 300):
        settling = settling.observe(float(second), BOTH if second % 2 else WEB)
        assert settling.done is None
    settling = settling.observe(300.0, WEB)
    assert settling.done == "it still changes after 300 s, which is long enough"


@given(st.lists(st.tuples(st.floats(0.1, 30), st.sampled_from([WEB, BOTH])), max_size=80))
def test_a_settled_engine_was_seen_unchanged_for_long_or_waited_for_to_the_limit(
    seen: list[tuple[float, frozenset[str]]],
) -> None:
    times = SettleTiming()
    settling, now, history = Settling.begin(times, 0.0, WEB), 0.0, [(0.0, WEB)]
    for step, running in seen:
        now += step
        history.append((now, running))
        settling = settling.observe(now, running)
        if settling.done is not None:
            break
    if settling.done is not None:
        changes = [at for (_, before), (at, after) in pairwise(history) if before != after]
        quiet = now - max(changes, default=0.0)
        assert quiet >= times.quiet_seconds or now >= times.limit_seconds
