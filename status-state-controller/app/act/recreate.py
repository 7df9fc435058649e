"""Makes a removed original again, from its recipe: what it needs first, then the container, then the start.

A failure, the first start's included, leaves nothing behind but networks and volumes that belong there anyway, so that
the next attempt looks at everything anew: a neighbour may have been removed, or made again, in the middle of this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ContainerError, EngineError
from ..model import Outcome, Result
from ..plan.dependencies import joined
from ..protection import protection
from .recipe import Creation, creation

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine.client import Engine
    from ..model import Action, Original, Snapshot

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
    if original is None or protection(original.labels) is not None:
        return Outcome(action, Result.DROPPED, "it is no longer in the snapshot, or protected by now")
    try:
        seen = await engine.inspect(original.id)
        if seen is not None and seen["State"]["Status"] not in REMAINS:
            return Outcome(action, Result.DROPPED, "it exists again")
        holder = await engine.inspect(original.name)
        if holder is not None and not _may_be_moved(holder, original, snapshot):
            return Outcome(action, Result.DROPPED, "its name was taken meanwhile")
        missing = await _missing(engine, original, snapshot)
        if missing:
            return Outcome(action, Result.DROPPED, f"it needs {missing}, which has to be made again first")
        attempting()
        if holder is not None:
            await engine.rename(holder["Id"], f"{original.name}-dead-{holder['Id'][:12]}")
        made_id = await make(engine, original, snapshot, original.name)
    except (ContainerError, EngineError) as error:
        return Outcome(action, Result.FAILED, str(error))
    try:
        await engine.start(made_id)
    except (ContainerError, EngineError) as error:
        await _take_back(engine, made_id)
        return Outcome(action, Result.FAILED, str(error), made_id=made_id)
    return Outcome(action, Result.DONE, made_id=made_id)


async def _take_back(engine: Engine, made_id: str) -> None:
    """Remove what was made and could never be started: what it refers to may have gone while it was made."""
    try:
        seen = await engine.inspect(made_id)
        if seen is not None and seen["State"]["Status"] == "created":
            await engine.remove_own(made_id)
    except (ContainerError, EngineError):
        return  # it stays where it is, and is started once that is possible


def _may_be_moved(holder: dict[str, Any], original: Original, snapshot: Snapshot) -> bool:
    """Tell whether the holder of the name is mere remains, and nobody's that is not to be touched."""
    labels: dict[str, str] = holder["Config"].get("Labels") or {}
    if holder["State"]["Status"] not in REMAINS or protection({**labels, **snapshot.policy.labels(original.name)}):
        return False
    return holder["Id"] == original.id or holder["Id"] not in snapshot.by_id


async def _missing(engine: Engine, original: Original, snapshot: Snapshot) -> str | None:
    """Return the name of an original that this one can't be made without and that is gone itself, if there is one."""
    by_name = {other.name: other for other in snapshot.originals}
    for reference in joined(original.inspect):
        other = snapshot.by_id.get(reference) or by_name.get(reference)
        if other is not None and await engine.inspect(other.name) is None:
            return other.name
    return None


async def make(engine: Engine, original: Original, snapshot: Snapshot, name: str) -> str:
    """Make the container of an original, under this name, with all that it needs; return its id. It is not started.

    Raises:
        ContainerError: the engine refused; nothing half-made is left.
        EngineError: the engine could not be asked.
    """
    image = await find_image(engine, original, snapshot)
    present, borrowed = await present_ids(engine, original, snapshot)
    request = creation(original.inspect, image, present, borrowed, await provide(engine, original, snapshot))
    return await make_as_requested(engine, name, request)


async def make_as_requested(engine: Engine, name: str, request: Creation) -> str:
    """Make a container and attach it to its networks; return its id.

    Raises:
        ContainerError: the engine refused; nothing half-made is left.
        EngineError: the engine could not be asked.
    """
    container_id = await engine.create(name, request.body)
    try:
        for network, endpoint in request.further_networks.items():
            await engine.connect(network, container_id, endpoint)
    except (ContainerError, EngineError):
        await engine.remove_own(container_id)
        raise
    return container_id


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
            if other is not None:  # whoever was asked for by name stays so
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


async def provide(engine: Engine, original: Original, snapshot: Snapshot) -> dict[str, str]:
    """Make the networks and volumes that an original uses and that are gone; return the networks' ids by name.

    Raises:
        ContainerError: the engine refused.
        EngineError: the engine could not be asked.
    """
    settings: dict[str, Any] = original.inspect.get("NetworkSettings") or {}
    networks: dict[str, Any] = settings.get("Networks") or {}
    defined = sorted(name for name in networks if name in snapshot.networks)
    ids = {name: await engine.ensure_network(snapshot.networks[name]) for name in defined}
    mounts: list[dict[str, Any]] = original.inspect.get("Mounts") or []
    for name in sorted(str(mount.get("Name")) for mount in mounts if mount.get("Type") == "volume"):
        if name in snapshot.volumes:
            await engine.ensure_volume(snapshot.volumes[name])
    return ids
