"""Actions that wait for others: for as long as it takes, bounded, and only one at a time for each place."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.errors import ContainerError

from .stage import Log, Stage, settled, stage, until
from .world import container, id_of, original, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from status_state_controller.model import Original


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] # used by its name
    """Look again at what is waited for without a pause."""
    monkeypatch.setattr("status_state_controller.act.executor.HEALTH_POLL_SECONDS", 0)


def service(name: str, depends_on: str = "") -> Original:
    """An original that compose has made."""
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": name}
    return original(name, labels=labels | ({"com.docker.compose.depends_on": depends_on} if depends_on else {}))


def turns(s: Stage) -> list[str]:
    """The starts, in their order."""
    return [call for call in s.engine.acts if call.startswith("start")]


async def give_way() -> None:
    """Let the other tasks do what they can."""
    for _ in range(30):
        await asyncio.sleep(0)


async def test_a_dependency_is_started_first(tmp_path: Path) -> None:
    held = snapshot(service("a", "z:service_started:false"), service("z"))
    s = stage(tmp_path, held, container("a", "exited"), container("z", "exited"))
    starting = s.engine.hang("start z")
    await s.controller.check()
    await until(s.engine.reached["start z"].is_set)
    await give_way()
    assert turns(s) == ["start z"]
    starting.set()
    await settled()
    assert turns(s) == ["start z", "start a"]


async def test_a_removed_dependency_is_made_again_first(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot(service("a", "z:service_started:false"), service("z")))
    await s.check()
    assert s.engine.acts == ["create z", "start z", "create a", "start a"]


class Illness:
    """Lets `z` be starting until it is told to be something else."""

    def __init__(self, s: Stage, health: str = "starting", status: str = "running") -> None:
        self.state: dict[str, Any] = {"Status": status, "Health": {"Status": health}}
        self.looks = 0
        inspect = s.engine.inspect

        async def ill(container_id: str) -> dict[str, Any] | None:
            seen = await inspect(container_id)
            if seen is not None and seen["Name"] == "/z":
                self.looks += 1
                return seen | {"State": self.state}
            return seen

        s.engine.inspect = ill  # type: ignore[method-assign]


async def test_a_dependency_that_must_be_healthy_is_waited_for_until_it_is(tmp_path: Path) -> None:
    held = snapshot(service("a", "z:service_healthy:false"), service("z"))
    s = stage(tmp_path, held, container("a", "exited"), container("z"))
    z = Illness(s)
    await s.controller.check()
    await until(lambda: z.looks > 3)
    assert turns(s) == []
    z.state["Health"] = {"Status": "healthy"}
    await until(lambda: turns(s) == ["start a"])
    await settled()


async def test_a_dependency_that_must_have_completed_is_waited_for_until_it_has(tmp_path: Path) -> None:
    held = snapshot(service("a", "z:service_completed_successfully:false"), service("z"))
    s = stage(tmp_path, held, container("a", "exited"), container("z"))
    z = Illness(s)
    await s.controller.check()
    await until(lambda: z.looks > 3)
    assert turns(s) == []
    z.state = {"Status": "exited", "ExitCode": 0}
    await until(lambda: turns(s) == ["start a"])
    await settled()


async def test_the_wait_for_a_dependency_that_never_gets_healthy_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("status_state_controller.act.executor.LONGEST_WAIT_FOR_OTHERS_SECONDS", 0.05)
    held = snapshot(service("a", "z:service_healthy:false"), service("z"))
    s = stage(tmp_path, held, container("a", "exited"), container("z"))
    Illness(s)
    with Log() as log:
        await s.check()
    assert turns(s) == ["start a"]
    assert log.about("takes too long")


async def test_who_waits_for_a_dependency_holds_up_nobody_else(tmp_path: Path) -> None:
    held = snapshot(service("a", "z:service_healthy:false"), service("z"), "b")
    s = stage(tmp_path, held, container("a", "exited"), container("z"), container("b", "exited"), concurrency=1)
    z = Illness(s)
    await s.controller.check()
    await until(lambda: turns(s) == ["start b"])
    z.state["Health"] = {"Status": "healthy"}
    await settled()
    assert turns(s) == ["start b", "start a"]


@pytest.mark.parametrize("trouble", ["it is gone", "it has no health check", "it can't be looked at"])
async def test_what_can_not_be_told_holds_nobody_up(trouble: str, tmp_path: Path) -> None:
    z = original("z", labels=dict(service("z").labels) | {"status-state.restart": "never"})
    s = stage(tmp_path, snapshot(service("a", "z:service_healthy:false"), z), container("a", "exited"))
    if trouble != "it is gone":
        s.engine.put(container("z"))
    if trouble == "it can't be looked at":
        s.engine.failures["inspect z"] = ContainerError("no")
    await s.check()
    assert turns(s) == ["start a"]


async def test_a_dependency_that_fails_does_not_keep_the_dependent_from_its_start(tmp_path: Path) -> None:
    held = snapshot(service("a", "z:service_started:false"), service("z"))
    s = stage(tmp_path, held, container("a", "exited"), container("z", "exited"))
    s.engine.failures["start z"] = ContainerError("no such file")
    await s.check()
    assert turns(s) == ["start z", "start a"]


async def test_two_that_depend_on_each_other_do_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("status_state_controller.act.executor.LONGEST_WAIT_FOR_OTHERS_SECONDS", 0.05)
    held = snapshot(service("a", "z:service_started:false"), service("z", "a:service_started:false"))
    s = stage(tmp_path, held, container("a", "exited"), container("z", "exited"))
    with Log():
        await s.check()
    assert sorted(turns(s)) == ["start a", "start z"]


async def test_a_newcomer_that_holds_the_port_is_stopped_first(tmp_path: Path) -> None:
    web = original("web")
    ports = {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
    web = replace(web, inspect=dict(web.inspect) | {"HostConfig": {"PortBindings": ports}})
    miner = replace(container("miner"), ports=frozenset({("", 8080, "tcp")}))
    s = stage(tmp_path, snapshot(web), container("web", "exited"), miner)
    stopping = s.engine.hang("stop miner")
    await s.controller.check()
    await until(s.engine.reached["stop miner"].is_set)
    await give_way()
    assert turns(s) == []
    stopping.set()
    await settled()
    assert s.engine.acts == ["stop miner None", "start web"]


async def test_a_newcomer_that_is_in_nobodys_way_is_not_waited_for(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", "exited"), container("slow"))
    stopping = s.engine.hang("stop slow")
    await s.controller.check()
    await until(lambda: turns(s) == ["start web"])
    stopping.set()
    await settled()


async def test_while_an_original_is_made_again_its_place_is_left_alone(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"))
    starting = s.engine.hang("start web")
    await s.controller.check()
    await until(s.engine.reached["start web"].is_set)
    assert s.engine.shown == {"web": "created"}  # a successor that is down, under another id
    s.clock.advance(600)
    await s.controller.check()
    await give_way()
    assert s.engine.acts == ["create web", "start web"]
    starting.set()
    await settled()
    assert s.engine.acts == ["create web", "start web"]


async def test_while_an_original_is_restored_its_place_is_left_alone(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot("web"), container("web", word="impostor"))
    s.engine.inspects[id_of("impostor")] = {"Image": "sha256:other"}
    starting = s.engine.hang("start web")
    await s.controller.check()
    await until(s.engine.reached["start web"].is_set)
    before = list(s.engine.acts)
    s.clock.advance(600)
    await s.controller.check()
    await give_way()
    assert s.engine.acts == before
    starting.set()
    await settled()
    assert s.engine.shown["web"] == "running"


async def test_nothing_of_a_project_is_made_again_while_compose_stops_its_containers(tmp_path: Path) -> None:
    s = stage(tmp_path, snapshot(service("web"), service("db"), "plain"), container("db"))
    kill = {"container_id": id_of("db"), "signal": "15", "project": "shop"}
    s.happens("kill", **kill)
    assert await s.check() <= 15
    assert s.engine.shown == {"db": "running", "plain": "running"}
    s.clock.advance(15)
    await s.check()
    assert s.engine.shown == {"db": "running", "plain": "running", "web": "running"}
