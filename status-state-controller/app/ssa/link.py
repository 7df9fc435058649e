"""What is held from the SSA: the snapshot in force, asked for at each check, and the verdicts, which it sends as they change.

Whatever goes wrong, the snapshot that is held stays in force. Verdicts don't: what is not known to be failing now
is not restarted.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import structlog

from ..errors import EngineError, ForeignSnapshot, SsaError, SsaNotReady
from ..model import Verdicts
from ..same_engine import compare_engines, needs_containers
from .checks import CheckCount
from .client import change_snapshot, follow_verdicts, read_recipes
from .wire import read_verdicts, write_change

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import httpx
    from structlog.typing import FilteringBoundLogger

    from ..model import Action, Container, EngineIdentity, Snapshot
    from ..process.lasting import Lasting
    from ..same_engine import Relation
    from .memory import KeptMemory

log: FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """The periods, in seconds."""

    verdicts_again: float = 2.0


class Containers(Protocol):
    """Who can list the containers of the engine."""

    async def containers(self) -> Sequence[Container]:
        """List every container, whatever its state. Raises `EngineError`."""
        ...


class Ssa:
    """What is held from the SSA.

    Args:
        client: leads to it.
        engine: lists its containers, where only they can tell whose snapshot it is.
        token_file: what it asks for.
        memory: takes over what the SSA has kept of a former controller, once, with the first snapshot.
        lasting: logs that there are no verdicts.
        timing: the periods.
        checks: is told to the SSA whenever it is asked.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        engine: Containers,
        token_file: Path,
        memory: KeptMemory,
        lasting: Lasting,
        *,
        timing: Timing = Timing(),  # frozen
        checks: CheckCount | None = None,
    ) -> None:
        self._client = client
        self._engine = engine
        self._token_file = token_file
        self._memory = memory
        self._lasting = lasting
        self._timing = timing
        self._checks = checks or CheckCount()
        self._snapshot: Snapshot | None = None
        self._failed_attempts = 0
        self._verdicts = Verdicts()
        self._desired: str | None = None  # the version that it last told of; None while nothing is heard

    @property
    def snapshot(self) -> Snapshot | None:
        """The snapshot in force; None while none was read."""
        return self._snapshot

    @property
    def failed_attempts(self) -> int:
        """How often it was asked since it last gave a usable answer, or said why it has none yet."""
        return self._failed_attempts

    @property
    def verdicts(self) -> Verdicts:
        """What the SSA says of probes and logs at this moment."""
        return self._verdicts

    @property
    def is_current(self) -> bool:
        """Whether what is held is what it last told of, and it would tell of a change."""
        return self._snapshot is not None and self._desired is not None and self._desired == self._snapshot.tag

    async def change_snapshot(self, action: Action) -> None:
        """Have it change the snapshot as an action says.

        Raises:
            SsaError: it can't be reached, or refuses.
        """
        await change_snapshot(self._client, self._token_file, write_change(action))

    async def refresh(self, engine: EngineIdentity) -> None:
        """Ask for the snapshot of this engine, and the policy with it, and hold it if it is another one.

        Raises:
            SsaNotReady: the SSA has none yet.
            ForeignSnapshot: it is about another engine.
            SsaError: there is no usable answer; what is held stays.
        """
        self._failed_attempts += 1
        try:
            answer = await read_recipes(self._client, self._token_file, self._snapshot, self._checks.header())
            relation = None if answer is None else await self._compare(answer.snapshot, engine)
        except SsaNotReady:
            self._failed_attempts = 0
            raise
        except EngineError as error:
            raise SsaError(f"whose snapshot the SSA serves can't be told: {error}") from error
        if answer is not None and relation is not None and not relation.is_same:
            owner = answer.snapshot.engine
            raise ForeignSnapshot(
                f"the SSA's snapshot belongs to the engine {owner.name} ({owner.id}), this controller acts on "
                f"{engine.name} ({engine.id}): {relation.why}; point SSC_SSA_URL to the SSA of this engine"
            )
        self._failed_attempts = 0
        if answer is None:
            return
        if self._snapshot is None:
            self._memory.resume(answer.memory)
        self._snapshot = replace(answer.snapshot, engine=engine, heirs=self._memory.value.references)

    async def stay_with(self, engine: EngineIdentity) -> None:
        """Keep the snapshot if this is the engine it belongs to, whatever its identity is now; else forget it.

        Raises:
            EngineError: the engine can't be asked for its containers.
        """
        snapshot = self._snapshot
        if snapshot is None or snapshot.engine == engine:
            return
        relation = await self._compare(snapshot, engine)
        if relation.is_same:
            message = f"this is the engine that it was before, known by another identity: {relation.why}"
            log.info("engine_recognised", message=message, engine=engine.id, before=snapshot.engine.id)
            self._snapshot = replace(snapshot, engine=engine)
        else:
            message = f"this is another engine than before, the snapshot in use is dropped: {relation.why}"
            log.error("engine_changed", message=message, engine=engine.id, before=snapshot.engine.id)
            self._snapshot = None

    async def _compare(self, snapshot: Snapshot, engine: EngineIdentity) -> Relation:
        """Have it judged whether a snapshot is of this engine."""
        present: list[str] = []
        if needs_containers(snapshot.engine, engine):
            present = [container.id for container in await self._engine.containers()]
        return compare_engines(snapshot.engine, engine, snapshot.by_id.keys(), present)

    def hear(self, line: bytes) -> bool:
        """Take over a line of verdicts; tell whether others are failing than before, or something else is desired.

        Raises:
            SsaError: the line can't be used, or there is no snapshot yet.
        """
        if self._snapshot is None:
            raise SsaError("its snapshot is not known yet")
        before, wanted = self._verdicts, self._desired
        self._verdicts, self._desired = read_verdicts(line, self._snapshot.engine)
        is_news = self._desired not in {wanted, None} and not self.is_current
        return is_news or self._verdicts.failing.keys() != before.failing.keys()

    async def follow_verdicts(self, changed: Callable[[], None]) -> None:
        """Follow the verdicts for ever; `changed` is called when others are failing, or something else is desired."""
        while True:
            try:
                async for line in follow_verdicts(self._client, self._token_file):
                    if self.hear(line):
                        changed()
                    self._lasting.ends("verdicts", "verdicts_back", "the SSA tells its verdicts again")
            except SsaError as error:
                if self._snapshot is not None:
                    self._lasting.begins(
                        "verdicts",
                        "verdicts_lost",
                        f"no verdicts from the SSA: {error}; nothing is restarted because of a probe or a log",
                    )
            except Exception:
                log.exception(
                    "bug", message="following the verdicts failed in a way that was not foreseen; please report this"
                )
            self._verdicts, self._desired = Verdicts(), None
            await asyncio.sleep(self._timing.verdicts_again)
