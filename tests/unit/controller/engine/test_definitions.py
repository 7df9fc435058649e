"""A network is made again with everything that it was made with."""

from __future__ import annotations

from typing import Any

import pytest
from status_state_controller.engine.definitions import config_source, network_request, with_endpoint_sysctls

TOLD: dict[str, Any] = {
    "Name": "shop",
    "Id": "5d6f",
    "Created": "2026-11-26T09:52:59Z",
    "Scope": "local",
    "Driver": "bridge",
    "EnableIPv4": False,
    "EnableIPv6": True,
    "IPAM": {"Driver": "default", "Options": {"a": "b"}, "Config": [{"Subnet": "fd00::/64", "AuxiliaryAddresses": {}}]},
    "Internal": True,
    "Attachable": True,
    "Ingress": False,
    "ConfigFrom": {"Network": ""},
    "ConfigOnly": False,
    "Options": {"o": "1"},
    "Labels": {"l": "2"},
}
ASSIGNED = {"Id", "Created", "Ingress", "ConfigFrom", "ConfigOnly"}


def test_everything_that_a_network_was_made_with_is_asked_for_again() -> None:
    assert network_request(TOLD) == {key: value for key, value in TOLD.items() if key not in ASSIGNED}
    assert config_source(TOLD) is None


def test_what_an_older_engine_does_not_tell_is_not_asked_for() -> None:
    older = {key: value for key, value in TOLD.items() if key != "EnableIPv4"} | {"Options": None}
    assert network_request(older).keys() == TOLD.keys() - ASSIGNED - {"EnableIPv4", "Options"}


def test_what_a_network_has_from_a_config_only_one_is_not_asked_for_beside_it() -> None:
    told = TOLD | {"ConfigFrom": {"Network": "cfg"}}
    assert network_request(told) == {
        "Name": "shop",
        "Driver": "bridge",
        "Internal": True,
        "Attachable": True,
        "Scope": "local",
        "ConfigFrom": {"Network": "cfg"},
        "IPAM": {"Driver": "default", "Options": {}},
    }
    assert config_source(told) == "cfg"


def test_of_a_config_only_network_the_configuration_alone_is_asked_for() -> None:
    request = network_request(TOLD | {"ConfigOnly": True, "Driver": "null", "Internal": False, "Attachable": False})
    assert request["ConfigOnly"] is True
    assert request["IPAM"] == TOLD["IPAM"]
    assert not request.keys() & {"Scope", "Internal", "Attachable", "ConfigFrom"}


OPTION = "com.docker.network.endpoint.sysctls"
ETH0 = {"net.ipv4.conf.eth0.route_localnet": "1"}


def asked(mode: str, sysctls: dict[str, str] | None, endpoints: dict[str, Any]) -> dict[str, Any]:
    """A request for a container."""
    host_config = {"NetworkMode": mode, "Sysctls": sysctls}
    return {"Image": "x", "HostConfig": host_config, "NetworkingConfig": {"EndpointsConfig": endpoints}}


def test_kernel_settings_of_the_first_interface_are_asked_for_with_its_network() -> None:
    others = {"net.core.somaxconn": "1024", "net.ipv4.conf.all.forwarding": "1", "net.ipv4.conf.eth1.mtu": "1"}
    option = {OPTION: "net.ipv4.conf.IFNAME.route_localnet=1"}
    assert with_endpoint_sysctls(asked("shop", ETH0 | others, {"shop": {"Aliases": ["a"]}})) == asked(
        "shop", others, {"shop": {"Aliases": ["a"], "DriverOpts": option}}
    )
    assert with_endpoint_sysctls(asked("default", ETH0, {})) == asked(
        "default", {}, {"default": {"DriverOpts": option}}
    )
    has = {"DriverOpts": {"o": "1", OPTION: "net.ipv6.conf.IFNAME.mtu=1500"}}
    both = {"o": "1", OPTION: "net.ipv6.conf.IFNAME.mtu=1500,net.ipv4.conf.IFNAME.route_localnet=1"}
    assert with_endpoint_sysctls(asked("shop", ETH0, {"shop": has})) == asked(
        "shop", {}, {"shop": {"DriverOpts": both}}
    )


@pytest.mark.parametrize("mode", ["host", "none", "container:5d6f"])
def test_kernel_settings_of_who_has_no_network_of_its_own_stay_where_they_are(mode: str) -> None:
    assert with_endpoint_sysctls(asked(mode, ETH0, {})) == asked(mode, ETH0, {})
    assert with_endpoint_sysctls(asked("shop", None, {})) == asked("shop", None, {})
