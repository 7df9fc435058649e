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

An impostor that was run with `--rm` is deleted by the engine when it stops; to put it back it is made again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from ..errors import ContainerError, ControllerError, EngineError
from ..model import RUNNING_STATES, Outcome, Result, aside_name
from ..protection import protection
from .recipe import creation
from .recreate import REMAINS, make, make_as_requested

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from ..engine.client import Engine
    from ..model import Action, Original, Snapshot

log: FilteringBoundLogger = structlog.get_logger(__name__)


REMOVAL_SECONDS = 10.0
REMOVAL_POLL_SECONDS = 0.1


class Restorer:
    """Restores originals, and remembers the attempts that failed: they are repeated only when something has changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._failed: dict[tuple[str, str], tuple[tuple[str | None, ...], str]] = {}

    async def restore(self, action: Action, snapshot: Snapshot, attempting: Callable[[], None]) -> Outcome:
        """Give an original its place back.

        Args:
            action: `container` is the impostor.
            snapshot: the snapshot in force at this moment, which may be newer than the action.
            attempting: called just before something is changed.
        """
        original = snapshot.by_id.get(action.original_id or "")
        if original is None or protection(original.labels) is not None:
            return Outcome(action, Result.DROPPED, "it is no longer in the snapshot, or protected by now")
        # An original that shares a namespace with one that was made again is replaced by itself.
        by_itself = action.container.id == original.id
        if action.container.id in snapshot.by_id and not by_itself:
            return Outcome(action, Result.DROPPED, "the other container belongs to the snapshot by now")
        pair = (original.id, action.container.id)
        present: tuple[str | None, ...] = ()
        try:
            seen = await self._engine.inspect(original.id)
            if seen is not None and seen["State"]["Status"] not in REMAINS and not by_itself:
                return Outcome(action, Result.DROPPED, "it exists again")
            impostor = await self._engine.inspect(original.name)
            if impostor is None or impostor["Id"] != action.container.id:
                return Outcome(action, Result.DROPPED, "its name has changed hands meanwhile")
            labels: dict[str, str] = impostor["Config"].get("Labels") or {}
            if protection({**labels, **snapshot.policy.labels(original.name)}) is not None:
                return Outcome(action, Result.DROPPED, "the other container is protected by now")
            # A change of any of these is a reason to try again what has failed before.
            present = (
                snapshot.id,
                await self._engine.image_id(original.image),
                await self._engine.image_id(original.image_id),
            )
            before = self._failed.get(pair)
            if before is not None and before[0] == present:
                return Outcome(action, Result.FAILED, f"{before[1]} (tried again when its image or the other changes)")
            attempting()
            made_id = await self._exchange(original, impostor, snapshot)
        except (ContainerError, EngineError) as error:
            if isinstance(error, ContainerError):
                self._failed[pair] = (present, str(error))
            return Outcome(action, Result.FAILED, str(error))
        self._failed.pop(pair, None)
        kept = f"the other one is kept as {aside_name(original.name, impostor['Id'])}"
        if impostor["HostConfig"].get("AutoRemove"):
            kept = "the other one was run with --rm, so the engine deleted it when it stopped"
        return Outcome(action, Result.DONE, kept, made_id=made_id)

    async def _exchange(self, original: Original, impostor: dict[str, Any], snapshot: Snapshot) -> str:
        engine = self._engine
        temporary_name = f"{original.name}-restored-{impostor['Id'][:12]}"
        left_over = await engine.inspect(temporary_name)
        if left_over is not None and left_over["State"]["Status"] == "created":
            await engine.remove_own(left_over["Id"])  # of an attempt in the middle of which the controller ended
        new_id = await make(engine, original, snapshot, temporary_name)
        try:
            await engine.stop(impostor["Id"], impostor["Config"].get("StopTimeout"))
            await self._put_aside(impostor, aside_name(original.name, impostor["Id"]))
            await engine.rename(new_id, original.name)
            await engine.start(new_id)
        except ControllerError:
            await self._put_back(original, impostor, new_id)
            raise
        return new_id

    async def _put_aside(self, impostor: dict[str, Any], name: str) -> None:
        """Take the impostor's name away; one that was run with `--rm` goes by itself, a moment after its stop."""
        if impostor["HostConfig"].get("AutoRemove"):
            with suppress(TimeoutError):
                async with asyncio.timeout(REMOVAL_SECONDS):
                    while await self._engine.inspect(impostor["Id"]) is not None:  # noqa: ASYNC110 # the engine does it
                        await asyncio.sleep(REMOVAL_POLL_SECONDS)
                    return
        try:
            await self._engine.rename(impostor["Id"], name)
        except ContainerError:
            if await self._engine.inspect(impostor["Id"]) is not None:
                raise

    async def _put_back(self, original: Original, impostor: dict[str, Any], new_id: str) -> None:
        """Undo what was done of the exchange: every step for itself, so that one that fails keeps none from the rest."""
        engine = self._engine
        impostor_id: str = impostor["Id"]
        await self._tried(engine.remove_own(new_id))
        seen = await self._tried(engine.inspect(impostor_id))
        if seen is None:
            name = str(impostor["Config"]["Image"])
            image = name if await self._tried(engine.image_id(name)) == impostor["Image"] else str(impostor["Image"])
            request = creation(impostor, image, {}, frozenset())
            made = await self._tried(make_as_requested(engine, original.name, request))
            if made is None:
                return
            impostor_id = made
        elif seen["Name"].removeprefix("/") != original.name:
            await self._tried(engine.rename(impostor_id, original.name))
        if impostor["State"]["Status"] in RUNNING_STATES:
            await self._tried(engine.start(impostor_id))

    async def _tried(self, step: Any) -> Any:
        try:
            return await step
        except ControllerError as error:
            log.error("putting a replaced container back failed in part", cause=str(error))  # noqa: TRY400 # foreseen
            return None
