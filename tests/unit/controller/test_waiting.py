"""Actions that wait for others: for as long as it takes, bounded, and only one at a time for each place."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from status_state_controller.errors import ContainerError

from .stage import Stage, settled, stage, until
from .world import container, id_of, original, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from status_state_controller.model import Original


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
    await s.check_on()
    assert turns(s) == ["start z", "start a"]


async def test_a_chain_of_removed_dependencies_is_made_again_without_waiting_for_the_next_check(tmp_path: Path) -> None:
    chain = (service("a", "m:service_started:false"), service("m", "z:service_started:false"), service("z"))
    s = stage(tmp_path, snapshot(*chain))
    await s.check_on()
    assert s.engine.acts == [f"{verb} {name}" for name in ("z", "m", "a") for verb in ("create", "start")]


@pytest.mark.parametrize("condition", ["service_healthy", "service_completed_successfully"])
async def test_a_dependency_that_is_not_ready_is_waited_for_and_holds_up_nobody_else(
    condition: str, tmp_path: Path
) -> None:
    z = original("z", labels=dict(service("z").labels) | {"status-state.restart": "on-failure"})
    held = snapshot(service("a", f"z:{condition}:false"), z, "b")
    s = stage(tmp_path, held, container("a", "exited"), container("z"), container("b", "exited"), concurrency=1)
    s.engine.judges("z", "starting")
    assert await s.check() <= 1
    assert await s.check_later(30) <= 1
    assert turns(s) == ["start b"]
    s.engine.put(container("z", "exited", status="Exited (0) 1 second ago"))
    if condition == "service_healthy":
        s.engine.judges("z", "healthy")
        s.engine.put(replace(s.engine.named("z"), state="running"))
    await s.check_later(1)
    assert "start a" in turns(s)


async def test_the_wait_for_a_dependency_that_never_gets_healthy_is_bounded(tmp_path: Path) -> None:
    held = snapshot(service("a", "z:service_healthy:false"), service("z"))
    s = stage(tmp_path, held, container("a", "exited"), container("z"))
    s.engine.judges("z", "starting")
    await s.check()
    await s.check_later(59)
    assert turns(s) == []
    await s.check_later(1)
    assert turns(s) == ["start a"]
    assert "z took too long" in s.ssa.reports[-1]["outcomes"][0]["reason"]


async def test_a_look_at_others_does_not_begin_that_wait_anew(tmp_path: Path) -> None:
    held = snapshot(service("a", "z:service_healthy:false"), service("z"), "b")
    s = stage(tmp_path, held, container("a", "exited"), container("z"), container("b"))
    s.engine.judges("z", "starting")
    await s.check()
    s.clock.advance(59)
    s.engine.put(container("b", "exited"))
    await s.controller.check(frozenset({id_of("b")}))
    await s.check_later(1)
    assert turns(s) == ["start b", "start a"]


async def test_a_dependency_that_fails_does_not_keep_the_dependent_from_its_start(tmp_path: Path) -> None:
    held = snapshot(service("a", "z:service_started:false"), service("z"))
    s = stage(tmp_path, held, container("a", "exited"), container("z", "exited"))
    s.engine.failures["start z"] = ContainerError("no such file")
    await s.check_on()
    assert turns(s) == ["start z", "start a"]


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
    await s.check_on()
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
