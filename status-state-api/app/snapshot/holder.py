"""Captures or resumes the snapshot at the start, holds it, replaces it, and records the orderly stop.

It carries out what `decide` and `change` decide. Everything about the start runs in the background; until a snapshot is
held, `waiting_for` says why not yet.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

import structlog

from ..engine.own import Own, find_own
from ..engine.view import EngineLook, EngineView, parse_moment
from ..engine.watch import EngineWatch
from ..errors import EngineUnavailable, StatusStateError, StoreUnavailable, StoreUnusable
from ..health.rules.policy import Policy
from ..model import EngineIdentity, Recipes
from .capture import capture_snapshot
from .held import Held
from .start.decide import (
    AskWhenEnded,
    Fresh,
    OnStart,
    Resume,
    SettleTiming,
    Situation,
    StoredSnapshot,
    decide,
    is_starting,
    judge_endings,
)
from .start.settle import LOOK_SECONDS, Patience, wait_until_settled
from .stored import SnapshotStore, compare, find_latest, read_resumed

PATIENCE_SECONDS = 60.0
"""Design, section 2: an exit at once would make `compose up` fail."""
RETRY_SECONDS = 5.0
"""As slowly as while the engine is lost later: see `watch`."""
ACCEPT_COMMAND = "docker compose exec status-state-api status-state accept"

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class KeptOfEngine(Protocol):
    """What else is stored of an engine, and served beside its snapshot."""

    async def load(self, engine: EngineIdentity) -> None:
        """Fetch what is stored. Raises `StoreUnavailable`."""
        ...


class PolicySource(Protocol):
    """Who knows the policy that is in force."""

    @property
    def policy(self) -> Policy:
        """The policy in force now."""
        ...


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of the start."""

    patience_seconds: float = PATIENCE_SECONDS
    retry_seconds: float = RETRY_SECONDS
    settle_look_seconds: float = LOOK_SECONDS
    settle: SettleTiming = field(default_factory=SettleTiming)


class SnapshotHolder:
    """Holds the snapshot.

    Args:
        engine: whose containers it is about.
        watch: hears whether the engine answers.
        store: where the snapshot survives.
        policies: tells which containers are to be ignored.
        kept: what is to be fetched from the store before a snapshot is served, since it is served with it.
        on_start: whether a start captures a fresh snapshot.
        own_id: the id of the container this process runs in, None outside of one.
        boot_id: the host's present boot, None where it is not known.
        first_start: whether nothing is left of an earlier start: a new store is then no surprise.
        timing: the times of the start.
        clock: steady seconds.
        sleep: waits for as many of these.
    """

    def __init__(
        self,
        engine: EngineView,
        watch: EngineWatch,
        store: SnapshotStore,
        policies: PolicySource,
        *,
        kept: Sequence[KeptOfEngine] = (),
        on_start: OnStart,
        own_id: str | None,
        boot_id: str | None,
        first_start: bool = True,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._watch = watch
        self._store = store
        self._on_start: OnStart = on_start
        self._own_id = own_id
        self._boot_id = boot_id
        self._first_start = first_start
        self._policies = policies
        self._timing = timing or Timing()
        self._clock = clock
        self._sleep = sleep
        self._kept = kept
        self._saving: asyncio.Task[int | None] | None = None
        self._run: tuple[str | None, str | None] = (None, None)
        self._stopping = False
        self._one_at_a_time = asyncio.Lock()
        self.held: Held | None = None
        self.own_names: frozenset[str] = frozenset()
        self.waiting_for = "the service is just starting"

    async def start(self) -> Held | None:
        """Capture or resume the snapshot; None when the engine or the store could not be asked for too long.

        Raises `StoreUnusable` when trying again changes nothing.
        """
        failing_since = 0.0
        told: str | None = None
        while True:
            began = self._clock()
            try:
                return await self._attempt()
            except (EngineUnavailable, StoreUnavailable) as failure:
                error = failure
            if isinstance(error, EngineUnavailable):
                self._watch.failed(error)
            now = self._clock()
            # An attempt that got as far as waiting for the engine to settle begins a new series of failures.
            if told is None or now - began >= self._timing.patience_seconds:
                failing_since = now
            if now - failing_since >= self._timing.patience_seconds:
                log.error(
                    "snapshot_failed",
                    message="This service ends, because it could not capture a snapshot.",
                    tried_seconds=round(now - failing_since),
                    cause=error.cause,
                    remedy=error.remedy,
                )
                return None
            self.waiting_for = f"{error.cause}. {error.remedy}"
            if error.cause != told:
                told = error.cause
                log.warning(
                    "snapshot_delayed",
                    message=f"There is no snapshot yet, and it is tried again for {self._timing.patience_seconds:.0f} s.",
                    cause=error.cause,
                    remedy=error.remedy,
                )
            await self._sleep(self._timing.retry_seconds)

    async def record_stop(self) -> bool:
        """Record that this process was stopped in order, if it holds a snapshot; tell whether it was recorded.

        A snapshot that is just being saved is held: the mark follows it. Raises `StoreUnavailable`.
        """
        self._stopping = True
        if self._saving is None:
            return False
        run = await asyncio.shield(self._saving)
        if run is None:
            return False
        await self._store.mark_stopped(run, datetime.now(UTC))
        return True

    @property
    def engine_identity(self) -> EngineIdentity:
        """The engine that the snapshot is of, which is held."""
        return self._require_held().snapshot.engine

    @property
    def original_ids(self) -> frozenset[str]:
        """The ids of the originals that are held."""
        return frozenset(original.id for original in self._require_held().snapshot.originals)

    async def rename_engine(self, now: EngineIdentity) -> None:
        """Go on with the snapshot that is held: its engine has another identity by now."""
        async with self._one_at_a_time:  # a snapshot that is just being saved is of this engine, too
            held = self._require_held()
            self.held = held.of_engine(now)
            try:
                await self._store.move_engine(held.snapshot.engine, now)
            except StoreUnavailable:
                self.held = held  # all goes on under the one that is stored; it is recognised at the next start
                return
            # What can't be read now stays as it is: it is the same.
            with contextlib.suppress(StoreUnavailable):
                for one in self._kept:
                    await one.load(now)

    def _require_held(self) -> Held:
        if self.held is None:
            raise AssertionError("a snapshot is held once the start is over")
        return self.held

    async def replace(self, recipes: Recipes) -> Held:
        """Hold another snapshot of the same engine from now on; the next start of this container goes on with it.

        Saved first, then held: a crash between the two resumes it. Raises `StoreUnavailable`; then the old one is held.
        """
        async with self._one_at_a_time:
            if self._stopping:
                raise StoreUnavailable(
                    "this service is stopping, so it takes no other snapshot", "Ask it once it is back"
                )
            # By the identity that it has by now: it may be another one than when the change began.
            head = recipes.snapshot.model_copy(update={"engine": self.engine_identity})
            recipes = recipes.model_copy(update={"snapshot": head})
            before = self._saving
            await self._save(recipes, before)
            return self._publish(recipes)

    async def _attempt(self) -> Held:
        if await self._store.open() and not self._first_start:
            log.warning(
                "store_new",
                message="The store was empty, though the token of an earlier start is there: unless the token was put "
                "there by hand before the first start, what was stored is lost. What runs now becomes the snapshot.",
                remedy="See whether SSA_DATA_DIR or the database is the one of before, and what the snapshot now holds",
            )
        look = await self._engine.look()
        self._watch.answered(look)
        own = await find_own(self._engine, self._own_id)
        self.own_names = own.names
        situation = await self._situation(look, own)
        decision = decide(self._on_start, situation)
        if isinstance(decision, AskWhenEnded):
            decision = await self._ask_when_ended(decision, own)
        if isinstance(decision, Resume):
            recipes = await read_resumed(self._store, decision.snapshot, look)
            held = await self._hold(recipes, own, look)
            log.info(
                "snapshot_resumed",
                message="The stored snapshot stays in force.",
                why=decision.why,
                originals=recipes.count,
                snapshot=recipes.snapshot.id,
            )
            return held
        return await self._capture_fresh(decision, situation, own, look)

    async def _situation(self, look: EngineLook, own: Own) -> Situation:
        own_run = None if own.container_id is None else await self._store.find_run(own.container_id)
        if own_run is not None:
            own_run = replace(own_run, snapshot=await compare(self._store, self._engine, own_run.snapshot, look))
        latest = await find_latest(self._store, self._engine, look)
        return Situation(look, self._boot_id, own.container_id, own.why_unknown, own_run, latest)

    async def _ask_when_ended(self, ask: AskWhenEnded, own: Own) -> Fresh | Resume:
        recipes = await self._store.read_recipes(ask.snapshot.id)
        ends: dict[str, datetime | None] = {}
        for original in recipes.originals:
            inspect = await self._engine.container(original.id)
            ends[original.name] = None if inspect is None else parse_moment(inspect["State"].get("FinishedAt"))
        own_end = None if own.inspect is None else parse_moment(own.inspect["State"].get("FinishedAt"))
        return judge_endings(ask, own_end, ends)

    async def _capture_fresh(self, decision: Fresh, situation: Situation, own: Own, look: EngineLook) -> Held:
        names_before = await self._names_before(situation.latest)
        if is_starting(look, self._timing.settle):
            timing = self._timing
            patience = Patience(self._clock, self._sleep, timing.settle, timing.settle_look_seconds)
            await wait_until_settled(self._engine, self._watch, look, patience, self._say)
            look = await self._engine.look()
        recipes = await capture_snapshot(
            self._engine, look.identity, datetime.now(UTC), "startup", self._policies.policy
        )
        held = await self._hold(recipes, own, look)
        now_held = {original.name for original in recipes.originals}
        log.info(
            "snapshot_captured",
            message="A fresh snapshot is in force.",
            why=decision.why,
            originals=recipes.count,
            no_longer_held=sorted(names_before - now_held),
            snapshot=recipes.snapshot.id,
        )
        return held

    async def _names_before(self, latest: StoredSnapshot | None) -> set[str]:
        """The names in the snapshot before, for the log: one that can't be read is no reason not to begin afresh."""
        if latest is None:
            return set()
        try:
            before = await self._store.read_recipes(latest.id)
        except StoreUnusable as error:
            log.warning(
                "stored_snapshot_unreadable",
                message="The snapshot before can't be read: which of its originals the fresh one lacks can't be told.",
                cause=error.cause,
            )
            return set()
        return {original.name for original in before.originals}

    def _say(self, waiting_for: str) -> None:
        self.waiting_for = waiting_for

    async def _hold(self, recipes: Recipes, own: Own, look: EngineLook) -> Held:
        """Save first, then hold: what is held survives a crash."""
        self.waiting_for = "the snapshot is being saved"
        self._run = own.container_id, look.bridge_id
        for kept in self._kept:
            await kept.load(recipes.snapshot.engine)
        await self._save(recipes, None)
        return self._publish(recipes)

    async def _save(self, recipes: Recipes, before: asyncio.Task[int | None] | None) -> None:
        """Save it and that this run holds it; `before` is the last saving that was right, which stays the last on failure."""
        container_id, bridge_id = self._run
        self._saving = asyncio.create_task(self._store.begin_run(recipes, container_id, self._boot_id, bridge_id))
        try:
            await asyncio.shield(self._saving)
        except StatusStateError:  # it was not saved, so it is not held; a cancelled wait leaves the saving under way
            self._saving = before
            raise

    def _publish(self, recipes: Recipes) -> Held:
        self.held = Held.of(recipes)
        if recipes.count == 0:
            log.warning(
                "snapshot_empty",
                message="The snapshot is empty: whatever runs from now on is a newcomer, and will be stopped. "
                "Start what shall run, then accept it.",
                remedy=ACCEPT_COMMAND,
                snapshot=recipes.snapshot.id,
            )
        return self.held
