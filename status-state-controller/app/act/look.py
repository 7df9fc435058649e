"""Looking again, just before an action: only what the action needs, found by full id or by exact name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model import Seen, Verb

if TYPE_CHECKING:
    from ..engine.client import Engine
    from ..model import Action, Inspect, Snapshot


async def look(engine: Engine, action: Action, snapshot: Snapshot) -> Seen:
    """Look at what an action is about.

    Raises:
        EngineError: the engine can't be asked.
    """
    if action.verb not in {Verb.RECREATE, Verb.RESTORE, Verb.DROP}:
        return Seen(await engine.inspect(action.container.id))
    original = snapshot.by_id.get(action.original_id or "")
    if original is None:
        return Seen(None)
    seen = await engine.inspect(original.id)
    return Seen(None, original=seen, holder=await find(engine, original.name))


async def find(engine: Engine, name: str) -> Inspect | None:
    """Return the container of exactly this name: the engine itself would also take the beginning of an id for one.

    Raises:
        EngineError: the engine can't be asked.
    """
    held = next((one for one in await engine.containers() if one.name == name), None)
    return None if held is None else await engine.inspect(held.id)
