"""Networks and volumes: found by exact name, made from their definitions, joined and left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import ContainerError
from .connection import Connection
from .definitions import network_request

if TYPE_CHECKING:
    from collections.abc import Mapping


class Networks(Connection):
    """What the engine keeps besides containers and images."""

    async def connect(self, network: str, container_id: str, endpoint: Mapping[str, Any]) -> None:
        """Attach a container to a network; `endpoint` is the engine's own JSON.

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

    async def ensure_network(self, definition: Mapping[str, Any]) -> str:
        """Make a network from its definition unless one of that name exists; return its id.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        name = str(definition["Name"])
        body = network_request(definition)

        present = await self.network_id(name)
        if present is not None:
            return present
        try:
            await self._post("/networks/create", {**body, "CheckDuplicate": True})
        except ContainerError:
            # Two originals of one network are recreated at once: the other one may have made it meanwhile.
            present = await self.network_id(name)
            if present is None:
                raise
            return present
        made = await self.network_id(name)
        if made is None:
            raise ContainerError(f"the network {name} was made and is gone again")
        return made

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
