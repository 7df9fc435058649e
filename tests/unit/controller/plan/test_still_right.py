"""Whether an action is still right when its turn comes: each row is a verb, and what has changed since it was planned."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.model import (
    Action,
    Inspect,
    Seen,
    Snapshot,
    Unhealthy,
    Verb,
    Verdicts,
    aside_name,
    started_at_of,
)
from status_state_controller.plan.still_right import may_be_moved, still_right
from status_state_controller.wishes.pauses import Pause
from status_state_controller.wishes.policy import Entry, Policy, released

from ..world import IMAGE_ID, NOON, STARTED_AT, container, id_of, original, recipe, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

WEB = id_of("web")
ASIDE = aside_name("web", WEB)
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
    is_judged: bool = True
    is_stopping: bool = False

    @property
    def told(self) -> str:
        """Why it is not right any more: the result, and the reason."""
        reason = still_right(
            self.action,
            self.held,
            self.now,
            self.verdicts,
            now=NOON.timestamp(),
            mass_failure=self.mass_failure,
            is_judged=self.is_judged,
            is_stopping=self.is_stopping,
        )
        return "" if reason is None else f"{reason[0]}: {reason[1]}"


def of(verb: Verb, word: str = "web", name: str = "web", **fields: Any) -> Action:
    """An action on the container that has the place of `web`."""
    return Action(verb, container(name, word=word), "x", None if verb is Verb.STOP else WEB, **fields)


ACCEPTS = {"status-state.on-replace": "accept"}
PAUSE = Pause(None, NOON.timestamp() + 60, "deploy")
PAUSED = "dropped: healing is paused until 2026-11-23 12:01:00 UTC (deploy)"
LEFT = "dropped: it is to be left alone by now"


def says(name: str = "miner", **rules: str) -> Snapshot:
    """The same snapshot, under a policy with these rules for one name."""
    return snapshot("web", policy=Policy((Entry((name,), None, None, **rules),)))


def newcomer(labels: dict[str, str]) -> Snapshot:
    """A snapshot whose `web` is a compose service with these labels."""
    return snapshot(original("web", labels=COMPOSE | labels))


COMPOSE = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
RIGHT: dict[str, Callable[[], Moment]] = {
    "start": lambda: Moment(of(Verb.START), Seen(seen("web", "exited"))),
    "start a successor": lambda: Moment(of(Verb.START, "web again"), Seen(seen("web", "created", "web again"))),
    "reattach": lambda: Moment(of(Verb.REATTACH), Seen(seen("web", "exited"))),
    "restart": lambda: Moment(of(Verb.RESTART, unhealthy=BY_CHECK), Seen(seen("web", health="unhealthy"))),
    "restart by verdict": lambda: Moment(of(Verb.RESTART, unhealthy=BY_VERDICT), Seen(seen("web")), verdicts=FAILING),
    "restart a follower": lambda: Moment(of(Verb.RESTART, started_at=started_at_of(seen("web"))), Seen(seen("web"))),
    "recreate": lambda: Moment(of(Verb.RECREATE), Seen(None)),
    "recreate a dead one": lambda: Moment(of(Verb.RECREATE), Seen(None, seen("web", "dead"), seen("web", "dead"))),
    "recreate beside remains": lambda: Moment(of(Verb.RECREATE), Seen(None, None, seen("web", "dead", "remains"))),
    "recreate what a restore has put aside": lambda: Moment(
        of(Verb.RECREATE), Seen(None, seen(ASIDE, "exited", "web"))
    ),
    "restore what a restore has put aside": lambda: Moment(
        of(Verb.RESTORE, "impostor", images=IMAGES),
        Seen(None, seen(ASIDE, "exited", "web"), seen("web", word="impostor")),
    ),
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
    "accept": lambda: Moment(
        of(Verb.ACCEPT, "impostor"), Seen(seen("web", word="impostor")), held=snapshot(original("web", labels=ACCEPTS))
    ),
    "drop": lambda: Moment(of(Verb.DROP), Seen(None), held=snapshot(original("web", labels=ACCEPTS))),
    "stop": lambda: Moment(of(Verb.STOP, "miner", "miner"), Seen(seen("miner"))),
    "accept a newcomer": lambda: Moment(
        replace(of(Verb.ACCEPT, "miner", "miner"), original_id=None), Seen(seen("miner")), held=says(on_new="accept")
    ),
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


OTHERS = ("stop", "accept a newcomer", "accept", "drop")
"""What is not for an original, or needs a rule of its own."""

ASKED_BY = {
    "start": "on_down",
    "restart": "on_unhealthy",
    "restart a follower": "on_unhealthy",
    "recreate": "on_down",
    "restore": "on_replace",
    "restore a follower": "on_unhealthy",
    "accept": "on_replace",
}
IN_ALREADY, LIVES = "done: it is in the snapshot already", "dropped: it may live by now"
TAKEN, RELEASED = "dropped: its name was taken meanwhile", Policy((released(["miner"]) or Entry((), None, None),))
HEALTHY_AGAIN = "dropped: it is healthy again, or was started anew"
ROWS: list[tuple[str, str, dict[str, Any], str]] = [
    *(row for action in RIGHT if action not in OTHERS for row in of_original(action)),
    *((action, "paused", {"held": replace(right().held, pauses=(PAUSE,))}, PAUSED) for action, right in RIGHT.items()),
    *(
        (action, "it is no longer asked for", {"held": says("web", **{rule: "report"})}, LEFT)
        for action, rule in ASKED_BY.items()
    ),
    ("restore", "it is to be accepted", {"held": says("web", on_replace="accept")}, LEFT),
    ("accept", "it is to be restored", {"held": snapshot("web")}, LEFT),
    ("drop", "it is to be restored", {"held": snapshot("web")}, LEFT),
    *(
        (action, "it is being stopped", {"is_stopping": True}, "dropped: it is being stopped by now")
        for action in ("restart", "restart by verdict", "restart a follower", "restore a follower")
    ),
    *((action, "it is being stopped", {"is_stopping": True}, "") for action in ("restore", "stop")),
    (
        "restart a follower",
        "another run",
        {"now": Seen(seen("web") | {"State": {"Status": "running", "StartedAt": ANOTHER_RUN}})},
        "dropped: it was started anew",
    ),
    ("start", "its pause is over", {"held": snapshot("web", pauses=(replace(PAUSE, until=0),))}, ""),
    ("start", "another is paused", {"held": snapshot("web", pauses=(replace(PAUSE, container="db"),))}, ""),
    ("accept", "it is an original", {"held": snapshot(original("web", labels=ACCEPTS), "impostor")}, IN_ALREADY),
    ("accept", "exited", {"now": Seen(seen("web", "exited", "impostor"))}, "dropped: it is exited by now"),
    ("accept", "renamed", {"now": Seen(seen("w", word="impostor"))}, "dropped: it was renamed to w"),
    ("accept", "gone", {"now": GONE}, "dropped: it is gone by now"),
    (
        "accept",
        "protected",
        {"now": Seen(seen("web", word="impostor", labels=IGNORED))},
        "dropped: it is protected by now",
    ),
    ("drop", "it exists", {"now": Seen(None, seen("web", "exited"))}, "dropped: it exists again"),
    ("drop", "it was put aside", {"now": Seen(None, seen(ASIDE, "exited", "web"))}, ""),
    ("drop", "its name is taken", {"now": Seen(None, None, seen("web", word="x"))}, TAKEN),
    (
        "accept a newcomer",
        "the policy is another",
        {"held": snapshot("web")},
        "dropped: it is not to be accepted by now",
    ),
    ("accept a newcomer", "it is an original", {"held": snapshot("miner")}, IN_ALREADY),
    ("stop", "the policy lets it live", {"held": says(on_new="report")}, LIVES),
    ("stop", "it is released", {"held": snapshot("web", policy=RELEASED)}, "dropped: the policy protects it by now"),
    (
        "stop",
        "its service follows deploys",
        {"held": newcomer(ACCEPTS), "now": Seen(seen("miner", labels=COMPOSE))},
        LIVES,
    ),
    ("stop", "its service does not", {"held": newcomer({}), "now": Seen(seen("miner", labels=COMPOSE))}, ""),
    (
        "stop",
        "an operator went back from it",
        {
            "action": of(Verb.STOP, "miner", "miner", gone_back=True),
            "held": newcomer(ACCEPTS),
            "now": Seen(seen("miner", labels=COMPOSE)),
        },
        "",
    ),
    (
        "stop",
        "the snapshot is empty",
        {"held": snapshot(), "is_judged": False},
        "dropped: the snapshot is empty by now",
    ),
    ("stop", "it was empty before", {"held": snapshot()}, ""),
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
