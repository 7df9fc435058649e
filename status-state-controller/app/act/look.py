"""Looking again, just before an action: only what the action needs, found by full id or by exact name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model import Seen, Verb, labels_of
from ..protection import given_labels, protection

if TYPE_CHECKING:
    from ..engine.client import Engine
    from ..model import Action, Inspect, Snapshot


async def look(engine: Engine, action: Action, snapshot: Snapshot) -> Seen:
    """Look at what an action is about.

    Raises:
        EngineError: the engine can't be asked.
    """
    if action.verb not in {Verb.RECREATE, Verb.RESTORE, Verb.DROP}:
        seen = await engine.inspect(action.container.id)
        return Seen(seen, given=await _given_labels(engine, seen) if action.verb in {Verb.STOP, Verb.ACCEPT} else None)
    original = snapshot.by_id.get(action.original_id or "")
    if original is None:
        return Seen(None)
    seen = await engine.inspect(original.id)
    holder = await find(engine, original.name)
    return Seen(None, original=seen, holder=holder, given=await _given_labels(engine, holder))


async def _given_labels(engine: Engine, seen: Inspect | None) -> dict[str, str] | None:
    """Return the labels that count; the image is asked for only where one of them would protect."""
    if seen is None or protection(labels_of(seen)) is None:
        return None
    image = await engine.image(str(seen.get("Image") or ""))
    return given_labels(labels_of(seen), None if image is None else image.config, seen)


async def find(engine: Engine, name: str) -> Inspect | None:
    """Return the container of exactly this name: the engine itself would also take the beginning of an id for one.

    Raises:
        EngineError: the engine can't be asked.
    """
    held = next((one for one in await engine.containers() if one.name == name), None)
    return None if held is None else await engine.inspect(held.id)
