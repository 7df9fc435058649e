"""Puts an original back in the place of an impostor: another container that has taken its name.

Everything that can fail without harm comes first. From the moment the impostor is stopped, any failure puts it back
as it was, running and under its name: no failure may leave the service with neither of the two. The impostor is never
removed; it stays, stopped, under another name.

| step that fails               | what is undone                                                              |
|-------------------------------|-----------------------------------------------------------------------------|
| image, networks, volumes      | nothing was changed                                                         |
| create under a temporary name | nothing was changed                                                         |
| connect to further networks   | the new container is removed                                                |
| stop the impostor             | it is started again (it may be half way down), the new container is removed |
| rename the impostor           | it is started again, the new container is removed                           |
| name the new container        | the impostor gets its name back and is started, the new container is removed|
| start the new container       | the new container is removed, the impostor gets its name back and is started|

An original that still exists, down under another name, is not made again: it gets its name back, and whatever fails gives
it the other name again.

An impostor that was run with `--rm` is deleted by the engine when it stops; to put it back it is recreated.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from ..errors import ContainerError, ControllerError
from ..model import RUNNING_STATES, Outcome, Result, aside_name, name_of, restored_name, state_of
from ..plan.still_right import comes_back
from .binds import require_bind_sources
from .look import find
from .reattach import attach_again
from .recipe import creation
from .recreate import make, make_as_requested

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from ..engine.client import Engine
    from ..model import Action, Inspect, Original, Seen, Snapshot

log: FilteringBoundLogger = structlog.get_logger(__name__)


REMOVAL_SECONDS = 10.0
REMOVAL_POLL_SECONDS = 0.1


async def restore(engine: Engine, action: Action, snapshot: Snapshot, seen: Seen) -> Outcome:
    """Give an original its place back.

    Args:
        engine: where.
        action: `container` is the impostor, or the original itself where it is to leave a namespace that is no more.
        snapshot: the snapshot in force at this moment.
        seen: what was looked at just now; `holder` is the impostor.

    Raises:
        ContainerError: the engine refused; everything is as it was.
        EngineError: the engine could not be asked.
    """
    original, impostor = snapshot.by_id[action.original_id or ""], seen.holder or {}
    made_id: str | None = None
    if action.images is not None and seen.original is not None and comes_back(seen.original, original):
        await require_bind_sources(engine, seen.original)
        await attach_again(engine, original, snapshot, seen.original)
        await _exchange(engine, original, impostor, _Renamed(engine, seen.original))
    else:
        made = _Made(engine, await _make(engine, original, impostor, snapshot))
        await _exchange(engine, original, impostor, made)
        made_id = made.id
    kept = f"the other one is kept as {aside_name(original.name, impostor['Id'])}"
    if impostor["HostConfig"].get("AutoRemove"):
        kept = "the other one was run with --rm, so the engine deleted it when it stopped"
    return Outcome(action, Result.DONE, kept, made_id=made_id)


class _Taker(Protocol):
    """The container that takes the place: how it is withdrawn when that fails."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    async def withdraw(self) -> None:
        """Undo what was done with it so far."""
        ...


class _Made:
    """The original, made again under a temporary name."""

    def __init__(self, engine: Engine, container_id: str) -> None:
        self._engine = engine
        self.id = container_id

    async def withdraw(self) -> None:
        """Remove it: it was never started."""
        await self._engine.remove_own(self.id)


class _Renamed:
    """The original itself, which is down under another name."""

    def __init__(self, engine: Engine, seen: Inspect) -> None:
        self._engine = engine
        self._name = name_of(seen)
        self.id: str = seen["Id"]

    async def withdraw(self) -> None:
        """Give it the other name again, if it was renamed by now."""
        seen = await self._engine.inspect(self.id)
        if seen is not None and name_of(seen) != self._name:
            await self._engine.rename(self.id, self._name)


async def _make(engine: Engine, original: Original, impostor: Inspect, snapshot: Snapshot) -> str:
    """Make the original under a temporary name; return its id."""
    temporary_name = restored_name(original.name, impostor["Id"])
    left_over = await find(engine, temporary_name)
    if left_over is not None and state_of(left_over) == "created":
        await engine.remove_own(left_over["Id"])  # of an attempt in the middle of which the controller ended
    return await make(engine, original, snapshot, temporary_name)


async def _exchange(engine: Engine, original: Original, impostor: Inspect, taker: _Taker) -> None:
    try:
        await engine.stop(impostor["Id"], impostor["Config"].get("StopTimeout"))
        await _put_aside(engine, impostor, aside_name(original.name, impostor["Id"]))
        await engine.rename(taker.id, original.name)
        await engine.start(taker.id)
    except ControllerError:
        await _put_back(engine, original, impostor, taker)
        raise


async def _put_aside(engine: Engine, impostor: Inspect, name: str) -> None:
    """Take the impostor's name away; one that was run with `--rm` goes by itself, a moment after its stop."""
    if impostor["HostConfig"].get("AutoRemove"):
        with suppress(TimeoutError):
            async with asyncio.timeout(REMOVAL_SECONDS):
                while await engine.inspect(impostor["Id"]) is not None:  # noqa: ASYNC110 # the engine does it
                    await asyncio.sleep(REMOVAL_POLL_SECONDS)
                return
    try:
        await engine.rename(impostor["Id"], name)
    except ContainerError:
        if await engine.inspect(impostor["Id"]) is not None:
            raise


async def _put_back(engine: Engine, original: Original, impostor: Inspect, taker: _Taker) -> None:
    """Undo what was done of the exchange: every step for itself, so that one that fails keeps none from the rest."""
    impostor_id: str = impostor["Id"]
    await _tried(taker.withdraw())
    seen = await _tried(engine.inspect(impostor_id))
    if seen is None:
        name = str(impostor["Config"]["Image"])
        by_name = await _tried(engine.image(name))
        image = name if by_name is not None and by_name.id == impostor["Image"] else str(impostor["Image"])
        request = creation(impostor, image, {}, frozenset())
        made = await _tried(make_as_requested(engine, original.name, request))
        if made is None:
            return
        impostor_id = made
    elif name_of(seen) != original.name:
        await _tried(engine.rename(impostor_id, original.name))
    if state_of(impostor) in RUNNING_STATES:
        await _tried(engine.start(impostor_id))


async def _tried(step: Any) -> Any:
    try:
        return await step
    except ControllerError as error:
        log.error("put_back_failed", message="putting a replaced container back failed in part", cause=str(error))  # noqa: TRY400 # foreseen
        return None
