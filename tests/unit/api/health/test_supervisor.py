"""The health supervisor: the present run of each original with a rule is observed, and no other; nothing else is asked."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from status_state_api.health.observer import Watched

from ..world import HUNG, OWN_ID, container_id, entry
from .stage import LOGS, NETWORKS, PROBE, Stage
from .world import alive, labels, logged, moment, until


@pytest.fixture
def stage() -> Stage:
    """An original with both rules, and one without."""
    return Stage(web={**PROBE, **LOGS}, db={})


async def test_nothing_is_asked_where_there_is_no_rule_and_no_health_check() -> None:
    stage = Stage(web={}, db=labels(restart="never"))
    async with stage.overseen("- match: web\n  restart: never\n"):
        for _ in range(30):
            await asyncio.sleep(0.001)  # three looks would have been made
    assert stage.engine.asked == []
    assert stage.told == {}


async def test_only_originals_with_rules_are_inspected(stage: Stage) -> None:
    inspected: list[str] = []
    inspect = stage.engine.container

    async def container(container_id: str) -> Any:
        inspected.append(container_id)
        return await inspect(container_id)

    stage.engine.container = container  # type: ignore[method-assign]
    async with stage.overseen():
        await stage.thought("web", "probe", "ok")
        await stage.thought("web", "logs", "ok")
        await stage.looks(3)
    assert set(inspected) == {container_id("web"), OWN_ID}
    assert set(stage.told) == {("web", "probe"), ("web", "logs")}
    assert [pipe.container for pipe in stage.engine.logs] == [container_id("web")]


async def test_a_run_that_goes_on_is_observed_by_the_same_observation(stage: Stage) -> None:
    async with stage.overseen():
        await stage.thought("web", "logs", "ok")
        await stage.looks(3)
        inspected = stage.engine.asked.count("container")
        await stage.looks(3)
        assert stage.engine.asked.count("container") == inspected, "the list is enough"
        await stage.tell("unpause", "web")
        await until(lambda: stage.engine.asked.count("container") > inspected)
        await stage.looks()
        assert len(stage.engine.logs) == 1


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("Up 2 hours (healthy)", "ok"),
        ("Up 3 seconds (health: starting)", "unknown"),
        ("Up 2 hours (unhealthy)", "failing"),
        ("Up 2 hours", None),
        ("Up 2 hours (Paused)", None),
    ],
)
async def test_the_engines_health_checks_are_read_from_the_list(status: str, verdict: str | None) -> None:
    stage = Stage(web={}, db={})
    stage.originals = [Watched(one.id, one.name, {}, one.name == "web") for one in stage.originals]
    stage.show("web", Status=status)
    async with stage.overseen():
        await stage.looks()
        assert stage.told.get(("web", "engine")) == verdict
        stage.show("web", Status="Up 2 hours (healthy)")
        await stage.thought("web", "engine", "ok")
    assert set(stage.engine.asked) == {"running", "events"}, "nobody is inspected for that"


async def test_a_new_run_ends_the_observation_of_the_old_one(stage: Stage) -> None:
    async with stage.overseen():
        await stage.thought("web", "logs", "ok")
        (old,) = stage.engine.logs
        old.write(logged(10, "ERROR broken"))
        await until(lambda: stage.runs == [moment(0)])
        stage.start("web", 100)
        await stage.tell("start", "web")
        await until(lambda: old.closed and stage.engine.open_logs("web"))
        await stage.thought("web", "logs", "ok")
        (new,) = stage.engine.open_logs("web")
        new.write(logged(50, "ERROR of the run before"), logged(110, "ERROR of this run"))
        await until(lambda: stage.runs == [moment(100)])
    (told,) = [told for told in stage.verdicts.told() if told.source == "logs"]
    assert told.evidence == ["ERROR of this run"]


async def test_a_run_that_is_over_is_followed_by_the_next_without_an_event(stage: Stage) -> None:
    async with stage.overseen():
        await stage.thought("web", "logs", "ok")
        stage.start("web", 100)
        stage.engine.logs[0].end()
        await until(lambda: len(stage.engine.open_logs("web")) == 1 and stage.engine.logs[0].closed)
        await stage.thought("web", "logs", "ok")
        stage.engine.open_logs("web")[0].write(logged(110, "ERROR"))
        await until(lambda: stage.runs == [moment(100)])


@pytest.mark.parametrize("action", ["start", "die", "unpause", "rename"])
async def test_every_event_wakes_it(stage: Stage, action: str) -> None:
    stage.look_only_at_events()
    async with stage.overseen():
        await stage.thought("web", "logs", "ok")
        stage.start("web", 100)
        await stage.tell(action, "web")
        await until(lambda: stage.engine.logs[0].closed and stage.engine.open_logs("web"))


async def test_a_health_event_wakes_it_but_tells_of_no_new_run(stage: Stage) -> None:
    stage.look_only_at_events()
    async with stage.overseen():
        await stage.thought("web", "logs", "ok")
        await stage.thought("web", "probe", "ok")
        await until(lambda: stage.engine.asked.count("running") >= 2)
        inspected = stage.engine.asked.count("container")
        stage.show("web", Status="Up 2 hours (unhealthy)")
        await stage.tell("health_status: unhealthy", "web")
        await stage.thought("web", "engine", "failing")
    assert stage.engine.asked.count("container") == inspected


async def test_a_look_that_fails_keeps_who_was_restarted(stage: Stage) -> None:
    stage.look_only_at_events()
    inspect, failed = stage.engine.container, 0

    async def container(container_id: str) -> Any:
        nonlocal failed
        if failed < 2:
            failed += 1
            raise HUNG
        return await inspect(container_id)

    async with stage.overseen():
        await stage.thought("web", "logs", "ok")
        await stage.thought("web", "probe", "ok")
        await until(lambda: stage.engine.asked.count("running") >= 2)
        stage.start("web", 100)
        stage.engine.container = container  # type: ignore[method-assign]
        await stage.tell("start", "web")
        for number in (1, 2):
            await until(lambda number=number: failed == number and stage.watch.error is HUNG)
            assert not stage.engine.logs[0].closed, "of the new run nothing is known yet"
            stage.watch.answered()
        await until(lambda: stage.engine.logs[0].closed and stage.engine.open_logs("web"))


async def test_an_event_that_is_none_is_passed_over(stage: Stage) -> None:
    stage.look_only_at_events()
    async with stage.overseen() as lines:
        await stage.thought("web", "logs", "ok")
        pipe = stage.engine.event_pipes[0]
        pipe.write(b"no json\n[]\n{}\n5\n", b'{"Action":"start"}\n{"Action":"start","Actor":{"ID":"x"}}\n')
        stage.start("web", 100)
        event = json.dumps({"Action": "start", "Actor": {"ID": container_id("web"), "Attributes": {}}}).encode()
        pipe.write(event[:20], event[20:], b"\n")
        await until(lambda: stage.engine.logs[0].closed and stage.engine.open_logs("web"))
    assert lines.events == []


async def test_after_a_break_of_the_events_everything_may_have_happened(stage: Stage) -> None:
    stage.look_only_at_events()
    async with stage.overseen():
        await stage.thought("web", "logs", "ok")
        stage.start("web", 100)
        stage.engine.event_pipes[0].end(HUNG)
        await until(lambda: len(stage.engine.event_pipes) == 2)
        await until(lambda: stage.engine.logs[0].closed and stage.engine.open_logs("web"))


async def test_a_successor_is_observed_in_the_place_of_its_name(stage: Stage) -> None:
    async with stage.overseen():
        await stage.thought("web", "logs", "ok")
        stage.remove("web")
        stage.engine.entries.append({**entry("web"), "Id": "f" * 64})
        stage.engine.inspects["f" * 64] = alive("web", 100, Id="f" * 64, **NETWORKS)
        await stage.tell("start", "web")
        await until(lambda: [told.container.id for told in stage.verdicts.told()] == ["f" * 64, "f" * 64])
        await until(lambda: stage.told == {("web", "logs"): "ok", ("web", "probe"): "ok"})
    assert [pipe.container for pipe in stage.engine.logs] == [container_id("web"), "f" * 64]


async def test_an_original_that_runs_comes_before_one_that_has_its_name(stage: Stage) -> None:
    stage.show("web", Names=["/web_old"])
    stage.start("web", 0, Name="/web_old")
    stage.engine.entries.append({**entry("web"), "Id": "f" * 64})
    async with stage.overseen():
        await until(lambda: stage.engine.logs)
        await stage.looks()
    assert [pipe.container for pipe in stage.engine.logs] == [container_id("web")]
