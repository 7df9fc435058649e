"""What people are told of: the table in docs/architecture.md, step by step, and what the messages say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from status_state_controller.model import DELETED_BY_THE_ENGINE, Action, Finding, Kind, Outcome, Result, Verb
from status_state_controller.notify.occasions import MOST_KNOWN, Occasions

from ..world import container

if TYPE_CHECKING:
    from status_state_controller.notify.message import Occasion

TEXT = (Path(__file__).resolve().parents[4] / "docs" / "architecture.md").read_text(encoding="utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split(" | "))
    for line in TEXT.partition("\n## Notifications\n")[2].partition("\n| what may happen")[0].splitlines()
    if line.startswith("|") and "`" in line
]


class Desk:
    """Somebody who is told, step by step."""

    def __init__(self) -> None:
        self.occasions = Occasions()
        self.now = 1000.0
        self.told: list[Occasion] = []

    def take(self, step: str) -> None:
        """Take one step of the table."""
        words = step.split()
        if words[-1] == "s":
            self.now += float(words[0])
            self.told += self.occasions.of_losses(self.now)
        elif words[-1] == "nothing":
            kind = Kind.UNHEALTHY if words[0] == "unhealthy" else Kind.REPLACED
            self.find(kind, None)
        elif words[0] in set(Verb):
            self.act(*words)
        else:
            topic = "pause  ending" if step == "pause_ending" else step.partition("_")[0].replace("healing", "pause ")
            found = self.occasions.of_lasting(topic, step, f"{step} at {self.now}", self.now)
            self.told += [found] if found else []

    def act(self, verb: str, attempt: str, *result: str) -> None:
        """Let an action come to its end."""
        is_found, words = result[0] == "found", [one for one in result if one != "found"]
        original_id = None if verb == Verb.STOP else "f" * 64
        action = Action(Verb(verb), container("web"), "is down", original_id, attempt=int(attempt))
        detail = words[1] if len(words) > 1 else None
        attempted_at = None if is_found else self.now
        self.find(Kind.STOPPED, Outcome(action, Result(words[0]), detail, attempted_at=attempted_at))

    def find(self, kind: Kind, outcome: Outcome | None) -> None:
        """Let something be found of web."""
        found = self.occasions.of_finding(Finding(container("web"), kind, "is down"), outcome)
        self.told += [found] if found else []


def test_the_table_is_there() -> None:
    assert len(ROWS) > 20


@pytest.mark.parametrize(("occasion", "steps", "told"), ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_people_are_told_what_the_table_says(occasion: str, steps: str, told: str) -> None:
    desk = Desk()
    for step in re.findall("`(.*?)`", steps):
        desk.take(step)
    assert [f"{one.level} {one.title}" for one in desk.told] == re.findall("`(.*?)`", told), occasion


def test_a_newcomer_is_reported_with_the_command_that_accepts_it() -> None:
    desk = Desk()
    desk.act("stop", "1", "done")
    assert desk.told[0].text == "web is down: stopped"
    assert desk.told[0].remedy.endswith("docker compose exec status-state-api status-state accept web")


def test_a_newcomer_that_is_gone_is_not_said_to_be_acceptable_as_it_is() -> None:
    desk = Desk()
    action = Action(Verb.STOP, container("web"), "is not in the snapshot")
    desk.find(Kind.NEW, Outcome(action, Result.DONE, DELETED_BY_THE_ENGINE, attempted_at=1.0))
    assert "run it again" in desk.told[0].remedy


def test_what_fails_again_and_again_is_reported_with_cause_and_count() -> None:
    desk = Desk()
    desk.act("recreate", "3", "failed", "no-such-image")
    assert "recreate failed: no-such-image. This was attempt 3 " in desk.told[0].text
    assert desk.told[0].remedy.endswith("docker logs web")


def test_of_a_pause_it_is_reported_until_when_and_of_which_container() -> None:
    occasions = Occasions()
    sentence = "healing of db is paused until 2026-11-26 13:00:00 UTC (deploy)"
    one = occasions.of_lasting("pause db", "healing_paused", sentence, 0.0)
    other = occasions.of_lasting("pause web ending", "pause_ending", "healing of web …", 10.0)
    assert one is not None
    assert one.text == sentence
    assert other is not None, "a pause of another container is not the one that people know of"


def test_what_is_remembered_is_bounded() -> None:
    occasions = Occasions()
    for number in range(MOST_KNOWN + 2):
        action = Action(Verb.STOP, container(f"c{number}"), "is new")
        occasions.of_finding(Finding(action.container, Kind.NEW, "is new"), Outcome(action, Result.FAILED, "x"))
    assert len(occasions._of) == MOST_KNOWN  # pyright: ignore[reportPrivateUsage] # nothing else shows it
