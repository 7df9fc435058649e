"""A network is made again with everything that it was made with."""

from __future__ import annotations

from typing import Any

from status_state_controller.engine.definitions import config_source, network_request

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
