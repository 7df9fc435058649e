"""Asking one probe again and again: the way looked up, answers judged, and nobody blamed who is not there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.engine.own import Own
from status_state_api.health.probe.loop import ProbeLoop
from status_state_api.health.probe.route import Route
from status_state_api.health.verdict import ProbeResult, State, Verdict

from ..world import HUNG, FakeEngine, container_id, entry
from .world import STARTED, FakeClock, RememberedProbes, alive, probe_rule, run_of, until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from status_state_api.health.rules.rules import ProbeRule

OK = ProbeResult(State.OK, "answered 200")
BAD = ProbeResult(State.FAILING, "answered 500")
UNASKED = ProbeResult(State.UNKNOWN, "can't be asked: a reason")
SHOP = {"shop": {"NetworkID": "n1", "IPAddress": "172.20.0.9"}}
MOVED = {"shop": {"NetworkID": "n1", "IPAddress": "172.20.0.77"}}
URL = "http://:8080/health"
RUN = run_of().subject


class FakeProber:
    """Gives the answers that the test wants, the last of them for ever."""

    def __init__(self) -> None:
        self.answers: list[ProbeResult] = [OK]
        self.connected = True
        self.asked: list[tuple[Route, bool]] = []

    async def probe(self, route: Route, rule: ProbeRule, *, reached: bool) -> tuple[ProbeResult, bool]:
        """ProbeResult."""
        assert rule
        self.asked.append((route, reached))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0], self.connected

    async def close(self) -> None:
        """Close nothing."""


class Stage:
    """A container that is asked, beside the SSA in the same network."""

    def __init__(self, *proven: tuple[str, str], **rule: str) -> None:
        self.proven = RememberedProbes(*proven)
        self.engine = FakeEngine(entry("web"))
        self.attach()
        self.prober = FakeProber()
        self.put: list[Verdict] = []
        self.current = True
        self.confirmed = 0
        self.clock = FakeClock(STARTED + timedelta(hours=1))
        self.own = Own(alive("ssa", HostConfig={"NetworkMode": "shop"}, NetworkSettings={"Networks": SHOP}))
        self.loop = ProbeLoop(
            self.engine,
            self.prober,
            run_of(),
            probe_rule(**{"every": "0.1", "failures": "2", **rule}),
            self.proven,
            find_own=self.find_own,
            put=self.put.append,
            is_current=self.is_current,
            clock=self.clock,
        )

    def attach(self, networks: dict[str, Any] = SHOP, mode: str = "shop") -> None:
        """Attach the container to these networks."""
        self.engine.inspects[container_id("web")] = alive(
            "web", HostConfig={"NetworkMode": mode}, NetworkSettings={"Networks": networks, "Ports": {}}
        )

    async def find_own(self) -> Own:
        """Find the SSA's own container."""
        return self.own

    async def is_current(self) -> bool:
        """Whether the run is the present one."""
        self.confirmed += 1
        if self.engine.error is not None:
            raise self.engine.error
        return self.current

    @property
    def states(self) -> list[str]:
        """What was put, in words."""
        return [put.state.value + ("?" if put.faltering else "") for put in self.put]

    @asynccontextmanager
    async def answering(self, *answers: ProbeResult) -> AsyncGenerator[asyncio.Task[None]]:
        """Ask until all these answers were judged."""
        self.prober.answers = list(answers)
        task = asyncio.create_task(self.loop.run())
        await until(lambda: task.done() or len(self.put) > len(answers))
        yield task
        task.cancel()
        await asyncio.wait([task])


async def test_it_is_reported_before_the_first_answer_that_there_is_none() -> None:
    stage = Stage()
    async with stage.answering(OK):
        pass
    assert stage.put[0] == Verdict(RUN, "probe", State.UNKNOWN, "its probe http://:8080/health has not answered yet")
    assert stage.put[1] == Verdict(RUN, "probe", State.OK, "its probe http://:8080/health answered 200")


async def test_a_secret_in_the_url_is_not_reported() -> None:
    stage = Stage(url="http://user:hunter2@:8080/health?token=hunter2")
    async with stage.answering(BAD, BAD):
        pass
    assert stage.put[-1].state is State.FAILING
    assert "hunter2" not in repr(stage.put)


async def test_answers_are_judged_one_after_the_other() -> None:
    stage = Stage()
    async with stage.answering(OK, BAD, BAD, OK):
        pass
    assert stage.states[:5] == ["unknown", "ok", "ok?", "failing", "ok"]


async def test_failures_soon_after_the_start_do_not_count() -> None:
    stage = Stage()
    stage.clock.at = STARTED + timedelta(seconds=29)
    async with stage.answering(BAD, BAD, BAD):
        pass
    assert set(stage.states) == {"unknown"}
    stage = Stage()
    stage.clock.at = STARTED + timedelta(seconds=31)
    async with stage.answering(BAD, BAD):
        pass
    assert stage.states[:3] == ["unknown", "unknown?", "failing"]


async def test_a_container_that_started_in_the_future_is_in_its_start_period() -> None:
    stage = Stage()
    stage.clock.at = STARTED - timedelta(hours=1)
    async with stage.answering(BAD, BAD, BAD):
        pass
    assert set(stage.states) == {"unknown"}


async def test_the_way_is_looked_up_once_while_it_leads_there() -> None:
    stage = Stage()
    async with stage.answering(OK, OK, OK):
        pass
    assert stage.engine.asked == ["container"]
    assert {route for route, _ in stage.prober.asked} == {Route("172.20.0.9", 8080, certain=True)}


@pytest.mark.parametrize("moved", [MOVED, {}], ids=["moved", "off"])
async def test_who_was_asked_at_an_old_address_is_not_blamed(moved: dict[str, Any]) -> None:
    stage = Stage(failures="1")
    stage.prober.answers = [OK]
    task = asyncio.create_task(stage.loop.run())
    await until(lambda: stage.states[-1:] == ["ok"])
    stage.prober.answers = [BAD]
    stage.prober.connected = False
    stage.attach(moved)
    await until(lambda: stage.put[-1].state is not State.OK)
    unsure = stage.put[stage.states.index("unknown", 1)]
    assert "failing" not in stage.states[: stage.states.index("unknown", 1)]
    assert "networks, or this service's, were just changed" in unsure.reason
    if moved:
        await until(lambda: stage.states[-1] == "failing")
        route, reached = stage.prober.asked[-1]
        assert (route.host, reached) == ("172.20.0.77", False), "it was the other address that was reached"
    else:
        await until(lambda: "has no network" in stage.put[-1].reason)
    task.cancel()


async def test_the_way_is_looked_up_again_after_an_answer_that_could_not_be_had() -> None:
    stage = Stage()
    stage.prober.answers = [OK, UNASKED]
    task = asyncio.create_task(stage.loop.run())
    await until(lambda: len(stage.put) > 2)
    stage.attach(MOVED)
    stage.prober.answers = [OK]
    await until(lambda: stage.states[-1] == "ok")
    task.cancel()
    assert stage.put[2] == Verdict(
        RUN, "probe", State.UNKNOWN, "its probe http://:8080/health can't be asked: a reason", blocked=True
    )
    assert stage.prober.asked[-1][0].host == "172.20.0.77"


@pytest.mark.parametrize(
    ("networks", "host", "reached"),
    [(SHOP, "172.20.0.9", True), (MOVED, "172.20.0.77", False)],
    ids=["the same way", "another way"],
)
async def test_that_it_was_reached_is_forgotten_when_the_way_found_is_another_one(
    networks: dict[str, Any], host: str, reached: bool
) -> None:
    stage = Stage()
    stage.prober.answers = [OK]
    task = asyncio.create_task(stage.loop.run())
    await until(lambda: stage.prober.asked[-1:] == [(Route("172.20.0.9", 8080, certain=True), True)])
    stage.prober.connected = False
    stage.prober.answers = [UNASKED]
    stage.attach(networks)
    await until(lambda: stage.states[-1] == "unknown")
    looked_up, asked = len(stage.engine.asked), len(stage.prober.asked)
    await until(lambda: len(stage.engine.asked) > looked_up and len(stage.prober.asked) > asked + 1)
    task.cancel()
    assert stage.prober.asked[-1] == (Route(host, 8080, certain=True), reached)


async def test_a_probe_that_was_never_answered_well_is_no_reason_to_act() -> None:
    stage = Stage()
    async with stage.answering(BAD, BAD):
        pass
    judgement = stage.put[2]
    assert (judgement.state, judgement.actionable) == (State.FAILING, False)
    assert judgement.reason.endswith("is probe.url right?")
    assert stage.proven.noted == set()


async def test_that_a_probe_was_answered_well_is_remembered_over_runs() -> None:
    stage = Stage()
    async with stage.answering(OK, BAD, BAD):
        pass
    assert (stage.put[3].state, stage.put[3].actionable) == (State.FAILING, True)
    assert stage.proven.noted == {("web", URL)}
    next_run = Stage(*stage.proven.noted)
    async with next_run.answering(BAD, BAD):
        pass
    assert (next_run.put[2].state, next_run.put[2].actionable) == (State.FAILING, True)


@pytest.mark.parametrize("proven", [("web", "http://:8080/other"), ("db", URL)], ids=["another URL", "another name"])
async def test_another_probe_that_was_answered_well_proves_nothing(proven: tuple[str, str]) -> None:
    stage = Stage(proven)
    async with stage.answering(BAD, BAD):
        pass
    assert (stage.put[2].state, stage.put[2].actionable) == (State.FAILING, False)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("tcp://engine.example:2376", "engine.example"),
        ("https://[fd00::1]:2376", "fd00::1"),
        ("http://10.0.0.5:2375", "10.0.0.5"),
        ("unix:///docker.sock", None),
    ],
)
async def test_a_remote_engine_is_where_its_published_ports_are(
    monkeypatch: pytest.MonkeyPatch, address: str, host: str | None
) -> None:
    stage = Stage()
    monkeypatch.setattr(stage.engine, "address", address)
    stage.own = Own(None, "it runs elsewhere")
    everywhere = [{"HostIp": "", "HostPort": "81"}]
    stage.engine.inspects[container_id("web")] = alive(
        "web", HostConfig={"NetworkMode": "shop"}, NetworkSettings={"Networks": SHOP, "Ports": {"8080/tcp": everywhere}}
    )
    async with stage.answering(OK):
        pass
    if host is None:
        assert "runs in no container of this engine" in stage.put[1].reason
        assert stage.prober.asked == []
    else:
        assert stage.prober.asked[0][0] == Route(host, 81, certain=False)


async def test_where_there_is_no_way_it_is_said_why_until_there_is_one() -> None:
    stage = Stage()
    stage.attach({}, "none")
    task = asyncio.create_task(stage.loop.run())
    await until(lambda: len(stage.put) > 3)
    assert stage.put[1].state is State.UNKNOWN
    assert stage.put[1].reason.startswith("its probe http://:8080/health can't be asked: it has no network")
    assert stage.prober.asked == []
    stage.attach()
    await until(lambda: stage.states[-1] == "ok")
    task.cancel()


async def test_a_container_that_is_gone_is_unknown() -> None:
    stage = Stage()
    stage.engine.inspects.clear()
    async with stage.answering(OK):
        pass
    assert stage.put[1].state is State.UNKNOWN
    assert "it is gone" in stage.put[1].reason


async def test_one_in_the_network_of_another_is_asked_there() -> None:
    stage = Stage()
    stage.attach({}, f"container:{container_id('vpn')}")
    stage.engine.inspects[container_id("vpn")] = alive(
        "vpn",
        HostConfig={"NetworkMode": "shop"},
        NetworkSettings={"Networks": {"shop": {"NetworkID": "n1", "IPAddress": "172.20.0.50"}}},
    )
    async with stage.answering(OK):
        pass
    assert stage.prober.asked[0][0].host == "172.20.0.50"
    assert stage.engine.asked == ["container", "container"]


async def test_one_in_the_network_of_one_that_is_gone_is_unknown() -> None:
    stage = Stage()
    stage.attach({}, f"container:{container_id('vpn')}")
    async with stage.answering(OK):
        pass
    assert "or the container in whose network it is" in stage.put[1].reason


async def test_the_prober_is_told_whether_the_container_was_reached_before() -> None:
    stage = Stage()
    stage.prober.connected = False
    stage.prober.answers = [BAD]
    task = asyncio.create_task(stage.loop.run())
    await until(lambda: len(stage.prober.asked) > 2)
    assert not any(reached for _, reached in stage.prober.asked)
    stage.prober.connected = True
    await until(lambda: stage.prober.asked[-1][1])
    stage.prober.connected = False
    seen = len(stage.prober.asked)
    await until(lambda: len(stage.prober.asked) > seen + 3)
    task.cancel()
    assert all(reached for _, reached in stage.prober.asked[seen:]), "once and for all"


async def test_who_was_stopped_or_paused_meanwhile_has_not_failed() -> None:
    stage = Stage()
    stage.current = False
    async with stage.answering(OK, BAD, BAD) as task:
        await asyncio.wait_for(asyncio.shield(task), 5)
    assert stage.states == ["unknown", "ok"], "and it is not asked any more"
    assert len(stage.prober.asked) == 2


async def test_the_engine_confirms_only_failures() -> None:
    stage = Stage()
    async with stage.answering(OK, UNASKED, OK):
        assert stage.confirmed == 0
    stage = Stage()
    async with stage.answering(BAD, BAD):
        assert stage.confirmed >= 2


async def test_a_lost_engine_makes_unknown_what_it_can_not_confirm_and_then_it_goes_on() -> None:
    stage = Stage()
    stage.prober.answers = [BAD]
    task = asyncio.create_task(stage.loop.run())
    await until(lambda: stage.states[-1:] == ["failing"])
    stage.engine.error = HUNG
    await until(lambda: stage.states[-1] == "unknown")
    assert HUNG.cause in stage.put[-1].reason
    stage.engine.error = None
    await until(lambda: stage.states[-1] == "failing")
    task.cancel()


async def test_while_the_engine_is_lost_a_way_can_not_be_found() -> None:
    stage = Stage()
    stage.engine.error = HUNG
    task = asyncio.create_task(stage.loop.run())
    await until(lambda: len(stage.put) > 2)
    assert stage.states == ["unknown"] * len(stage.put)
    assert stage.put[-1].reason.startswith("the route to it can't be asked for: ")
    assert stage.prober.asked == []
    stage.engine.error = None
    await until(lambda: stage.states[-1] == "ok")
    task.cancel()


async def test_the_pace_is_the_rules_however_long_a_probe_takes() -> None:
    stage = Stage(every="10")
    takes = [0.0, 4.0, 9.0, 15.0]

    async def probe(route: Route, rule: ProbeRule, *, reached: bool) -> tuple[ProbeResult, bool]:
        assert (route.port, rule.every, reached) == (8080, 10, len(takes) < 4)
        stage.clock.steady += takes.pop(0) if takes else 0.0
        return OK, True

    stage.prober.probe = probe  # type: ignore[method-assign]
    async with stage.answering(OK, OK, OK, OK):
        pass
    assert stage.clock.waits[:4] == [10.0, 6.0, 1.0, 0.0]
