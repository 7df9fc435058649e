"""From what the engine tells of containers and networks to the requests for making them again, as it wants them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..plan.meaning.configuration import ENDPOINT_SYSCTLS, INTERFACE_SYSCTL

if TYPE_CHECKING:
    from collections.abc import Mapping

API_OF_ENDPOINT_SYSCTLS = "1.48"
"""From this version on a kernel setting of the interface `eth0` is refused, unless it comes as an option of its network
(moby#47686). Engines before 27, which don't know that option, would leave it out."""

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


def with_endpoint_sysctls(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request for a container in which the kernel settings of `eth0` are options of its main network.

    Which network `eth1` belongs to is not certain: with those the engine refuses the container, in its own words.
    """
    host_config: dict[str, Any] = dict(body["HostConfig"])
    sysctls: dict[str, str] = host_config.get("Sysctls") or {}
    moved = {name: value for name, value in sysctls.items() if INTERFACE_SYSCTL.fullmatch(name)}
    main = str(host_config.get("NetworkMode") or "default")
    if not moved or main in {"host", "none"} or main.startswith("container:"):
        return dict(body)
    host_config["Sysctls"] = {name: value for name, value in sysctls.items() if name not in moved}
    endpoints: dict[str, dict[str, Any]] = dict(body["NetworkingConfig"]["EndpointsConfig"])
    endpoint = endpoints.get(main) or {}
    options: dict[str, str] = dict(endpoint.get("DriverOpts") or {})
    settings = [f"{name.replace('.eth0.', '.IFNAME.')}={value}" for name, value in sorted(moved.items())]
    options[ENDPOINT_SYSCTLS] = ",".join(filter(None, [options.get(ENDPOINT_SYSCTLS), *settings]))
    endpoints[main] = {**endpoint, "DriverOpts": options}
    return {**body, "HostConfig": host_config, "NetworkingConfig": {"EndpointsConfig": endpoints}}
