"""Carries out what an operator, or a rule, says of the snapshot: accept, let go, go back to an older one.

What becomes of the snapshot `change` decides. Changes are made one after the other, each from beginning to end, also
when nobody waits for its answer any more. Nothing changes unless all of it was captured, from the engine that the
snapshot is of, and stored. Recipes hold secrets: never log them.
"""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import structlog

from ..engine.view import EngineView
from ..engine.watch import EngineWatch
from ..errors import EngineUnavailable
from ..health.observer import Watched
from ..model import EngineIdentity, Recipes, RunningContainer, Snapshot, SnapshotHead
from ..same_engine import compare_engines
from .answers import ChangeAnswer, Replaced, SnapshotDifference, SnapshotHistory, SnapshotOverview
from .between import differences_between
from .capture import capture_containers, capture_running, labels_given
from .change import (
    Change,
    Content,
    Renewed,
    UnknownName,
    Wish,
    accept_everything,
    accept_some,
    choose,
    compare,
    go_back,
    make_recipes,
    near,
    share_of,
    told,
)
from .held import Held
from .holder import PolicySource, SnapshotHolder

T = TypeVar("T")

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class NoSnapshotYet(Exception):
    """There is nothing to change yet."""


class History(Protocol):
    """What is asked of the store."""

    async def find_snapshot(self, engine: EngineIdentity, snapshot_id: str) -> Recipes | None:
        """Read a snapshot of this engine, if it is kept."""
        ...

    async def list_snapshots(self, engine: EngineIdentity) -> list[Snapshot]:
        """What the kept snapshots of this engine hold, the newest first."""
        ...


class KnowsDifferences(Protocol):
    """Who has compared an original with the container that took its name: the controller, by its last report."""

    def differences(self) -> Mapping[str, str]:
        """What differs, by the original's name, as far as that is known."""
        ...


class FollowsOriginals(Protocol):
    """Who observes the originals."""

    def follow(self, originals: Sequence[Watched]) -> None:
        """Observe these from now on."""
        ...


class SnapshotChanges:
    """Changes the snapshot that is held.

    Args:
        engine: whose containers it is about.
        watch: knows whether the engine can be asked.
        holder: holds the snapshot, and stores it.
        history: the store, with the older ones.
        policies: tells which containers are to be ignored.
        controller: knows what differs in a container that has replaced another one.
        followers: observe the originals; the last of them tells the controller as well.
        now: the time that people read.
    """

    def __init__(
        self,
        engine: EngineView,
        watch: EngineWatch,
        holder: SnapshotHolder,
        history: History,
        policies: PolicySource,
        *,
        controller: KnowsDifferences,
        followers: Sequence[FollowsOriginals],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._watch = watch
        self._holder = holder
        self._history = history
        self._policies = policies
        self._controller = controller
        self._followers = followers
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._under_way = set[asyncio.Task[Any]]()

    async def accept(self, wish: Wish | None, by: str | None, *, dry_run: bool = False) -> ChangeAnswer:
        """Make what is wished for the snapshot, the whole present without a wish; tell what is different.

        Raises `UnknownName`, `NotAllowed`, `NoSnapshotYet`, `EngineUnavailable` and `StoreUnavailable`; then nothing has
        changed.
        """
        return await self._alone(self._accept(wish, by, dry_run=dry_run))

    async def roll_back(self, snapshot_id: str, by: str | None, *, dry_run: bool = False) -> ChangeAnswer:
        """Have the content of an older snapshot in force again; tell what is different. Raises as `accept`."""
        return await self._alone(self._roll_back(snapshot_id, by, dry_run=dry_run))

    async def accept_share(self, names: Sequence[str], by: str | None, *, dry_run: bool = False) -> ChangeAnswer:
        """Make what is there of these names the snapshot: what is gone leaves it. Raises as `accept`."""
        return await self._alone(self._accept_share(names, by, dry_run=dry_run))

    async def history(self) -> SnapshotHistory:
        """List the snapshots that are kept. Raises `NoSnapshotYet` and `StoreUnavailable`."""
        head = self._held().snapshot
        kept = await self._history.list_snapshots(head.engine)
        return SnapshotHistory(
            snapshots=[
                _overview(one, before, in_force=one.id == head.id)
                for one, before in zip(kept, [*kept[1:], None], strict=True)
            ]
        )

    async def between(self, before_id: str, after_id: str) -> SnapshotDifference:
        """Tell what differs between two snapshots that are kept. Raises `UnknownName` and as `history`."""
        engine = self._held().snapshot.engine
        before, after = await self._kept(engine, before_id), await self._kept(engine, after_id)
        return differences_between(before, after)

    async def containers(self) -> tuple[RunningContainer, ...]:
        """List all containers, in whatever state, with the labels that count. Raises `EngineUnavailable`."""
        if self._watch.error is not None:
            raise self._watch.error
        listing = await self._asking(self._engine.all())
        labels = [await self._asking(labels_given(self._engine, one)) for one in listing.containers]
        return tuple(
            one.model_copy(update={"labels": dict(given)})
            for one, given in zip(listing.containers, labels, strict=True)
        )

    async def _alone(self, change: Coroutine[Any, Any, T]) -> T:
        """Make one change after the other, each to its end: who asked for it may have gone meanwhile."""

        async def in_turn() -> T:
            async with self._one_at_a_time:
                return await change

        task = asyncio.create_task(in_turn())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _accept(self, wish: Wish | None, by: str | None, *, dry_run: bool) -> ChangeAnswer:
        held = self._recipes()
        if wish is None:
            content = await self._everything(held)
        else:
            content = await self._some(held, wish, await self.containers())
        return await self._take(held, content, "accepted", by, dry_run=dry_run)

    async def _accept_share(self, names: Sequence[str], by: str | None, *, dry_run: bool) -> ChangeAnswer:
        held, containers = self._recipes(), await self.containers()
        content = await self._some(held, share_of(names, containers, self._policies.policy), containers)
        return await self._take(held, content, "accepted", by, dry_run=dry_run)

    async def _roll_back(self, snapshot_id: str, by: str | None, *, dry_run: bool) -> ChangeAnswer:
        held = self._recipes()
        engine = held.snapshot.engine
        older = await self._kept(engine, snapshot_id)
        return await self._take(held, go_back(older), "rolled_back", by, dry_run=dry_run)

    async def _kept(self, engine: EngineIdentity, snapshot_id: str) -> Recipes:
        found = await self._history.find_snapshot(engine, snapshot_id)
        if found is None:
            ids = [one.id for one in await self._history.list_snapshots(engine)]
            raise UnknownName(f"There is no snapshot {snapshot_id}: GET /snapshots lists them.{near(snapshot_id, ids)}")
        return found

    async def _everything(self, held: Recipes) -> Content:
        if self._watch.error is not None:
            raise self._watch.error
        captured = await self._asking(capture_running(self._engine, self._policies.policy))
        return accept_everything(held, captured)

    async def _some(self, held: Recipes, wish: Wish, containers: Sequence[RunningContainer]) -> Content:
        chosen = choose(wish, held, containers, self._policies.policy)
        captured = await self._asking(capture_containers(self._engine, [choice.id for choice in chosen.accept]))
        return accept_some(held, chosen, captured)

    async def _asking(self, question: Coroutine[Any, Any, T]) -> T:
        """Ask the engine, and have the watch know when it can't be asked."""
        try:
            return await question
        except EngineUnavailable as error:
            self._watch.failed(error)
            raise

    async def _take(
        self, held: Recipes, content: Content, reason: str, by: str | None, *, dry_run: bool
    ) -> ChangeAnswer:
        """Take this content for the snapshot, if it is different and not only asked for."""
        change = compare(held, content)
        head = held.snapshot
        if change.is_change and not dry_run:
            await self._require_engine(head.engine)
            now = self._now().replace(microsecond=0)
            head = SnapshotHead(id=uuid.uuid4().hex, taken_at=now, reason=reason, by=by, engine=head.engine)
            recipes = make_recipes(head, content)
            watched = (await self._holder.replace(recipes)).watched
            # Who observes their health also tells the controller, so it comes last.
            for follower in self._followers:
                follower.follow(watched)
            _tell(change, recipes)
        return self._answer(head, change, dry_run=dry_run)

    async def _require_engine(self, expected: EngineIdentity) -> None:
        """Raise `EngineUnavailable` unless what was captured is of the engine that the snapshot is of."""
        look = await self._asking(self._engine.look())
        if compare_engines(expected, look.identity).why:  # not by its name, which changes with the host's
            error = EngineUnavailable(
                f"another engine answers, {look.identity.name}, than the one the snapshot is of, {expected.name}, or it "
                "has just been upgraded",
                "Ask again in a few seconds: this service then knows which, and ends where it is another one",
            )
            self._watch.failed(error)
            raise error

    def _answer(self, head: SnapshotHead, change: Change, *, dry_run: bool) -> ChangeAnswer:
        differences = self._controller.differences()
        return ChangeAnswer(
            snapshot=head,
            changed=change.is_change,
            dry_run=dry_run,
            added=change.added,
            removed=change.removed,
            replaced=[
                Replaced(name=one.name, before_id=one.before_id, id=one.id, difference=_difference(one, differences))
                for one in change.replaced
            ],
            released=change.released,
            released_no_longer=change.released_no_longer,
        )

    def _held(self) -> Held:
        if self._holder.held is None:
            raise NoSnapshotYet
        return self._holder.held

    def _recipes(self) -> Recipes:
        return Recipes.model_validate_json(self._held().recipes)


def _difference(renewed: Renewed, differences: Mapping[str, str]) -> str | None:
    return told(renewed.fields) if renewed.id == renewed.before_id else differences.get(renewed.name)


def _overview(one: Snapshot, before: Snapshot | None, *, in_force: bool) -> SnapshotOverview:
    ids = {original.name: original.id for original in one.originals}
    ids_before = ids if before is None else {original.name: original.id for original in before.originals}
    return SnapshotOverview(
        id=one.id,
        taken_at=one.taken_at.isoformat().replace("+00:00", "Z"),
        reason=one.reason,
        by=one.by,
        originals=len(one.originals),
        in_force=in_force,
        added=sorted(ids.keys() - ids_before.keys()),
        removed=sorted(ids_before.keys() - ids.keys()),
        replaced=sorted(name for name in ids.keys() & ids_before.keys() if ids[name] != ids_before[name]),
    )


def _tell(change: Change, recipes: Recipes) -> None:
    went_back = recipes.snapshot.reason == "rolled_back"
    log.info(
        "snapshot_changed",
        message="An older snapshot is in force again." if went_back else "What was accepted is in force.",
        reason=recipes.snapshot.reason,
        by=recipes.snapshot.by,
        originals=recipes.count,
        added=change.added,
        removed=change.removed,
        replaced=[one.name for one in change.replaced],
        released=change.released,
        released_no_longer=change.released_no_longer,
        snapshot=recipes.snapshot.id,
    )
