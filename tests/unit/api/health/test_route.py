"""The way to a container's port, for every kind of network that the two may have."""

from __future__ import annotations

from typing import Any

import pytest
from status_state_api.health.probe.route import NoRoute, Route, find_route, joined_container

from ..world import inspect

Ends = dict[str, dict[str, str]]

SHARED: Ends = {"shop": {"NetworkID": "n1", "IPAddress": "172.20.0.2", "Gateway": "172.20.0.1"}}
OTHER: Ends = {"other": {"NetworkID": "n2", "IPAddress": "172.21.0.2", "Gateway": "172.21.0.1"}}
NAMESAKE: Ends = {"shop": {"NetworkID": "n9", "IPAddress": "172.29.0.2", "Gateway": "172.29.0.1"}}
NO_GATEWAY: Ends = {"inside": {"NetworkID": "n3", "IPAddress": "172.22.0.2", "Gateway": ""}}
TARGET: Ends = {"shop": {"NetworkID": "n1", "IPAddress": "172.20.0.9"}}
TARGET_IPV6: Ends = {"shop": {"NetworkID": "n1", "IPAddress": "", "GlobalIPv6Address": "fd00::9"}}
TARGET_TWO: Ends = {"a": {"NetworkID": "n0", "IPAddress": "172.19.0.9"}, **TARGET}
BRIDGE: Ends = {"bridge": {"NetworkID": "n4", "IPAddress": "172.17.0.9", "Gateway": "172.17.0.1"}}
DETACHED: Ends = {"shop": {"NetworkID": "n1", "IPAddress": ""}}


def container(networks: Ends | None = None, mode: str = "shop", **published: list[dict[str, str]] | None) -> Any:
    """A container on these networks; `p80` are the places at which port 80 is published."""
    ports = {f"{key.removeprefix('p')}/tcp": places for key, places in published.items()}
    return inspect("x", HostConfig={"NetworkMode": mode}, NetworkSettings={"Networks": networks or {}, "Ports": ports})


def at(address: str, port: str = "8080") -> dict[str, str]:
    """A place at which a port is published."""
    return {"HostIp": address, "HostPort": port}


ON_HOST = container({"host": {"NetworkID": "h", "IPAddress": "", "Gateway": ""}}, "host")
PUBLISHED_AT_LOOPBACK = "its port is published on the loopback address only"
NOT_PUBLISHED = "its port 80 is not published"
ON_DEFAULT_BRIDGE = "it is on the engine's default network bridge alone, to which Compose attaches nothing. Publish its"

ROUTES: dict[str, tuple[Any, Any, Route]] = {
    "a network that both have": (container(SHARED), container(TARGET), Route("172.20.0.9", 80, certain=True)),
    "one of two networks that both have": (
        container(SHARED),
        container(TARGET_TWO),
        Route("172.20.0.9", 80, certain=True),
    ),
    "a network that both have, by IPv6": (
        container(SHARED),
        container(TARGET_IPV6),
        Route("fd00::9", 80, certain=True),
    ),
    "a shared network before a published port": (
        container(SHARED),
        container(TARGET, p80=[at("0.0.0.0")]),  # noqa: S104 - a place of publishing
        Route("172.20.0.9", 80, certain=True),
    ),
    "the default network that both have": (
        container(BRIDGE, "bridge"),
        container(BRIDGE, "bridge"),
        Route("172.17.0.9", 80, certain=True),
    ),
    "from the host's network to an address": (ON_HOST, container(TARGET), Route("172.20.0.9", 80, certain=False)),
    "from the host's network to the first address": (
        ON_HOST,
        container(TARGET_TWO),
        Route("172.19.0.9", 80, certain=False),
    ),
    "from the host's network to the host's": (
        ON_HOST,
        container({"host": {}}, "host"),
        Route("127.0.0.1", 80, certain=True),
    ),
    "over the gateway to the host's network": (
        container(SHARED),
        container({"host": {}}, "host"),
        Route("172.20.0.1", 80, certain=False),
    ),
    "over the first gateway that there is": (
        container({**NO_GATEWAY, **SHARED}),
        container(mode="host"),
        Route("172.20.0.1", 80, certain=False),
    ),
    "published for all": (
        container(OTHER),
        container(TARGET, p80=[at("0.0.0.0"), at("::")]),  # noqa: S104 - a place of publishing
        Route("172.21.0.1", 8080, certain=False),
    ),
    "published for all by an old engine": (
        container(OTHER),
        container(TARGET, p80=[at("")]),
        Route("172.21.0.1", 8080, certain=False),
    ),
    "published at an address": (
        container(OTHER),
        container(TARGET, p80=[at("127.0.0.1"), at("192.168.1.5", "81")]),
        Route("192.168.1.5", 81, certain=False),
    ),
    "published at an address of IPv6": (
        container(OTHER),
        container(TARGET, p80=[at("::1"), at("fd01::5")]),
        Route("fd01::5", 8080, certain=False),
    ),
    "published for all, without a gateway, and at an address": (
        container(NO_GATEWAY),
        container(TARGET, p80=[at("0.0.0.0"), at("10.0.0.5", "82")]),  # noqa: S104 - a place of publishing
        Route("10.0.0.5", 82, certain=False),
    ),
    "published at a port that is not yet known, and at one that is": (
        container(OTHER),
        container(TARGET, p80=[at("0.0.0.0", ""), at("0.0.0.0", "83")]),  # noqa: S104 - a place of publishing
        Route("172.21.0.1", 83, certain=False),
    ),
    "the same name but not the same network": (
        container(NAMESAKE),
        container(TARGET, p80=[at("0.0.0.0")]),  # noqa: S104 - a place of publishing
        Route("172.29.0.1", 8080, certain=False),
    ),
    "from the host's network to a port at the loopback address": (
        ON_HOST,
        container(DETACHED, p80=[at("127.0.0.1", "84")]),
        Route("127.0.0.1", 84, certain=False),
    ),
}


@pytest.mark.parametrize("case", ROUTES)
def test_there_is_a_way(case: str) -> None:
    own, target, route = ROUTES[case]
    assert find_route(own, target, 80, None) == route


NO_ROUTES: dict[str, tuple[Any, Any, str]] = {
    "no network": (container(SHARED), container({"none": {}}, "none"), "it has no network"),
    "no network, from the host": (ON_HOST, container({"none": {}}, "none"), "it has no network"),
    "attached to nothing": (container(SHARED), container({}), "it has no network"),
    "not published": (container(OTHER), container(TARGET), NOT_PUBLISHED),
    "another port published": (
        container(OTHER),
        container(TARGET, p81=[at("0.0.0.0")]),  # noqa: S104 - a place of publishing
        NOT_PUBLISHED,
    ),
    "exposed only": (container(OTHER), container(TARGET, p80=None), NOT_PUBLISHED),
    "published at the loopback address": (
        container(OTHER),
        container(TARGET, p80=[at("127.0.0.1"), at("::1")]),
        PUBLISHED_AT_LOOPBACK,
    ),
    "the host's network without a gateway": (container(NO_GATEWAY), container(mode="host"), "has no gateway"),
    "the same name but not the same network": (container(NAMESAKE), container(TARGET), NOT_PUBLISHED),
    "a shared network on which it has no address": (container(SHARED), container(DETACHED), NOT_PUBLISHED),
    "the default network": (container(OTHER), container(BRIDGE, "default"), ON_DEFAULT_BRIDGE),
    "the default network, published at the loopback address": (
        container(OTHER),
        container(BRIDGE, "bridge", p80=[at("127.0.0.1")]),
        ON_DEFAULT_BRIDGE,
    ),
    "the default network and another one": (container(OTHER), container({**BRIDGE, **TARGET}), NOT_PUBLISHED),
}


@pytest.mark.parametrize("case", NO_ROUTES)
def test_there_is_no_way_and_it_is_said_why(case: str) -> None:
    own, target, said = NO_ROUTES[case]
    route = find_route(own, target, 80, None)
    assert isinstance(route, NoRoute)
    assert route.said.startswith("can't be asked: ")
    assert said in route.said


@pytest.mark.parametrize(
    "target",
    [
        container(TARGET, p80=[at("0.0.0.0")]),  # noqa: S104 - a place of publishing
        container({"host": {}}, "host"),
        container(BRIDGE, "bridge"),
    ],
    ids=["published", "the host's network", "the default network"],
)
def test_from_outside_of_the_engine_no_way_is_known(target: Any) -> None:
    route = find_route(None, target, 80, None)
    assert isinstance(route, NoRoute)
    assert "this service runs in no container of this engine" in route.said


@pytest.mark.parametrize(
    ("places", "port"),
    [
        ([at("0.0.0.0")], 8080),  # noqa: S104 - a place of publishing
        ([at("127.0.0.1", "81"), at("::", "82")], 82),
        ([at("", ""), at("", "83")], 83),
        ([at("127.0.0.1"), at("192.168.1.5")], None),
        ([], None),
    ],
)
def test_on_a_remote_engine_a_port_that_is_published_for_all_is_asked(
    places: list[dict[str, str]], port: int | None
) -> None:
    route = find_route(None, container(TARGET, p80=places), 80, "engine.example")
    if port is None:
        assert isinstance(route, NoRoute)
        assert "the engine is remote, and port 80 is not published on it" in route.said
    else:
        assert route == Route("engine.example", port, certain=False)


def test_on_a_remote_engine_what_is_in_the_hosts_network_is_asked_at_the_engines_host() -> None:
    route = find_route(None, container({"host": {}}, "host"), 80, "engine.example")
    assert route == Route("engine.example", 80, certain=False)


def test_an_engine_that_is_asked_over_the_network_may_be_the_own_one_all_the_same() -> None:
    assert find_route(container(SHARED), container(TARGET), 80, "engine.example") == Route(
        "172.20.0.9", 80, certain=True
    )


def test_the_networks_to_attach_to_are_named() -> None:
    route = find_route(container(OTHER), container(TARGET_TWO), 80, None)
    assert isinstance(route, NoRoute)
    assert "it is on the network a, shop, this service is not" in route.said


def test_an_answer_of_an_engine_without_these_parts_is_no_way() -> None:
    assert isinstance(find_route({}, {"NetworkSettings": None, "HostConfig": None}, 80, None), NoRoute)


@pytest.mark.parametrize(
    ("mode", "other"),
    [("container:abc", "abc"), ("bridge", None), ("host", None), ("", None), ("my-container:x", None)],
)
def test_who_is_in_the_network_of_another_is_known(mode: str, other: str | None) -> None:
    assert joined_container(container(TARGET, mode)) == other
