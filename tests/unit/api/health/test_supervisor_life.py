"""The health supervisor over time: pauses, removals, policies that change, a lost engine, defects, and its end."""

from __future__ import annotations

import asyncio

import pytest
from status_state_api.errors import LogUnreadable
from status_state_api.health.verdict import ProbeResult, State

from ..world import HUNG, LOOK, REFUSED, container_id, entry
from .stage import LOGS, PROBE, Stage
from .world import labels, logged, moment, until

WRONG_LABEL = "label_wrong"
DEFECT = "observation_failed"


@pytest.fixture
def stage() -> Stage:
    """An original with both rules, and one without."""
    return Stage(web={**PROBE, **LOGS}, db={})


@pytest.mark.parametrize("state", ["paused", "restarting"])
async def test_who_is_paused_is_unknown_until_that_ends(stage: Stage, state: str) -> None:
    async with stage.overseen():
        await stage.thought("web", "logs", "ok")
        stage.show("web", State=state)
        stage.start("web", 0, status=state)
        await until(lambda: stage.told == {("web", "logs"): "unknown", ("web", "probe"): "unknown"})
        assert {told.reason for told in stage.verdicts.told()} == {f"it is {state}"}
        revision = stage.verdicts.revision
        await until(lambda: not stage.engine.open_logs("web"))
        asked = len(stage.prober.asked)
        await stage.looks(15)  # as long as the pause between two questions
        assert len(stage.prober.asked) == asked
        assert stage.verdicts.revision == revision, "since then nothing has changed"
        stage.show("web", State="running")
        stage.start("web", 0)
        await stage.thought("web", "logs", "ok")
        await stage.thought("web", "probe", "ok")


async def test_of_who_is_removed_nothing_is_thought(stage: Stage) -> None:
    async with stage.overseen():
        await stage.thought("web", "probe", "ok")
        stage.remove("web")
        await stage.tell("destroy", "web")
        await until(lambda: stage.told == {})
        await until(lambda: not stage.engine.open_logs("web"))


async def test_who_is_removed_before_anything_is_thought_of_it_is_no_longer_observed(stage: Stage) -> None:
    async with stage.overseen("- match: db\n  logs.severity: error\n"):
        await stage.thought("db", "logs", "ok")
        stage.verdicts.drop(container_id("db"))
        stage.remove("db")
        await stage.tell("destroy", "db")
        await until(lambda: not stage.engine.open_logs("db"))


async def test_a_policy_gives_rules_and_takes_them_away(stage: Stage) -> None:
    async with stage.overseen():
        await stage.thought("web", "logs", "ok")
        await stage.set_policy("- match: db\n  logs.severity: error\n")
        await stage.thought("db", "logs", "ok")
        assert len(stage.engine.open_logs("web")) == 1
        await stage.set_policy("- match: web\n  logs.count: 5\n")
        await stage.thought("db", "logs", None)
        await until(lambda: not stage.engine.open_logs("db"))
        await until(lambda: stage.engine.logs[0].closed and len(stage.engine.open_logs("web")) == 1)


async def test_when_the_last_rule_is_taken_away_nothing_is_asked_any_more() -> None:
    stage = Stage(web={})
    async with stage.overseen("- match: web\n  logs.severity: error\n"):
        await stage.thought("web", "logs", "ok")
        await stage.set_policy("")
        await until(lambda: stage.told == {})
        await until(lambda: all(pipe.closed for pipe in stage.engine.event_pipes + stage.engine.logs))
        asked = len(stage.engine.asked)
        for _ in range(30):
            await asyncio.sleep(0.001)  # three looks would have been made
        assert len(stage.engine.asked) == asked
        await stage.set_policy("- match: web\n  logs.severity: error\n")
        await stage.thought("web", "logs", "ok")


async def test_who_is_protected_by_the_policy_is_not_observed(stage: Stage) -> None:
    async with stage.overseen():
        await stage.thought("web", "probe", "ok")
        await stage.set_policy("- match: web\n  ignore: true\n")
        await until(lambda: stage.told == {})


async def test_while_the_engine_is_lost_nothing_is_asked_and_then_it_goes_on(stage: Stage) -> None:
    stage.show("web", Status="Up 2 hours (healthy)")
    async with stage.overseen():
        await stage.thought("web", "engine", "ok")
        stage.engine.error = REFUSED
        await until(lambda: stage.watch.error is REFUSED)
        await stage.thought("web", "engine", "unknown")
        listed = stage.engine.asked.count("running")
        for _ in range(30):
            await asyncio.sleep(0.001)
        assert stage.engine.asked.count("running") == listed, "the watch asks"
        stage.engine.error = None
        await stage.watch.turn()
        await stage.thought("web", "engine", "ok")
        await stage.looks()
        await stage.thought("web", "probe", "ok")


async def test_a_defect_in_one_observation_harms_no_other() -> None:
    stage = Stage(
        web={**LOGS, **labels(probe_url="http://:1/")},
        db=labels(probe_url="http://:8080/"),
    )
    async with stage.overseen() as lines:
        await until(lambda: lines.events)
        await stage.thought("db", "probe", "ok")
        asked = stage.prober.asked.count(8080)
        await until(lambda: stage.prober.asked.count(8080) > asked)
        await stage.thought("web", "logs", "ok")
        stage.engine.open_logs("web")[0].write(logged(10, "ERROR"))
        await stage.thought("web", "logs", "failing")
        assert stage.told["web", "probe"] == "unknown"
    assert lines.one(DEFECT)["exc_info"] is True


WELL = ProbeResult(State.OK, "answered 200")
SICK = ProbeResult(State.FAILING, "answered 500")
UNASKED = ProbeResult(State.UNKNOWN, "can't be asked: a reason")
IS_FAILING = "verdict_failing"
IS_WELL = "verdict_ok"
UNTOLD = "verdict_unknown"


@pytest.fixture
def probed() -> Stage:
    """An original with a probe whose first failure counts."""
    return Stage(web={**PROBE, **labels(probe_failures="1")})


async def answer(stage: Stage, answer: ProbeResult, times: int = 2) -> None:
    """Have the probe answered so, and wait until that was judged."""
    stage.prober.answers[8080] = answer
    asked = len(stage.prober.asked)
    await until(lambda: len(stage.prober.asked) > asked + times)


async def test_that_all_is_well_is_not_reported(stage: Stage) -> None:
    async with stage.overseen() as lines:
        await stage.thought("web", "logs", "ok")
        await answer(stage, WELL)
    assert stage.told["web", "probe"] == "ok"
    assert lines.events == []


async def test_a_failing_is_reported_when_it_begins_and_when_it_ends(probed: Stage) -> None:
    async with probed.overseen() as lines:
        await answer(probed, WELL)
        await answer(probed, SICK)
        failing = lines.one(IS_FAILING)
        assert (failing["container"], failing["source"], failing["log_level"]) == ("web", "probe", "warning")
        assert failing["reason"] == "its probe http://:8080/health answered 500"
        await answer(probed, WELL)
        await answer(probed, SICK)
    assert lines.events == [IS_FAILING, IS_WELL, IS_FAILING]
    assert lines.one(IS_WELL)["reason"] == "its probe http://:8080/health answered 200"


async def test_a_failing_that_could_not_be_seen_for_a_while_is_reported_once(probed: Stage) -> None:
    async with probed.overseen() as lines:
        await answer(probed, WELL)
        await answer(probed, SICK)
        await answer(probed, UNASKED)
        await probed.thought("web", "probe", "unknown")
        await answer(probed, SICK)
        await probed.thought("web", "probe", "failing")
    assert lines.events == [IS_FAILING]


async def test_that_an_original_can_not_be_observed_is_reported_once_and_ended(probed: Stage) -> None:
    async with probed.overseen() as lines:
        await answer(probed, UNASKED, times=4)
        untold = lines.one(UNTOLD)
        assert (untold["container"], untold["source"]) == ("web", "probe")
        assert untold["reason"] == "its probe http://:8080/health can't be asked: a reason"
        await answer(probed, WELL)
        await answer(probed, UNASKED)
        await answer(probed, SICK)
    assert lines.events == [UNTOLD, IS_WELL, UNTOLD, IS_FAILING]


async def test_a_log_that_breaks_off_is_not_reported(stage: Stage) -> None:
    async with stage.overseen() as lines:
        await stage.thought("web", "logs", "ok")
        stage.engine.logs[0].write(logged(10, "ERROR broken"))
        await stage.thought("web", "logs", "failing")
        stage.engine.logs[0].end(HUNG)
        await until(lambda: len(stage.engine.open_logs("web")) == 1 and stage.engine.logs[0].closed)
        await stage.thought("web", "logs", "failing")
    assert lines.one(IS_FAILING)["reason"] == "its log has a line at or above error within 3600 s"
    assert lines.events == [IS_FAILING]


async def test_a_log_that_is_not_kept_is_reported_once(stage: Stage) -> None:
    stage.engine.stream_error = LogUnreadable("its log can't be read: the driver none", "Give it another driver")
    async with stage.overseen() as lines:
        await until(lambda: UNTOLD in lines.events)
        await stage.looks(3)
    assert lines.events == [UNTOLD]
    assert lines.one(UNTOLD)["reason"].startswith("its log can't be read: the driver none")


async def test_a_pause_is_not_reported_and_does_not_end_what_was_reported(probed: Stage) -> None:
    async with probed.overseen() as lines:
        await answer(probed, SICK)
        await probed.thought("web", "probe", "failing")
        probed.show("web", State="paused")
        probed.start("web", 0, status="paused")
        await probed.thought("web", "probe", "unknown")
        probed.prober.answers[8080] = WELL
        probed.show("web", State="running")
        probed.start("web", 0)
        await probed.thought("web", "probe", "ok")
    assert lines.events == [IS_FAILING, IS_WELL]


async def test_a_restart_that_helps_ends_what_was_reported(probed: Stage) -> None:
    async with probed.overseen() as lines:
        await answer(probed, SICK)
        await probed.thought("web", "probe", "failing")
        probed.prober.answers[8080] = WELL
        probed.start("web", 100)
        await probed.tell("start", "web")
        await probed.thought("web", "probe", "ok")
    assert lines.events == [IS_FAILING, IS_WELL]


async def test_one_that_was_down_in_between_is_told_to_be_well_again(probed: Stage) -> None:
    async with probed.overseen() as lines:
        await answer(probed, SICK)
        await probed.thought("web", "probe", "failing")
        probed.remove("web")
        await until(lambda: probed.told == {})
        probed.prober.answers[8080] = WELL
        probed.engine.entries.append(entry("web"))
        probed.start("web", 100)
        await probed.thought("web", "probe", "ok")
    assert lines.events == [IS_FAILING, IS_WELL]


async def test_a_probe_that_was_never_answered_well_is_reported_and_left_to_people(probed: Stage) -> None:
    probed.prober.answers[8080] = SICK
    async with probed.overseen() as lines:
        await answer(probed, SICK)
        await probed.thought("web", "probe", "failing")
        assert probed.runs == [], "the controller is not told"
        assert lines.one(IS_FAILING)["reason"].endswith("is probe.url right?")
        await answer(probed, WELL)
        await answer(probed, SICK)
        await until(lambda: probed.runs == [moment(0)])
    assert probed.proven.noted == {("web", PROBE["status-state.probe.url"])}


async def test_a_wrong_label_is_reported_with_its_container_and_a_wrong_policy_is_not_reported_again() -> None:
    stage = Stage(web=labels(probe_url="ftp://x"), db=labels(logs_severity="error"))
    async with stage.overseen("- match: db\n  logs.count: 0\n") as lines:
        pass
    line = lines.one(WRONG_LABEL)
    assert line["container"] == "web"
    assert line["problem"].startswith("label status-state.probe.url: ")
    assert len(lines.events) == 1


async def test_a_wrong_label_is_reported_once_however_often_the_policy_changes() -> None:
    wrong = labels(probe_url="ftp://x")
    stage = Stage(web=wrong, db=wrong, cache={**wrong, **labels(ingore="true")})
    async with stage.overseen() as lines:
        for text in ("- match: web\n  logs.severity: error\n", ""):
            await stage.set_policy(text)
    assert lines.events == [WRONG_LABEL] * 4
    assert [line["container"] for line in lines.captured] == ["web", "db", "cache", "cache"]


async def test_a_label_that_resembles_no_key_is_not_reported() -> None:
    stage = Stage(web={"status-state.zzz": "x", "status-state.base": "y"})
    async with stage.overseen() as lines:
        pass
    assert lines.events == []


async def test_an_entry_that_matches_nothing_is_reported() -> None:
    stage = Stage(web={})
    async with stage.overseen("- match: wbe\n  restart: never\n- match: web\n  restart: never\n") as lines:
        pass
    line = lines.one("policy_entry_unmatched")
    assert (line["place"], line["match"]) == ("policy.yaml, line 1", ("wbe",))
    assert stage.engine.asked == []


async def test_an_entry_about_what_is_to_be_ignored_may_match_what_is_no_original() -> None:
    stage = Stage(web={})
    stage.engine.entries.append(entry("ci-7"))
    async with stage.overseen("- match: ci-*\n  ignore: true\n- match: cd-*\n  ignore: true\n") as lines:
        pass
    assert lines.one("policy_entry_unmatched")["place"] == "policy.yaml, line 3"


async def test_while_the_engine_is_lost_an_entry_is_not_said_to_match_nothing() -> None:
    stage = Stage(web={})
    text = "- match: ci-*\n  ignore: true\n"
    stage.engine.error = HUNG
    async with stage.overseen(text) as lines:
        assert lines.events == []
        stage.engine.error = None
        await stage.set_policy(text)
    assert lines.events == ["policy_entry_unmatched"]


async def test_the_end_of_the_supervisor_ends_all_observations(stage: Stage) -> None:
    async with stage.overseen():
        await stage.thought("web", "logs", "ok")
        await stage.thought("web", "probe", "ok")
    assert stage.prober.closed
    await until(lambda: all(pipe.closed for pipe in stage.engine.logs + stage.engine.event_pipes))


async def test_a_supervisor_that_begins_anew_observes_anew(stage: Stage) -> None:
    async with stage.overseen():
        await stage.thought("web", "logs", "ok")
    async with stage.overseen():
        await until(lambda: len(stage.engine.open_logs("web")) == 1)
        stage.engine.open_logs("web")[0].write(logged(10, "ERROR"))
        await stage.thought("web", "logs", "failing")


async def test_a_defect_in_the_supervision_is_reported_and_it_begins_anew(stage: Stage) -> None:
    async with stage.overseen() as lines:
        await stage.thought("web", "logs", "ok")
        stage.policy_file.broken = True
        stage.policy_file.changed.set()
        await until(lambda: stage.engine.logs[0].closed and stage.engine.open_logs("web"))
        stage.engine.open_logs("web")[0].write(logged(10, "ERROR"))
        await stage.thought("web", "logs", "failing")
    assert lines.one("health_supervisor_failed")["exc_info"] is True


async def test_another_snapshot_is_followed_and_the_controller_looks(stage: Stage) -> None:
    supervisor = stage.supervisor()
    web, db = stage.originals
    running = asyncio.create_task(supervisor.run([db]))
    await until(lambda: stage.policy_file.applied)
    tags = iter(["old", "new"])
    follow = stage.verdicts.follow(LOOK.identity, 3600.0, lambda: next(tags))
    await anext(follow)
    supervisor.follow([web])
    assert b'"desired":"new"' in await anext(follow)
    await stage.thought("web", "logs", "ok")
    supervisor.follow([db])
    await stage.thought("web", "logs", None)
    running.cancel()
    await asyncio.wait([running])


async def test_nobody_waits_for_verdicts_after_the_close(stage: Stage) -> None:
    follow = stage.verdicts.follow(LOOK.identity, 3600.0, lambda: '"5"')
    await anext(follow)
    stage.supervisor().close()
    assert [line async for line in follow] == []
