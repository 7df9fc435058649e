"""Captures or resumes the snapshot at the start, holds it, replaces it, and records the orderly stop.

It carries out what `decide` and `change` decide. Everything about the start runs in the background; until a snapshot is
held, `waiting_for` says why not yet.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import structlog

from ..engine.own import Own, find_own
from ..engine.view import EngineLook, EngineView, parse_moment
from ..engine.watch import EngineWatch
from ..errors import EngineUnavailable, StatusStateError, StoreUnavailable
from ..health.rules.policy import Policy
from ..model import EngineIdentity, Recipes
from .capture import capture_snapshot
from .decide import (
    AskWhenEnded,
    Fresh,
    OnStart,
    Resume,
    SettleTiming,
    Settling,
    Situation,
    StoredRun,
    StoredSnapshot,
    decide,
    engine_age_seconds,
    is_starting,
    judge_endings,
)
from .held import Held

PATIENCE_SECONDS = 60.0
"""Design, section 2: an exit at once would make `compose up` fail."""
RETRY_SECONDS = 5.0
"""As slowly as while the engine is lost later: see `watch`."""
SETTLE_LOOK_SECONDS = 1.0
ACCEPT_COMMAND = "docker compose exec status-state-api status-state accept"

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class SnapshotStore(Protocol):
    """What is asked of the store."""

    async def open(self) -> None:
        """Make it ready."""
        ...

    async def find_run(self, container_id: str) -> StoredRun | None:
        """Find the last run of this SSA container."""
        ...

    async def find_latest(self, engine: EngineIdentity) -> StoredSnapshot | None:
        """Find the latest snapshot of this engine."""
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
    settle_look_seconds: float = SETTLE_LOOK_SECONDS
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
        self._policies = policies
        self._timing = timing or Timing()
        self._clock = clock
        self._sleep = sleep
        self._kept = kept
        self._saving: asyncio.Task[int | None] | None = None
        self._run: tuple[str | None, str | None] = (None, None)
        self._stopping = False
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

    async def replace(self, recipes: Recipes) -> Held:
        """Hold another snapshot of the same engine from now on; the next start of this container goes on with it.

        Saved first, then held: a crash between the two resumes it. Not to be called again before it has returned.
        Raises `StoreUnavailable`; then the old one is held.
        """
        if self._stopping:
            raise StoreUnavailable("this service is stopping, so it takes no other snapshot", "Ask it once it is back")
        before = self._saving
        await self._save(recipes, before)
        return self._publish(recipes)

    async def _attempt(self) -> Held:
        await self._store.open()
        look = await self._engine.look()
        self._watch.answered(look)
        own = await find_own(self._engine, self._own_id)
        self.own_names = own.names
        situation = await self._situation(look, own)
        decision = decide(self._on_start, situation)
        if isinstance(decision, AskWhenEnded):
            decision = await self._ask_when_ended(decision, own)
        if isinstance(decision, Resume):
            recipes = await self._store.read_recipes(decision.snapshot.id)
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
        latest = await self._store.find_latest(look.identity)
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
        before: Recipes | None = None
        if situation.latest is not None:
            before = await self._store.read_recipes(situation.latest.id)
        if is_starting(look, self._timing.settle):
            await self._wait_until_settled(look)
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
            no_longer_held=sorted({original.name for original in before.originals} - now_held if before else ()),
            snapshot=recipes.snapshot.id,
        )
        return held

    async def _wait_until_settled(self, look: EngineLook) -> None:
        age = engine_age_seconds(look) or 0.0
        times = self._timing.settle
        self.waiting_for = (
            f"the engine started {age:.0f} s ago: the snapshot is captured once what runs has not changed for "
            f"{times.quiet_seconds:.0f} s, after {times.limit_seconds:.0f} s at the latest"
        )
        log.info(
            "engine_settling",
            message="The snapshot waits until the engine has started what it starts.",
            engine_age_seconds=round(age),
        )
        settling = Settling.begin(times, self._clock(), await self._running_ids())
        while settling.done is None:
            await self._sleep(self._timing.settle_look_seconds)
            settling = settling.observe(self._clock(), await self._running_ids())
        log.info(
            "engine_settled",
            message="The engine has started what it starts.",
            why=settling.done,
            running=len(settling.running),
        )

    async def _running_ids(self) -> frozenset[str]:
        listing = await self._engine.running()
        self._watch.answered()
        return frozenset(container.id for container in listing.containers)

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
