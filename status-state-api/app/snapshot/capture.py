"""Captures a snapshot: lists what runs, leaves out the protected, and reads the recipes of the rest.

It reads from the engine and decides nothing but what `protection` says. Recipes hold secrets: never log them.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog

from ..engine.view import EngineView, Inspection
from ..health.rules.policy import Policy
from ..model import EngineIdentity, OriginalRecipe, Recipes, RunningContainer, SnapshotHead
from ..protection import IGNORE_LABEL, ROLE_LABEL, given_labels, misread, protection

CONCURRENT_INSPECTS = 8

PREDEFINED_NETWORKS = {"bridge", "host", "none"}

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


async def capture_snapshot(
    engine: EngineView, identity: EngineIdentity, at: datetime, reason: str, policy: Policy
) -> Recipes:
    """Capture what runs now as a snapshot. A container that vanishes meanwhile is left out."""
    listing = await engine.running()
    wanted: list[str] = []
    for container in listing.containers:
        labels = policy.apply(container.name, await _given_labels(engine, container))
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
    inspects = await _each(wanted, engine.container)
    networks = await _each(
        sorted({network for inspect in inspects for network in networks_of(inspect)}), engine.network
    )
    networks += await _config_networks(engine, networks)
    volumes = await _each(sorted({volume for inspect in inspects for volume in volumes_of(inspect)}), engine.volume)
    images = await _each(sorted({str(inspect["Image"]) for inspect in inspects}), engine.image)
    originals = sorted(map(_original, inspects), key=lambda original: (original.name, original.id))
    return Recipes(
        snapshot=SnapshotHead(id=uuid.uuid4().hex, taken_at=at.replace(microsecond=0), reason=reason, engine=identity),
        count=len(originals),
        originals=originals,
        networks=sorted((_definition(network) for network in networks), key=lambda network: str(network["Name"])),
        volumes=sorted(volumes, key=lambda volume: str(volume["Name"])),
        images=[_image(image) for image in images],
    )


async def _given_labels(engine: EngineView, container: RunningContainer) -> Mapping[str, str]:
    """The labels that count: an image is asked for only where one of them would protect."""
    if protection(container.labels) is None:
        return container.labels
    image = await engine.image(container.image_id)
    inspect = await engine.container(container.id) if ROLE_LABEL in container.labels else None
    return given_labels(container.labels, None if image is None else image.get("Config"), inspect)


async def _config_networks(engine: EngineView, networks: list[Inspection]) -> list[Inspection]:
    """The config-only networks that these have their configuration from: no container is attached to them."""
    origins: list[Inspection] = [network.get("ConfigFrom") or {} for network in networks]
    sources = {str(origin.get("Network") or "") for origin in origins} - {""}
    found = await _each(sorted(sources), engine.network)
    # By exact name: the engine also takes the beginning of an id for one.
    return [network for network in found if network["Name"] in sources]


def networks_of(inspect: Inspection) -> list[str]:
    """The ids of the user-defined networks that a container is attached to, or their names where it has no id yet."""
    networks: dict[str, Inspection] = inspect["NetworkSettings"].get("Networks") or {}
    return [str(end.get("NetworkID") or name) for name, end in networks.items() if name not in PREDEFINED_NETWORKS]


def volumes_of(inspect: Inspection) -> list[str]:
    """The names of the volumes that a container mounts, named and anonymous."""
    mounts: list[Inspection] = inspect.get("Mounts") or []
    return [str(mount["Name"]) for mount in mounts if mount.get("Type") == "volume" and mount.get("Name")]


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
