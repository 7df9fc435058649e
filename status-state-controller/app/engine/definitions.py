"""From the definitions of networks, as the engine tells them, to the requests for making them again. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_ITSELF = ("Name", "Driver", "Internal", "Attachable", "Scope")
_OF_THE_CONFIGURATION = ("EnableIPv4", "EnableIPv6", "IPAM", "Options", "Labels")


def config_source(definition: Mapping[str, Any]) -> str | None:
    """Return the name of the config-only network that a network has its configuration from; None for most."""
    source: dict[str, Any] = definition.get("ConfigFrom") or {}
    return source.get("Network") or None


def network_request(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request for a network.

    What a network has from a config-only one is told with it, but may not be asked for together with it; and a
    config-only network may hold a configuration only (moby, libnetwork/network.go, validateConfiguration).
    """
    extra: dict[str, Any]
    if (source := config_source(definition)) is not None:
        fields, extra = _OF_ITSELF, {"ConfigFrom": {"Network": source}}
        ipam: dict[str, Any] = definition.get("IPAM") or {}
        if ipam.get("Options") is not None:  # told as null afterwards unless a client asks for none, as `docker` does
            extra["IPAM"] = {"Driver": "default", "Options": {}}
    elif definition.get("ConfigOnly"):
        fields, extra = ("Name", "Driver", *_OF_THE_CONFIGURATION), {"ConfigOnly": True}
    else:
        fields, extra = (*_OF_ITSELF, *_OF_THE_CONFIGURATION), {}
    return {key: definition[key] for key in fields if definition.get(key) is not None} | extra
