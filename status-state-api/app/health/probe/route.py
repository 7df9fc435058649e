"""The route from this service to a container's port: over a network that both are attached to, else over a published port.

Pure: the two `inspect` answers come in, an address or the reason why there is none goes out. A port that is published
on a loopback address is reached from the host's own network only.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...engine.view import Inspection

DEFAULT_BRIDGE = "bridge"
_ANY = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True)
class Route:
    """Where to connect to.

    `certain` tells that nothing lies in between, so that who can't connect may blame the container; a firewall may lie
    before a published port.
    """

    host: str
    port: int
    certain: bool


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Why there is no route, and what to do about it."""

    said: str


def joined_container(target: Inspection) -> str | None:
    """Return the container in whose network the target is (`network_mode: container:…`); None where it has its own."""
    mode = _mode(target)
    return mode.removeprefix("container:") if mode.startswith("container:") else None


def find_route(own: Inspection | None, target: Inspection, port: int, engine_host: str | None) -> Route | NoRoute:
    """Find the route to a port of the target.

    Args:
        own: the container this service runs in; None where it is not in one of this engine.
        target: the container, or the one in whose network it is.
        port: the port inside of it.
        engine_host: the host by which the engine is asked over the network; None where it is asked over a socket.
    """
    if own is None:
        return _from_afar(target, port, engine_host)
    own_networks, networks = _networks(own), _networks(target)
    mode = _mode(target)
    # In the host's network: the host reaches its containers, and all that is published.
    on_host = _mode(own) == "host"
    if mode == "host":
        return Route("127.0.0.1", port, certain=True) if on_host else _over_gateway(own_networks, port)
    if mode == "none" or not networks:
        return NoRoute("can't be asked: it has no network. Give it one, or take its probe away")
    for name in sorted(networks):
        address = _address(networks[name])
        if address and (on_host or _network_id(own_networks.get(name)) == _network_id(networks[name])):
            return Route(address, port, certain=not on_host)
    return _over_published_port(own_networks, target, port, on_host=on_host)


def _over_gateway(own_networks: Mapping[str, Any], port: int) -> Route | NoRoute:
    gateway = _gateway(own_networks)
    if gateway is None:
        return NoRoute("can't be asked: it is in the host's network, to which this service has no gateway")
    return Route(gateway, port, certain=False)


def _from_afar(target: Inspection, port: int, engine_host: str | None) -> Route | NoRoute:
    """Find the route from another machine, or from a pod, to whose addresses those of this engine mean nothing."""
    if engine_host is None:
        return NoRoute(
            "can't be asked: this service runs in no container of this engine, so there is no way that is known to "
            "lead there. Run it as one, or have the container's own health check ask"
        )
    if _mode(target) == "host":
        return Route(engine_host, port, certain=False)
    for address, published in _published(target, port):
        if address in _ANY:
            return Route(engine_host, published, certain=False)
    return NoRoute(f"can't be asked: the engine is remote, and port {port} is not published on it. Publish it")


def _over_published_port(
    own_networks: Mapping[str, Any], target: Inspection, port: int, *, on_host: bool
) -> Route | NoRoute:
    places = _published(target, port)
    for address, published in places:
        if on_host:
            return Route("127.0.0.1" if address in _ANY else address, published, certain=False)
        if address in _ANY and (gateway := _gateway(own_networks)) is not None:
            return Route(gateway, published, certain=False)
        if address not in _ANY and not ipaddress.ip_address(address).is_loopback:
            return Route(address, published, certain=False)
    networks = ", ".join(sorted(_networks(target)))
    if networks == DEFAULT_BRIDGE:
        return NoRoute(
            f"can't be asked: it is on the engine's default network {networks} alone, to which Compose attaches nothing. "
            "Publish its port on all addresses, or put it on a network of its own (README, «A route for probes»)"
        )
    hidden = "its port is published on the loopback address only" if places else f"its port {port} is not published"
    return NoRoute(
        f"can't be asked: it is on the network {networks}, this service is not, and {hidden}. Attach this service to "
        f"that network (README, «A route for probes»)"
    )


def _published(target: Inspection, port: int) -> list[tuple[str, int]]:
    """Return the addresses and ports of the host on which a port is published, in a stable order."""
    settings: dict[str, Any] = target.get("NetworkSettings") or {}
    ports: dict[str, list[dict[str, str]] | None] = settings.get("Ports") or {}
    bindings = ports.get(f"{port}/tcp") or []
    places = sorted((str(one.get("HostIp") or ""), str(one.get("HostPort") or "")) for one in bindings)
    return [(address, int(published)) for address, published in places if published.isdecimal()]


def _mode(inspect: Inspection | None) -> str:
    host_config: dict[str, Any] = (inspect or {}).get("HostConfig") or {}
    return str(host_config.get("NetworkMode") or "")


def _networks(inspect: Inspection | None) -> Mapping[str, Any]:
    settings: dict[str, Any] = (inspect or {}).get("NetworkSettings") or {}
    return settings.get("Networks") or {}


def _network_id(endpoint: Mapping[str, Any] | None) -> str:
    return str((endpoint or {}).get("NetworkID") or "-")


def _address(endpoint: Mapping[str, Any]) -> str:
    return str(endpoint.get("IPAddress") or endpoint.get("GlobalIPv6Address") or "")


def _gateway(networks: Mapping[str, Any]) -> str | None:
    gateways = (str(networks[name].get("Gateway") or "") for name in sorted(networks))
    return next((gateway for gateway in gateways if gateway), None)
