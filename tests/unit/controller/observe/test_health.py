"""Who is ill, and may be mended: whoever was well in this very run, as far as anybody can know."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from status_state_controller.errors import EngineError
from status_state_controller.observe.health import Health, still_ill
from status_state_controller.plan.health import Hold, Illness, Illnesses, Verdicts
from status_state_controller.report.troubles import Troubles

from ..fake_engine import FakeEngine
from ..stage import Log, settled, stage, until
from ..world import STARTED_AT, FakeClock, container, id_of, snapshot, well

if TYPE_CHECKING:
    from pathlib import Path

    from status_state_controller.model import Container, Original

WEB = id_of("web")
TOO_MANY = "originals are unhealthy at once"
ANOTHER_RUN = "2026-11-23T11:30:00Z"


@dataclass
class Ward:
    """A `Health` beside a pretended engine, whose clock goes as steadily as the controller's own."""

    engine: FakeEngine
    originals: tuple[Original | str, ...]
    verdicts: Verdicts = field(default_factory=Verdicts)
    clock: FakeClock = field(default_factory=FakeClock)
    ahead: timedelta = timedelta()
    others: dict[str, str] = field(default_factory=dict[str, str])
    """Whose place, by container: successors."""

    def __post_init__(self) -> None:
        self.held = snapshot(*self.originals)
        self.engine.wall = lambda: self.clock.utc_now() + self.ahead
        self.health = Health(self.engine, lambda: self.verdicts, Troubles(), self.clock)

    async def look(self, looked_at: float | None = None) -> tuple[float, Illnesses]:
        """Look at what is on the engine, or judge what was seen at another time."""
        at = self.clock() if looked_at is None else looked_at
        return await self.health.look(self.held, list(self.engine.world.values()), self._places, at)

    async def illnesses(self) -> Illnesses:
        """Who is ill, settled or not."""
        return await self.health.illnesses(self.held, list(self.engine.world.values()), self._places, self.clock())

    async def ill(self) -> dict[str, bool]:
        """The names of those who are ill, and whether they may be mended."""
        by_id = (await self.illnesses()).by_id
        return {self.engine.world[key].name: illness.mendable for key, illness in by_id.items()}

    async def of_web(self) -> Illness | None:
        """What ails `web`."""
        return (await self.illnesses()).by_id.get(WEB)

    @property
    def _places(self) -> dict[str, str]:
        return {original.id: original.id for original in self.held.originals} | self.others


def ward(*originals: Original | str, world: tuple[Container, ...] = ()) -> Ward:
    """These originals run, and nothing is said of their health yet."""
    running = (container(one if isinstance(one, str) else one.name) for one in originals)
    return Ward(FakeEngine(*running, *world), originals)


async def seen_healthy(*names: str) -> Ward:
    """These originals were seen healthy a minute ago, and have turned unhealthy."""
    w = ward(*names)
    for name in names:
        w.engine.judges(name, "healthy")
    await w.look()
    w.clock.advance(60)
    for name in names:
        w.engine.judges(name, "unhealthy")
    w.engine.calls.clear()
    return w


async def test_while_nobody_is_unhealthy_nobody_is_looked_at() -> None:
    miner = container("miner", status="Up 5 minutes (unhealthy)")
    paused = container("paused", "paused", status="Up 5 minutes (Paused)")
    w = ward("plain", "healthy", "starting", world=(miner, paused, container("down", "exited")))
    w.held = snapshot("plain", "healthy", "starting", "paused", "down", "gone")
    w.engine.judges("healthy", "healthy")
    w.engine.judges("starting", "starting", FailingStreak=2)
    for _ in range(3):
        assert await w.look() == (0, Illnesses())
        w.clock.advance(30)
    assert w.engine.calls == []


async def test_an_original_that_was_seen_healthy_and_turns_unhealthy_may_be_mended() -> None:
    w = await seen_healthy("web")
    assert await w.of_web() == Illness(
        STARTED_AT, "is unhealthy: its health check fails with exit code 7", verdict=False, mendable=True, counts=True
    )
    assert set(w.engine.calls) == {"inspect web", "clock"}


@pytest.mark.parametrize("checks", [None, []], ids=repr)
async def test_a_health_check_that_left_no_trace_fails_without_a_code(checks: object) -> None:
    w = await seen_healthy("web")
    w.engine.judges("web", "unhealthy", Log=checks)
    illness = await w.of_web()
    assert illness is not None
    assert illness.reason == "is unhealthy: its health check fails"


async def test_an_original_that_was_never_seen_healthy_is_left_alone() -> None:
    w = ward("web")
    w.engine.judges("web", "unhealthy")
    illness = await w.of_web()
    assert illness is not None
    assert (illness.mendable, illness.counts) == (False, False)
    assert await w.look() == (0, Illnesses({WEB: illness}))


async def test_that_an_original_is_left_alone_is_told_once_and_when_it_is_over() -> None:
    w = ward("web", "db")
    w.engine.judges("web", "unhealthy")
    w.engine.judges("db", "unhealthy")
    with Log() as log:
        for _ in range(3):
            await w.look()
            w.clock.advance(30)
        assert log.sentences == [
            f"{name} is unhealthy: its health check fails with exit code 7, but it has not been healthy since its start: "
            "it is left alone, because a restart may disturb what it is recovering from"
            for name in ("db", "web")
        ]
        w.engine.judges("web", "healthy")
        for _ in range(3):
            await w.look()
        assert log.sentences[2:] == ["web is no longer unhealthy since its start"]
        w.engine.starts_anew(id_of("db"))
        await w.look()
        assert log.sentences[3:] == ["db is no longer unhealthy since its start"]


async def test_an_original_that_may_be_mended_is_not_told_to_be_left_alone() -> None:
    w = await seen_healthy("web")
    with Log() as log:
        await w.look()
    assert log.sentences == []


async def test_an_original_that_was_healthy_at_the_snapshot_may_be_mended_in_that_run() -> None:
    w = ward(well("web"))
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": True}


async def test_an_original_that_was_healthy_at_the_snapshot_is_left_alone_in_another_run() -> None:
    w = ward(well("web"))
    w.engine.runs[WEB] = {"StartedAt": ANOTHER_RUN}
    w.engine.judges("web", "unhealthy")
    illness = await w.of_web()
    assert illness is not None
    assert (illness.mendable, illness.counts) == (False, True), "it counts when many are ill, since it can be well"


@pytest.mark.parametrize("health", ["unhealthy", "starting", "none"])
async def test_an_original_that_was_not_healthy_at_the_snapshot_is_left_alone_in_that_run(health: str) -> None:
    web = well("web")
    state = {"Status": "running", "StartedAt": STARTED_AT, "Health": {"Status": health}}
    w = ward(replace(web, inspect=dict(web.inspect) | {"State": state}))
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": False}


async def test_a_successor_was_not_there_at_the_snapshot() -> None:
    again = container("web", word="web again")
    w = Ward(FakeEngine(again), (well("web"),), others={again.id: WEB})
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": False}
    w.engine.judges("web", "healthy")
    await w.look()
    w.clock.advance(60)
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": True}


@pytest.mark.parametrize("ahead", [timedelta(hours=-2), timedelta(), timedelta(hours=2)], ids=str)
async def test_an_original_that_was_seen_healthy_before_its_last_start_is_left_alone(ahead: timedelta) -> None:
    w = ward("web")
    w.ahead = ahead
    w.engine.starts_anew(WEB)
    w.clock.advance(30)
    w.engine.judges("web", "healthy")
    await w.look()
    w.clock.advance(10)
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": True}
    w.engine.starts_anew(WEB)
    w.clock.advance(90)
    w.engine.judges("web", "unhealthy")
    illness = await w.of_web()
    assert illness is not None
    assert (illness.mendable, illness.counts) == (False, True)
    w.engine.judges("web", "healthy")
    await w.look()
    w.clock.advance(10)
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": True}


@pytest.mark.parametrize(("seconds", "mendable"), [(0.1, False), (0.3, True)])
async def test_what_was_seen_healthy_right_after_a_start_may_have_been_seen_before_it(
    seconds: float, *, mendable: bool
) -> None:
    w = ward("web")
    w.engine.starts_anew(WEB)
    w.clock.advance(seconds)
    w.engine.judges("web", "healthy")
    await w.look()
    w.clock.advance(60)
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": mendable}


async def test_what_was_seen_healthy_is_remembered_for_as_long_as_it_runs() -> None:
    w = await seen_healthy("web", "db")
    for _ in range(3):
        w.clock.advance(3600)
        assert await w.ill() == {"web": True, "db": True}
    del w.engine.world[WEB]
    assert await w.ill() == {"db": True}
    w.engine.put(container("web"))
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": False, "db": True}, "a container that was gone is remembered by nobody"


async def test_what_was_listed_before_its_last_start_says_nothing_of_the_run_after_it() -> None:
    w = ward("web")
    w.engine.judges("web", "healthy")
    asked_at = w.clock()
    w.clock.advance(1)
    w.engine.starts_anew(WEB)
    w.clock.advance(1)
    w.engine.judges("web", "healthy")  # as the list had it, which is judged only now
    await w.look(asked_at)
    w.clock.advance(60)
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": False}


@pytest.mark.parametrize("ahead", [timedelta(hours=-2), timedelta(), timedelta(hours=2)], ids=str)
async def test_what_the_engine_reported_to_be_healthy_may_be_mended_in_that_run(ahead: timedelta) -> None:
    w = ward("web")
    w.ahead = ahead
    w.engine.starts_anew(WEB)
    w.clock.advance(1)
    w.health.saw_healthy(WEB, w.engine.wall().timestamp())
    w.clock.advance(10)
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": True}
    w.engine.starts_anew(WEB)
    w.clock.advance(10)
    w.engine.judges("web", "unhealthy")
    illness = await w.of_web()
    assert illness is not None
    assert (illness.mendable, illness.counts) == (False, True)


async def test_a_report_of_health_counts_though_the_list_showed_it_only_before_the_last_start() -> None:
    w = await seen_healthy("web")
    w.engine.starts_anew(WEB)
    w.clock.advance(10)
    w.health.saw_healthy(WEB, w.engine.wall().timestamp())
    w.clock.advance(10)
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": True}


async def test_what_was_reported_of_a_container_that_is_gone_is_forgotten() -> None:
    w = ward("web")
    w.health.saw_healthy(WEB, w.engine.wall().timestamp())
    del w.engine.world[WEB]
    await w.look()
    w.engine.put(container("web"))
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": False}


async def test_a_report_of_health_from_before_a_start_that_comes_late_proves_nothing(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    s.engine.judges("web", "starting")
    await s.check()
    before = s.engine.wall
    told_at = before()
    s.clock.advance(30)
    s.engine.starts_anew(WEB)
    s.clock.advance(30)  # the stream of events was broken; now it is opened where it broke
    s.engine.wall = lambda: told_at
    s.happens("health_status", WEB, detail="healthy")
    s.engine.wall = before
    s.happens("start", WEB)
    s.clock.advance(30)
    s.engine.judges("web", "unhealthy")
    await s.check()
    await s.check_later(5)
    assert s.engine.acts == []


async def test_what_is_listed_before_a_start_proves_nothing_however_long_the_check_takes(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    s.engine.judges("web", "healthy")
    s.ssa.hang = asyncio.Event()
    check = asyncio.create_task(s.controller.check())
    await until(lambda: "list" in s.engine.calls and s.ssa.reached.is_set())
    for _ in range(30):
        await asyncio.sleep(0)
    s.clock.advance(1)
    s.engine.starts_anew(WEB)
    s.clock.advance(1)
    s.ssa.hang.set()
    await check
    await settled()
    s.clock.advance(60)
    s.engine.judges("web", "unhealthy")
    await s.check()
    await s.check_later(5)
    assert s.engine.acts == []


@pytest.mark.parametrize(("detail", "restarts"), [("healthy", True), ("unhealthy", False), ("", False)])
async def test_the_engine_reports_that_an_original_is_healthy(detail: str, tmp_path: Path, *, restarts: bool) -> None:
    s = stage(tmp_path, snapshot("web"), container("web"))
    s.engine.judges("web", "starting")
    await s.check()
    s.happens("health_status", WEB, detail=detail)
    s.clock.advance(10)
    s.engine.judges("web", "unhealthy")
    await s.check()
    await s.check_later(5)
    assert s.engine.acts == ["restart web None"] * restarts


async def test_an_original_that_is_failing_as_the_ssa_says_is_ill() -> None:
    w = ward("web", "db")
    w.verdicts = Verdicts({(WEB, STARTED_AT): "its probe answered 500"})
    assert await w.of_web() == Illness(STARTED_AT, "is unhealthy: its probe answered 500", verdict=True)
    assert "inspect db" not in w.engine.calls


async def test_a_verdict_about_another_run_means_nothing() -> None:
    w = ward("web")
    w.verdicts = Verdicts({(WEB, ANOTHER_RUN): "its probe answered 500"})
    assert await w.look() == (0, Illnesses())


async def test_a_verdict_about_a_container_that_has_no_place_means_nothing() -> None:
    w = ward("web", world=(container("miner"), container("paused", "paused")))
    w.held = snapshot("web", "paused")
    w.verdicts = Verdicts({(id_of(name), STARTED_AT): "its probe answered 500" for name in ("miner", "paused", "gone")})
    assert await w.look() == (0, Illnesses())
    assert w.engine.calls == []


async def test_a_verdict_tells_more_than_a_health_check_that_fails_as_well() -> None:
    w = await seen_healthy("web")
    w.verdicts = Verdicts({(WEB, STARTED_AT): "its log has 3 lines of severity error"})
    assert await w.of_web() == Illness(STARTED_AT, "is unhealthy: its log has 3 lines of severity error", verdict=True)


async def test_a_verdict_counts_though_the_health_check_is_passed() -> None:
    w = ward("web")
    w.engine.judges("web", "healthy")
    w.verdicts = Verdicts({(WEB, STARTED_AT): "its probe answered 500"})
    assert await w.ill() == {"web": True}


async def test_what_has_not_passed_its_health_check_since_its_start_is_left_alone_whatever_a_verdict_says() -> None:
    w = ward("web")
    w.verdicts = Verdicts({(WEB, STARTED_AT): "its probe answered 500"})
    w.engine.judges("web", "starting")
    assert await w.ill() == {}
    w.engine.judges("web", "unhealthy")
    assert await w.ill() == {"web": False}


async def test_a_verdict_about_another_run_leaves_the_health_check_in_force() -> None:
    w = await seen_healthy("web")
    w.verdicts = Verdicts({(WEB, ANOTHER_RUN): "its probe answered 500"})
    illness = await w.of_web()
    assert illness is not None
    assert (illness.verdict, illness.mendable) == (False, True)


@pytest.mark.parametrize("meanwhile", ["gone", "exited", "paused", "well"])
async def test_whoever_is_well_or_gone_when_looked_at_is_not_ill(meanwhile: str) -> None:
    w = await seen_healthy("web", "db")
    listed = list(w.engine.world.values())
    if meanwhile == "gone":
        del w.engine.world[WEB]
    elif meanwhile == "well":
        w.engine.judges("web", "healthy")
    else:
        w.engine.put(replace(w.engine.named("web"), state=meanwhile))
    places = {original.id: original.id for original in w.held.originals}
    illnesses = await w.health.illnesses(w.held, listed, places, w.clock())
    assert set(illnesses.by_id) == {id_of("db")}


async def test_an_engine_that_can_not_be_asked_about_the_ill_is_an_error() -> None:
    for call in ("inspect web", "clock"):
        w = await seen_healthy("web")
        w.engine.failures[call] = EngineError("no answer")
        with pytest.raises(EngineError):
            await w.look()


async def test_those_that_have_just_failed_a_check_count_while_somebody_is_ill() -> None:
    w = await seen_healthy("web", "db", "cache", "queue")
    w.engine.judges("db", "healthy", FailingStreak=1)
    w.engine.judges("cache", "healthy", FailingStreak=0)
    w.engine.judges("queue", "healthy", FailingStreak=None)
    w.verdicts = Verdicts(faltering=frozenset({id_of("queue"), id_of("gone"), WEB}))
    illnesses = await w.illnesses()
    assert set(illnesses.by_id) == {WEB}
    assert illnesses.others == {id_of("db"), id_of("queue")}
    assert illnesses.many(4) == "3 of 4 originals are unhealthy at once"


async def test_those_that_have_just_failed_a_check_are_not_looked_at_while_nobody_is_mendably_ill() -> None:
    w = ward("web", "db", "cache")
    w.engine.judges("web", "unhealthy")  # since its start
    w.engine.judges("db", "healthy", FailingStreak=1)
    w.verdicts = Verdicts(faltering=frozenset({id_of("cache")}))
    illnesses = await w.illnesses()
    assert illnesses.others == frozenset()
    assert "inspect db" not in w.engine.calls
    del w.engine.world[WEB]
    assert await w.look() == (0, Illnesses())


async def test_an_illness_is_told_of_when_it_has_settled() -> None:
    w = await seen_healthy("web", "db", "cache", "queue")
    for name in ("db", "cache", "queue"):
        w.engine.judges(name, "healthy")
    for expected in ((5, Hold.SETTLING), (1, Hold.SETTLING), (0, None)):
        settles_in, illnesses = await w.look()
        assert (settles_in, illnesses.hold) == expected
        assert set(illnesses.by_id) == {WEB}
        w.clock.advance(4 if settles_in == 5 else 1)


async def test_that_many_are_ill_is_told_once_and_when_it_is_over() -> None:
    w = await seen_healthy("a", "b", "c", "d", "e")
    w.engine.judges("d", "healthy")
    w.engine.judges("e", "healthy")
    with Log() as log:
        assert not w.health.many_are_ill
        _, illnesses = await w.look()
        assert illnesses.hold == Hold.MANY
        assert w.health.many_are_ill
        assert set(illnesses.by_id) == {id_of("a"), id_of("b"), id_of("c")}
        w.engine.judges("d", "unhealthy")
        w.clock.advance(30)
        await w.look()
        assert [sentence.split(":")[0] for sentence in log.sentences] == [f"3 of 5 {TOO_MANY}"]
        for name in ("a", "b"):
            w.engine.judges(name, "healthy")
        settles_in, illnesses = await w.look()
        assert (settles_in, illnesses.hold) == (5, Hold.SETTLING), "whoever is still ill has to settle anew"
        assert not w.health.many_are_ill
        assert len(log.sentences) == 2, "its end is told"
        w.clock.advance(5)
        settles_in, illnesses = await w.look()
        assert (settles_in, illnesses.hold, set(illnesses.by_id)) == (0, None, {id_of("c"), id_of("d")})
        for name in ("a", "b"):
            w.engine.judges(name, "unhealthy")
        await w.look()
        assert [sentence.split(":")[0] for sentence in log.sentences[2:]] == [f"4 of 5 {TOO_MANY}"]


async def test_that_many_are_ill_by_the_word_of_the_ssa_is_not_over_when_it_falls_silent() -> None:
    w = ward("a", "b", "c")
    failing = {(id_of(name), STARTED_AT): "its probe answered 500" for name in ("a", "b", "c")}
    w.verdicts = Verdicts(failing, known=True)
    with Log() as log:
        await w.look()
        assert len(log.sentences) == 1
        w.verdicts = Verdicts()
        await w.look()
        w.verdicts = Verdicts({(id_of("a"), STARTED_AT): "its probe answered 500"}, known=True)
        w.clock.advance(59)
        _, illnesses = await w.look()
        assert (illnesses.hold, len(log.sentences)) == (Hold.MANY, 1), "it has to find out about the others anew"
        w.clock.advance(1)
        await w.look()
        assert not w.health.many_are_ill
        assert len(log.sentences) == 2


HEALTH_CHECK = Illness(STARTED_AT, "is unhealthy: its health check fails", verdict=False)
VERDICT = replace(HEALTH_CHECK, verdict=True)
FAILING = Verdicts({(WEB, STARTED_AT): "its probe answered 500"})


@pytest.mark.parametrize(
    ("illness", "health", "verdicts", "started_at", "is_ill"),
    [
        (HEALTH_CHECK, "unhealthy", Verdicts(), STARTED_AT, True),
        (HEALTH_CHECK, "unhealthy", Verdicts(), ANOTHER_RUN, False),
        (HEALTH_CHECK, "healthy", FAILING, STARTED_AT, False),
        (HEALTH_CHECK, "starting", FAILING, STARTED_AT, False),
        (HEALTH_CHECK, None, FAILING, STARTED_AT, False),
        (VERDICT, "healthy", FAILING, STARTED_AT, True),
        (VERDICT, None, FAILING, STARTED_AT, True),
        (VERDICT, "unhealthy", Verdicts(), STARTED_AT, False),
        (VERDICT, "unhealthy", FAILING, ANOTHER_RUN, False),
        (VERDICT, "healthy", Verdicts({(WEB, ANOTHER_RUN): "x"}), ANOTHER_RUN, False),
    ],
)
def test_an_illness_lasts_while_the_same_run_has_the_same_cause(
    illness: Illness, health: str | None, verdicts: Verdicts, started_at: str, *, is_ill: bool
) -> None:
    state: dict[str, object] = {"Status": "running", "StartedAt": started_at}
    if health is not None:
        state["Health"] = {"Status": health}
    assert still_ill({"Id": WEB, "State": state}, illness, verdicts) == is_ill
