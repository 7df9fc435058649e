"""What is asked of the store, and which of what is stored is of the engine that is looked at.

Whether it is, `same_engine` judges; here is fetched what it has to know.
"""

import contextlib
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from ..engine.view import EngineLook, EngineView
from ..engine.watch import tell_recognised
from ..errors import StoreUnusable
from ..model import EngineIdentity, Recipes
from ..same_engine import compare_engines, needs_containers
from .start.decide import StoredRun, StoredSnapshot


class SnapshotStore(Protocol):
    """What is asked of the store."""

    async def open(self) -> bool:
        """Make it ready, and tell whether it is a new one."""
        ...

    async def find_run(self, container_id: str) -> StoredRun | None:
        """Find the last run of this SSA container."""
        ...

    async def find_latest(self, engine: EngineIdentity) -> StoredSnapshot | None:
        """Find the latest snapshot of this engine."""
        ...

    async def find_latest_of_each(self) -> list[StoredSnapshot]:
        """Find the latest snapshot of each engine, the latest first."""
        ...

    async def move_engine(self, before: EngineIdentity, now: EngineIdentity) -> None:
        """Note that what is stored of one engine belongs to another identity of it."""
        ...

    async def read_recipes(self, snapshot_id: str) -> Recipes:
        """Read a snapshot with its recipes."""
        ...

    async def begin_run(
        self, recipes: Recipes, container_id: str | None, boot_id: str | None, bridge_id: str | None
    ) -> int | None:
        """Save the snapshot unless it is stored, and note that a run holds it."""
        ...

    async def mark_stopped(self, run: int, at: datetime) -> None:
        """Note that a run was stopped in order."""
        ...


async def find_latest(store: SnapshotStore, engine: EngineView, look: EngineLook) -> StoredSnapshot | None:
    """Find the latest snapshot of this engine, by whatever identity it was known when that was taken."""
    exact = await store.find_latest(look.identity)
    if exact is not None:
        return exact
    for one in await store.find_latest_of_each():
        # A damaged one is of another engine, for all that can be told.
        with contextlib.suppress(StoreUnusable):
            compared = await compare(store, engine, one, look)
            if compared.relation is not None and compared.relation.is_same:
                return compared
    return None


async def compare(store: SnapshotStore, engine: EngineView, stored: StoredSnapshot, look: EngineLook) -> StoredSnapshot:
    """Note of a stored snapshot whether it is of this engine."""
    originals: frozenset[str] = frozenset()
    present: frozenset[str] = frozenset()
    if needs_containers(stored.engine, look.identity):
        recipes = await store.read_recipes(stored.id)
        originals = frozenset(original.id for original in recipes.originals)
        present = await engine.container_ids()
    return replace(stored, relation=compare_engines(stored.engine, look.identity, originals, present))


async def read_resumed(store: SnapshotStore, resumed: StoredSnapshot, look: EngineLook) -> Recipes:
    """Read a snapshot to go on with; what is stored of an engine that has another identity by now goes on under that one."""
    if resumed.relation is not None and resumed.relation.why:
        tell_recognised(resumed.engine, look.identity, resumed.relation)
        await store.move_engine(resumed.engine, look.identity)
    return await store.read_recipes(resumed.id)
