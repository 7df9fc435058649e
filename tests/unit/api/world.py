"""What the tests of the SSA have in common: an engine and a store that live in memory, and containers to put there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import structlog
from status_state_api.engine.view import EngineLook, Inspection, Listing, read_listing
from status_state_api.errors import EngineUnavailable, StoreUnavailable
from status_state_api.journal.availability import Change
from status_state_api.journal.entry import Entry, NumberedEntry
from status_state_api.journal.journal import Journal, Query, Retention
from status_state_api.model import EngineIdentity, OriginalRecipe, Pause, Recipes, Snapshot, SnapshotHead
from status_state_api.same_engine import compare_engines
from status_state_api.snapshot.start.decide import StoredRun, StoredSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from status_state_api.journal.controller import ReceivedReport

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
IDENTITY = EngineIdentity(id="T7KA:ZLBD", name="kiosk-17", none_network_id="5d6f")
OTHER_IDENTITY = EngineIdentity(id="T7KA:ZLBD", name="kiosk-17", none_network_id="0000")
"""A machine cloned from the first one: only its network `none` tells them apart."""
LOOK = EngineLook(IDENTITY, "20.10.24", NOW, "bridge-1", NOW - timedelta(hours=5))
OWN_ID = "ab" * 32
BOOT = "boot-1"
SECRET = "hunter2"

REFUSED = EngineUnavailable("nobody listens at /docker.sock", "Start the engine", refused=True)
HUNG = EngineUnavailable("the engine does not answer in time", "Look at the engine")
DISK_FULL = StoreUnavailable("the disk is full", "Make space")


def container_id(name: str) -> str:
    """An id for a container of this name."""
    return name.encode().hex().ljust(64, "0")


def entry(name: str, **labels: str) -> dict[str, Any]:
    """A container as `GET /containers/json` shows it."""
    return {
        "Id": container_id(name),
        "Names": [f"/{name}"],
        "Image": "nginx:1.27",
        "ImageID": "sha256:1b0a",
        "Command": "nginx",
        "Created": 1763913600,
        "State": "running",
        "Status": "Up 2 hours",
        "Labels": labels,
        "Ports": [{"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}],
    }


def listing(*entries: dict[str, Any]) -> Listing:
    """The listing of these containers."""
    return read_listing(json.dumps(entries).encode())


def inspect(name: str, **changes: Any) -> Inspection:
    """A container as `inspect` shows it: with a secret in its environment."""
    usual: Inspection = {
        "Id": container_id(name),
        "Name": f"/{name}",
        "Image": "sha256:1b0a",
        "Config": {"Image": "nginx:1.27", "Env": [f"PASSWORD={SECRET}"], "Labels": {}, "Hostname": name},
        "State": {"Running": True, "FinishedAt": "0001-01-01T00:00:00Z"},
        "NetworkSettings": {"Networks": {}},
        "Mounts": [],
    }
    return {**usual, **changes}


def own_inspect(finished_at: datetime | None = None) -> Inspection:
    """The SSA's own container."""
    return inspect(
        "ssa",
        Id=OWN_ID,
        Config={"Labels": {"status-state.role": "api"}, "Hostname": OWN_ID[:12]},
        State={"Running": True, "FinishedAt": finished_at.isoformat() if finished_at else "0001-01-01T00:00:00Z"},
        NetworkSettings={"Networks": {"pair": {"Aliases": ["status-state-api", "pair_api_1"]}}},
    )


class FakeEngine:
    """An engine in memory, with the interface of `view.EngineView`. `error` makes every question fail."""

    address = "unix:///docker.sock"

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.entries = list(entries)
        self.stopped: list[dict[str, Any]] = []
        self.inspects = {one["Id"]: inspect(one["Names"][0].removeprefix("/")) for one in entries}
        self.networks: dict[str, Inspection] = {}
        self.volumes: dict[str, Inspection] = {}
        self.image_labels: dict[str, str] = {}
        self.engine_look = LOOK
        self.error: Exception | None = None
        self.asked: list[str] = []

    async def look(self) -> EngineLook:
        """Which engine it is."""
        self._ask("look")
        return self.engine_look

    async def running(self) -> Listing:
        """What runs."""
        self._ask("running")
        return listing(*self.entries)

    async def container_ids(self) -> frozenset[str]:
        """The ids of all containers."""
        self._ask("container_ids")
        return frozenset(self.inspects)

    async def all(self) -> Listing:
        """What there is."""
        self._ask("all")
        return listing(*self.entries, *self.stopped)

    async def ping(self) -> None:
        """Whether it answers."""
        self._ask("ping")

    async def container(self, container_id: str) -> Inspection | None:
        """One container."""
        self._ask("container")
        return self.inspects.get(container_id)

    async def network(self, network_id: str) -> Inspection | None:
        """One network."""
        self._ask("network")
        return self.networks.get(network_id)

    async def volume(self, name: str) -> Inspection | None:
        """One volume."""
        self._ask("volume")
        return self.volumes.get(name)

    async def image(self, image_id: str) -> Inspection | None:
        """One image, as every registry has it."""
        self._ask("image")
        told = {
            "Config": {"Env": ["A=b"], "Labels": self.image_labels},
            "RootFS": {"Type": "layers", "Layers": ["sha256:l1"]},
        }
        return {"Id": image_id, "RepoDigests": [f"image@{image_id}"], "Size": 1, **told}

    def _ask(self, question: str) -> None:
        self.asked.append(question)
        if self.error is not None:
            raise self.error


@dataclass
class FakeStore:
    """A store in memory. `error` makes everything fail."""

    error: Exception | None = None
    snapshots: list[Recipes] = field(default_factory=list[Recipes])
    runs: dict[str, StoredRun] = field(default_factory=dict[str, StoredRun])
    numbers: list[str | None] = field(default_factory=list[str | None])
    reports: list[tuple[datetime, str]] = field(default_factory=list[tuple[datetime, str]])
    memory: str | None = None
    moved: list[tuple[EngineIdentity, EngineIdentity]] = field(
        default_factory=list[tuple[EngineIdentity, EngineIdentity]]
    )
    is_new: bool = False
    pauses: dict[str | None, str] = field(default_factory=dict[str | None, str])
    journal: list[Entry] = field(default_factory=list[Entry])
    reads: int = 0
    """How often the journal was summed up."""

    async def open(self) -> bool:
        """Make it ready."""
        self._check()
        return self.is_new

    async def find_run(self, container_id: str) -> StoredRun | None:
        """The last run of a container."""
        self._check()
        return self.runs.get(container_id)

    async def find_latest(self, engine: EngineIdentity) -> StoredSnapshot | None:
        """The latest snapshot of an engine."""
        self._check()
        ours = [
            stored(recipes) for recipes in self.snapshots if compare_engines(recipes.snapshot.engine, engine).why == ""
        ]
        return ours[-1] if ours else None

    async def find_latest_of_each(self) -> list[StoredSnapshot]:
        """The latest snapshots."""
        self._check()
        return [stored(recipes) for recipes in reversed(self.snapshots)]

    async def move_engine(self, before: EngineIdentity, now: EngineIdentity) -> None:
        """Give an engine another identity."""
        self._check()
        self.moved.append((before, now))
        for number, recipes in enumerate(self.snapshots):
            if recipes.snapshot.engine == before:
                head = recipes.snapshot.model_copy(update={"engine": now})
                self.snapshots[number] = recipes.model_copy(update={"snapshot": head})

    async def read_recipes(self, snapshot_id: str) -> Recipes:
        """One snapshot."""
        self._check()
        return next(recipes for recipes in self.snapshots if recipes.snapshot.id == snapshot_id)

    async def begin_run(
        self, recipes: Recipes, container_id: str | None, boot_id: str | None, bridge_id: str | None
    ) -> int | None:
        """Save a snapshot and who holds it."""
        self._check()
        if recipes not in self.snapshots:
            self.snapshots.append(recipes)
        self.numbers.append(container_id)
        if container_id is not None:
            self.runs[container_id] = StoredRun(boot_id, bridge_id, None, stored(recipes))
        return len(self.numbers) - 1 if container_id else None

    async def find_snapshot(self, engine: EngineIdentity, snapshot_id: str) -> Recipes | None:
        """One snapshot of an engine, if there is such a one."""
        self._check()
        ours = [one for one in self.snapshots if (one.snapshot.engine, one.snapshot.id) == (engine, snapshot_id)]
        return ours[0] if ours else None

    async def list_snapshots(self, engine: EngineIdentity) -> list[Snapshot]:
        """The snapshots of an engine, the newest first."""
        self._check()
        return [one.summary() for one in reversed(self.snapshots) if one.snapshot.engine == engine]

    async def read_pauses(self, engine: EngineIdentity) -> list[str]:
        """The pauses."""
        assert engine
        self._check()
        return list(self.pauses.values())

    async def put_pauses(self, engine: EngineIdentity, begun: Sequence[Pause]) -> None:
        """Keep pauses."""
        assert engine
        self._check()
        self.pauses |= {pause.container: pause.model_dump_json() for pause in begun}

    async def delete_pauses(self, engine: EngineIdentity, scopes: Sequence[str | None]) -> None:
        """Forget pauses."""
        assert engine
        self._check()
        for scope in scopes:
            self.pauses.pop(scope, None)

    async def mark_stopped(self, run: int, at: datetime) -> None:
        """Mark a run."""
        self._check()
        owner = self.numbers[run] or ""
        held = self.runs[owner]
        self.runs[owner] = StoredRun(held.boot_id, held.bridge_id, at, held.snapshot)

    async def save_report(
        self, engine: EngineIdentity, received: ReceivedReport, memory: str | None, entries: Sequence[Entry] = ()
    ) -> None:
        """Keep a report, and a memory."""
        await self.add_entries(engine, entries)
        self.reports.append((received.received_at, received.document))
        self.memory = memory or self.memory

    async def add_entries(self, engine: EngineIdentity, entries: Sequence[Entry]) -> None:
        """Write the journal."""
        assert engine
        self._check()
        for entry in entries:
            if entry.key not in {written.key for written in self.journal}:
                self.journal.append(entry)

    async def find_entries(self, engine: EngineIdentity, query: Query) -> list[NumberedEntry]:
        """Read the journal; of what is asked for only the container, the kinds and the limit count here."""
        assert engine
        self._check()
        numbered = [NumberedEntry(**dict(entry), number=number) for number, entry in enumerate(self.journal, 1)]
        found = [
            one
            for one in reversed(numbered)
            if (not query.kinds or one.kind in query.kinds)
            and (query.container is None or (one.container is not None and one.container.name == query.container))
        ]
        return found[: query.limit]

    async def find_changes(self, engine: EngineIdentity, since: datetime, most: int) -> list[Change]:
        """What the journal tells of originals and of starts."""
        told = await self.find_entries(engine, Query(limit=most, kinds=("state", "verdict", "service")))
        self.reads += 1
        return [
            Change(one.at, one.what, one.source, one.container and one.container.name)
            for one in told
            if one.at >= since
        ]

    async def first_entry_at(self, engine: EngineIdentity) -> datetime | None:
        """When the oldest entry was made."""
        assert engine
        return min((entry.at for entry in self.journal), default=None)

    async def delete_entries(self, engine: EngineIdentity, before: datetime, keep: int) -> None:
        """Nothing is too old here."""
        assert engine
        assert before < NOW
        assert keep
        self._check()

    async def last_memory(self, engine: EngineIdentity) -> str | None:
        """The memory."""
        assert engine
        self._check()
        return self.memory

    async def last_report(self, engine: EngineIdentity) -> tuple[datetime, str] | None:
        """The last report."""
        assert engine
        self._check()
        return self.reports[-1] if self.reports else None

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


def journal_in(store: FakeStore) -> Journal:
    """A journal kept there; time stands still."""
    return Journal(store, Retention(), lambda: NOW)


def recipes_of(*names: str, snapshot_id: str = "5" * 32, engine: EngineIdentity = IDENTITY) -> Recipes:
    """A snapshot of containers with these names."""
    originals = [
        OriginalRecipe(
            id=container_id(name), name=name, image="nginx:1.27", image_id="sha256:1b0a", inspect=inspect(name)
        )
        for name in names
    ]
    head = SnapshotHead(id=snapshot_id, taken_at=NOW, reason="startup", engine=engine)
    return Recipes(snapshot=head, count=len(originals), originals=originals, networks=[], volumes=[], images=[])


def stored(recipes: Recipes) -> StoredSnapshot:
    """What the store tells of a snapshot without reading it."""
    return StoredSnapshot(recipes.snapshot.id, recipes.snapshot.engine, recipes.count)


def compared(recipes: Recipes) -> StoredSnapshot:
    """The same, once it is known whether it is of the engine that is looked at."""
    return replace(stored(recipes), relation=compare_engines(recipes.snapshot.engine, IDENTITY))


@dataclass
class FakeKeeper:
    """Who holds a snapshot, of these originals."""

    engine_identity: EngineIdentity = IDENTITY
    original_ids: frozenset[str] = frozenset()

    async def rename_engine(self, now: EngineIdentity) -> None:
        """Take note of the engine's other identity."""
        self.engine_identity = now


class FakeClock:
    """A monotonic clock that only the test moves; `sleep` moves it, and calls `each` first."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.each: Callable[[], None] = lambda: None
        self.stands_still = False

    def __call__(self) -> float:
        """The time now."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += 0 if self.stands_still else seconds
        self.each()


class Lines:
    """The log lines of a test, as dictionaries."""

    def __init__(self) -> None:
        self.captured: list[Any] = []

    def __enter__(self) -> Self:
        self._context = structlog.testing.capture_logs()
        self.captured = self._context.__enter__()
        return self

    def __exit__(self, *args: object) -> None:
        self._context.__exit__(None, None, None)

    @property
    def events(self) -> list[str]:
        """What was told, in order."""
        return [line["event"] for line in self.captured]

    def one(self, event: str) -> dict[str, Any]:
        """The one line of this event."""
        (line,) = [line for line in self.captured if line["event"] == event]
        return line
