"""The container this process runs in, as the engine knows it."""

from dataclasses import dataclass
from typing import Any

from ..protection import ROLE_LABEL
from .view import EngineView, Inspection


@dataclass(frozen=True, slots=True)
class Own:
    """The container this process runs in.

    `inspect` is None when it is not known, and `why_unknown` says why. `names` are those by which it can be reached
    over the engine's networks.
    """

    inspect: Inspection | None
    why_unknown: str = ""

    @property
    def container_id(self) -> str | None:
        """The container's id, if it is known."""
        return None if self.inspect is None else self.inspect["Id"]

    @property
    def names(self) -> frozenset[str]:
        """Its name, its host name and its aliases on networks."""
        if self.inspect is None:
            return frozenset()
        names: list[str] = [self.inspect["Name"].removeprefix("/"), self.inspect["Config"]["Hostname"]]
        networks: dict[str, dict[str, Any]] = self.inspect["NetworkSettings"].get("Networks") or {}
        for network in networks.values():
            names += network.get("Aliases") or []
        return frozenset(names) - {""}


async def find_own(engine: EngineView, own_id: str | None) -> Own:
    """Have the engine confirm the id that the kernel tells. Raises `EngineUnavailable`."""
    if own_id is None:
        return Own(None, "this process does not run in a container of a Docker engine")
    inspect = await engine.container(own_id)
    if inspect is None or not inspect["State"]["Running"]:
        return Own(None, f"the engine knows no running container {own_id[:12]}, in which this process runs")
    # A Kubernetes pod and `network_mode: container:…` have these files from another container, without the label.
    if ROLE_LABEL not in (inspect["Config"].get("Labels") or {}):
        return Own(None, f"container {own_id[:12]} lacks the label {ROLE_LABEL}: it is not this one")
    return Own(inspect)
