"""The policy: laid over the labels by name, the later entry first, and in force in the moment it changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.wishes.policy import Entry, Policy

from ..stage import Log, Stage, settled, stage, until
from ..world import container, id_of, original, snapshot

if TYPE_CHECKING:
    from pathlib import Path

IGNORE, RESTART = "status-state.ignore", "status-state.restart"


def says(*match: str, ignore: bool | None = None, restart: str | None = None) -> Entry:
    """An entry about names that match one of these globs."""
    return Entry(match, ignore, restart)


def policy(*entries: Entry) -> Policy:
    """A policy of these entries."""
    return Policy(entries)


@pytest.mark.parametrize(
    ("glob", "name", "matches"),
    [
        ("web", "web", True),
        ("web", "web-1", False),
        ("web", "my-web", False),
        ("web", "WEB", False),
        ("web-*", "web-1", True),
        ("web-*", "web-", True),
        ("web-*", "web", False),
        ("*web", "my-web", True),
        ("*", "anything", True),
        ("web-?", "web-1", True),
        ("web-?", "web-12", False),
        ("web-[12]", "web-2", True),
        ("web-[!12]", "web-2", False),
        ("web.1", "web-1", False),
        ("a|b", "a", False),
        ("(web)", "web", False),
    ],
)
def test_a_glob_matches_whole_names(glob: str, name: str, *, matches: bool) -> None:
    expected = {IGNORE: "true"} if matches else {}
    assert says(glob, ignore=True).labels(name) == expected
    assert says("other-*", glob, "other", ignore=True).labels(name) == expected, "one of several is enough"


@pytest.mark.parametrize(
    ("entry", "labels"),
    [
        (says("*", ignore=True), {IGNORE: "true"}),
        (says("*", ignore=False), {IGNORE: "false"}),
        (says("*", restart="never"), {RESTART: "never"}),
        (says("*", ignore=False, restart="on-failure"), {IGNORE: "false", RESTART: "on-failure"}),
        (says("*"), {}),
    ],
    ids=["ignored", "not ignored", "restart rule", "both", "nothing"],
)
def test_what_an_entry_says_is_read_as_labels(entry: Entry, labels: dict[str, str]) -> None:
    assert entry.labels("web") == labels


def test_where_two_entries_speak_of_the_same_the_later_one_counts() -> None:
    rules = policy(
        says("web-*", ignore=True, restart="never"), says("web-1", ignore=False), says("web-2", restart="always")
    )
    assert rules.labels("web-0") == {IGNORE: "true", RESTART: "never"}
    assert rules.labels("web-1") == {IGNORE: "false", RESTART: "never"}
    assert rules.labels("web-2") == {IGNORE: "true", RESTART: "always"}
    assert rules.labels("db") == {}


def test_it_is_laid_over_the_labels_of_containers_and_leaves_the_others_as_they_are() -> None:
    labelled = container("web", labels={IGNORE: "true", "app": "shop"})
    plain, other = container("web", word="plain"), container("db", labels={IGNORE: "true"})
    applied = policy(says("web", ignore=False)).apply([labelled, plain, other])
    assert [c.labels for c in applied] == [{IGNORE: "false", "app": "shop"}, {IGNORE: "false"}, {IGNORE: "true"}]
    assert [replace(c, labels={}) for c in applied] == [replace(c, labels={}) for c in (labelled, plain, other)]
    assert labelled.labels == {IGNORE: "true", "app": "shop"}, "what was observed is not changed"


def test_without_entries_everything_stays_as_it_is() -> None:
    world = (container("web", labels={IGNORE: "true"}), container("db"))
    assert Policy().apply(world) == list(world)


def test_it_is_laid_over_the_labels_of_an_original() -> None:
    plain = original("web", labels={IGNORE: "true", "app": "shop"})
    assert plain.labels == {IGNORE: "true", "app": "shop"}
    assert replace(plain, policy={IGNORE: "false", RESTART: "never"}).labels == {
        IGNORE: "false",
        "app": "shop",
        RESTART: "never",
    }
    assert plain.inspect["Config"]["Labels"] == {IGNORE: "true", "app": "shop"}, "the recipe is not changed"


def beside(folder: Path, *entries: Entry, **settings: Any) -> Stage:
    """The original `web` is down; there are the newcomers `backup-1` and `miner`."""
    held = snapshot("web", policy=policy(*entries))
    world = (container("web", "exited"), container("backup-1"), container("miner"))
    return stage(folder, held, *world, **settings)


def change_policy(s: Stage, *entries: Entry) -> None:
    """Let the SSA serve the same snapshot with another policy."""
    assert s.ssa.held is not None
    originals = (replace(o, policy={}) for o in s.ssa.held.originals)
    s.ssa.held = snapshot(*originals, id=s.ssa.held.id, policy=policy(*entries))
    s.ssa.tag += "+"


async def test_a_newcomer_whose_name_is_ignored_is_not_stopped(tmp_path: Path) -> None:
    s = beside(tmp_path, says("backup-*", ignore=True))
    await s.check()
    assert sorted(s.engine.acts) == ["start web", "stop miner None"]


async def test_a_newcomer_that_ignores_itself_is_stopped_where_the_policy_says_so(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot(policy=policy(says("miner", ignore=False))))
    s.engine.put(container("miner", labels={IGNORE: "true"}), container("other", labels={IGNORE: "true"}))
    await s.check()
    assert s.engine.acts == ["stop miner None"]


async def test_an_original_whose_name_is_ignored_is_left_alone(tmp_path: Path) -> None:
    s = beside(tmp_path, says("web", ignore=True))
    await s.check()
    assert sorted(s.engine.acts) == ["stop backup-1 None", "stop miner None"]
    s.engine.world.clear()
    await s.check_later(30)
    assert len(s.engine.acts) == 2


async def test_the_restart_rule_of_the_policy_wins_over_the_label(tmp_path: Path) -> None:
    held = snapshot(original("web", labels={RESTART: "always"}), policy=policy(says("w*", restart="never")))
    s = stage(tmp_path, held, container("web", "exited", labels={RESTART: "always"}))
    await s.check()
    assert s.engine.acts == []


async def test_an_original_that_is_ill_is_not_restarted_where_the_policy_forbids_it(tmp_path: Path) -> None:
    for entry, acts in ((says("web", restart="never"), 0), (says("web", ignore=True), 0), (says("db", ignore=True), 1)):
        s = stage(tmp_path, snapshot("web", policy=policy(entry)), container("web"))
        await s.check()
        s.is_told("web")
        await s.check_later(30)
        await s.check_later(5)
        assert s.engine.acts == ["restart web None"] * acts


async def test_another_policy_for_the_same_snapshot_is_in_force_at_the_next_check(tmp_path: Path) -> None:
    s = beside(tmp_path, says("*", ignore=True))
    await s.check()
    assert s.engine.acts == []
    change_policy(s, says("backup-*", ignore=True), says("x", ignore=True))
    with Log() as log:
        await s.check_later(30)
    assert sorted(s.engine.acts) == ["start web", "stop miner None"]
    told = [entry for entry in log.entries if "policy" in entry["event"]]
    assert [entry["entries"] for entry in told] == [2]
    assert not log.about("the snapshot is in force")


async def test_another_policy_for_the_same_snapshot_lets_no_attempt_be_forgotten(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"))
    await s.check()
    s.engine.put(container("web", "exited", status="Exited (1) 1 second ago"))
    change_policy(s, says("backup-*", ignore=True))
    assert await s.check_later(1) == 9
    assert s.engine.acts == ["start web"]


async def test_another_policy_for_the_same_snapshot_makes_no_impostor_of_what_the_controller_has_made(
    tmp_path: Path,
) -> None:
    s = stage(tmp_path, snapshot("web"))
    await s.check()
    made = s.engine.named("web")
    assert made.id != id_of("web")
    s.engine.inspects[made.id]["Image"] = "sha256:other"  # it would not be taken for a successor by its looks
    change_policy(s, says("backup-*", ignore=True))
    await s.check_later(1)
    s.engine.put(replace(made, state="running", status="Up 1 second"))
    await s.check_later(30)
    assert s.engine.acts == ["create web", "start web"]


async def test_a_newcomer_that_the_policy_ignores_while_its_stop_waits_for_its_turn_is_not_stopped(
    tmp_path: Path,
) -> None:
    s = stage(tmp_path, snapshot(), container("a"), container("b"), concurrency=1)
    stopping = s.engine.hang("stop a")
    await s.controller.check()
    await until(s.engine.reached["stop a"].is_set)
    change_policy(s, says("b", ignore=True))
    await s.controller.check()
    stopping.set()
    await settled()
    assert s.engine.acts == ["stop a None"]
