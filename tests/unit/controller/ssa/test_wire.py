"""Reading the SSA's answer: nothing that is missing, cut off, doubled or foreign ever reads as a snapshot."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.errors import ForeignSnapshot, SsaError
from status_state_controller.model import Action, Finding, Kind, Outcome, Result, Verb
from status_state_controller.ssa.wire import read_desired, write_report
from status_state_controller.wishes.policy import Entry, Policy

from ..world import ENGINE, container, id_of, recipes_document, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

SECRETS = ("hunter2", "PASSWORD")


def document() -> dict[str, Any]:
    """The SSA's answer about two originals, with a policy."""
    policy = Policy((Entry(("w*", "x"), None, "on-failure"), Entry(("db",), ignore=True, restart=None)))
    return deepcopy(recipes_document(snapshot("web", "db", policy=policy)))


def read(answer: object) -> list[str]:
    """The names of the originals read from an answer."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return [original.name for original in read_desired(body).snapshot.originals]


def test_a_complete_answer_is_a_snapshot_with_its_originals_in_the_order_of_names() -> None:
    held = read_desired(json.dumps(document()).encode()).snapshot
    assert held.id == "snapshot-1"
    assert held.engine == ENGINE
    assert [(o.id, o.name, o.image, o.image_id) for o in held.originals] == [
        (id_of("db"), "db", "nginx:1.27", "sha256:1b0a"),
        (id_of("web"), "web", "nginx:1.27", "sha256:1b0a"),
    ]
    assert held.originals[0].inspect["Config"]["Env"] == ["PASSWORD=hunter2"]


def test_unknown_fields_are_accepted_everywhere() -> None:
    answer = document()
    for part in (answer, answer["snapshot"], answer["snapshot"]["engine"], *answer["originals"]):
        part["from the future"] = {"x": 1}
    assert read(answer) == ["db", "web"]


@pytest.mark.parametrize(
    "path",
    [
        ("snapshot",),
        ("count",),
        ("originals",),
        ("snapshot", "id"),
        ("snapshot", "engine"),
        ("snapshot", "engine", "id"),
        ("snapshot", "engine", "name"),
        ("originals", 1, "id"),
        ("originals", 1, "name"),
        ("originals", 1, "image"),
        ("originals", 1, "image_id"),
        ("originals", 1, "inspect"),
        ("originals", 1, "inspect", "Id"),
        ("originals", 1, "inspect", "Config"),
        ("originals", 1, "inspect", "HostConfig"),
        ("policy",),
        ("policy", 0, "match"),
    ],
    ids=lambda path: ".".join(str(step) for step in path),
)
@pytest.mark.parametrize("null", [False, True], ids=["missing", "null"])
def test_a_field_that_is_missing_or_null_makes_the_answer_unusable(path: tuple[Any, ...], *, null: bool) -> None:
    answer = document()
    part: Any = answer
    for step in path[:-1]:
        part = part[step]
    if null:
        part[path[-1]] = None
    else:
        del part[path[-1]]
    with pytest.raises(SsaError):
        read(answer)


@pytest.mark.parametrize("field", ["ignore", "restart"])
def test_an_entry_of_the_policy_that_does_not_say_whether_it_speaks_of_something_is_unusable(field: str) -> None:
    answer = document()
    answer["policy"][0][field] = None
    assert read(answer) == ["db", "web"]
    del answer["policy"][0][field]
    with pytest.raises(SsaError, match=f"policy.0.{field}"):
        read(answer)


@pytest.mark.parametrize("match", [[], "web", [None], [["web"]]], ids=repr)
def test_an_entry_of_the_policy_that_matches_nothing_is_unusable(match: object) -> None:
    answer = document()
    answer["policy"][0]["match"] = match
    with pytest.raises(SsaError):
        read(answer)


def test_the_policy_is_read_in_its_order_and_laid_over_the_originals() -> None:
    held = read_desired(json.dumps(document()).encode()).snapshot
    assert held.policy == Policy((Entry(("w*", "x"), None, "on-failure"), Entry(("db",), ignore=True, restart=None)))
    assert {o.name: dict(o.labels) for o in held.originals} == {
        "db": {"status-state.ignore": "true"},
        "web": {"status-state.restart": "on-failure"},
    }


def test_an_empty_policy_is_legal() -> None:
    answer = document()
    answer["policy"] = []
    held = read_desired(json.dumps(answer).encode()).snapshot
    assert held.policy == Policy()
    assert [dict(o.labels) for o in held.originals] == [{}, {}]


def set_config(value: object) -> Callable[[dict[str, Any]], None]:
    """Give an original another `Config`."""

    def change(answer: dict[str, Any]) -> None:
        answer["originals"][0]["inspect"]["Config"] = value

    return change


MALFORMED: dict[str, Callable[[dict[str, Any]], object]] = {
    "fewer than announced": lambda answer: answer["originals"].pop(),
    "none of those announced": lambda answer: answer["originals"].clear(),
    "more than announced": lambda answer: answer.update(count=1),
    "a negative number": lambda answer: answer.update(count=-1),
    "one twice": lambda answer: answer.update(originals=[answer["originals"][0]] * 2),
    "one name twice": lambda answer: answer["originals"][1].update(name="web"),
    "an empty name": lambda answer: answer["originals"][1].update(name=""),
    "a short id": lambda answer: answer["originals"][1].update(id=id_of("db")[:12]),
    "another one's recipe": lambda answer: answer["originals"][1]["inspect"].update(Id=id_of("web")),
    "an empty snapshot id": lambda answer: answer["snapshot"].update(id=""),
    "an empty engine id": lambda answer: answer["snapshot"]["engine"].update(id=""),
    "a number for a name": lambda answer: answer["originals"][1].update(name=7),
    "a list for a recipe": lambda answer: answer["originals"][1].update(inspect=[]),
    "a text for the originals": lambda answer: answer.update(originals="web"),
    "a list for a Config": set_config([]),
    "a text for a Config": set_config("PASSWORD=hunter2"),
    "a list for the labels": set_config({"Labels": ["PASSWORD=hunter2"]}),
}


@pytest.mark.parametrize("spoil", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_answer_is_no_snapshot_and_its_secrets_are_not_reported(
    spoil: Callable[[dict[str, Any]], object],
) -> None:
    answer = document()
    spoil(answer)
    with pytest.raises(SsaError) as caught:
        read(answer)
    assert not isinstance(caught.value, ForeignSnapshot)
    assert str(caught.value)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"\x00\xff", b"<html>502 Bad Gateway</html>", b'"hunter2"', b"[" * 100_000],
    ids=["empty", "null", "list", "object", "bytes", "html", "text", "depths"],
)
def test_what_is_no_answer_of_an_ssa_is_no_snapshot(body: bytes) -> None:
    with pytest.raises(SsaError) as caught:
        read(body)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


def test_an_answer_that_is_cut_off_anywhere_is_no_snapshot() -> None:
    whole = json.dumps(document()).encode()
    assert read(whole) == ["db", "web"]
    for length in range(0, len(whole), 41):
        with pytest.raises(SsaError) as caught:
            read(whole[:length])
        assert not [secret for secret in SECRETS if secret in str(caught.value)]


def test_an_empty_snapshot_is_legal_when_it_says_that_it_is_empty() -> None:
    empty = recipes_document(snapshot())
    assert read(empty) == []
    for field in ("count", "originals"):
        with pytest.raises(SsaError, match=field):
            read({name: value for name, value in empty.items() if name != field})


def test_it_is_reported_how_many_originals_are_missing() -> None:
    answer = document()
    answer["originals"].pop()
    with pytest.raises(SsaError, match="2 originals announced, 1 sent"):
        read(answer)


def test_an_engine_without_the_network_none_tells_null_and_never_nothing() -> None:
    answer = document()
    answer["snapshot"]["engine"]["none_network_id"] = None
    assert read(answer) == ["db", "web"]
    del answer["snapshot"]["engine"]["none_network_id"]
    with pytest.raises(SsaError):
        read(answer)


def test_the_recipe_is_kept_out_of_what_is_printed() -> None:
    held = read_desired(json.dumps(document()).encode()).snapshot
    assert not [secret for secret in SECRETS if secret in repr(held)]


def test_a_report_tells_findings_and_outcomes_and_times_in_utc() -> None:
    web, miner = container("web", "exited"), container("miner")
    at = datetime(2026, 11, 23, 18, 0, 30, 999999, tzinfo=UTC)
    start = Action(Verb.START, web, "had exited", web.id)
    report = write_report(
        at=at,
        snapshot_id="snapshot-1",
        dry_run=True,
        sentence="a sentence",
        findings=[Finding(web, Kind.STOPPED, "had exited"), Finding(miner, Kind.NEW, "is new")],
        outcomes=[Outcome(start, Result.WAITING, "after 2 attempts", at.timestamp())],
        memory={"version": 1},
        interval_seconds=30.0,
    )
    assert json.loads(json.dumps(report)) == {
        "at": "2026-11-23T18:00:30Z",
        "snapshot_id": "snapshot-1",
        "dry_run": True,
        "sentence": "a sentence",
        "findings": [
            {"container": {"id": web.id, "name": "web"}, "kind": "stopped", "reason": "had exited"},
            {"container": {"id": miner.id, "name": "miner"}, "kind": "new", "reason": "is new"},
        ],
        "outcomes": [
            {
                "container": {"id": web.id, "name": "web"},
                "action": "start",
                "result": "waiting",
                "reason": "had exited",
                "detail": "after 2 attempts",
                "until": "2026-11-23T18:00:30Z",
                "attempt": 1,
            }
        ],
        "memory": {"version": 1},
        "interval_seconds": 30.0,
    }
