"""The memory of the plan, as it is at this moment, and how it is written for the SSA, which keeps it.

Written is what a new process can't observe by itself. What it can't read it begins without: at worst an original is
tried once too soon.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 # pydantic needs the types while the program runs
from typing import TYPE_CHECKING, Any, Literal

import structlog
from pydantic import BaseModel, ValidationError

from ..model import ImageIds  # noqa: TC001 # as above
from ..plan import memory as plan_memory
from ..plan.memory import Attempts, HealthySeen, Memory, Pair, RefusedRestore, Unfinished

if TYPE_CHECKING:
    from collections.abc import Iterable

    from structlog.typing import FilteringBoundLogger

    from ..model import Action, Outcome

log: FilteringBoundLogger = structlog.get_logger(__name__)


class _Refused(BaseModel):
    pair: Pair
    images: ImageIds
    reason: str


class _Kept(BaseModel):
    version: Literal[1] = 1
    snapshot_id: str
    attempts: Mapping[str, Attempts]
    successors: list[Pair]
    unfinished: Mapping[str, Unfinished]
    interrupted: list[str]
    refused: list[_Refused]
    newcomers_since: Mapping[str, float]
    healthy: Mapping[str, HealthySeen]
    # A former version did not know these.
    first_newcomer_at: float | None = None
    seen: list[str] = []
    rolled_back_at: float | None = None
    references: Mapping[str, str] = {}


class KeptMemory:
    """The memory of this controller; the only place where it is replaced by a newer one."""

    def __init__(self, memory: Memory = Memory()) -> None:  # noqa: B008 # frozen
        self._memory = memory

    @property
    def value(self) -> Memory:
        """The memory at this moment."""
        return self._memory

    @property
    def mass_failure(self) -> bool:
        """Whether so many are unhealthy that none of them is restarted for that."""
        return self._memory.mass_failure.sentence is not None

    def take(self, memory: Memory) -> None:
        """Take over what a plan has made of the value."""
        self._memory = memory

    def begin(self, actions: Iterable[Action], now: float) -> None:
        """Note that these actions are begun, at this time in seconds since 1970."""
        self._memory = plan_memory.begun(self._memory, actions, now)

    def end(self, outcome: Outcome) -> None:
        """Note what became of an action."""
        self._memory = plan_memory.ended(self._memory, outcome)

    def resume(self, document: Any) -> None:
        """Begin with what a former controller remembered; None for nothing."""
        if document is None:
            return
        try:
            self._memory = read_memory(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            message = "what the SSA has kept of a former controller can't be read: this one begins without"
            log.warning("memory_unreadable", message=message, cause=f"{where}: {first['msg']}")
            return
        log.info(
            "memory_resumed",
            message="attempts, and what was recreated, are known of the controller before this one",
            attempts=len(self._memory.attempts),
            successors=len(self._memory.successors),
            unfinished=len(self._memory.unfinished),
        )


def write_memory(memory: Memory) -> dict[str, Any]:
    """Return the JSON document that the SSA keeps."""
    refused = [
        _Refused(pair=pair, images=one.images, reason=one.reason) for pair, one in sorted(memory.refused.items())
    ]
    kept = _Kept(
        snapshot_id=memory.snapshot_id,
        attempts=memory.attempts,
        successors=sorted(memory.successors),
        unfinished=memory.unfinished,
        interrupted=sorted(memory.interrupted),
        refused=refused,
        newcomers_since=memory.newcomers_since,
        healthy=memory.healthy,
        first_newcomer_at=memory.first_newcomer_at,
        seen=sorted(memory.seen),
        rolled_back_at=memory.rolled_back_at,
        references=memory.references,
    )
    return kept.model_dump(mode="json")


def read_memory(document: Any) -> Memory:
    """Read what `write_memory` has written.

    Raises:
        ValidationError: it is something else, or of another version.
    """
    kept = _Kept.model_validate(document)
    return Memory(
        snapshot_id=kept.snapshot_id,
        attempts=kept.attempts,
        successors=frozenset(kept.successors),
        unfinished=kept.unfinished,
        interrupted=frozenset(kept.interrupted),
        refused={one.pair: RefusedRestore(one.images, one.reason) for one in kept.refused},
        newcomers_since=kept.newcomers_since,
        healthy=kept.healthy,
        first_newcomer_at=kept.first_newcomer_at,
        seen=frozenset(kept.seen),
        rolled_back_at=kept.rolled_back_at,
        references=kept.references,
    )
