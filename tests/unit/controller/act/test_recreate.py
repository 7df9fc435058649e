"""Making a removed original again: what it needs first, all or nothing, and only while it is still missing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from status_state_controller.act.recreate import find_image
from status_state_controller.errors import ContainerError, EngineError
from status_state_controller.model import (
    Action,
    Container,
    Image,
    Original,
    Outcome,
    Result,
    Snapshot,
    Verb,
    unfinished_name,
)

from ..fake_engine import FakeEngine
from ..stage import carried_out, until
from ..world import IMAGE, IMAGE_ID, NOON, container, id_of, original, snapshot

REMAINS = id_of("remains")
LAYERS = ("sha256:l1", "sha256:l2")
DIGEST, MIRRORED = "nginx@sha256:77", "registry:5000/nginx@sha256:77"
UNFINISHED = unfinished_name("web", id_of("web"))


def web(**inspect: Any) -> Original:
    """The original `web`, with this in its recipe."""
    plain = original("web")
    return replace(plain, inspect=dict(plain.inspect) | inspect)


def rich() -> Snapshot:
    """A snapshot whose `web` is on two networks and has a named and an anonymous volume."""
    inspect: dict[str, Any] = {
        "HostConfig": {"NetworkMode": "shop", "Binds": ["data:/data"]},
        "NetworkSettings": {"Networks": {"shop": {}, "back": {}, "bridge": {}}},
        "Mounts": [
            {"Type": "volume", "Name": "data", "Destination": "/data"},
            {"Type": "volume", "Name": "a" * 64, "Destination": "/cache"},
            {"Type": "bind", "Source": "/srv", "Destination": "/srv"},
        ],
    }
    networks: dict[str, Any] = {name: {"Name": name} for name in ("shop", "back", "unused")}
    volumes: dict[str, Any] = {name: {"Name": name} for name in ("data", "unused")}
    return replace(snapshot(web(**inspect)), networks=networks, volumes=volumes)


async def made(engine: FakeEngine, held: Snapshot | None = None) -> Outcome:
    """Recreate `web`."""
    action = Action(Verb.RECREATE, container("web"), "was removed", id_of("web"))
    return await carried_out(engine, action, held or snapshot("web"))


async def test_a_removed_original_is_made_again_and_started() -> None:
    engine = FakeEngine()
    outcome = await made(engine)
    assert (outcome.result, engine.acts) == (Result.DONE, ["create web", "start web"])
    assert (engine.shown, outcome.attempted_at) == ({"web": "running"}, NOON.timestamp())


async def test_networks_and_volumes_come_first_and_only_those_that_it_uses() -> None:
    engine = FakeEngine()
    await made(engine, rich())
    assert [call for call in engine.acts if call.startswith(("network", "volume"))] == [
        "network back",
        "network shop",
        "volume data",
    ]
    assert engine.acts[3:] == [
        f"create {UNFINISHED}",
        f"connect back {UNFINISHED}",
        f"connect bridge {UNFINISHED}",
        f"rename {UNFINISHED} web",
        "start web",
    ]


async def test_all_networks_are_joined_before_it_starts() -> None:
    engine = FakeEngine()
    await made(engine, rich())
    seen = await engine.inspect("web")
    assert seen is not None
    assert set(seen["NetworkSettings"]["Networks"]) == {"shop", "back", "bridge"}
    assert engine.acts[-1] == "start web"


async def test_a_network_that_it_was_disconnected_from_is_left_before_it_starts() -> None:
    engine = FakeEngine()
    settings: dict[str, Any] = {"Networks": {"back": {}}}
    await made(engine, snapshot(web(HostConfig={"NetworkMode": "shop"}, NetworkSettings=settings)))
    assert engine.acts == [
        f"create {UNFINISHED}",
        f"connect back {UNFINISHED}",
        f"disconnect shop {UNFINISHED}",
        f"rename {UNFINISHED} web",
        "start web",
    ]


async def test_a_network_that_it_was_disconnected_from_and_that_is_gone_is_not_missed() -> None:
    engine = FakeEngine()
    engine.gone_networks.add("shop")
    settings: dict[str, Any] = {"Networks": {"back": {}}}
    await made(engine, snapshot(web(HostConfig={"NetworkMode": "shop"}, NetworkSettings=settings)))
    assert engine.acts == ["create web", "start web"]
    assert engine.bodies["web"]["HostConfig"]["NetworkMode"] == "back"


async def test_the_config_only_network_of_a_network_comes_first() -> None:
    engine = FakeEngine()
    networks: dict[str, Any] = {"back": {"Name": "back", "ConfigFrom": {"Network": "cfg"}}, "cfg": {"Name": "cfg"}}
    await made(engine, replace(rich(), networks=networks))
    assert engine.acts[:2] == ["network cfg", "network back"]


def of_image(*digests: str, image_id: str = IMAGE_ID, layers: tuple[str, ...] = ()) -> Snapshot:
    """A snapshot with `web`, of whose image this is known."""
    image = Image(image_id, digests, layers)
    return replace(snapshot(replace(original("web"), image_id=image_id)), images={image_id: image})


STEPS = [
    f"image {IMAGE}",
    "network shop",
    "volume data",
    f"create {UNFINISHED}",
    f"connect back {UNFINISHED}",
    f"rename {UNFINISHED} web",
]


@pytest.mark.parametrize("error", [ContainerError("no"), EngineError("no answer")], ids=["refused", "not answered"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_failure_before_it_is_complete_leaves_no_container_behind(step: str, error: Exception) -> None:
    engine = FakeEngine()
    engine.failures[step] = error
    outcome = await made(engine, rich())
    assert (outcome.result, outcome.detail, engine.shown) == (Result.FAILED, str(error), {})


@pytest.mark.parametrize("step", [f"connect back {UNFINISHED}", f"rename {UNFINISHED} web"])
async def test_one_that_is_not_complete_when_its_process_is_ended_is_never_taken_for_the_original(step: str) -> None:
    engine = FakeEngine()
    engine.hang(step)
    task = asyncio.create_task(made(engine, rich()))
    await until(engine.reached[step].is_set)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert engine.shown == {UNFINISHED: "created"}
    engine.hangs.clear()
    assert (await made(engine, rich())).result == Result.DONE
    seen = await engine.inspect("web")
    assert seen is not None
    assert set(seen["NetworkSettings"]["Networks"]) == {"shop", "back", "bridge"}
    assert engine.shown == {"web": "running"}


async def test_one_that_can_not_be_started_is_taken_back_so_that_the_next_attempt_looks_anew() -> None:
    engine = FakeEngine()
    engine.failures["start web"] = ContainerError("port is already allocated")
    outcome = await made(engine)
    assert (outcome.result, outcome.detail) == (Result.FAILED, "port is already allocated")
    assert engine.shown == {}


async def test_the_image_is_asked_for_by_name_while_that_means_the_same_image() -> None:
    engine = FakeEngine()
    await made(engine)
    assert engine.bodies["web"]["Image"] == IMAGE


@pytest.mark.parametrize("tag", ["sha256:newer", None], ids=["moved", "removed"])
async def test_the_image_is_asked_for_by_id_when_the_name_means_another_one_or_none(tag: str | None) -> None:
    engine = FakeEngine()
    engine.images = {IMAGE_ID: IMAGE_ID} | ({} if tag is None else {IMAGE: tag})
    await made(engine)
    assert engine.bodies["web"]["Image"] == IMAGE_ID
    assert not [call for call in engine.calls if call.startswith("pull")]


async def test_a_deleted_image_is_pulled_by_digest_from_whoever_has_it() -> None:
    engine = FakeEngine()
    engine.images.clear()
    engine.registry[MIRRORED] = IMAGE_ID
    held = of_image(DIGEST, MIRRORED)
    outcome = await made(engine, held)
    assert (outcome.result, engine.acts[:2]) == (Result.DONE, [f"pull {DIGEST}", f"pull {MIRRORED}"])
    assert engine.bodies["web"]["Image"] == IMAGE_ID


async def test_what_was_pulled_must_be_the_same_image() -> None:
    engine = FakeEngine()
    engine.images.clear()
    engine.registry[DIGEST] = "sha256:other"
    held = of_image(DIGEST)
    with pytest.raises(ContainerError, match=IMAGE):
        await find_image(engine, held.originals[0], held)


@pytest.mark.parametrize("digests", [(), (DIGEST,)], ids=["of no registry", "of a registry without it"])
async def test_an_image_that_can_not_be_had_fails_and_is_named(digests: tuple[str, ...]) -> None:
    engine = FakeEngine()
    engine.images.clear()
    outcome = await made(engine, of_image(*digests))
    assert outcome.result == Result.FAILED
    assert IMAGE in str(outcome.detail)
    assert IMAGE_ID in str(outcome.detail)
    assert engine.shown == {}


async def test_an_image_that_has_another_id_now_is_used_by_its_name() -> None:
    engine = FakeEngine()
    engine.images = {IMAGE: "sha256:manifest"}
    engine.contents["sha256:manifest"] = Image("sha256:manifest", layers=LAYERS)
    outcome = await made(engine, of_image(layers=LAYERS))
    assert (outcome.result, engine.bodies["web"]["Image"]) == (Result.DONE, IMAGE)


async def test_an_image_that_has_another_id_once_it_is_pulled_is_used_by_that() -> None:
    engine = FakeEngine()
    engine.images = {IMAGE: "sha256:newer"}
    engine.contents |= {"sha256:newer": Image("sha256:newer", layers=("x",))}
    engine.contents["sha256:manifest"] = Image("sha256:manifest", layers=LAYERS)
    engine.registry[DIGEST] = "sha256:manifest"
    outcome = await made(engine, of_image(DIGEST, layers=LAYERS))
    assert (outcome.result, engine.bodies["web"]["Image"]) == (Result.DONE, "sha256:manifest")


async def test_a_name_that_stands_for_another_image_is_reported_with_what_differs() -> None:
    engine = FakeEngine()
    engine.images = {IMAGE: "sha256:newer"}
    engine.contents["sha256:newer"] = Image("sha256:newer", layers=("x",), config={"Env": ["A=b"]})
    outcome = await made(engine, of_image(layers=LAYERS))
    assert "stands for another image now (Env, layers differ)" in str(outcome.detail)
    assert outcome.result == Result.FAILED


async def test_an_image_that_was_made_here_is_not_asked_for_at_docker_hub() -> None:
    engine = FakeEngine()
    engine.images.clear()
    outcome = await made(engine, of_image("shop@sha256:77", "hub.test/shop@sha256:77", image_id="sha256:77"))
    assert engine.acts == ["pull hub.test/shop@sha256:77"]
    outcome = await made(engine, of_image("shop@sha256:77", image_id="sha256:77"))
    assert "its name tells no registry" in str(outcome.detail)


@pytest.mark.parametrize("said", ["unauthorized: authentication required", "pull access denied for x: denied: y"])
async def test_a_registry_that_wants_credentials_is_reported_with_the_remedy(said: str) -> None:
    engine = FakeEngine()
    engine.images.clear()
    engine.failures["pull"] = ContainerError(said)
    outcome = await made(engine, of_image(DIGEST))
    assert said in str(outcome.detail)
    assert f"`docker login` and `docker pull {DIGEST}`" in str(outcome.detail)


@pytest.mark.parametrize(
    ("world", "held", "why"),
    [
        ([container("web")], snapshot("web"), "it exists again"),
        ([container("web", "exited")], snapshot("web"), "it exists again"),
        ([container("web-old", word="web")], snapshot("web"), "it exists again"),
        ([container("web", word="somebody")], snapshot("web"), "its name was taken meanwhile"),
        ([container("web", "created", word="somebody")], snapshot("web"), "its name was taken meanwhile"),
        ([], snapshot("db"), "it is no longer in the snapshot"),
    ],
)
async def test_a_recreation_whose_reason_is_gone_is_dropped(world: list[Container], held: Snapshot, why: str) -> None:
    engine = FakeEngine(*world)
    outcome = await made(engine, held)
    assert (outcome.result, outcome.detail) == (Result.DROPPED, why)
    assert (engine.acts, outcome.attempted_at) == ([], None)


@pytest.mark.parametrize("word", ["web", "remains"], ids=["the original itself", "another container"])
async def test_a_dead_namesake_is_renamed_out_of_the_way_and_not_removed(word: str) -> None:
    engine = FakeEngine(container("web", "dead", word=word))
    outcome = await made(engine)
    aside = f"web-dead-{id_of(word)[:12]}"
    assert (outcome.result, engine.shown) == (Result.DONE, {aside: "dead", "web": "running"})


async def test_a_dead_namesake_that_is_protected_is_not_touched() -> None:
    engine = FakeEngine(container("web", "dead", word="remains", labels={"status-state.ignore": "true"}))
    outcome = await made(engine)
    assert outcome.result in {Result.DROPPED, Result.FAILED}
    assert engine.acts == []


async def test_what_a_restore_could_not_name_before_its_process_was_ended_is_removed() -> None:
    aside, temporary = (f"web-{what}-{id_of('impostor')[:12]}" for what in ("replaced", "restored"))
    engine = FakeEngine(
        container(aside, "exited", word="impostor"), container(temporary, "created"), container("x", "created")
    )
    await made(engine)
    assert engine.shown == {aside: "exited", "x": "created", "web": "running"}


async def test_a_container_of_such_a_name_is_kept_while_nobody_was_put_aside() -> None:
    somebodys = container(f"web-restored-{id_of('impostor')[:12]}", "created")
    engine = FakeEngine(somebodys)
    await made(engine)
    assert somebodys.id in engine.world


async def test_who_shares_a_namespace_joins_the_container_that_was_made_again() -> None:
    vpn = original("vpn")
    app = web(HostConfig={"NetworkMode": f"container:{vpn.id}"})
    engine = FakeEngine(container("vpn", word="vpn again"))
    await made(engine, snapshot(app, vpn))
    assert engine.bodies["web"]["HostConfig"]["NetworkMode"] == f"container:{id_of('vpn again')}"


async def test_who_shares_a_namespace_with_a_stranger_keeps_it() -> None:
    app = web(HostConfig={"NetworkMode": f"container:{id_of('stranger')}"})
    engine = FakeEngine()
    await made(engine, snapshot(app))
    assert engine.bodies["web"]["HostConfig"]["NetworkMode"] == f"container:{id_of('stranger')}"
