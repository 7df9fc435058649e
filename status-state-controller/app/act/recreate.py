"""Makes a removed original again, from its recipe: what it needs first, then the container, then the start.

A failure, the first start's included, leaves nothing behind but networks and volumes that belong there anyway, so that
the next attempt looks at everything anew: a neighbour may have been removed, or recreated, in the middle of this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ContainerError, EngineError
from ..model import Outcome, Result, aside_name, restored_name, state_of, unfinished_name
from ..plan.dependencies import joined
from ..plan.meaning.images import image_lost, pull_sources, same_image
from .binds import require_bind_sources
from .provide import provide
from .recipe import Creation, creation

if TYPE_CHECKING:
    from ..engine.client import Engine
    from ..model import Action, Original, Seen, Snapshot


async def recreate(engine: Engine, action: Action, snapshot: Snapshot, seen: Seen) -> Outcome:
    """Make an original again that is gone.

    Args:
        engine: where.
        action: what, and why.
        snapshot: the snapshot in force at this moment.
        seen: what was looked at just now; remains that hold the original's name are renamed out of the way.

    Raises:
        ContainerError: the engine refused; nothing is left that could not stay.
        EngineError: the engine could not be asked.
    """
    original = snapshot.by_id[action.original_id or ""]
    await _clear_leftovers(engine, original)
    if seen.holder is not None:
        await engine.rename(seen.holder["Id"], f"{original.name}-dead-{seen.holder['Id'][:12]}")
    made_id = await make(
        engine, original, snapshot, original.name, meanwhile=unfinished_name(original.name, original.id)
    )
    try:
        await engine.start(made_id)
    except (ContainerError, EngineError) as error:
        if await _take_back(engine, made_id):
            raise
        return Outcome(action, Result.FAILED, str(error), made_id=made_id)
    return Outcome(action, Result.DONE, made_id=made_id)


async def _clear_leftovers(engine: Engine, original: Original) -> None:
    """Remove what an earlier attempt has made under a temporary name, and could not name before its process was ended.

    Of a restore, that it is the controller's own making shows by the impostor, which was put aside already: both names hold
    its id.
    """
    containers = await engine.containers()
    aside = [one.id for one in containers if one.name == aside_name(original.name, one.id)]
    names = {restored_name(original.name, container_id) for container_id in aside}
    names.add(unfinished_name(original.name, original.id))
    for one in containers:
        if one.name in names and one.state == "created":
            await engine.remove_own(one.id)


async def _take_back(engine: Engine, made_id: str) -> bool:
    """Remove what was made and could never be started: what it refers to may have gone while it was made.

    What can't be removed now stays where it is, and is started once that is possible; then the answer is False.
    """
    try:
        seen = await engine.inspect(made_id)
        if seen is not None and state_of(seen) == "created":
            await engine.remove_own(made_id)
            return True
    except (ContainerError, EngineError):
        return False
    return seen is None


async def make(
    engine: Engine, original: Original, snapshot: Snapshot, name: str, *, meanwhile: str | None = None
) -> str:
    """Make the container of an original, under this name, with all that it needs; return its id. It is not started.

    `meanwhile` is the name that it has until it is complete, where that takes more than one request: whoever finds it, should
    this process or the engine be ended in the middle, must not take it for the original.

    Raises:
        ContainerError: the engine refused, or what it mounts from the host is gone; nothing half-made is left.
        EngineError: the engine could not be asked.
    """
    await require_bind_sources(engine, original.inspect)
    image = await find_image(engine, original, snapshot)
    present, borrowed = await present_ids(engine, original, snapshot)
    request = creation(original.inspect, image, present, borrowed, await provide(engine, original, snapshot))
    return await make_as_requested(engine, name, request, meanwhile=meanwhile)


async def make_as_requested(engine: Engine, name: str, request: Creation, *, meanwhile: str | None = None) -> str:
    """Make a container and attach it to its networks, and to none besides; return its id.

    Raises:
        ContainerError: the engine refused; nothing half-made is left.
        EngineError: the engine could not be asked.
    """
    is_complete = not (request.further_networks or request.left_networks)
    first_name = name if is_complete or meanwhile is None else meanwhile
    container_id = await engine.create(first_name, request.body)
    try:
        for network, endpoint in request.further_networks.items():
            await engine.connect(network, container_id, endpoint)
        for network in request.left_networks:  # before the start: it is never reachable there
            await engine.disconnect(network, container_id)
        if first_name != name:
            await engine.rename(container_id, name)
    except (ContainerError, EngineError):
        await engine.remove_own(container_id)
        raise
    return container_id


async def present_ids(engine: Engine, original: Original, snapshot: Snapshot) -> tuple[dict[str, str], frozenset[str]]:
    """Look at those whose namespaces or volumes the original uses: they may have been recreated.

    Returns:
        The ids they have now, by those in the recipe, and the names of the volumes that come along with them.
    """
    present: dict[str, str] = {}
    volumes: set[str] = set()
    references = joined(original.inspect)
    ids = {one.name: one.id for one in await engine.containers()} if references else {}
    for reference in references:
        other = snapshot.meant_by_id(reference)
        name = other.name if other else reference.removeprefix("/")
        # By exact name: the engine would also take the beginning of an id for one.
        seen = await engine.inspect(ids.get(name, reference))
        if seen is not None:
            if other is not None:  # what was asked for by name stays so
                present[reference] = seen["Id"]
            mounts: list[dict[str, Any]] = seen.get("Mounts") or []
            volumes |= {str(mount.get("Name")) for mount in mounts if mount.get("Type") == "volume"}
    return present, frozenset(volumes)


async def find_image(engine: Engine, original: Original, snapshot: Snapshot) -> str:
    """Return how to name the original's image to the engine, which is pulled when it was deleted.

    Raises:
        ContainerError: the image is gone, and no registry has it.
        EngineError: the engine could not be asked.
    """
    image = snapshot.image(original)
    # The name, for as long as it means this image; once the tag has moved, only the id does.
    by_name = await engine.image(original.image)
    if by_name is not None and by_name.id == original.image_id:
        return original.image
    if await engine.image(original.image_id) is not None:
        return original.image_id
    if by_name is not None and same_image(
        image, by_name
    ):  # its id is of another store, or it was loaded or built again
        return original.image
    failures: list[str] = []
    for digest in pull_sources(image):
        try:
            await engine.pull(digest)
        except ContainerError as error:
            failures.append(str(error))
            continue
        pulled = await engine.image(digest)
        if pulled is not None and same_image(image, pulled):
            return pulled.id
    raise ContainerError(image_lost(original, image, by_name, failures))
