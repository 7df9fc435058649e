"""Makes a removed original again, from its recipe: what it needs first, then the container, then the start.

A failure before the container is complete leaves nothing behind but networks and volumes that belong there anyway; a
complete container that can't be started stays, and is the place of the original from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import ContainerError, EngineError
from .model import Outcome, Result
from .order import joined
from .protection import protection
from .recipe import creation

if TYPE_CHECKING:
    from collections.abc import Callable

    from .engine import Engine
    from .model import Action, Original, Snapshot

REMAINS = frozenset({"dead", "removing"})
"""States in which a container still has its name, and can be neither started nor waited for."""


async def recreate(engine: Engine, action: Action, snapshot: Snapshot, attempting: Callable[[], None]) -> Outcome:
    """Make an original again that is gone.

    Args:
        engine: where.
        action: what, and why.
        snapshot: the snapshot in force at this moment, which may be newer than the action.
        attempting: called just before the engine is told to do something.
    """
    original = snapshot.by_id.get(action.original_id or "")
    if original is None:
        return Outcome(action, Result.DROPPED, "it is no longer in the snapshot")
    try:
        seen = await engine.inspect(original.id)
        if seen is not None and seen["State"]["Status"] not in REMAINS:
            return Outcome(action, Result.DROPPED, "it exists again")
        holder = await engine.inspect(original.name)
        if holder is not None and not _may_be_moved(holder, original, snapshot):
            return Outcome(action, Result.DROPPED, "its name was taken meanwhile")
        attempting()
        if holder is not None:
            await engine.rename(holder["Id"], f"{original.name}-dead-{holder['Id'][:12]}")
        await _recreate(engine, original, snapshot)
    except (ContainerError, EngineError) as error:
        return Outcome(action, Result.FAILED, str(error))
    return Outcome(action, Result.DONE)


def _may_be_moved(holder: dict[str, Any], original: Original, snapshot: Snapshot) -> bool:
    """Tell whether the holder of the name is mere remains, and nobody's that is not to be touched."""
    if holder["State"]["Status"] not in REMAINS or protection(holder["Config"].get("Labels") or {}):
        return False
    return holder["Id"] == original.id or holder["Id"] not in snapshot.by_id


async def _recreate(engine: Engine, original: Original, snapshot: Snapshot) -> None:
    image = await find_image(engine, original, snapshot)
    request = creation(original.inspect, image, *await present_ids(engine, original, snapshot))
    await provide(engine, original, snapshot)
    container_id = await engine.create(original.name, request.body)
    try:
        for network, endpoint in request.further_networks.items():
            await engine.connect(network, container_id, endpoint)
    except (ContainerError, EngineError):
        await engine.remove_own(container_id)
        raise
    await engine.start(container_id)


async def present_ids(engine: Engine, original: Original, snapshot: Snapshot) -> tuple[dict[str, str], frozenset[str]]:
    """Look at those whose namespaces or volumes the original uses: they may have been made again.

    Returns:
        The ids they have now, by those in the recipe, and the names of the volumes that come along with them.
    """
    present: dict[str, str] = {}
    volumes: set[str] = set()
    for reference in joined(original.inspect):
        other = snapshot.by_id.get(reference)
        seen = await engine.inspect(other.name if other else reference)
        if seen is not None:
            present[reference] = seen["Id"]
            mounts: list[dict[str, Any]] = seen.get("Mounts") or []
            volumes |= {str(mount.get("Name")) for mount in mounts if mount.get("Type") == "volume"}
    return present, frozenset(volumes)


async def find_image(engine: Engine, original: Original, snapshot: Snapshot) -> str:
    """Return how the engine is to be told the original's image, which is pulled when it was deleted.

    Raises:
        ContainerError: the image is gone, and no registry has it.
        EngineError: the engine could not be asked.
    """
    # The name, for as long as it means this image; once the tag has moved, only the id does.
    if await engine.image_id(original.image) == original.image_id:
        return original.image
    if await engine.image_id(original.image_id) is not None:
        return original.image_id
    failures: list[str] = []
    for digest in snapshot.digests.get(original.image_id, ()):
        try:
            await engine.pull(digest)
        except ContainerError as error:
            failures.append(str(error))
            continue
        if await engine.image_id(original.image_id) is not None:
            return original.image_id
    why = "; ".join(failures) or "it came from no registry"
    raise ContainerError(
        f"its image {original.image} ({original.image_id}) was deleted and can't be pulled ({why}): load or build it again"
    )


async def provide(engine: Engine, original: Original, snapshot: Snapshot) -> None:
    """Make the networks and volumes that an original uses and that are gone.

    Raises:
        ContainerError: the engine refused.
        EngineError: the engine could not be asked.
    """
    settings: dict[str, Any] = original.inspect.get("NetworkSettings") or {}
    networks: dict[str, Any] = settings.get("Networks") or {}
    for name in sorted(networks):
        if name in snapshot.networks:
            await engine.ensure_network(snapshot.networks[name])
    mounts: list[dict[str, Any]] = original.inspect.get("Mounts") or []
    for name in sorted(str(mount.get("Name")) for mount in mounts if mount.get("Type") == "volume"):
        if name in snapshot.volumes:
            await engine.ensure_volume(snapshot.volumes[name])
