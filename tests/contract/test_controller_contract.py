"""The controller's half of the contract with the SSA: it reads and writes the golden documents."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from status_state_controller.errors import ForeignSnapshot, SsaError
from status_state_controller.model import (
    Action,
    Container,
    EngineIdentity,
    Finding,
    Kind,
    Observed,
    Outcome,
    Result,
    Verb,
    Verdicts,
)
from status_state_controller.plan.memory import Memory, begun
from status_state_controller.plan.plan import Plan, make_plan
from status_state_controller.report.sentence import tell
from status_state_controller.ssa.memory import read_memory, write_memory
from status_state_controller.ssa.wire import read_desired, read_verdicts, write_report
from status_state_controller.wishes.policy import Entry, Policy

GOLDEN = Path(__file__).parent / "golden"
RECIPES = (GOLDEN / "recipes.json").read_bytes()
VERDICTS = (GOLDEN / "verdicts.json").read_bytes()
GLOBS: list[dict[str, Any]] = json.loads((GOLDEN / "globs.json").read_bytes())
REPORT: dict[str, Any] = json.loads((GOLDEN / "report.json").read_bytes())
KIOSK = EngineIdentity(**json.loads(RECIPES)["snapshot"]["engine"])
WEB_ID = "8e1f0c6d5b4a39281706f5e4d3c2b1a08e1f0c6d5b4a39281706f5e4d3c2b1a0"
MINER_ID = "77aa0c6d5b4a39281706f5e4d3c2b1a08e1f0c6d5b4a39281706f5e4d3c2ffff"
DB_ID = "d0b10c6d5b4a39281706f5e4d3c2b1a0d0b10c6d5b4a39281706f5e4d3c2b1a0"
CACHE_ID = "cac40c6d5b4a39281706f5e4d3c2b1a0cac40c6d5b4a39281706f5e4d3c2b1a0"
NOW = datetime(2026, 11, 23, 18, 0, 30, tzinfo=UTC).timestamp()
OBSERVED = (
    Container(WEB_ID, "web", "exited", "Exited (137) 5 seconds ago"),
    Container(MINER_ID, "miner", "running", "Up 5 seconds"),
)


def golden_plan() -> Plan:
    """What the controller makes of the golden snapshot."""
    held = replace(read_desired(RECIPES).snapshot, pauses=())
    return make_plan(held, Observed(OBSERVED), Verdicts(), Memory(), NOW)


def test_the_controller_reads_the_golden_recipes() -> None:
    held = read_desired(RECIPES).snapshot
    assert held.id == "3f0c2a4e8c1d4b7f9a6e5d4c3b2a1908"
    assert [(o.id, o.name, o.image) for o in held.originals] == [(WEB_ID, "web", "nginx:1.27")]
    assert held.originals[0].image_id == held.originals[0].inspect["Image"]
    image = held.image(held.originals[0])
    assert (len(image.digests), len(image.layers), image.config["StopSignal"]) == (1, 1, "SIGQUIT")
    assert held.originals[0].labels["com.docker.compose.service"] == "web"


def test_the_controller_reads_the_policy_of_the_golden_recipes() -> None:
    held = read_desired(RECIPES).snapshot
    assert held.policy == Policy(
        (
            Entry(("backup-*", "ci-*"), ignore=True, restart=None, on_new="report"),
            Entry(("web",), None, "on-failure", on_down="restart", on_replace="accept", on_unhealthy="report"),
            Entry(("old-web",), ignore=True, restart=None),
        )
    ), "what an operator has released is left alone"
    labels = held.originals[0].labels
    assert [labels[f"status-state.{rule}"] for rule in ("restart", "on-down", "on-replace", "on-unhealthy")] == [
        "on-failure",
        "restart",
        "accept",
        "report",
    ]


def test_the_controller_reads_the_pauses_of_the_golden_recipes_and_obeys_them() -> None:
    held = read_desired(RECIPES).snapshot
    assert held.rolled_back_at is None
    assert [(one.container, one.reason, one.accept_at_end) for one in held.pauses] == [
        (None, "deploy", True),
        ("db", None, False),
    ]
    paused = "healing is paused until 2026-11-23 18:10:00 UTC (deploy)"
    assert str(make_plan(held, Observed(OBSERVED), Verdicts(), Memory(), NOW)) == (
        f"wait to start web: had exited with code 137: {paused}\nwait to stop miner: is not in the snapshot: {paused}"
    )


def test_the_controller_knows_when_it_has_gone_back_to_another_snapshot() -> None:
    document = json.loads(RECIPES)
    document["snapshot"]["reason"] = "rolled_back"
    at = datetime(2026, 11, 23, 18, tzinfo=UTC).timestamp()
    assert read_desired(json.dumps(document).encode()).snapshot.rolled_back_at == at


@pytest.mark.parametrize("case", GLOBS, ids=lambda case: str(case["match"]))
def test_the_controller_matches_the_golden_globs_as_the_ssa_does(case: dict[str, Any]) -> None:
    policy = Policy((Entry(tuple(case["match"]), ignore=True, restart="never"),))
    said = {"status-state.ignore": "true", "status-state.restart": "never"}
    assert {name: policy.labels(name) for name in case["matches"]} == dict.fromkeys(case["matches"], said)
    assert [name for name in case["others"] if policy.labels(name)] == []


def test_the_controller_reads_the_golden_verdicts() -> None:
    verdicts, desired = read_verdicts(VERDICTS, KIOSK)
    assert desired == json.loads(VERDICTS)["desired"]
    run = (WEB_ID, "2026-11-23T17:00:00.123456789Z")
    assert verdicts.failing == {
        (DB_ID, "2026-11-23T17:30:00Z"): "its log has 2 lines of severity error or above within 60 s "
        "(«ERROR no connection left»)",
        run: "its log has 1 line of severity critical or above within 60 s («CRITICAL no space left»); "
        "its probe http://:8080/health answered 500, 3 times in a row",
    }
    assert verdicts.faltering == {CACHE_ID}
    recipe = read_desired(RECIPES).snapshot.originals[0].inspect
    assert verdicts.reason(recipe["Id"], recipe["State"]["StartedAt"]) == verdicts.failing[run], (
        "as the engine spells it"
    )


def test_the_controller_refuses_the_golden_verdicts_when_it_acts_on_another_engine() -> None:
    with pytest.raises(ForeignSnapshot):
        read_verdicts(VERDICTS, EngineIdentity(KIOSK.id, KIOSK.name, "another network"))


@pytest.mark.parametrize("field", ["engine", "failing", "faltering"])
def test_the_controller_needs_every_part_of_the_verdicts(field: str) -> None:
    document = json.loads(VERDICTS)
    del document[field]
    with pytest.raises(SsaError):
        read_verdicts(json.dumps(document).encode(), KIOSK)


@pytest.mark.parametrize("field", ["snapshot", "count", "originals", "networks", "volumes", "images", "policy"])
def test_the_controller_needs_every_part_of_the_recipes(field: str) -> None:
    document = deepcopy(json.loads(RECIPES))
    del document[field]
    with pytest.raises(SsaError):
        read_desired(json.dumps(document).encode())


def test_the_controller_reads_back_the_memory_of_the_golden_recipes() -> None:
    # What the SSA hands back is what a controller has reported before.
    assert write_memory(read_memory(read_desired(RECIPES).memory)) == REPORT["memory"]


def test_the_controller_plans_what_the_golden_report_tells() -> None:
    assert str(golden_plan()) == "start web: had exited with code 137\nstop miner: is not in the snapshot"


def test_the_controller_writes_the_golden_report() -> None:
    plan = golden_plan()
    start, stop = plan.actions
    done = Outcome(start, Result.DONE, seconds=0.4119, key="0f1e2d3c4b5a69788796a5b4c3d2e1f0", ended_at=NOW + 0.25)
    outcomes = [done, Outcome(stop, Result.RUNNING)]
    report = write_report(
        at=datetime(2026, 11, 23, 18, 0, 30, tzinfo=UTC),
        snapshot_id=read_desired(RECIPES).snapshot.id,
        dry_run=False,
        sentence=tell(plan.findings, outcomes),
        findings=plan.findings,
        outcomes=outcomes,
        memory=write_memory(begun(plan.memory, plan.actions, NOW)),
        interval_seconds=30.0,
    )
    assert json.loads(json.dumps(report)) == REPORT


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("result", Result)
def test_every_report_that_the_controller_can_write_has_the_fields_of_the_golden_one(
    kind: Kind, verb: Verb, result: Result
) -> None:
    web = OBSERVED[0]
    report = write_report(
        at=datetime(2026, 11, 23, tzinfo=UTC),
        snapshot_id="x",
        dry_run=True,
        sentence="x",
        findings=[Finding(web, kind, "x")],
        outcomes=[Outcome(Action(verb, web, "x"), result, "x", NOW, seconds=1.0, key="x", ended_at=NOW)],
        memory={},
        interval_seconds=30.0,
    )
    assert report.keys() == REPORT.keys()
    for part in ("findings", "outcomes"):
        assert report[part][0].keys() == REPORT[part][0].keys()
        assert report[part][0]["container"].keys() == REPORT[part][0]["container"].keys()
