"""Networks and volumes: found by exact name, made from their definitions, joined and left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import docker.errors

from ..errors import ContainerError
from .connection import Connection
from .definitions import network_request

if TYPE_CHECKING:
    from collections.abc import Mapping


class Networks(Connection):
    """What the engine keeps besides containers and images."""

    def __init__(self, environment: Mapping[str, str], threads: int) -> None:
        super().__init__(environment, threads)
        self._making_a_network = asyncio.Lock()

    async def connect(self, network: str, container_id: str, endpoint: Mapping[str, Any]) -> None:
        """Attach a container to a network; `endpoint` is the engine's own JSON.

        Of one that is down the endpoint is only noted, in the place of one on a network of that name that is gone.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        await self._post(f"/networks/{quote(network)}/connect", {"Container": container_id, "EndpointConfig": endpoint})

    async def disconnect(self, network: str, container_id: str) -> None:
        """Detach a container from a network, even from one that is gone.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        await self._post(f"/networks/{quote(network)}/disconnect", {"Container": container_id, "Force": True})

    async def network_id(self, name: str) -> str | None:
        """Return the id of the network of exactly this name; None when there is none.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """

        def find(client: Any) -> str | None:
            found: list[dict[str, Any]] = client.networks(names=[name])  # the engine's filter takes parts of names, too
            return next((network["Id"] for network in found if network["Name"] == name), None)

        return await self._call(find, acting=True)

    async def networks(self) -> dict[str, frozenset[str]]:
        """Return the ids of all networks by their names: a name may be there twice.

        Raises:
            EngineError: the engine could not be asked.
        """
        listed: list[dict[str, Any]] = await self._call(lambda client: client.networks())
        ids: dict[str, frozenset[str]] = {}
        for network in listed:
            ids[network["Name"]] = ids.get(network["Name"], frozenset()) | {network["Id"]}
        return ids

    async def has_volume(self, name: str) -> bool:
        """Tell whether a volume is there, or at least not known to be gone.

        Raises:
            EngineError: the engine could not be asked.
        """

        def ask(client: Any) -> bool:
            try:
                client.inspect_volume(name)
            except docker.errors.NotFound:
                return False
            return True

        try:
            return await self._call(ask, acting=True)
        except ContainerError:
            return True  # what is wrong with it is told by the start

    async def ensure_network(self, definition: Mapping[str, Any]) -> str:
        """Make a network from its definition unless one of that name exists; return its id.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        name = str(definition["Name"])
        # One after the other: several originals may need it at once, and engines before 25 look for a duplicate and make
        # the network in two steps, so that requests at the same time make several of one name.
        async with self._making_a_network:
            present = await self.network_id(name)
            if present is not None:
                return present
            try:
                made = await self._post("/networks/create", {**network_request(definition), "CheckDuplicate": True})
            except ContainerError:
                present = await self.network_id(name)  # somebody else may have made it meanwhile
                if present is None:
                    raise
                return present
            return made["Id"]

    async def ensure_volume(self, definition: Mapping[str, Any]) -> None:
        """Make a volume from its definition; the engine leaves one of that name as it is.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        body: dict[str, Any] = {
            "Name": definition["Name"],
            "Driver": definition.get("Driver") or "local",
            "DriverOpts": definition.get("Options") or {},
            "Labels": definition.get("Labels") or {},
        }
        await self._post("/volumes/create", body)
