"""The start of the SSA: what it captures, resumes, waits for, tells and stores, against an engine and a store in memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.engine.watch import EngineWatch
from status_state_api.health.rules.policy import Policy
from status_state_api.process.ending import Ending
from status_state_api.snapshot.capture import capture_snapshot
from status_state_api.snapshot.held import Held
from status_state_api.snapshot.holder import SnapshotHolder
from status_state_api.snapshot.start.decide import OnStart, StoredRun

from ..ssa import Policies
from ..world import (
    BOOT,
    DISK_FULL,
    IDENTITY,
    LOOK,
    NOW,
    OTHER_IDENTITY,
    OWN_ID,
    REFUSED,
    SECRET,
    FakeClock,
    FakeEngine,
    FakeStore,
    Lines,
    container_id,
    entry,
    inspect,
    own_inspect,
    recipes_of,
    stored,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from status_state_api.errors import EngineUnavailable, StoreUnavailable
    from status_state_api.model import EngineIdentity, Recipes


class Stage:
    """A host with an SSA that is about to start."""

    def __init__(self, *names: str, on_start: OnStart = "auto") -> None:
        self.engine = FakeEngine(*(entry(name) for name in names), entry("ssa", **{"status-state.role": "api"}))
        self.engine.inspects[OWN_ID] = own_inspect()
        self.store = FakeStore()
        self.clock = FakeClock()
        self.watch = EngineWatch(self.engine, Ending(), clock=self.clock)
        self.holder = SnapshotHolder(
            self.engine,
            self.watch,
            self.store,
            Policies(),
            on_start=on_start,
            own_id=OWN_ID,
            boot_id=BOOT,
            clock=self.clock,
            sleep=self.clock.sleep,
        )

    def had_held(self, recipes: Recipes, *, stopped: bool = False) -> None:
        """Have it held this snapshot in its last run."""
        self.store.snapshots.append(recipes)
        stopped_at = NOW - timedelta(seconds=30) if stopped else None
        self.store.runs[OWN_ID] = StoredRun(BOOT, LOOK.bridge_id, stopped_at, stored(recipes))

    @property
    def held_names(self) -> list[str]:
        """The originals it holds."""
        assert self.holder.held is not None
        return [original.name for original in self.holder.held.snapshot.originals]


async def test_the_first_start_takes_a_snapshot_and_says_so_in_one_line() -> None:
    stage = Stage("web", "db")
    with Lines() as lines:
        await stage.holder.start()
    assert stage.held_names == ["db", "web"]
    line = lines.one("snapshot_captured")
    assert line["why"] == "this container has not run before"
    assert (line["originals"], line["no_longer_held"]) == (2, [])
    assert len(lines.events) == 1


async def test_what_is_held_has_been_stored_first_with_its_recipes() -> None:
    stage = Stage("web")
    await stage.holder.start()
    (recipes,) = stage.store.snapshots
    assert recipes.originals[0].inspect["Config"]["Env"] == [f"PASSWORD={SECRET}"]
    run = stage.store.runs[OWN_ID]
    assert (run.boot_id, run.bridge_id, run.stopped_at) == (BOOT, "bridge-1", None)


async def test_a_fresh_snapshot_names_what_it_no_longer_holds() -> None:
    stage = Stage("web")
    stage.had_held(recipes_of("web", "db", "cache"), stopped=True)
    with Lines() as lines:
        await stage.holder.start()
    assert lines.one("snapshot_captured")["no_longer_held"] == ["cache", "db"]


async def test_after_a_crash_the_snapshot_is_resumed_whatever_runs_now() -> None:
    stage = Stage("web", "miner")
    stage.had_held(recipes_of("web", "db"))
    with Lines() as lines:
        await stage.holder.start()
    assert stage.held_names == ["web", "db"]
    assert lines.one("snapshot_resumed")["why"] == "this container had not been stopped in order"


async def test_after_a_reboot_the_engine_is_asked_when_they_ended() -> None:
    stage = Stage("web")
    stage.had_held(recipes_of("web", "db"), stopped=True)
    stage.engine.engine_look = replace(LOOK, bridge_id="bridge-2")
    stage.engine.inspects[OWN_ID] = own_inspect(finished_at=NOW)
    stage.engine.inspects[container_id("db")] = inspect("db", State={"FinishedAt": "2026-11-23T17:59:30.123456789Z"})
    with Lines() as lines:
        await stage.holder.start()
    assert lines.one("snapshot_resumed")["why"] == "the engine went down with it: db ended at the same time"
    assert stage.store.runs[OWN_ID].bridge_id == "bridge-2"


async def test_an_ssa_stopped_long_before_a_reboot_starts_afresh() -> None:
    stage = Stage("web")
    stage.had_held(recipes_of("web", "db"), stopped=True)
    stage.engine.engine_look = replace(LOOK, bridge_id="bridge-2")
    stage.engine.inspects[OWN_ID] = own_inspect(finished_at=NOW - timedelta(hours=1))
    stage.engine.inspects[container_id("web")] = inspect("web", State={"FinishedAt": NOW.isoformat()})
    with Lines() as lines:
        await stage.holder.start()
    assert "no original ended within 60 s" in lines.one("snapshot_captured")["why"]


UPGRADED = IDENTITY.model_copy(update={"id": "f0cd0b59-757d"})
RENAMED = IDENTITY.model_copy(update={"name": "kiosk-18"})
REMADE = UPGRADED.model_copy(update={"none_network_id": "0000"})
PODMAN = UPGRADED.model_copy(update={"none_network_id": None})


@pytest.mark.parametrize(
    ("seen", "there", "resumed"),
    [
        (RENAMED, [], True),
        (UPGRADED, [], True),
        (OTHER_IDENTITY, ["web", "db"], True),
        (OTHER_IDENTITY, ["web"], False),
        (REMADE, ["web", "db", "miner"], True),
        (REMADE, ["miner"], False),
        (PODMAN, ["web", "db"], True),
        (PODMAN, [], False),
    ],
    ids=[
        "another name",
        "another id",
        "another network, the originals are there",
        "another network, half of them",
        "both others, the originals are there",
        "both others",
        "no network, the originals are there",
        "no network",
    ],
)
@pytest.mark.parametrize("on_start", ["auto", "resume"])
async def test_a_snapshot_is_resumed_on_the_engine_that_it_was_taken_of(
    on_start: OnStart, seen: EngineIdentity, there: list[str], *, resumed: bool
) -> None:
    stage = Stage("miner", on_start=on_start)
    stage.engine.inspects |= {container_id(name): inspect(name) for name in there}
    stage.had_held(recipes_of("web", "db"))
    stage.engine.engine_look = replace(LOOK, identity=seen)
    with Lines() as lines:
        held = await stage.holder.start()
    assert held is not None
    assert (stage.held_names == ["web", "db"]) is resumed
    is_changed = resumed and seen != RENAMED
    assert lines.events == (["engine_recognised"] if is_changed else []) + [
        "snapshot_resumed" if resumed else "snapshot_captured"
    ]
    if seen != RENAMED:
        assert held.snapshot.engine == seen
    assert stage.store.moved == ([(IDENTITY, seen)] if is_changed else [])


async def test_a_snapshot_of_another_engine_is_not_reported_as_the_one_before() -> None:
    stage = Stage("web")
    stage.store.snapshots.append(recipes_of("far", "away", engine=REMADE))
    with Lines() as lines:
        await stage.holder.start()
    assert lines.one("snapshot_captured")["no_longer_held"] == []


async def test_a_snapshot_goes_on_when_its_engine_gets_another_identity_meanwhile() -> None:
    stage = Stage("web")
    await stage.holder.start()
    before = stage.holder.held
    assert before is not None
    await stage.holder.rename_engine(UPGRADED)
    held = stage.holder.held
    assert held is not None
    assert (held.snapshot.engine, stage.holder.engine_identity) == (UPGRADED, UPGRADED)
    assert (held.snapshot.id, held.snapshot.originals) == (before.snapshot.id, before.snapshot.originals)
    assert UPGRADED.id.encode() in held.recipes
    assert stage.store.moved == [(IDENTITY, UPGRADED)]
    stage.store.error = DISK_FULL
    await stage.holder.rename_engine(IDENTITY)
    assert stage.holder.engine_identity == UPGRADED, "as it is stored, so that nothing is stored under two identities"


async def test_the_originals_are_asked_for_their_end_only_when_it_matters() -> None:
    stage = Stage("web")
    stage.had_held(recipes_of("web", "db"))
    await stage.holder.start()
    assert stage.engine.asked == ["look", "container"], "the look at the engine, and at the own container"


async def test_a_fresh_snapshot_waits_for_an_engine_that_is_just_starting() -> None:
    stage = Stage("web")
    stage.engine.engine_look = replace(LOOK, bridge_created_at=LOOK.clock - timedelta(seconds=12))
    late = iter(["db", "cache"])
    waited_for: list[str] = []

    def boot_on() -> None:
        waited_for.append(stage.holder.waiting_for)
        if stage.clock.now in {1005.0, 1015.0}:
            name = next(late)
            stage.engine.entries.append(entry(name))
            stage.engine.inspects[container_id(name)] = inspect(name)

    stage.clock.each = boot_on
    with Lines() as lines:
        await stage.holder.start()
    assert stage.held_names == ["cache", "db", "web"]
    assert stage.clock.now == 1035.0, "20 s after the last change"
    assert lines.events == [
        "engine_settling",
        "engine_settled",
        "snapshot_captured",
    ]
    assert waited_for[0].startswith("the engine started 12 s ago")


async def test_a_resumed_snapshot_waits_for_nothing() -> None:
    stage = Stage("web")
    stage.had_held(recipes_of("web"))
    stage.engine.engine_look = replace(LOOK, bridge_created_at=LOOK.clock)
    await stage.holder.start()
    assert stage.clock.slept == []


async def test_an_engine_without_the_network_bridge_is_not_waited_for() -> None:
    stage = Stage("web")
    stage.engine.engine_look = replace(LOOK, bridge_id=None, bridge_created_at=None)
    await stage.holder.start()
    assert (stage.clock.slept, stage.held_names) == ([], ["web"])


@pytest.mark.parametrize("part", ["engine", "store"])
async def test_what_can_not_be_asked_is_tried_for_a_minute_and_reported_at_the_begin_and_the_end(part: str) -> None:
    stage = Stage("web")
    if part == "engine":
        stage.engine.error = REFUSED
    else:
        stage.store.error = DISK_FULL
    with Lines() as lines:
        assert await stage.holder.start() is None
    assert stage.clock.now == 1060.0
    assert lines.events == [
        "snapshot_delayed",
        "snapshot_failed",
    ]
    told: StoreUnavailable | EngineUnavailable = REFUSED if part == "engine" else DISK_FULL
    assert {line["cause"] for line in lines.captured} == {told.cause}
    assert {line["remedy"] for line in lines.captured} == {told.remedy}
    assert told.cause in stage.holder.waiting_for


async def test_an_engine_that_comes_in_time_is_snapshot() -> None:
    stage = Stage("web")
    stage.engine.error = REFUSED

    def come() -> None:
        if stage.clock.now >= 1020.0:
            stage.engine.error = None

    stage.clock.each = come
    await stage.holder.start()
    assert stage.held_names == ["web"]
    assert stage.watch.error is None


async def test_a_failure_of_another_kind_is_reported_as_well() -> None:
    stage = Stage("web")
    stage.engine.error = REFUSED

    def come() -> None:
        stage.engine.error, stage.store.error = None, DISK_FULL

    stage.clock.each = come
    with Lines() as lines:
        await stage.holder.start()
    causes = [line["cause"] for line in lines.captured if line["log_level"] == "warning"]
    assert causes == [REFUSED.cause, DISK_FULL.cause]


async def test_a_failure_after_a_long_wait_begins_a_new_minute() -> None:
    stage = Stage("web")
    stage.engine.engine_look = replace(LOOK, bridge_created_at=LOOK.clock)
    stage.engine.error = REFUSED
    times: list[float] = []

    def flap() -> None:
        stage.engine.entries.append(entry(f"job-{len(stage.engine.entries)}"))  # it never settles
        stage.engine.error = REFUSED if stage.clock.now >= 1290.0 else None
        if stage.engine.error is not None:
            times.append(stage.clock.now)

    stage.clock.each = flap
    assert await stage.holder.start() is None
    assert times[-1] - times[0] == 60.0


async def test_the_snapshot_leaves_out_the_protected_and_what_vanishes() -> None:
    engine = FakeEngine(
        entry("web"),
        entry("gone"),
        entry("ssc", **{"status-state.role": "controller"}),
        entry("backup", **{"status-state.ignore": "yes"}),
        entry("odd", **{"status-state.ignore": "perhaps"}),
        entry("task", **{"com.docker.swarm.task": ""}),
        entry("wanted", **{"status-state.ignore": "false"}),
    )
    del engine.inspects[container_id("gone")]
    with Lines() as lines:
        recipes = await capture_snapshot(engine, IDENTITY, NOW, "startup", Policy())
    assert [original.name for original in recipes.originals] == ["wanted", "web"]
    assert recipes.count == 2
    (line,) = lines.captured
    assert (line["container"], line["label"]) == ("odd", "status-state.ignore=perhaps")


async def test_recipes_bring_along_the_networks_and_volumes_they_use() -> None:
    engine = FakeEngine(entry("web"), entry("db"))
    ends = {"shop": {"NetworkID": "n1"}, "bridge": {"NetworkID": "n0"}, "gone": {"NetworkID": "n9"}}
    mounts = [{"Type": "volume", "Name": "pages"}, {"Type": "bind", "Source": "/etc"}, {"Type": "tmpfs"}]
    for name in ("web", "db"):
        engine.inspects[container_id(name)] = inspect(name, NetworkSettings={"Networks": ends}, Mounts=mounts)
    engine.networks = {
        "n0": {"Name": "bridge", "Id": "n0"},
        "n1": {"Name": "shop", "Id": "n1", "Driver": "bridge", "Containers": {"x": {"Name": "web"}}},
    }
    engine.volumes = {"pages": {"Name": "pages", "Driver": "local"}, "other": {"Name": "other"}}
    recipes = await capture_snapshot(engine, IDENTITY, NOW, "startup", Policy())
    assert recipes.networks == [{"Name": "shop", "Id": "n1", "Driver": "bridge"}]
    assert recipes.volumes == [{"Name": "pages", "Driver": "local"}]
    known: dict[str, Any] = {"RootFS": {"Layers": ["sha256:l1"]}, "Config": {"Env": ["A=b"], "Labels": {}}}
    assert recipes.images == [{"Id": "sha256:1b0a", "RepoDigests": ["image@sha256:1b0a"], **known}]


async def test_the_config_only_network_that_a_network_is_made_from_is_kept_as_well() -> None:
    engine = FakeEngine(entry("web"))
    engine.inspects[container_id("web")] = inspect("web", NetworkSettings={"Networks": {"shop": {"NetworkID": "n1"}}})
    plain: dict[str, Any] = {"Name": "shop", "Id": "n1", "ConfigFrom": {"Network": "cfg"}}
    config: dict[str, Any] = {"Name": "cfg", "Id": "n2", "ConfigOnly": True, "ConfigFrom": {"Network": ""}}
    engine.networks = {"n1": plain, "cfg": config}
    recipes = await capture_snapshot(engine, IDENTITY, NOW, "startup", Policy())
    assert recipes.networks == [config, plain]
    engine.networks["cfg"] = {"Name": "another", "Id": "cfg-and-more"}  # the engine takes the beginning of an id, too
    recipes = await capture_snapshot(engine, IDENTITY, NOW, "startup", Policy())
    assert recipes.networks == [plain]


async def test_inspects_are_bounded_in_number() -> None:
    engine = FakeEngine(*(entry(f"web-{number:02}") for number in range(50)))
    under_way = most = 0
    inspect_one = engine.container

    async def slow(one: str) -> object:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return await inspect_one(one)

    engine.container = slow  # type: ignore[method-assign,assignment]  # pyright: ignore[reportAttributeAccessIssue] - a slower one
    recipes = await capture_snapshot(engine, IDENTITY, NOW, "startup", Policy())
    assert (recipes.count, most) == (50, 8)


async def test_no_log_line_of_a_start_holds_a_secret() -> None:
    stage = Stage("web", "db")
    with Lines() as lines:
        held = await stage.holder.start()
    assert SECRET not in str(lines.captured)
    assert SECRET not in repr(held)
    assert SECRET not in repr(stage.store.snapshots)
    assert SECRET in str(stage.store.snapshots[0].originals[0].inspect), "or this test would see nothing"


async def mark(stage: Stage) -> object:
    """When the run was stopped in order, as stored."""
    run = stage.store.runs.get(OWN_ID)
    return run and run.stopped_at


async def test_a_stop_is_recorded_by_a_process_that_holds_a_snapshot() -> None:
    stage = Stage("web")
    await stage.holder.start()
    assert await mark(stage) is None
    assert await stage.holder.record_stop()
    assert await mark(stage) is not None


async def test_a_start_that_fails_leaves_the_marks_alone() -> None:
    stage = Stage("web")
    stage.had_held(recipes_of("web"), stopped=True)
    before = await mark(stage)
    stage.engine.error = REFUSED
    await stage.holder.start()
    assert not await stage.holder.record_stop()
    assert await mark(stage) == before


def slow_saving(stage: Stage) -> tuple[asyncio.Event, Callable[[], None]]:
    """Have the store save only when it is told to; the event tells that it has begun."""
    begun, may_end = asyncio.Event(), asyncio.Event()
    save = stage.store.begin_run

    async def slow(*args: object) -> int | None:
        begun.set()
        await may_end.wait()
        return await save(*args)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - passed on as given

    stage.store.begin_run = slow  # type: ignore[method-assign]
    return begun, may_end.set


async def test_a_stop_while_the_snapshot_is_being_saved_is_recorded_after_it() -> None:
    stage = Stage("web")
    begun, let_end = slow_saving(stage)
    start = asyncio.create_task(stage.holder.start())
    await begun.wait()
    start.cancel()  # as the service does at a stop
    await asyncio.wait([start])
    stop = asyncio.create_task(stage.holder.record_stop())
    await asyncio.sleep(0)
    let_end()
    assert await stop
    assert await mark(stage) is not None


async def test_a_stop_after_a_saving_that_failed_writes_no_mark() -> None:
    stage = Stage("web")
    stage.clock.stands_still = True  # the start goes on for ever

    async def fail(*_: object) -> None:
        raise DISK_FULL

    stage.store.begin_run = fail  # type: ignore[method-assign,assignment] # pyright: ignore[reportAttributeAccessIssue]
    start = asyncio.create_task(stage.holder.start())
    for _ in range(50):
        await asyncio.sleep(0)
    start.cancel()
    await asyncio.wait([start])
    assert not await stage.holder.record_stop()


async def test_outside_of_a_container_a_snapshot_is_held_but_no_run_is_noted() -> None:
    stage = Stage("web")
    stage.engine.inspects[OWN_ID]["Config"]["Labels"] = {}
    with Lines() as lines:
        await stage.holder.start()
    assert "lacks the label status-state.role" in lines.one("snapshot_captured")["why"]
    assert not await stage.holder.record_stop()
    assert stage.store.runs == {}


async def test_the_own_names_are_learned_from_the_engine() -> None:
    stage = Stage("web")
    await stage.holder.start()
    assert stage.holder.own_names == {"ssa", OWN_ID[:12], "status-state-api", "pair_api_1"}


async def test_what_protects_by_the_image_alone_is_captured_and_observed() -> None:
    by_image = {"status-state.ignore": "true", "status-state.role": "api", "io.kubernetes.pod.name": "x" * 5000}
    engine = FakeEngine(entry("web", **by_image), entry("db", **by_image, **{"com.docker.swarm.task": "x"}))
    for one in engine.entries:
        engine.inspects[one["Id"]]["Config"]["Labels"] = one["Labels"]
    engine.image_labels = by_image
    recipes = await capture_snapshot(engine, IDENTITY, NOW, "startup", Policy())
    assert [original.name for original in recipes.originals] == ["web"]
    assert recipes.images[0]["Config"]["Labels"] == by_image
    (watched,) = Held.of(recipes).watched
    assert watched.labels == {}
    engine.inspects[container_id("web")]["Mounts"] = [{"Type": "bind", "Source": "/var/run/docker.sock"}]
    recipes = await capture_snapshot(engine, IDENTITY, NOW, "startup", Policy())
    assert recipes.originals == [], "another pair"
