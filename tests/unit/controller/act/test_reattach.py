"""Starting an original whose networks or volumes are gone: as it was, and from where a failure has left it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from status_state_controller.errors import ContainerError
from status_state_controller.model import Action, Outcome, Result, Snapshot, Verb

from ..fake_engine import FakeEngine
from ..stage import carried_out
from ..world import container, id_of, original, snapshot

WEB, OLD = id_of("web"), id_of("an id of the past")
ASKED: dict[str, Any] = {
    "IPAMConfig": {"IPv4Address": "172.31.5.7"},
    "Links": None,
    "Aliases": ["db"],
    "DriverOpts": {"x": "1"},
    "GwPriority": 5,
}


def held(**networks: Any) -> Snapshot:
    """A snapshot whose `web` is on `back` and `front`, with definitions of these, a volume, and others."""
    plain = original("web")
    recipe: dict[str, Any] = {
        "HostConfig": {"NetworkMode": "back"},
        "NetworkSettings": {"Networks": {"back": ASKED | {"NetworkID": OLD}, "front": {"NetworkID": OLD}}},
    }
    defined: dict[str, Any] = {name: {"Name": name} for name in ("back", "front", "unused")} | networks
    volumes: dict[str, Any] = {name: {"Name": name} for name in ("data", "unused")}
    web = replace(plain, inspect=dict(plain.inspect) | recipe)
    return replace(snapshot(web), networks=defined, volumes=volumes)


def engine_with(attached: dict[str, str], present: dict[str, str], **config: Any) -> FakeEngine:
    """An engine where `web` is down, with its networks and their ids, and the networks that are there."""
    engine = FakeEngine(container("web", "exited"))
    engine.present_networks = dict(present)
    networks = {name: {"NetworkID": network_id, "Aliases": ["mine"]} for name, network_id in attached.items()}
    mounts = [{"Type": "volume", "Name": name, "Destination": f"/{name}"} for name in ("data", "unknown")]
    engine.inspects[WEB] = {
        "HostConfig": {"NetworkMode": "back"},
        "NetworkSettings": {"Networks": networks},
        "Mounts": mounts,
    }
    if config:
        engine.inspects[WEB]["Config"] = config
    return engine


async def reattached(engine: FakeEngine, of: Snapshot | None = None) -> Outcome:
    """Reattach `web`."""
    action = Action(Verb.REATTACH, container("web", "exited"), "its network back is gone", WEB)
    return await carried_out(engine, action, of or held())


async def test_what_is_gone_is_made_and_what_is_lost_attached_as_in_the_snapshot_before_it_starts() -> None:
    engine = engine_with({"back": OLD, "front": id_of("front")}, {"front": id_of("front"), "back-longer": "3"})
    outcome = await reattached(engine)
    assert (outcome.result, engine.shown) == (Result.DONE, {"web": "running"})
    assert engine.acts == ["network back", f"connect {id_of('back')} web", "volume data", "start web"]
    assert engine.inspects[WEB]["NetworkSettings"]["Networks"]["back"] == ASKED


async def test_the_one_that_somebody_has_made_again_is_taken_by_its_id() -> None:
    engine = engine_with({"back": OLD, "front": OLD}, {"back": "7", "front": "8"})
    await reattached(engine)
    assert [call for call in engine.acts if call.startswith("connect")] == ["connect 7 web", "connect 8 web"]


async def test_after_a_failure_half_way_the_next_attempt_does_the_rest() -> None:
    engine = engine_with({"back": OLD, "front": OLD}, {})
    engine.failures[f"connect {id_of('front')}"] = ContainerError("no")
    outcome = await reattached(engine)
    assert (outcome.result, outcome.detail, engine.shown) == (Result.FAILED, "no", {"web": "exited"})
    engine.failures.clear()
    engine.calls.clear()
    assert (await reattached(engine)).result == Result.DONE
    assert engine.acts == ["network front", f"connect {id_of('front')} web", "volume data", "start web"]


async def test_a_network_joined_since_is_joined_as_it_was_or_left_where_it_is_gone() -> None:
    engine = engine_with({"later": OLD, "gone": OLD}, {"later": "7"})
    await reattached(engine)
    assert engine.acts == ["disconnect gone web", "connect 7 web", "volume data", "start web"]
    assert engine.inspects[WEB]["NetworkSettings"]["Networks"]["later"]["Aliases"] == ["mine"]


async def test_one_whose_name_the_engine_would_take_for_the_beginning_of_an_id_is_not_left() -> None:
    engine = engine_with({"cafe": OLD}, {"other": "cafe77"})
    outcome = await reattached(engine)
    assert (outcome.result, engine.acts) == (Result.FAILED, [])


async def test_a_network_of_the_snapshot_without_a_definition_is_reported() -> None:
    engine = engine_with({"back": OLD}, {})
    outcome = await reattached(engine, replace(held(), networks={}))
    assert (outcome.result, engine.shown) == (Result.FAILED, {"web": "exited"})
    assert "network back is gone" in str(outcome.detail)


async def test_the_config_only_network_of_a_network_comes_first() -> None:
    engine = engine_with({"back": OLD}, {})
    await reattached(engine, held(back={"Name": "back", "ConfigFrom": {"Network": "cfg"}}, cfg={"Name": "cfg"}))
    assert engine.acts[:2] == ["network cfg", "network back"]


@pytest.mark.parametrize(("given", "told"), [("02:42:ac:00:00:07", False), ("6a:8d:28:24:f6:c4", True), ("", False)])
async def test_a_mac_address_that_the_engine_does_not_give_again_is_reported(given: str, told: bool) -> None:
    engine = engine_with({"back": OLD}, {}, Image="x", MacAddress="02:42:ac:00:00:07")
    connect = engine.connect

    async def connect_and_start(network: str, container_id: str, endpoint: Any) -> None:
        await connect(network, container_id, endpoint)
        engine.inspects[WEB]["NetworkSettings"]["Networks"]["back"] = {"MacAddress": given}

    engine.connect = connect_and_start  # pyright: ignore[reportAttributeAccessIssue]
    outcome = await reattached(engine)
    assert (outcome.result, given in str(outcome.detail) and bool(given)) == (Result.DONE, told)
