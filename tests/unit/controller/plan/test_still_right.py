"""Whether an action is still right when its turn comes: each row is a verb, and what has changed since it was planned."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.model import Action, Inspect, Seen, Snapshot, Unhealthy, Verb, Verdicts
from status_state_controller.plan.still_right import may_be_moved, still_right
from status_state_controller.policy import Entry, Policy

from ..world import IMAGE_ID, STARTED_AT, container, id_of, original, recipe, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

WEB = id_of("web")
IMAGES = (IMAGE_ID, IMAGE_ID)
ANOTHER_RUN = "2026-11-23T11:30:00Z"
BY_CHECK = Unhealthy(STARTED_AT, "its health check fails")
BY_VERDICT = Unhealthy(STARTED_AT, "its probe answered 500", by_verdict=True)
FAILING = Verdicts({(WEB, STARTED_AT): "its probe answered 500"}, known=True)
SHARES: dict[str, Any] = {"HostConfig": {"NetworkMode": "container:vpn"}}


def seen(name: str, state: str = "running", word: str = "", *, health: str = "", **others: Any) -> Inspect:
    """What `inspect` says at this moment."""
    told = {"Health": {"Status": health, "FailingStreak": 3}} if health else {}
    inspected = recipe(name, word=word or name, labels=others.pop("labels", None)) | others
    return inspected | {"State": {"Status": state, "StartedAt": STARTED_AT} | told}


@dataclass
class Moment:
    """An action, and all there is to tell whether it is still right."""

    action: Action
    now: Seen
    held: Snapshot = field(default_factory=lambda: snapshot("web"))
    verdicts: Verdicts = field(default_factory=Verdicts)
    mass_failure: bool = False

    @property
    def told(self) -> str:
        """Why it is not right any more: the result, and the reason."""
        reason = still_right(self.action, self.held, self.now, self.verdicts, mass_failure=self.mass_failure)
        return "" if reason is None else f"{reason[0]}: {reason[1]}"


def of(verb: Verb, word: str = "web", name: str = "web", **fields: Any) -> Action:
    """An action on the container that has the place of `web`."""
    return Action(verb, container(name, word=word), "x", None if verb is Verb.STOP else WEB, **fields)


RIGHT: dict[str, Callable[[], Moment]] = {
    "start": lambda: Moment(of(Verb.START), Seen(seen("web", "exited"))),
    "start a successor": lambda: Moment(of(Verb.START, "web again"), Seen(seen("web", "created", "web again"))),
    "reattach": lambda: Moment(of(Verb.REATTACH), Seen(seen("web", "exited"))),
    "restart": lambda: Moment(of(Verb.RESTART, unhealthy=BY_CHECK), Seen(seen("web", health="unhealthy"))),
    "restart by verdict": lambda: Moment(of(Verb.RESTART, unhealthy=BY_VERDICT), Seen(seen("web")), verdicts=FAILING),
    "restart a follower": lambda: Moment(of(Verb.RESTART), Seen(seen("web"))),
    "recreate": lambda: Moment(of(Verb.RECREATE), Seen(None)),
    "recreate a dead one": lambda: Moment(of(Verb.RECREATE), Seen(None, seen("web", "dead"), seen("web", "dead"))),
    "recreate beside remains": lambda: Moment(of(Verb.RECREATE), Seen(None, None, seen("web", "dead", "remains"))),
    "restore": lambda: Moment(
        of(Verb.RESTORE, "impostor", images=IMAGES), Seen(None, None, seen("web", word="impostor"))
    ),
    "restore a dead one": lambda: Moment(
        of(Verb.RESTORE, "impostor", images=IMAGES),
        Seen(None, seen("old", "dead", "web"), seen("web", word="impostor")),
    ),
    "restore a follower": lambda: Moment(of(Verb.RESTORE), Seen(None, seen("web", **SHARES), seen("web", **SHARES))),
    "restore the successor of a follower": lambda: Moment(
        of(Verb.RESTORE, "web again"), Seen(None, None, seen("web", word="web again", **SHARES))
    ),
    "stop": lambda: Moment(of(Verb.STOP, "miner", "miner"), Seen(seen("miner"))),
}


@pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT.keys())
def test_while_nothing_has_changed_it_is_right(right: Callable[[], Moment]) -> None:
    assert right().told == ""


IGNORED = {"status-state.ignore": "true"}
GONE = Seen(None)


def policy(ignore: bool | None = None, restart: str | None = None, name: str = "web") -> Snapshot:  # told apart by type
    """The same snapshot, under another policy."""
    return snapshot("web", policy=Policy((Entry((name,), ignore, restart),)))


def states(name: str, *several: str, word: str = "") -> dict[str, Seen]:
    """What is seen of a container in each of these states."""
    return {state: Seen(seen(name, state, word)) for state in several}


def of_original(action: str) -> list[tuple[str, str, dict[str, Any], str]]:
    """What ends every action for an original."""
    return [
        (action, "left the snapshot", {"held": snapshot("db")}, "dropped: it is no longer in the snapshot"),
        (
            action,
            "its own label",
            {"held": snapshot(original("web", labels=IGNORED))},
            "dropped: it is protected by now",
        ),
        (action, "the policy ignores it", {"held": policy(ignore=True)}, "dropped: it is protected by now"),
        (action, "it need not run", {"held": policy(restart="never")}, "dropped: it is to be left alone by now"),
        (action, "another policy", {"held": policy(ignore=True, name="db")}, ""),
        (action, "another snapshot", {"held": snapshot("web", "db", id="snapshot-2")}, ""),
    ]


def not_in_place(action: str) -> list[tuple[str, str, dict[str, Any], str]]:
    """What ends an action on a container that has the place of an original."""
    return [
        (action, "gone", {"now": GONE}, "dropped: it is gone by now"),
        (action, "renamed", {"now": Seen(seen("web-old", word="web"))}, "dropped: it was renamed to web-old"),
        *(
            (action, state, {"now": now}, f"dropped: it is {state} by now")
            for state, now in states("web", "paused", "restarting", "removing", "dead").items()
        ),
    ]


HEALTHY_AGAIN = "dropped: it is healthy again, or was started anew"
ROWS: list[tuple[str, str, dict[str, Any], str]] = [
    *(row for action in RIGHT if action != "stop" for row in of_original(action)),
    *(row for action in ("start", "reattach", "restart", "restart a follower") for row in not_in_place(action)),
    ("reattach", "runs", {"now": Seen(seen("web"))}, "done: it ran already"),
    ("start", "runs", {"now": Seen(seen("web"))}, "done: it ran already"),
    ("start", "created", {"now": Seen(seen("web", "created"))}, ""),
    ("start", "many are unhealthy", {"mass_failure": True}, ""),
    ("restart", "exited", {"now": Seen(seen("web", "exited"))}, "dropped: it is exited by now"),
    ("restart", "healthy", {"now": Seen(seen("web", health="healthy"))}, HEALTHY_AGAIN),
    ("restart", "starting", {"now": Seen(seen("web", health="starting"))}, HEALTHY_AGAIN),
    ("restart", "no health check", {"now": Seen(seen("web")), "verdicts": FAILING}, HEALTHY_AGAIN),
    (
        "restart",
        "another run",
        {"action": of(Verb.RESTART, unhealthy=replace(BY_CHECK, started_at="x"))},
        HEALTHY_AGAIN,
    ),
    ("restart", "many are unhealthy", {"mass_failure": True}, "dropped: many are unhealthy by now"),
    ("restart by verdict", "the verdicts are gone", {"verdicts": Verdicts()}, HEALTHY_AGAIN),
    ("restart by verdict", "of another run", {"verdicts": Verdicts({(WEB, ANOTHER_RUN): "x"})}, HEALTHY_AGAIN),
    ("restart by verdict", "of another", {"verdicts": Verdicts({(id_of("db"), STARTED_AT): "x"})}, HEALTHY_AGAIN),
    (
        "restart by verdict",
        "another run",
        {
            "action": of(Verb.RESTART, unhealthy=replace(BY_VERDICT, started_at=ANOTHER_RUN)),
            "verdicts": Verdicts({(WEB, ANOTHER_RUN): "x"}),
        },
        HEALTHY_AGAIN,
    ),
    ("restart by verdict", "its check passes", {"now": Seen(seen("web", health="healthy"))}, ""),
    ("restart by verdict", "many are unhealthy", {"mass_failure": True}, "dropped: many are unhealthy by now"),
    ("restart a follower", "many are unhealthy", {"mass_failure": True}, ""),
    ("recreate", "it exists", {"now": Seen(None, seen("web-old", "exited", "web"))}, "dropped: it exists again"),
    (
        "recreate",
        "its name is taken",
        {"now": Seen(None, None, seen("web", "created", "other"))},
        "dropped: its name was taken meanwhile",
    ),
    (
        "recreate beside remains",
        "they are protected",
        {"now": Seen(None, None, seen("web", "dead", "remains", labels=IGNORED))},
        "dropped: its name was taken meanwhile",
    ),
    (
        "recreate beside remains",
        "they are an original's",
        {"held": snapshot("web", "remains")},
        "dropped: its name was taken meanwhile",
    ),
    (
        "restore",
        "it exists",
        {"now": Seen(None, seen("web"), seen("web", word="impostor"))},
        "dropped: it exists again",
    ),
    (
        "restore",
        "it is down, renamed",
        {"now": Seen(None, seen("web-old", "exited", "web"), seen("web", word="impostor"))},
        "",
    ),
    (
        "restore",
        "it runs, renamed",
        {"now": Seen(None, seen("web-old", "running", "web"), seen("web", word="impostor"))},
        "dropped: it exists again",
    ),
    ("restore", "the name is free", {"now": GONE}, "dropped: its name has changed hands meanwhile"),
    (
        "restore",
        "another has the name",
        {"now": Seen(None, None, seen("web", word="another"))},
        "dropped: its name has changed hands meanwhile",
    ),
    (
        "restore",
        "protected",
        {"now": Seen(None, None, seen("web", word="impostor", labels=IGNORED))},
        "dropped: the other container is protected by now",
    ),
    (
        "restore",
        "accepted",
        {"held": snapshot("web", "impostor")},
        "dropped: the other container belongs to the snapshot by now",
    ),
    (
        "restore a follower",
        "no namespace",
        {"now": Seen(None, seen("web"), seen("web"))},
        "dropped: it shares no namespace any more",
    ),
    ("stop", "gone", {"now": GONE}, "done: it was gone already"),
    ("stop", "renamed", {"now": Seen(seen("web", word="miner"))}, "dropped: it was renamed to web"),
    ("stop", "accepted", {"held": snapshot("miner")}, "dropped: it belongs to the snapshot by now"),
    *(("stop", s, {"now": now}, "") for s, now in states("miner", "running", "paused", "restarting").items()),
    *(
        ("stop", s, {"now": now}, "done: it was down already")
        for s, now in states("miner", "exited", "created", "dead", "removing").items()
    ),
    ("stop", "ignored", {"held": policy(ignore=True, name="min*")}, "dropped: the policy protects it by now"),
    ("stop", "its own label", {"now": Seen(seen("miner", labels=IGNORED))}, "dropped: the policy protects it by now"),
    ("stop", "another policy", {"held": policy(ignore=True)}, ""),
    (
        "stop",
        "the policy does not ignore it",
        {"now": Seen(seen("miner", labels=IGNORED)), "held": policy(ignore=False, name="miner")},
        "",
    ),
    ("stop", "many are unhealthy", {"mass_failure": True}, ""),
]


@pytest.mark.parametrize(("action", "change", "fields", "told"), ROWS, ids=[f"{row[0]}, {row[1]}" for row in ROWS])
def test_what_has_changed_since_ends_an_action_or_does_not(
    action: str,
    change: str,  # the name of the row
    fields: dict[str, Any],
    told: str,
) -> None:
    assert replace(RIGHT[action](), **fields).told == told


def test_only_remains_that_are_nobodys_are_moved_out_of_the_way() -> None:
    held, web = snapshot("web", "db"), original("web")
    moved = {
        state: may_be_moved(seen("web", state, "x"), web, held) for state in ("dead", "removing", "exited", "running")
    }
    assert moved == {"dead": True, "removing": True, "exited": False, "running": False}
    assert may_be_moved(seen("web", "dead"), web, held), "its own"
    assert not may_be_moved(seen("web", "dead", "db"), web, held), "another original"
    assert not may_be_moved(seen("web", "dead", "x", labels={"status-state.role": "api"}), web, held)
