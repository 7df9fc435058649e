"""Whom an original waits for: what it depends on, and newcomers that hold what it needs; nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.plan.dependencies import blocks, dependencies, joined, namespaces

from ..world import container, id_of, original, snapshot

if TYPE_CHECKING:
    from status_state_controller.model import Container, Original

PROJECT = {"com.docker.compose.project": "shop"}


def service(name: str, depends_on: str = "", project: str = "shop") -> Original:
    """An original that compose has made for a service."""
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": name}
    return original(
        name if project == "shop" else f"{project}-{name}",
        labels=labels | ({"com.docker.compose.depends_on": depends_on} if depends_on else {}),
    )


def using(name: str = "web", **host_config: Any) -> Original:
    """An original with this `HostConfig`."""
    plain = original(name)
    return replace(plain, inspect=dict(plain.inspect) | {"HostConfig": {"NetworkMode": "bridge"} | host_config})


def waits(one: Original, *others: Original | str) -> list[tuple[str, str]]:
    """Whom it waits for, and until when."""
    return [(after.name, after.condition.value) for after in dependencies(one, snapshot(one, *others))]


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ("db:service_started:false", "started"),
        ("db:service_healthy:true", "healthy"),
        ("db:service_completed_successfully:false", "completed"),
        ("db", "started"),
        ("db:service_of_the_future:false", "started"),
        (" db:service_healthy:false , ", "healthy"),
    ],
)
def test_what_compose_says_that_a_service_depends_on_comes_first(written: str, condition: str) -> None:
    assert waits(service("web", written), service("db"), service("cache")) == [("db", condition)]


def test_several_dependencies_are_waited_for_in_the_order_of_names() -> None:
    web = service("web", "db:service_healthy:false,cache:service_started:false")
    assert waits(web, service("db"), service("cache")) == [("cache", "started"), ("db", "healthy")]


def test_every_container_of_a_service_is_waited_for() -> None:
    second = replace(service("db"), id=id_of("db-2"), name="db-2")
    assert waits(service("web", "db:service_started:false"), service("db"), second) == [
        ("db", "started"),
        ("db-2", "started"),
    ]


def test_the_service_of_another_project_is_a_stranger() -> None:
    assert waits(service("web", "db:service_started:false"), service("db", project="other")) == []


def test_a_dependency_that_is_not_in_the_snapshot_is_not_waited_for() -> None:
    assert waits(service("web", "db:service_started:false")) == []


@pytest.mark.parametrize(
    "host_config",
    [
        {"NetworkMode": f"container:{id_of('vpn')}"},
        {"NetworkMode": "container:vpn"},
        {"IpcMode": f"container:{id_of('vpn')}"},
        {"PidMode": f"container:{id_of('vpn')}"},
        {"VolumesFrom": [id_of("vpn")]},
        {"VolumesFrom": ["vpn:ro"]},
        {"Links": ["/vpn:/web/tunnel"]},
    ],
    ids=str,
)
def test_whose_namespaces_volumes_or_links_it_uses_comes_first(host_config: dict[str, Any]) -> None:
    assert waits(using(**host_config), "vpn", "db") == [("vpn", "started")]


@pytest.mark.parametrize(
    "host_config", [{"NetworkMode": "host", "IpcMode": "shareable", "PidMode": "host"}, {"VolumesFrom": ["stranger"]}]
)
def test_nobody_waits_for_a_stranger(host_config: dict[str, Any]) -> None:
    assert waits(using(**host_config), "vpn", "host") == []


def test_a_condition_of_compose_outweighs_a_plain_link() -> None:
    web = service("web", "db:service_healthy:false")
    web = replace(web, inspect=dict(web.inspect) | {"HostConfig": {"Links": ["/db:/web/db"]}})
    assert waits(web, service("db")) == [("db", "healthy")]


def test_nobody_waits_for_itself() -> None:
    assert waits(service("web", "web:service_healthy:false")) == []


def port(number: int, address: str = "0.0.0.0", protocol: str = "tcp") -> Container:  # noqa: S104 # as the engine lists it
    """A newcomer that holds a port of the host."""
    return replace(container("miner"), ports=frozenset({(address, number, protocol)}))


def publishing(host_port: str, address: str = "", protocol: str = "tcp") -> Original:
    """An original that needs a port of the host."""
    return using(PortBindings={f"80/{protocol}": [{"HostIp": address, "HostPort": host_port}]})


@pytest.mark.parametrize(
    ("newcomer", "needing", "in_the_way"),
    [
        (port(8080), publishing("8080"), True),
        (port(8081), publishing("8080"), False),
        (port(8080, protocol="udp"), publishing("8080"), False),
        (port(53, protocol="udp"), publishing("53", protocol="udp"), True),
        (port(8080, "127.0.0.1"), publishing("8080"), True),
        (port(8080), publishing("8080", "127.0.0.1"), True),
        (port(8080, "127.0.0.1"), publishing("8080", "127.0.0.1"), True),
        (port(8080, "127.0.0.1"), publishing("8080", "192.0.2.1"), False),
        (port(8080, "::"), publishing("8080", "::1"), True),
        (port(8002), publishing("8000-8010"), True),
        (port(8010), publishing("8000-8010"), True),
        (port(8011), publishing("8000-8010"), False),
        (port(32768), publishing(""), False),
        (port(32768), publishing("0"), False),
        (container("miner"), publishing("8080"), False),
        (port(8080), using(), False),
        (port(8080), using(PortBindings={"80/tcp": None}), False),
    ],
)
def test_a_newcomer_is_in_the_way_when_it_holds_a_port_that_is_needed(
    newcomer: Container, needing: Original, *, in_the_way: bool
) -> None:
    assert blocks(newcomer, needing) == in_the_way


@pytest.mark.parametrize(
    ("taken", "in_the_way"),
    [(("shop", "172.18.0.9"), True), (("shop", "172.18.0.8"), False), (("other", "172.18.0.9"), False)],
)
def test_a_newcomer_is_in_the_way_when_it_holds_the_static_address(taken: tuple[str, str], *, in_the_way: bool) -> None:
    web = original("web")
    networks = {"shop": {"IPAMConfig": {"IPv4Address": "172.18.0.9"}}, "back": {"IPAMConfig": None}}
    web = replace(web, inspect=dict(web.inspect) | {"NetworkSettings": {"Networks": networks}})
    assert blocks(replace(container("miner"), addresses=frozenset({taken})), web) == in_the_way


def test_an_address_that_was_assigned_is_nobodys_due() -> None:
    web = original("web")
    networks = {"shop": {"IPAMConfig": None, "IPAddress": "172.18.0.9"}}
    web = replace(web, inspect=dict(web.inspect) | {"NetworkSettings": {"Networks": networks}})
    assert not blocks(replace(container("miner"), addresses=frozenset({("shop", "172.18.0.9")})), web)


def test_links_and_volumes_are_joined_and_only_namespaces_are_shared() -> None:
    recipe = using(
        NetworkMode="container:vpn",
        IpcMode="container:db",
        PidMode="host",
        VolumesFrom=["data:ro"],
        Links=["/mq:/web/q"],
    ).inspect
    assert sorted(namespaces(recipe)) == ["db", "vpn"]
    assert sorted(joined(recipe)) == ["data", "db", "mq", "vpn"]
