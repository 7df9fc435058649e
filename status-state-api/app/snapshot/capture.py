"""Captures what a snapshot holds: lists what runs, leaves out the protected, and reads the recipes of the rest.

It reads from the engine and decides nothing but what `protection` says. Recipes hold secrets: never log them.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog

from ..engine.view import EngineView, Inspection, cut_labels
from ..health.rules.policy import Policy
from ..model import EngineIdentity, OriginalRecipe, Recipes, RunningContainer, SnapshotHead
from ..protection import IGNORE_LABEL, ROLE_LABEL, given_labels, misread, protection
from .change import Captured, Content, make_recipes
from .definitions import Definitions, config_source, networks_of, volumes_of

CONCURRENT_INSPECTS = 8

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


async def capture_snapshot(
    engine: EngineView, identity: EngineIdentity, at: datetime, reason: str, policy: Policy
) -> Recipes:
    """Capture what runs now as a snapshot. A container that vanishes meanwhile is left out."""
    captured = await capture_running(engine, policy)
    head = SnapshotHead(id=uuid.uuid4().hex, taken_at=at.replace(microsecond=0), reason=reason, engine=identity)
    return make_recipes(head, Content(captured.originals, [], captured.definitions))


async def capture_running(engine: EngineView, policy: Policy) -> Captured:
    """Capture all that runs now, without the protected. A container that vanishes meanwhile is left out."""
    listing = await engine.running()
    wanted: list[str] = []
    for container in listing.containers:
        labels = policy.apply(container.name, await labels_given(engine, container))
        unreadable = misread(labels)
        if unreadable is not None:
            log.warning(
                "label_unreadable",
                message="A container is left alone because a label can't be read: make it true or false.",
                container=container.name,
                label=f"{IGNORE_LABEL}={unreadable}",
            )
        if protection(labels) is None:
            wanted.append(container.id)
    return await capture_containers(engine, wanted)


async def capture_containers(engine: EngineView, ids: list[str]) -> Captured:
    """Capture these containers, in whatever state. One that vanishes meanwhile is left out."""
    inspects = await _each(ids, engine.container)
    networks = await _each(
        sorted({network for inspect in inspects for network in networks_of(inspect)}), engine.network
    )
    networks += await _config_networks(engine, networks)
    volumes = await _each(sorted({volume for inspect in inspects for volume in volumes_of(inspect)}), engine.volume)
    images = await _each(sorted({str(inspect["Image"]) for inspect in inspects}), engine.image)
    return Captured(
        sorted(map(_original, inspects), key=lambda original: (original.name, original.id)),
        Definitions(
            sorted((_definition(network) for network in networks), key=lambda network: str(network["Name"])),
            sorted(volumes, key=lambda volume: str(volume["Name"])),
            [_image(image) for image in images],
        ),
    )


async def labels_given(engine: EngineView, container: RunningContainer) -> Mapping[str, str]:
    """The labels that count: an image is asked for only where one of them would protect."""
    if protection(container.labels) is None:
        return container.labels
    image = await engine.image(container.image_id)
    inspect = await engine.container(container.id) if ROLE_LABEL in container.labels else None
    config: Inspection = (image or {}).get("Config") or {}
    # The container's are of a listing: what is its image's own must be cut like them to be known as that.
    config = {**config, "Labels": cut_labels(config.get("Labels") or {})}
    return given_labels(container.labels, config, inspect)


async def _config_networks(engine: EngineView, networks: list[Inspection]) -> list[Inspection]:
    """The config-only networks that these have their configuration from: no container is attached to them."""
    sources = {config_source(network) for network in networks} - {""}
    found = await _each(sorted(sources), engine.network)
    # By exact name: the engine also takes the beginning of an id for one.
    return [network for network in found if network["Name"] in sources]


def _original(inspect: Inspection) -> OriginalRecipe:
    return OriginalRecipe(
        id=inspect["Id"],
        name=inspect["Name"].removeprefix("/"),
        image=inspect["Config"]["Image"],
        image_id=inspect["Image"],
        inspect=inspect,
    )


def _image(image: Inspection) -> Inspection:
    """What an image is known by: its id is another one once it is in another store, or came another way."""
    digests: list[str] = image.get("RepoDigests") or []
    filesystem: Inspection = image.get("RootFS") or {}
    layers: list[str] = filesystem.get("Layers") or []
    return {
        "Id": image["Id"],
        "RepoDigests": digests,
        "RootFS": {"Layers": layers},
        "Config": image.get("Config") or {},
    }


def _definition(network: Inspection) -> Inspection:
    """The network itself, without what is attached to it at the moment."""
    return {key: value for key, value in network.items() if key != "Containers"}


async def _each(names: list[str], inspect: Callable[[str], Awaitable[Inspection | None]]) -> list[Inspection]:
    """Inspect them all, a few at a time; those that are gone are left out."""
    free = asyncio.Semaphore(CONCURRENT_INSPECTS)

    async def one(name: str) -> Inspection | None:
        async with free:
            return await inspect(name)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(name)) for name in names]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None  # they failed together: one cause is enough to tell
    return [inspection for task in tasks if (inspection := task.result()) is not None]
