"""Whether the engine answers: logged once when it no longer does, and once when it does again.

Each caller of the engine reports to the watch how it went. While the engine is lost nobody asks it but the watch, every few
seconds: a connection made while an engine goes down can start it again (systemd's socket activation), and a hung one
must not hang every request. The watch ends the process when only a new one can help.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from ..errors import EngineUnavailable
from ..model import EngineIdentity
from ..process.bell import Bell
from ..process.ending import Ending
from ..same_engine import Relation, compare_engines, needs_containers
from .shared import SharedCall
from .view import EngineLook, EngineView

LOST_PING_SECONDS = 5.0
"""Design and facts: reconnect slowly, 5 s or more."""
IDLE_PING_SECONDS = 30.0
"""So that a loss is noticed even when nobody asks."""
REFUSED_LIMIT_SECONDS = 120.0
"""Design, section 8: a mounted socket goes stale when the engine is replaced; a restarted container gets the new one."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """The periods of the watch."""

    lost_ping_seconds: float = LOST_PING_SECONDS
    idle_ping_seconds: float = IDLE_PING_SECONDS
    refused_limit_seconds: float = REFUSED_LIMIT_SECONDS


class Keeper(Protocol):
    """Who holds the snapshot, and knows which engine it is of."""

    @property
    def engine_identity(self) -> EngineIdentity:
        """The engine that the snapshot is of."""
        ...

    @property
    def original_ids(self) -> frozenset[str]:
        """The ids of the snapshot's originals."""
        ...

    async def rename_engine(self, now: EngineIdentity) -> None:
        """Take note that the engine has another identity by now."""
        ...


def tell_recognised(before: EngineIdentity, now: EngineIdentity, relation: Relation) -> None:
    """Say that an engine with another identity is the same one."""
    log.info(
        "engine_recognised",
        message="The engine is the one that the snapshot was taken of, though it is known by another identity: "
        "the snapshot is kept.",
        why=relation.why,
        engine=now.id,
        before=before.id,
    )


class EngineWatch:
    """Knows whether the engine answers, and ends the process where only a new one can help."""

    def __init__(
        self,
        engine: EngineView,
        ending: Ending,
        *,
        clock: Callable[[], float] = time.monotonic,
        timing: Timing | None = None,
        bell: Bell | None = None,
    ) -> None:
        self._engine = engine
        self._ending = ending
        self._bell = bell or Bell()
        self._clock = clock
        self._timing = timing or Timing()
        self._heard_at: float | None = None
        self._lost_since: float | None = None
        self._refused_since: float | None = None
        self._told = False
        self._ping = SharedCall(self._ping_now)
        self._woken = asyncio.Event()
        self._keeper: Keeper | None = None
        self.error: EngineUnavailable | None = None
        """Why the engine can't be asked; None while it answers."""
        self.engine_look: EngineLook | None = None
        """The last look at it; None until it has answered once."""

    def answered(self, look: EngineLook | None = None) -> None:
        """Note that the engine has answered.

        Once a snapshot is held, a lost engine stays lost until it has been looked at: it may have become another one.
        """
        self._heard_at = self._clock()
        self.engine_look = look or self.engine_look
        if look is not None or self._keeper is None:
            self._forget_loss()

    def failed(self, error: EngineUnavailable) -> None:
        """Note that the engine could not be asked."""
        now = self._clock()
        self.error = error
        if self._lost_since is None:
            self._lost_since = now
            self._bell.ring()
        if not error.refused:
            self._refused_since = None
        elif self._refused_since is None:
            self._refused_since = now
        self._tell_loss()
        self._woken.set()

    async def ask(self) -> None:
        """Raise `EngineUnavailable` unless the engine answers now; those who ask together share one ping."""
        if self.error is None:
            await self._ping.get()
        else:
            raise self.error

    def expect(self, keeper: Keeper) -> None:
        """From now on the engine has to be the one of this snapshot, and a loss of it is logged."""
        self._keeper = keeper
        self._tell_loss()

    async def run(self, keeper: Keeper) -> None:
        """Watch from now on, for as long as the process lives; `keeper` holds the snapshot."""
        self.expect(keeper)
        while True:
            await self.turn()
            await self._wait()

    async def turn(self) -> None:
        """Ask the engine if it is lost, or has not been heard for a while; end the process if that can't help."""
        if self._lost_since is None:
            await self._turn_reachable()
        else:
            await self._turn_lost(self._lost_since)

    async def _turn_reachable(self) -> None:
        if self._heard_at is not None and self._clock() - self._heard_at < self._timing.idle_ping_seconds:
            return
        with contextlib.suppress(EngineUnavailable):
            await self._ping.get()

    async def _ping_now(self) -> None:
        try:
            await self._engine.ping()
        except EngineUnavailable as error:
            self.failed(error)
            raise
        self.answered()

    async def _turn_lost(self, lost_since: float) -> None:
        look = await self._look_again()
        if look is None:
            self._end_if_refused_for_long()
            return
        if self._keeper is not None and not await self._recognises(look.identity, self._keeper):
            return
        told = self._told
        self.answered(look)
        if told:
            log.info(
                "engine_back",
                message="The engine answers again.",
                lost_seconds=round(self._clock() - lost_since),
            )

    async def _recognises(self, seen: EngineIdentity, keeper: Keeper) -> bool:
        """Tell whether it is the engine of the snapshot; end the process if it is another one."""
        kept = keeper.engine_identity
        present: frozenset[str] = frozenset()
        if needs_containers(kept, seen):
            try:
                present = await self._engine.container_ids()
            except EngineUnavailable as error:
                self.failed(error)
                return False
        relation = compare_engines(kept, seen, keeper.original_ids, present)
        if not relation.is_same:
            log.error(
                "engine_replaced",
                message="This service ends, because another engine answers than the one the snapshot is of: "
                "the next start captures a fresh one.",
                why=relation.why,
                engine=seen.id,
                snapshot_engine=kept.id,
            )
            self._ending.fail()
        elif relation.why:
            tell_recognised(kept, seen, relation)
            await keeper.rename_engine(seen)
        return relation.is_same

    async def _look_again(self) -> EngineLook | None:
        try:
            await self._engine.ping()
            return await self._engine.look()
        except EngineUnavailable as error:
            self.failed(error)
            return None

    def _end_if_refused_for_long(self) -> None:
        if self._refused_since is None or self.error is None:
            return
        refused_seconds = self._clock() - self._refused_since
        if refused_seconds >= self._timing.refused_limit_seconds:
            log.error(
                "engine_given_up",
                message="This service ends, because nobody has listened at the engine's socket for long: "
                "a restarted container gets the socket of a new engine.",
                refused_seconds=round(refused_seconds),
                cause=self.error.cause,
                remedy=self.error.remedy,
            )
            self._ending.fail()

    async def _wait(self) -> None:
        """Wait for the next turn; a loss that a request has come across cuts the wait short."""
        self._woken.clear()
        if self._lost_since is not None:
            await asyncio.sleep(self._timing.lost_ping_seconds)
            return
        try:
            async with asyncio.timeout(self._timing.idle_ping_seconds):
                await self._woken.wait()
            await asyncio.sleep(self._timing.lost_ping_seconds)
        except TimeoutError:
            pass

    def _forget_loss(self) -> None:
        self.error = None
        if self._lost_since is not None:
            self._bell.ring()
        self._lost_since = None
        self._refused_since = None
        self._told = False

    def _tell_loss(self) -> None:
        """Tell a loss once; before there is a snapshot the start does the telling."""
        if self.error is not None and self._keeper is not None and not self._told:
            self._told = True
            log.error(
                "engine_lost",
                message="The engine can't be asked: the snapshot is served all the same, and it is tried again.",
                cause=self.error.cause,
                remedy=self.error.remedy,
            )
