"""Which networks, namespaces and ports a service has, and the definitions of networks. Pure."""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from .json_fields import inner, listed
from .names import COMPOSE, Names

_PREDEFINED = frozenset({"bridge", "host", "none"})
_MAIN_PRIORITY = 1000
"""Compose makes a container on the network of the highest priority; the others have none."""


def add_networking(fields: dict[str, Any], lost: list[str], inspect: Mapping[str, Any], names: Names) -> None:
    """Add `networks` or `network_mode`, links and ports to a service."""
    host_config: dict[str, Any] = inspect["HostConfig"]
    mode = str(host_config.get("NetworkMode") or "default")
    networks: dict[str, dict[str, Any] | None] = inner(inspect["NetworkSettings"], "Networks")
    ends = {name: end or {} for name, end in networks.items() if name not in _PREDEFINED}
    main = _main_network(mode, ends)
    if mode.startswith("container:"):
        fields["network_mode"] = joined(mode, names, lost)
    elif not ends:
        fields["network_mode"] = main
        if main not in _PREDEFINED:  # compose knows no container that belongs to a network and is not attached to it
            fields["networks"] = {fields.pop("network_mode"): None}
        if main not in networks and mode != "none":
            lost.append(f"it was disconnected from the network {main}")
    else:
        fields["networks"] = {
            name: _endpoint(name, end, main, inspect, len(ends) > 1) or None for name, end in sorted(ends.items())
        }
        if main not in ends:
            happened = "belongs to" if main in networks else "was made on, and disconnected from,"
            lost.append(f"it {happened} the network {main}, beside others")
        elif "bridge" in networks:
            lost.append("it is attached to the network bridge, beside others")
    if mac := inspect["Config"].get("MacAddress"):
        fields["mac_address"] = mac
        # Seen with compose 2.26: on engine 26 on the default network, and on 20.10 for who has several networks.
        lost.append("compose may give it another MAC address")
    if any(end.get("DriverOpts") for end in ends.values()):
        lost.append("compose before 2.27.1 ignores the driver options with which it is attached to a network")
    bridge = networks.get("bridge") or {}
    if not ends and (bridge.get("DriverOpts") or bridge.get("GwPriority")):
        lost.append("compose has no driver options and no priority for the default network")
    _add_links(fields, lost, host_config, ends, names)
    _add_ports(fields, inspect)


def joined(mode: str, names: Names, lost: list[str]) -> str:
    """Return a mode with the service in the place of the container whose namespace is shared."""
    kind, _, reference = mode.partition(":")
    if kind != "container":
        return mode
    if (service := names.service(reference)) is not None:
        return f"service:{service}"
    lost.append(f"it uses a namespace of the container {reference}, which is no original")
    return mode


def network_definitions(networks: Sequence[Mapping[str, Any]], services: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the definitions of the networks that services are attached to."""
    known = {str(network["Name"]): network for network in networks}
    used: set[str] = {name for service in services for name in inner(service, "networks")}
    return {name: _definition(name, known.get(name)) for name in sorted(used)}


def _definition(name: str, network: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return one definition; what compose can't make has to be there."""
    if network is None or network.get("Scope") not in {None, "local"} or inner(network, "ConfigFrom").get("Network"):
        return {"name": name, "external": True}
    ipam: dict[str, Any] = inner(network, "IPAM")
    pools: list[dict[str, Any]] = listed(ipam, "Config")
    words = {"Subnet": "subnet", "Gateway": "gateway", "IPRange": "ip_range", "AuxiliaryAddresses": "aux_addresses"}
    config = [{word: pool[key] for key, word in words.items() if pool.get(key)} for pool in pools]
    labels: dict[str, str] = inner(network, "Labels")
    fields: dict[str, Any] = {
        "driver": network.get("Driver"),
        "driver_opts": network.get("Options"),
        "internal": network.get("Internal"),
        "attachable": network.get("Attachable"),
        "enable_ipv6": network.get("EnableIPv6"),
        "ipam": _kept(
            {
                "driver": None if ipam.get("Driver") == "default" else ipam.get("Driver"),
                "options": ipam.get("Options"),
                "config": [pool for pool in config if pool],
            }
        ),
        "labels": {key: value for key, value in sorted(labels.items()) if not key.startswith(COMPOSE)},
    }
    only_ipv6 = {"enable_ipv4": False} if network.get("EnableIPv4") is False else {}
    return {"name": name, **_kept(fields), **only_ipv6}


def _main_network(mode: str, ends: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the name of the network that a container was made on; its mode may tell the id."""
    if mode in {"default", ""}:
        return "bridge"
    if mode in ends or not re.fullmatch(r"[0-9a-f]{12,64}", mode):
        return mode
    return next((name for name, end in ends.items() if str(end.get("NetworkID")).startswith(mode)), mode)


def _endpoint(
    name: str, end: Mapping[str, Any], main: str, inspect: Mapping[str, Any], is_one_of_many: bool
) -> dict[str, Any]:
    """Return what was asked for of one network: addresses, aliases; nothing that the engine has chosen."""
    own = {str(inspect["Id"])[:12], str(inspect["Name"]).removeprefix("/")}
    addresses: dict[str, Any] = inner(end, "IPAMConfig")
    aliases: list[str] = listed(end, "Aliases")
    # That of the main network is the service's own, where it was asked for by name.
    own_mac = name == main and inspect["Config"].get("MacAddress")
    return _kept(
        {
            "aliases": sorted(set(aliases) - own),
            "ipv4_address": addresses.get("IPv4Address"),
            "ipv6_address": addresses.get("IPv6Address"),
            "link_local_ips": addresses.get("LinkLocalIPs"),
            "mac_address": end["MacAddress"] if not own_mac and _is_asked_mac(end) else None,
            "driver_opts": end.get("DriverOpts"),
            "gw_priority": end.get("GwPriority"),
            "priority": _MAIN_PRIORITY if is_one_of_many and name == main else None,
        }
    )


def _is_asked_mac(end: Mapping[str, Any]) -> bool:
    """Tell whether a MAC address was surely asked for.

    Engines give local addresses only. Up to 27 theirs follows from the IPv4 address; from 28 on (which tell of a
    priority) theirs is random, so that a local one may be anybody's.
    """
    mac, address = str(end.get("MacAddress") or "").lower(), end.get("IPAddress")
    if not re.fullmatch("([0-9a-f]{2}:){5}[0-9a-f]{2}", mac):
        return False
    if not int(mac[:2], 16) & 2:
        return True
    if "GwPriority" in end or not address:
        return False
    return mac != ":".join(f"{byte:02x}" for byte in (0x02, 0x42, *ip_address(str(address)).packed[-4:]))


def _add_links(
    fields: dict[str, Any],
    lost: list[str],
    host_config: Mapping[str, Any],
    ends: Mapping[str, Mapping[str, Any]],
    names: Names,
) -> None:
    """Add links as those to foreign containers, which get the alias alone: to services compose adds names of its own."""
    asked = [*(listed(host_config, "Links")), *(link for end in ends.values() for link in listed(end, "Links"))]
    found: list[str] = []
    for link in asked:
        container, _, alias = str(link).partition(":")
        name, service = names.container(container), names.service(container)
        if service is None:
            lost.append(f"it is linked to {name}, which is no original")
            continue
        text = f"{name}:{alias.rpartition('/')[2] or name}"
        if text not in found:
            found.append(text)
        fields.setdefault("depends_on", {}).setdefault(service, {"condition": "service_started"})
    if found:
        fields["external_links"] = found


def _add_ports(fields: dict[str, Any], inspect: Mapping[str, Any]) -> None:
    bindings: dict[str, list[dict[str, str]] | None] = inner(inspect["HostConfig"], "PortBindings")
    ports: list[dict[str, Any]] = []
    for port, ends in sorted(bindings.items(), key=lambda one: _number(one[0])):
        number, _, protocol = port.partition("/")
        for end in ends or []:
            published = end.get("HostPort") or ""
            told = {"host_ip": end.get("HostIp"), "published": "" if published == "0" else published}
            ports.append({"target": int(number), **_kept(told), "protocol": protocol.lower() or "tcp"})
    if ports:
        fields["ports"] = ports
    exposed: dict[str, Any] = inner(inspect["Config"], "ExposedPorts")
    published_too = {port for port, ends in bindings.items() if ends}
    if not fields.get("network_mode", "").startswith(("service:", "container:")):
        fields["expose"] = sorted(exposed.keys() - published_too, key=_number)


def _number(port: str) -> tuple[int, str]:
    number, _, protocol = port.partition("/")
    return (int(number) if number.isdigit() else 0, protocol)


def _kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value not in (None, "", [], {}, False, 0)}
