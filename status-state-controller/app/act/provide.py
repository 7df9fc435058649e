"""The networks and volumes that a container needs: made from their definitions where they are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.definitions import config_source
from .recipe import mode_network

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..engine.client import Engine
    from ..model import Original, Snapshot


async def provide(engine: Engine, original: Original, snapshot: Snapshot) -> dict[str, str]:
    """Make the networks and volumes that an original uses and that are gone; return the networks' ids by name.

    The network that it was made with is told as well, if it is there, though the original was disconnected from it.

    Raises:
        ContainerError: the engine refused.
        EngineError: the engine could not be asked.
    """
    settings: dict[str, Any] = original.inspect.get("NetworkSettings") or {}
    networks: dict[str, Any] = settings.get("Networks") or {}
    ids = await provide_networks(engine, networks, snapshot)
    left = mode_network(original.inspect)
    if left is not None and left not in networks:
        network_id = await engine.network_id(left)
        ids |= {} if network_id is None else {left: network_id}
    await provide_volumes(engine, original.inspect, snapshot)
    return ids


async def provide_networks(engine: Engine, names: Iterable[str], snapshot: Snapshot) -> dict[str, str]:
    """Make those of these networks that are gone and that the snapshot defines; return the ids of all that it defines.

    Raises:
        ContainerError: the engine refused.
        EngineError: the engine could not be asked.
    """
    defined = sorted(name for name in names if name in snapshot.networks)
    sources = {config_source(snapshot.networks[name]) or "" for name in defined}
    for name in sorted(sources & snapshot.networks.keys()):
        await engine.ensure_network(snapshot.networks[name])
    return {name: await engine.ensure_network(snapshot.networks[name]) for name in defined}


async def provide_volumes(engine: Engine, inspect: Mapping[str, Any], snapshot: Snapshot) -> None:
    """Make the volumes that a container mounts, that are gone, and that the snapshot defines.

    Raises:
        ContainerError: the engine refused.
        EngineError: the engine could not be asked.
    """
    mounts: list[dict[str, Any]] = inspect.get("Mounts") or []
    for name in sorted(str(mount.get("Name")) for mount in mounts if mount.get("Type") == "volume"):
        if name in snapshot.volumes:
            await engine.ensure_volume(snapshot.volumes[name])
