"""The truth table of docs/architecture.md, row by row: whole plans are compared as text, so an extra action is noticed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.model import Action, Activity, Container, Kind, Result, Verb, Verdicts, aside_name
from status_state_controller.plan.timing import Timing
from status_state_controller.wishes.pauses import Pause
from status_state_controller.wishes.policy import Entry, Policy, released
from status_state_controller.wishes.rules import restart_rule

from ..world import NOON, STATES, container, id_of, original, snapshot
from .host import Host, host, sharing

if TYPE_CHECKING:
    from collections.abc import Callable

    from status_state_controller.model import Original
    from status_state_controller.plan.plan import Plan

PAGE = Path(__file__).parents[4] / "docs" / "architecture.md"
HOLDERS = (
    "itself",
    "nobody",
    "a successor",
    "an impostor",
    "another original",
    "a protected container",
    "a dead container",
)
"""Whoever may have the name of an original; each must be there for each state of it."""
TOO_LONG = " removing for over 60 s"
BUILT: dict[str, Any] = {"Config": {"Image": "sha256:1b0a", "Labels": {}}}
DELETED = {"HostConfig": {"AutoRemove": True}}
RULE, IGNORED = "status-state.restart", {"status-state.ignore": "true"}


@dataclass(frozen=True)
class Row:
    """One row, with one of its states and one of its holders."""

    who: str
    state: str
    holder: str
    given: tuple[str, ...]
    done: str

    def __str__(self) -> str:
        return f"{self.who} {self.state}, held by {self.holder}, {'; '.join(self.given)}"


@dataclass
class Case:
    """The host of a row, while it is being built."""

    labels: dict[str, str] = field(default_factory=dict[str, str])
    status: str | None = None
    child: bool = False
    looks: tuple[float, ...] = (0.0, 5.0)
    held: dict[str, Any] = field(default_factory=dict[str, Any])
    siblings: tuple[Original, ...] = ()
    removed: bool = False
    empty: bool = False
    deleted: bool = False
    then: list[Callable[[Host], object]] = field(default_factory=list["Callable[[Host], object]"])


def section(title: str) -> str:
    """The text of a section of the page."""
    return PAGE.read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]


def cells(text: str, columns: int) -> list[list[str]]:
    """The rows of all tables with so many columns, without their heads."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if len(row) == columns and not re.match("-+", row[0])]


def parse() -> list[Row]:
    """Read the table; each row may name several states and holders."""
    head, *body = cells(section("The truth table"), 5)
    assert head == ["who", "state", "its name is held by", "given", "what is done"]
    return [
        Row(who, state, holder, given_of(given), done_of(done))
        for who, states, holders, given, done in body
        for state, holder in product(states.split(", "), holders.split(", "))
    ]


def given_of(text: str) -> tuple[str, ...]:
    """The words of `given`, the longest that fit: some of them have a comma."""
    found = list[str]()
    while text:
        word = max((word for word in GIVEN if text.startswith(word)), key=len, default=None)
        assert word is not None, f"an unknown word is given: {text}"
        found.append(word)
        text = text[len(word) :].removeprefix(", ")
    return tuple(found)


def done_of(text: str) -> str:
    """The plan as text."""
    if text == "nothing":
        return ""
    lines = text.split("<br>")
    assert all(re.fullmatch("`[^`]+`", line) for line in lines), f"neither a plan nor nothing: {text}"
    return "\n".join(line.strip("`") for line in lines)


def unhealthy(h: Host, *names: str) -> None:
    """Let health checks that passed a minute ago fail."""
    for name in names:
        h.judge(name, "healthy")
    h.look()
    h.now += 60
    for name in names:
        h.judge(name, "unhealthy")


def make_parent_again(h: Host) -> None:
    """Let `db` be another container, made as the first was."""
    del h.world[id_of("db")]
    h.put(container("db", word="db again"))


def start_parent_again(h: Host) -> None:
    """Let `db` have begun to run after `web`."""
    h.put(container("db", status="Up 10 seconds"), started_at="2026-11-23T11:59:50Z")


def interrupt(h: Host, *, told: bool) -> None:
    """Let a restart of `web` have failed, or have been cut off by the end of the controller."""
    restart = Action(Verb.RESTART, h.named("web"), "is unhealthy", id_of("web"))
    plan = replace(h.look(), actions=(restart,))
    h.begin(plan)
    if told:
        h.end(restart, Result.FAILED)
    h.busy, h.now = frozenset(), h.now + 3600


def be_ended(h: Host) -> None:
    """Let a controller have begun to make `web` again, shortly before the container that has its name was made."""
    plan = replace(h.look(), actions=(Action(Verb.RECREATE, container("web"), "was removed", id_of("web")),))
    h.begin(plan)
    h.put(replace(h.named("web"), created_at=h.now + 5))
    h.busy, h.memory, h.now = frozenset(), replace(h.memory, impostors={}), h.now + 3600
    h.changes[h.named("web").id] = {"HostConfig": {"NetworkMode": "host"}}  # of the same image, but unlike its recipe


COMPOSE = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
DEPENDS = COMPOSE | {"com.docker.compose.depends_on": "db:service_healthy:false"}
DB = original("db", labels=COMPOSE | {"com.docker.compose.service": "db"})
PAUSE = Pause(None, NOON.timestamp() + 1800, "deploy")
OVER = replace(PAUSE, until=NOON.timestamp() - 60)


def add_rule(c: Case, **said: str) -> None:
    """Let the policy say so of every newcomer."""
    c.held["policy"] = Policy((Entry(("miner",), None, None, **said),))


def put_sibling(c: Case, *, known: bool = True, oneoff: bool = False) -> None:
    """Let `web-2` of the same compose service run."""
    c.labels.update(COMPOSE)
    labels = COMPOSE | ({"com.docker.compose.oneoff": "True"} if oneoff else {})
    c.siblings = (original("web-2", labels=labels),) if known else ()
    status = None if known else "Up 5 seconds"
    c.then.append(lambda h: h.put(replace(container("web-2", status=status, labels=labels), created_at=h.now - 5)))


def become(h: Host, **fields: Any) -> None:
    """Let the container that has the name of `web` be so."""
    h.put(replace(h.named("web"), **fields))


def fail_to_accept(h: Host) -> None:
    """Let a try to have the replacement accepted have failed."""
    (action,) = h.begin(h.look())
    h.end(action, Result.FAILED)


STOPS_WEB = Activity(stopping=frozenset({id_of("web")}))
STOPS_SHOP = Activity(stopping_projects=frozenset({"shop"}), stopped_on_request=frozenset({id_of("web")}))

GIVEN: dict[str, Callable[[Case], object]] = {
    "exit code 0": lambda c: vars(c).update(status="Exited (0) 5 minutes ago"),
    "exit code 1": lambda c: vars(c).update(status="Exited (1) 5 minutes ago"),
    "exit code not told": lambda c: vars(c).update(status=""),
    "rule `always`": lambda c: c.labels.update({RULE: "always"}),
    "rule `on-failure`": lambda c: c.labels.update({RULE: "on-failure"}),
    "rule `never`": lambda c: c.labels.update({RULE: "never"}),
    "it is a one-off of compose": lambda c: c.labels.update({"com.docker.compose.oneoff": "True"}),
    "its restart has failed": lambda c: c.then.append(lambda h: interrupt(h, told=True)),
    "the controller was ended while it restarted it": lambda c: c.then.append(lambda h: interrupt(h, told=False)),
    "its network is gone": lambda c: c.then.append(Host.attach),
    "its network is another one by now": lambda c: c.then.append(lambda h: h.attach(now="2")),
    "its volume is gone": lambda c: c.then.append(Host.lose_volume),
    "its network `bridge` is another one by now": lambda c: c.then.append(lambda h: h.attach("bridge", now="2")),
    "its network is of a swarm, and not listed": lambda c: c.then.append(lambda h: h.attach(scope="swarm")),
    "its health check fails": lambda c: c.then.append(lambda h: unhealthy(h, "web")),
    "its health check fails, and has not passed in this run": lambda c: c.then.append(
        lambda h: h.judge("web", "unhealthy")
    ),
    "its health check is starting": lambda c: c.then.append(lambda h: h.judge("web", "starting")),
    "its probe fails": lambda c: c.then.append(lambda h: h.say(web="its probe answered 500")),
    "its probe failed in an earlier run": lambda c: c.then.append(
        lambda h: vars(h).update(verdicts=Verdicts({(id_of("web"), "2026-11-23T10:00:00Z"): "x"}, known=True))
    ),
    "it is being stopped": lambda c: c.then.append(lambda h: vars(h).update(activity=STOPS_WEB)),
    "another has just become unhealthy": lambda c: (
        vars(c).update(looks=(0.0,)),
        c.then.append(lambda h: (h.look(), h.look(5), unhealthy(h, "db"))),
    ),
    "most originals are unhealthy": lambda c: c.then.append(lambda h: unhealthy(h, "db", "cache")),
    "it uses a namespace of `db`, which was started again since": lambda c: (
        vars(c).update(child=True),
        c.then.append(start_parent_again),
    ),
    "it uses a namespace of `db`, which was recreated since": lambda c: (
        vars(c).update(child=True),
        c.then.append(make_parent_again),
    ),
    "it uses a namespace of `db`, which is gone": lambda c: (
        vars(c).update(child=True),
        c.then.append(lambda h: h.world.pop(id_of("db"))),
    ),
    "compose waits for `db` to be healthy": lambda c: (
        c.labels.update(DEPENDS),
        c.then.append(lambda h: h.put(container("db", status="Up 5 seconds (health: starting)"))),
    ),
    "`db` is healthy": lambda c: (
        c.labels.update(DEPENDS),
        c.then.append(lambda h: h.put(container("db", status="Up 5 seconds (healthy)"))),
    ),
    "the controller had made it and was ended then": lambda c: c.then.append(be_ended),
    "somebody stops its compose project": lambda c: (
        c.labels.update(COMPOSE),
        c.then.append(lambda h: vars(h).update(activity=STOPS_SHOP)),
    ),
    "rule `on-down: report`": lambda c: c.labels.update({"status-state.on-down": "report"}),
    "rule `on-unhealthy: report`": lambda c: c.labels.update({"status-state.on-unhealthy": "report"}),
    "rule `on-replace: report`": lambda c: c.labels.update({"status-state.on-replace": "report"}),
    "rule `on-replace: accept`": lambda c: c.labels.update({"status-state.on-replace": "accept"}),
    "policy `on-new: report`": lambda c: add_rule(c, on_new="report"),
    "policy `on-new: accept`": lambda c: add_rule(c, on_new="accept"),
    "its replacement began a moment ago": lambda c: c.then.append(lambda h: become(h, status="Up 4 seconds")),
    "the health check of its replacement is starting": lambda c: c.then.append(
        lambda h: become(h, status="Up 5 minutes (health: starting)")
    ),
    "its replacement is unhealthy": lambda c: c.then.append(lambda h: become(h, status="Up 5 minutes (unhealthy)")),
    "the SSA could not be asked just now": lambda c: c.then.append(fail_to_accept),
    "it was rolled back to": lambda c: (c.held.update(rolled_back_at=NOON.timestamp()), vars(c).update(removed=False)),
    "it has just been removed": lambda c: vars(c).update(removed=True),
    "it was removed a minute ago": lambda c: vars(c).update(removed=True, looks=(0.0, 60.0)),
    "the engine deletes it when it ends": lambda c: vars(c).update(deleted=True),
    "it is a step of the engine's builder": lambda c: c.then.append(
        lambda h: vars(h).update(changes={id_of("miner"): BUILT})
    ),
    "another original of its service runs": put_sibling,
    "a newcomer of its service runs": lambda c: put_sibling(c, known=False),
    "a one-off of its service runs": lambda c: put_sibling(c, known=False, oneoff=True),
    "healing is paused": lambda c: c.held.update(pauses=(PAUSE,)),
    "healing of `web` is paused": lambda c: c.held.update(pauses=(replace(PAUSE, container="web"),)),
    "healing of `db` is paused": lambda c: c.held.update(pauses=(replace(PAUSE, container="db"),)),
    "healing was paused until a minute ago": lambda c: c.held.update(pauses=(OVER,)),
    "the present is not accepted yet": lambda c: c.held.update(pauses=(replace(OVER, accept_at_end=True),)),
    "its name is released": lambda c: c.held.update(policy=Policy(tuple(filter(None, [released(["miner"])])))),
    "the snapshot is empty": lambda c: vars(c).update(empty=True),
}


def own_container(row: Row, case: Case) -> Container | None:
    """The container that the original was, under its own name while nobody else has that."""
    state, labels = row.state.removesuffix(TOO_LONG.removeprefix(" removing")), dict(case.labels)
    name = "web" if row.holder == "itself" else "web-old"
    return None if state == "gone" else container(name, state, word="web", status=case.status, labels=labels)


def put_holder(h: Host, phrase: str, case: Case) -> None:
    """Let somebody else have the name of the original: `an exited impostor`, `a successor removing for over 60 s`."""
    words = phrase.removesuffix(TOO_LONG).split(" ")[1:]
    state = "removing" if phrase.endswith(TOO_LONG) else words[0] if words[0] in STATES else "running"
    kind = " ".join(word for word in words if word not in STATES)
    match kind:
        case "successor":
            h.put(container("web", state, word="web again", status=case.status))
        case "impostor":
            h.impostor("web", state)
        case "protected successor":
            h.put(container("web", state, word="web again", labels=IGNORED))
        case "protected container":
            h.impostor("web", state, IGNORED)
        case "container":
            assert state == "dead"
            h.put(container("web", state, word="remains"))
        case _:
            assert phrase == "another original", f"an unknown holder: {phrase}"
            h.put(container("web", word="db"))


def plan_of(row: Row) -> Plan:
    """Build the host of a row, and make the plan once everything has settled."""
    case = Case(labels=dict(IGNORED) if row.who.startswith("protected") else {})
    for word in row.given:
        GIVEN[word](case)
    if row.who in {"newcomer", "protected container"}:
        labels = case.labels | (IGNORED if row.who == "protected container" else {})
        held = snapshot(*(() if case.empty else ("db",)), **case.held)
        world = [container("miner", row.state, labels=labels), *([] if case.empty else [container("db")])]
        h = host(held, *held.policy.apply(world), timing=Timing())
        h.changes[id_of("miner")] = DELETED if case.deleted else {}
        for happen in case.then:
            happen(h)
        return h.look()
    assert row.who.endswith("original"), f"an unknown word: {row.who}"
    web: Original = original("web", labels=case.labels)
    web = replace(web, inspect=dict(web.inspect) | DELETED) if case.deleted else web
    held = snapshot(sharing(web, "db") if case.child else web, DB, "cache", *case.siblings, **case.held)
    h = host(held, container("db"), container("cache"))
    if case.removed:
        h.put(container("web", labels=case.labels))
        h.look()
        del h.world[id_of("web")]
    if (own := own_container(row, case)) is not None:
        h.put(own)
    if row.holder not in {"itself", "nobody"}:
        put_holder(h, row.holder, case)
    for happen in case.then:
        happen(h)
    plans = [
        h.look(seconds) for seconds in (*case.looks, *([60.0] if TOO_LONG in f" {row.state} {row.holder}" else []))
    ]
    return plans[-1]


ROWS = parse()
KINDS = {
    Verb.ACCEPT: None,
    Verb.DROP: Kind.REMOVED,
    Verb.START: Kind.STOPPED,
    Verb.REATTACH: Kind.STOPPED,
    Verb.RESTART: Kind.UNHEALTHY,
    Verb.RECREATE: Kind.REMOVED,
    Verb.RESTORE: Kind.REPLACED,
    Verb.STOP: Kind.NEW,
}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_the_table_says_is_what_the_plan_does(row: Row) -> None:
    plan = plan_of(row)
    assert str(plan) == row.done
    kinds = {finding.container.id: finding.kind for finding in plan.findings}
    acts = [*plan.actions, *(wait.action for wait in plan.waiting)]
    assert [kinds[action.container.id] for action in acts] == [
        KINDS[action.verb] or (Kind.REPLACED if action.original_id else Kind.NEW) for action in acts
    ]


def test_every_state_of_an_original_is_in_the_table_whoever_has_its_name() -> None:
    covered = {(row.state, kind_of(row.holder)) for row in ROWS if row.who == "original" and not row.given}
    states = (*STATES, "gone", TOO_LONG.strip())
    assert set(product(states, HOLDERS)) - covered == {("gone", "itself")}
    for who in ("newcomer", "protected container", "protected original"):
        assert {row.state for row in ROWS if row.who == who and row.holder == "itself"} >= set(STATES)


def test_nothing_is_reported_twice_and_every_word_of_the_table_is_explained() -> None:
    assert len({str(row) for row in ROWS}) == len(ROWS)
    assert [word for word, _ in cells(section("The truth table"), 2)[1:]] == list(GIVEN)
    assert {word for row in ROWS for word in row.given} == set(GIVEN)


def kind_of(holder: str) -> str:
    """The holder without its state, as it is spelt in HOLDERS."""
    return holder if holder in HOLDERS else next(kind for kind in HOLDERS if kind.split(" ", 1)[-1] in holder)


def test_a_plan_names_originals_before_newcomers_and_each_in_the_order_of_names() -> None:
    world = [container("zz", "paused"), container("web", "exited"), container("db"), container("aa", "restarting")]
    assert str(host(snapshot("web", "db", "cache", "gone"), *world, container("cache", "created")).look()).split(
        "\n"
    ) == [
        "start cache: was created but never started",
        "recreate gone: was removed",
        "start web: had exited with code 137",
        "stop aa: is not in the snapshot",
        "stop zz: is not in the snapshot",
    ]


def test_an_original_that_a_restore_has_put_aside_is_gone() -> None:
    aside = container(aside_name("web", id_of("web")), "exited", word="web")
    assert str(host(snapshot("web"), aside).look()) == "recreate web: was removed"


def test_two_originals_that_swapped_their_names_are_left_alone_while_they_run() -> None:
    assert str(host(snapshot("web", "db"), container("web", word="db"), container("db", word="web")).look()) == ""


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        ({}, "always"),
        ({"com.docker.compose.oneoff": "False"}, "always"),
        ({"com.docker.compose.oneoff": "True"}, "never"),
        ({"com.docker.compose.oneoff": "True", RULE: "sometimes"}, "never"),
        ({RULE: "sometimes"}, "always"),
        ({RULE: " ON-FAILURE"}, "on-failure"),
    ],
)
def test_the_restart_rule_is_read_from_the_labels(labels: dict[str, str], rule: str) -> None:
    assert restart_rule(labels) == rule


def test_a_label_that_can_not_be_read_is_reported_of_whoever_runs() -> None:
    web = container("web", labels={RULE: "sometimes", "status-state.ignore": "fasle"})
    down = container("down", "exited", labels={RULE: "sometimes"})
    fine = container("fine", labels={RULE: "Never", "status-state.ignore": "no"})
    notices = host(snapshot("web"), web, down, fine).look().notices
    assert [(notice.fields["container"], notice.fields["label"]) for notice in notices] == [
        ("web", "status-state.ignore"),
        ("web", RULE),
    ]
