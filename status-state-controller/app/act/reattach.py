"""Starts a container that is down and whose networks or volumes are gone, or are others by now.

The container stays the one it is, with all its files. What is gone is made from its definition in the snapshot. Of a
container that is down the engine replaces the endpoint on a lost network by a new one in one step, so that a failure
leaves it on each network either as before or anew: the next attempt goes on from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ContainerError
from ..model import Outcome, Result
from ..plan.needs import lost_networks
from .provide import provide_networks, provide_volumes
from .recipe import endpoints, mode_network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.client import Engine
    from ..model import Action, Inspect, Original, Seen, Snapshot


async def reattach(engine: Engine, action: Action, snapshot: Snapshot, seen: Seen) -> Outcome:
    """Attach the container of an original to its networks again, and start it.

    Args:
        engine: where.
        action: what, and why.
        snapshot: the snapshot in force at this moment.
        seen: what was looked at just now; `container` is down.

    Raises:
        ContainerError: the engine refused.
        EngineError: the engine could not be asked.
    """
    original, container = snapshot.by_id[action.original_id or ""], seen.container or {}
    await attach_again(engine, original, snapshot, container)
    await engine.start(action.container.id)
    return Outcome(action, Result.DONE, await _other_mac(engine, container))


async def attach_again(engine: Engine, original: Original, snapshot: Snapshot, seen: Inspect) -> None:
    """Let a container that is down have the networks and volumes that its start needs; `seen` is its `inspect`.

    Raises:
        ContainerError: the engine refused.
        EngineError: the engine could not be asked.
    """
    attached = _networks(seen)
    present = await engine.networks()
    ids_before = ((name, str(endpoint.get("NetworkID") or "")) for name, endpoint in attached.items())
    lost = lost_networks(ids_before, snapshot, present)
    ids = {name: min(found) for name, found in present.items()} | await provide_networks(engine, lost, snapshot)
    # As in the snapshot; a network that it has joined since, as it is now.
    wanted = endpoints(seen) | endpoints(original.inspect)
    for name in lost:
        if name in ids:
            await engine.connect(ids[name], seen["Id"], wanted[name])
        else:
            await _drop(engine, seen["Id"], name, original, present)
    await provide_volumes(engine, seen, snapshot)


async def _drop(
    engine: Engine, container_id: str, name: str, original: Original, present: Mapping[str, frozenset[str]]
) -> None:
    """Drop the endpoint on a network that is gone and that nobody knows how to make."""
    if name in _networks(original.inspect):
        raise ContainerError(
            f"its network {name} is gone, and the snapshot does not tell how it was made: make it again"
        )
    if any(network_id.startswith(name) for network_id in frozenset[str]().union(*present.values())):
        # The engine would detach it from that one.
        raise ContainerError(f"its network {name} is gone, and its name is the beginning of the id of another one")
    await engine.disconnect(name, container_id)


async def _other_mac(engine: Engine, before: Inspect) -> str | None:
    """Tell whether a MAC address that was asked for is another one now: engines from 25 on give it to new containers only."""
    wanted, network = before["Config"].get("MacAddress"), mode_network(before)
    if not wanted or network is None:
        return None
    endpoint = _networks(await engine.inspect(before["Id"]) or {}).get(network) or {}
    given = endpoint.get("MacAddress")
    if not given or given == wanted:
        return None
    return f"its MAC address is {given} now: this engine gives {wanted} only to a container that is made anew"


def _networks(inspect: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    settings: dict[str, Any] = inspect.get("NetworkSettings") or {}
    networks: dict[str, dict[str, Any] | None] = settings.get("Networks") or {}
    return {name: endpoint or {} for name, endpoint in networks.items()}
