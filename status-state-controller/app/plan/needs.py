"""What a container that is down was attached to, or mounts, and what of it is gone: the engine would not start it. Pure.

The engine lets networks go to which only containers that are down are attached, and remembers them by their ids: made
again under the same name, a network is another one to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model import Container, Observed, Snapshot

PREDEFINED_NETWORKS = frozenset({"bridge", "host", "none"})
"""The engine's own: `bridge` has another id at each of its starts, and it sees to that by itself."""


def lost_networks(
    attached: Iterable[tuple[str, str]], snapshot: Snapshot, present: Mapping[str, frozenset[str]]
) -> list[str]:
    """Return the names of the networks that are gone, or have another id by now, in order.

    Args:
        attached: names and ids of the networks of a container; no id where it has not run there yet.
        snapshot: whose definitions tell the scope: the engine finds networks of a swarm by itself, listed or not.
        present: the ids of all networks, by their names.
    """
    ids = frozenset[str]().union(*present.values())
    lost = {name for name, network_id in attached if (network_id not in ids if network_id else name not in present)}
    swarm = {name for name in lost if snapshot.networks.get(name, {}).get("Scope") == "swarm"}
    return sorted(lost - swarm - PREDEFINED_NETWORKS)


def asks_for_networks(place: Container) -> bool:
    """Tell whether a container is attached to any network that may be gone."""
    return any(name not in PREDEFINED_NETWORKS for name, _ in place.networks)


def known_volumes(place: Container, snapshot: Snapshot) -> frozenset[str]:
    """Return the volumes of a container that can be made again, and be asked about: no other driver need answer in time."""
    return frozenset(name for name in place.volumes if snapshot.volumes.get(name, {}).get("Driver") == "local")


def tell_lost(place: Container, snapshot: Snapshot, observed: Observed) -> str:
    """Return what a container would miss at its start, to be put behind another reason; empty while nothing is gone."""
    present = observed.networks
    lost = [] if present is None else lost_networks(place.networks, snapshot, present)
    gone = [name for name in lost if name not in (present or {})]
    others = [name for name in lost if name not in gone]
    volumes = sorted(name for name in known_volumes(place, snapshot) if observed.volumes.get(name) is False)
    parts = (
        _told("network", gone, "gone"),
        _told("network", others, "another one by now"),
        _told("volume", volumes, "gone"),
    )
    return "".join(f", {part}" for part in parts if part)


def _told(what: str, names: list[str], how: str) -> str:
    if not names:
        return ""
    return f"its {what} {names[0]} is {how}" if len(names) == 1 else f"its {what}s {', '.join(names)} are {how}"
