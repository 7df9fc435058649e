"""What a container mounts from the host has to be there before it is made or started: the engine would make it up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from status_state_controller.act.binds import bind_sources
from status_state_controller.model import Action, Container, Result, Verb

from ..fake_engine import FakeEngine
from ..stage import carried_out
from ..world import container, id_of, original, snapshot

PATH = "/srv/app.conf"
MOUNTED: dict[str, Any] = {"HostConfig": {"NetworkMode": "default", "Binds": [f"{PATH}:/etc/app.conf:ro"]}}


def test_paths_on_the_host_are_sources_and_volumes_are_not() -> None:
    mounts = [
        {"Type": "bind", "Source": "/b", "Target": "/x"},
        {"Type": "volume", "Source": "v", "Target": "/y"},
        {"Type": "tmpfs", "Target": "/z"},
    ]
    host_config = {"Binds": ["/c:/c", "data:/d", "/a:/a:ro,rshared"], "Mounts": mounts, "Tmpfs": {"/t": ""}}
    assert bind_sources({"HostConfig": host_config}) == ["/a", "/b", "/c"]
    assert bind_sources({"HostConfig": {"Binds": None, "Mounts": None}}) == []


@pytest.mark.parametrize(
    ("world", "verb", "acts"),
    [
        ([], Verb.RECREATE, ["create web", "start web"]),
        ([container("web", "exited")], Verb.START, ["start web"]),
        ([container("web")], Verb.RESTART, ["restart web None"]),
    ],
    ids=str,
)
async def test_while_a_source_is_gone_nothing_is_done_and_it_heals_once_it_is_back(
    world: list[Container], verb: Verb, acts: list[str]
) -> None:
    engine = FakeEngine(*world)
    engine.inspects[id_of("web")] = MOUNTED
    plain = original("web")
    held = snapshot(replace(plain, inspect=dict(plain.inspect) | MOUNTED))
    seen = world[0] if world else container("web")
    action = Action(verb, seen, "a reason", id_of("web"))
    engine.gone_paths.add(PATH)
    outcome = await carried_out(engine, action, held)
    assert (outcome.result, outcome.refused, engine.acts) == (Result.FAILED, False, [])
    assert PATH in str(outcome.detail)
    engine.gone_paths.clear()
    assert (await carried_out(engine, action, held)).result == Result.DONE
    assert engine.acts == acts
