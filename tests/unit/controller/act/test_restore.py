"""Restoring: whatever step fails, one of the two runs under the name, and nothing of the controller's is left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.errors import ContainerError, EngineError
from status_state_controller.model import Action, Image, Outcome, Result, Snapshot, Verb

from ..fake_engine import FakeEngine
from ..stage import Log, carried_out, stage
from ..world import IMAGE, IMAGE_ID, container, id_of, original, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from status_state_controller.model import Container

IMPOSTOR = id_of("impostor")
ASIDE = f"web-replaced-{IMPOSTOR[:12]}"
TEMPORARY = f"web-restored-{IMPOSTOR[:12]}"
NETWORK: dict[str, Any] = {"Name": "shop", "Driver": "bridge"}
VOLUME: dict[str, Any] = {"Name": "data", "Driver": "local"}


def held(**others: Any) -> Snapshot:
    """The original `web`, on two networks and with a volume."""
    web = original("web")
    inspect: dict[str, Any] = dict(web.inspect) | {
        "HostConfig": {"NetworkMode": "shop", "Binds": ["data:/data"]},
        "NetworkSettings": {"Networks": {"shop": {}, "back": {}}},
        "Mounts": [{"Type": "volume", "Name": "data", "Destination": "/data"}],
    }
    return replace(
        snapshot(replace(web, inspect=inspect)), networks={"shop": NETWORK}, volumes={"data": VOLUME}, **others
    )


def replaced(state: str = "running", **impostor: Any) -> FakeEngine:
    """An engine on which a different container has the name of `web`."""
    engine = FakeEngine(container("web", state, word="impostor"))
    engine.inspects[IMPOSTOR] = {"Image": "sha256:other", "Config": {"Image": "other:1", "StopTimeout": 7}} | impostor
    engine.images |= {"other:1": "sha256:other", "sha256:other": "sha256:other"}
    return engine


async def restored(engine: FakeEngine, what: Snapshot | None = None) -> Outcome:
    """Restore `web`."""
    by_name = {c.name: c for c in engine.world.values()}
    impostor = by_name.get("web", container("web", word="impostor"))
    return await carried_out(engine, action_on(impostor), what or held())


def action_on(impostor: Container) -> Action:
    """The action that gives `web` its place back."""
    return Action(Verb.RESTORE, impostor, "was replaced", id_of("web"), images=(IMAGE_ID, IMAGE_ID))


async def test_the_original_gets_its_place_back_and_the_other_one_is_kept_aside() -> None:
    engine = replaced()
    outcome = await restored(engine)
    assert (outcome.result, engine.shown) == (Result.DONE, {"web": "running", ASIDE: "exited"})
    assert ASIDE in (outcome.detail or "")
    assert engine.named("web").id != IMPOSTOR
    assert engine.bodies[TEMPORARY]["Image"] == IMAGE


async def test_all_that_can_fail_without_harm_comes_before_the_other_one_is_stopped() -> None:
    engine = replaced()
    await restored(engine)
    assert engine.acts == [
        "network shop",
        "volume data",
        f"create {TEMPORARY}",
        f"connect back {TEMPORARY}",
        "stop web 7",
        f"rename web {ASIDE}",
        f"rename {TEMPORARY} web",
        "start web",
    ]


STEPS = {
    "the look at the image": f"image {IMAGE}",
    "the network": "network shop",
    "the volume": "volume data",
    "the creation": f"create {TEMPORARY}",
    "the second network": f"connect back {TEMPORARY}",
    "the stop": "stop",
    "the renaming of the other one": f"rename web {ASIDE}",
    "the naming of the original": f"rename {TEMPORARY} web",
}
ERRORS = {"refused": ContainerError("the engine says no"), "not answered": EngineError("no answer in time")}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
async def test_when_a_step_fails_the_other_one_runs_on_under_its_name_and_nothing_of_ours_is_left(
    step: str, error: Exception
) -> None:
    engine = replaced()
    engine.failures[step] = error
    outcome = await restored(engine)
    assert (outcome.result, outcome.detail) == (Result.FAILED, str(error))
    assert engine.shown == {"web": "running"}
    assert engine.named("web").id == IMPOSTOR


class EngineThatCanNotStart(FakeEngine):
    """An engine on which only the original can't be started."""

    async def start(self, container_id: str) -> None:  # noqa: D102 # as its base
        if container_id != IMPOSTOR and self.inspects[container_id].get("Image") == IMAGE_ID:
            self.calls.append(f"start {self.world[container_id].name}")
            raise ContainerError("port is already allocated")
        await super().start(container_id)


@pytest.mark.parametrize("auto_remove", [False, True], ids=["a plain one", "run with --rm"])
async def test_when_the_original_can_not_be_started_the_other_one_runs_again_under_its_name(
    *, auto_remove: bool
) -> None:
    settings: dict[str, Any] = {"HostConfig": {"NetworkMode": "shop", "AutoRemove": auto_remove}}
    settings["NetworkSettings"] = {"Networks": {"shop": {}, "front": {}}}
    engine = EngineThatCanNotStart(*replaced().world.values())
    engine.inspects = replaced(**settings).inspects
    engine.images = replaced().images
    outcome = await restored(engine)
    assert (outcome.result, outcome.detail) == (Result.FAILED, "port is already allocated")
    assert engine.shown == {"web": "running"}
    seen = await engine.inspect("web")
    assert seen is not None
    assert seen["Image"] == "sha256:other"
    assert set(seen["NetworkSettings"]["Networks"]) == {"shop", "front"}
    assert (seen["Id"] == IMPOSTOR) != auto_remove, "what the engine deleted is recreated"


async def test_another_one_that_was_run_with_rm_needs_no_other_name() -> None:
    engine = replaced(HostConfig={"AutoRemove": True, "NetworkMode": "shop"})
    outcome = await restored(engine)
    assert (outcome.result, engine.shown) == (Result.DONE, {"web": "running"})
    assert [call for call in engine.acts if call.startswith("rename")] == [f"rename {TEMPORARY} web"]


async def test_a_stop_that_fails_half_way_is_made_good() -> None:
    engine = replaced()
    engine.failures["stop"] = EngineError("no answer in time")
    engine.half_done.add("stop")
    outcome = await restored(engine)
    assert (outcome.result, engine.shown) == (Result.FAILED, {"web": "running"})
    assert engine.named("web").id == IMPOSTOR


async def test_another_one_that_was_down_is_not_started_when_it_is_put_back() -> None:
    engine = replaced("exited")
    engine.failures[f"rename {TEMPORARY} web"] = ContainerError("no")
    await restored(engine)
    assert engine.shown == {"web": "exited"}


async def test_when_a_part_of_putting_back_fails_the_rest_is_done_and_that_is_reported() -> None:
    engine = replaced()
    engine.failures[f"rename {TEMPORARY} web"] = ContainerError("no")
    engine.failures[f"remove {TEMPORARY}"] = ContainerError("device or resource busy")
    with Log() as log:
        await restored(engine)
    assert engine.shown == {"web": "running", TEMPORARY: "created"}
    assert log.about("putting a replaced container back failed in part")


def displaced(state: str = "exited") -> FakeEngine:
    """An engine on which `web` is down under another name, and a different container has its own."""
    engine = replaced()
    engine.put(container("web-old", state, word="web"))
    return engine


@pytest.mark.parametrize("state", ["exited", "created"])
async def test_an_original_that_is_down_under_another_name_gets_its_own_back_and_is_not_made_again(state: str) -> None:
    engine = displaced(state)
    outcome = await restored(engine)
    assert (outcome.result, outcome.made_id, engine.shown) == (Result.DONE, None, {"web": "running", ASIDE: "exited"})
    assert engine.named("web").id == id_of("web")
    assert not engine.bodies


async def test_an_original_that_is_down_under_another_name_and_whose_network_is_gone_gets_that_back_first() -> None:
    engine = displaced("exited")
    engine.inspects[id_of("web")] = {"NetworkSettings": {"Networks": {"later": {"NetworkID": "of the past"}}}}
    engine.present_networks["later"] = "7"
    assert (await restored(engine)).result == Result.DONE
    assert engine.acts[0] == "connect 7 web-old"


@pytest.mark.parametrize("step", ["stop", f"rename web {ASIDE}", "rename web-old web", "start"])
async def test_when_that_fails_both_have_their_names_as_before_and_the_other_one_runs(step: str) -> None:
    class Failing(FakeEngine):
        """An engine on which only the original can't be started."""

        async def start(self, container_id: str) -> None:
            if step == "start" and container_id == id_of("web"):
                raise ContainerError("port is already allocated")
            await super().start(container_id)

    engine = Failing(*displaced().world.values())
    engine.inspects = displaced().inspects
    if step != "start":
        engine.failures[step] = ContainerError("the engine says no")
    outcome = await restored(engine)
    assert (outcome.result, engine.shown) == (Result.FAILED, {"web": "running", "web-old": "exited"})
    assert engine.named("web").id == IMPOSTOR


async def test_an_original_that_runs_under_another_name_is_left_alone() -> None:
    engine = displaced("running")
    assert (await restored(engine)).result == Result.DROPPED
    assert engine.acts == []


def move_the_tag(engine: FakeEngine) -> None:
    """The image's name means another image now."""
    engine.images[IMAGE] = "sha256:newer"


def delete_the_image(engine: FakeEngine) -> None:
    """The image is gone."""
    del engine.images[IMAGE_ID]


def replace_it_again(engine: FakeEngine) -> None:
    """Yet another container has the name."""
    engine.world.clear()
    engine.put(container("web", word="another impostor"))
    engine.inspects[id_of("another impostor")] = engine.inspects[IMPOSTOR]


@pytest.mark.parametrize("change", [move_the_tag, delete_the_image, replace_it_again])
async def test_what_the_engine_refused_is_tried_again_only_when_the_image_or_the_other_one_has_changed(
    change: Any, tmp_path: Path
) -> None:
    s = stage(tmp_path, held())
    s.engine.put(*replaced().world.values())
    s.engine.inspects, s.engine.images = replaced().inspects, replaced().images
    s.engine.failures["create"] = ContainerError("invalid mount")
    for _ in range(5):
        await s.check_later(300)
    creations = [call for call in s.engine.acts if call.startswith("create")]
    assert len(creations) == 1
    assert "invalid mount" in s.ssa.reports[-1]["sentence"]
    change(s.engine)
    await s.check_later(300)
    assert len([call for call in s.engine.acts if call.startswith("create")]) == len(creations) + 1


async def test_what_the_engine_did_not_answer_is_tried_again_as_it_is(tmp_path: Path) -> None:
    s = stage(tmp_path, held())
    s.engine.put(*replaced().world.values())
    s.engine.inspects, s.engine.images = replaced().inspects, replaced().images
    s.engine.failures["create"] = EngineError("no answer in time")
    await s.check()
    s.engine.failures.clear()
    await s.check_later(10)
    assert s.engine.shown == {"web": "running", ASIDE: "exited"}


async def test_what_an_interrupted_attempt_left_is_removed_first() -> None:
    engine = replaced()
    left_over = container(TEMPORARY, "created", word="left over")
    engine.put(left_over)
    outcome = await restored(engine)
    assert (outcome.result, engine.shown) == (Result.DONE, {"web": "running", ASIDE: "exited"})
    assert left_over.id not in engine.world


@pytest.mark.parametrize("state", ["running", "exited"])
async def test_a_container_of_that_name_that_has_run_is_not_ours_and_is_not_removed(state: str) -> None:
    engine = replaced()
    engine.put(container(TEMPORARY, state, word="somebody's"))
    outcome = await restored(engine)
    assert outcome.result == Result.FAILED
    assert engine.shown == {"web": "running", TEMPORARY: state}


async def test_an_image_that_is_gone_is_pulled_before_anything_is_touched() -> None:
    engine = replaced()
    engine.images = {"other:1": "sha256:other"}
    engine.registry["nginx@sha256:77"] = IMAGE_ID
    outcome = await restored(engine, held(images={IMAGE_ID: Image(IMAGE_ID, ("nginx@sha256:77",))}))
    assert (outcome.result, engine.acts[0]) == (Result.DONE, "pull nginx@sha256:77")
    assert engine.bodies[TEMPORARY]["Image"] == IMAGE_ID


async def test_an_image_that_can_not_be_had_touches_nothing_and_is_named() -> None:
    engine = replaced()
    engine.images.clear()
    outcome = await restored(engine)
    assert outcome.result == Result.FAILED
    assert IMAGE in str(outcome.detail)
    assert engine.acts == []


@pytest.mark.parametrize(
    ("world", "what", "why"),
    [
        ([container("web")], held(), "it exists again"),
        ([], held(), "changed hands"),
        ([container("web", word="impostor")], snapshot("db"), "no longer in the snapshot"),
        ([container("web", word="impostor")], snapshot("web", original("other", word="impostor")), "belongs to"),
    ],
    ids=["the original is back", "nobody has the name", "the original was released", "the other one was accepted"],
)
async def test_a_restore_whose_reason_is_gone_is_dropped(world: list[Any], what: Snapshot, why: str) -> None:
    engine = FakeEngine(*world)
    outcome = await carried_out(engine, action_on(container("web", word="impostor")), what)
    assert outcome.result == Result.DROPPED
    assert why in str(outcome.detail)
    assert engine.acts == []


async def test_a_restore_is_dropped_when_yet_another_container_has_the_name_by_now() -> None:
    engine = FakeEngine(container("web", word="another impostor"))
    outcome = await carried_out(engine, action_on(container("web", word="impostor")), held())
    assert (outcome.result, engine.acts) == (Result.DROPPED, [])


async def test_when_the_start_of_the_original_is_not_answered_one_of_the_two_runs_under_the_name() -> None:
    class Slow(FakeEngine):
        async def start(self, container_id: str) -> None:
            await super().start(container_id)
            if container_id != IMPOSTOR:
                raise EngineError("no answer in time")  # though it was done

    engine = Slow(*replaced().world.values())
    engine.inspects, engine.images = replaced().inspects, replaced().images
    assert (await restored(engine)).result == Result.FAILED
    assert engine.shown["web"] == "running"


async def test_another_one_that_vanishes_while_it_is_renamed_has_vanished_as_it_was_to() -> None:
    class Removing(FakeEngine):
        """The engine deletes what was run with --rm a moment after it has answered that it is stopped."""

        async def rename(self, container_id: str, name: str) -> None:
            if container_id == IMPOSTOR:
                self.world.pop(IMPOSTOR, None)
            await super().rename(container_id, name)

    settings: dict[str, Any] = {"HostConfig": {"NetworkMode": "shop"}}
    engine = Removing(*replaced().world.values())
    engine.inspects, engine.images = replaced(**settings).inspects, replaced().images
    outcome = await restored(engine)
    assert engine.shown == {"web": "running"}
    assert outcome.result == Result.DONE


async def test_who_shares_a_namespace_gives_way_to_a_new_one_of_its_own_in_the_namespace_that_is_there_now(
    tmp_path: Path,
) -> None:
    app = original("app")
    app = replace(app, inspect=dict(app.inspect) | {"HostConfig": {"NetworkMode": f"container:{id_of('vpn')}"}})
    s = stage(tmp_path, snapshot(app, "vpn"), container("app"))
    s.engine.inspects[app.id] = {"HostConfig": {"NetworkMode": f"container:{id_of('vpn')}"}}
    for _ in range(4):
        await s.check_later(30)
    seen = await s.engine.inspect("app")
    assert seen is not None
    assert seen["HostConfig"]["NetworkMode"] == f"container:{s.engine.named('vpn').id}"
    assert s.engine.shown == {"app": "running", "vpn": "running", f"app-replaced-{app.id[:12]}": "exited"}
    assert s.ssa.reports[-1]["sentence"] == "in sync"


@pytest.mark.parametrize("taken", ["", "impostor"])
async def test_who_was_put_aside_for_a_new_one_stays_aside_when_that_is_lost(tmp_path: Path, taken: str) -> None:
    app = original("app")
    app = replace(app, inspect=dict(app.inspect) | {"HostConfig": {"NetworkMode": f"container:{id_of('vpn')}"}})
    aside = f"app-replaced-{app.id[:12]}"
    others = [container("app", word=taken)] if taken else []
    s = stage(tmp_path, snapshot(app, "vpn"), container("vpn"), container(aside, "exited", word="app"), *others)
    s.engine.inspects[app.id] = {"Name": f"/{aside}", "State": {"Status": "exited"}}
    if taken:
        s.engine.inspects[id_of(taken)] = {"Image": "sha256:other", "Config": {"Image": "other:1"}}
    await s.check()
    assert s.engine.named("app").id not in {app.id, id_of("impostor")}
    assert (s.engine.shown["app"], s.engine.shown[aside]) == ("running", "exited")


async def test_who_was_put_aside_as_an_impostor_and_is_accepted_takes_the_place_itself(tmp_path: Path) -> None:
    web = original("web")
    aside = f"web-replaced-{web.id[:12]}"
    s = stage(tmp_path, snapshot(web), container(aside, "exited", word="web"), container("web", word="former"))
    s.engine.inspects[web.id] = {"Name": f"/{aside}", "State": {"Status": "exited"}}
    s.engine.inspects[id_of("former")] = {"Image": "sha256:other", "Config": {"Image": "other:1"}}
    await s.check()
    assert (s.engine.named("web").id, s.engine.shown["web"]) == (web.id, "running")


@pytest.mark.parametrize("old", ["gone", "exited under another name"])
async def test_who_shares_the_namespace_of_an_original_whose_replacement_was_accepted_moves_to_that_one(
    tmp_path: Path, old: str
) -> None:
    app = original("app")
    app = replace(app, inspect=dict(app.inspect) | {"HostConfig": {"NetworkMode": f"container:{id_of('vpn')}"}})
    shares = {"HostConfig": {"NetworkMode": f"container:{id_of('vpn')}"}}
    s = stage(tmp_path, snapshot(app, "vpn"), container("app"), container("vpn"))
    s.engine.inspects[app.id] = shares
    await s.check()
    s.engine.world.pop(id_of("vpn"))
    if old != "gone":
        s.engine.put(container("vpn-old", "exited", word="vpn"))
    s.engine.put(container("vpn", word="vpn 2"))
    s.ssa.held = snapshot(app, original("vpn", word="vpn 2"), id="snapshot-2")
    await s.check()
    await s.check()
    seen = await s.engine.inspect(s.engine.named("app").id)
    assert seen is not None
    assert seen["HostConfig"]["NetworkMode"] == f"container:{id_of('vpn 2')}"

    s.engine.world.pop(seen["Id"])  # in a process that has read only the second snapshot
    again = stage(tmp_path, s.ssa.held, *s.engine.world.values())
    again.engine.inspects[app.id] = shares
    again.ssa.held = replace(s.ssa.held, heirs={})
    again.controller._memory.resume(s.ssa.reports[-1]["memory"])  # pyright: ignore[reportPrivateUsage] # as the SSA serves it
    await again.check_later(60)
    made = await again.engine.inspect(again.engine.named("app").id)
    assert made is not None
    assert made["HostConfig"]["NetworkMode"] == f"container:{id_of('vpn 2')}"
