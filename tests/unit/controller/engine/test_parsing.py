"""From the engine's JSON to values: the list of containers and the events."""

from __future__ import annotations

from typing import Any

import pytest
from status_state_controller.engine.parsing import read_event, read_listing
from status_state_controller.errors import ImplausibleListing

from ..world import id_of


def entry(**others: Any) -> dict[str, Any]:
    """One line of the engine's list."""
    return {"Id": id_of("web"), "Names": ["/web"], "State": "running", "Status": "Up 5 minutes"} | others


def test_a_line_of_the_list_is_a_container() -> None:
    (web,) = read_listing([entry(Labels={"a": "b"})])
    assert (web.id, web.name, web.state, web.status) == (id_of("web"), "web", "running", "Up 5 minutes")
    assert web.labels == {"a": "b"}


def test_networks_are_reported_with_their_ids_and_volumes_by_their_names() -> None:
    mounts = [{"Type": "volume", "Name": "data"}, {"Type": "bind", "Name": "", "Source": "/x"}, {"Type": "tmpfs"}]
    networks = {"back": {"NetworkID": "1", "IPAddress": "10.0.0.2"}, "made": {"NetworkID": ""}}
    (web,) = read_listing([entry(NetworkSettings={"Networks": networks}, Mounts=mounts)])
    assert (web.networks, web.volumes) == ({("back", "1"), ("made", "")}, {"data"})
    assert web.addresses == {("back", "10.0.0.2")}
    (web,) = read_listing([entry(NetworkSettings=None, Mounts=None)])
    assert (web.networks, web.volumes) == (frozenset(), frozenset())


def test_an_empty_list_is_a_list() -> None:
    assert read_listing([]) == []


@pytest.mark.parametrize(
    "answer",
    [{}, None, "", 7, [None], ["web"], [{}], [[]], [{"Id": id_of("web")}], [{"State": "running"}]],
    ids=repr,
)
def test_what_is_no_list_of_containers_is_refused(answer: object) -> None:
    with pytest.raises(ImplausibleListing):
        read_listing(answer)


@pytest.mark.parametrize("wrong", [{"Id": None}, {"Id": ""}, {"Id": 7}, {"State": None}, {"Ports": [7]}], ids=repr)
def test_a_malformed_line_makes_the_whole_list_implausible(wrong: dict[str, Any]) -> None:
    with pytest.raises(ImplausibleListing):
        read_listing([entry(), entry(**wrong)])


@pytest.mark.parametrize(
    ("names", "name"),
    [(["/web", "/proxy/web"], "web"), (["/proxy/web", "/web"], "web"), ([], id_of("web")[:12]), (None, id_of("web")[:12])],
)  # fmt: skip
def test_the_name_is_the_containers_own_and_not_that_of_a_link(names: list[str] | None, name: str) -> None:
    assert read_listing([entry(Names=names)])[0].name == name


def test_published_ports_are_read_and_exposed_ones_are_not() -> None:
    ports = [
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},  # noqa: S104 # as the engine lists it
        {"IP": "::", "PrivatePort": 53, "PublicPort": 53, "Type": "udp"},
        {"PrivatePort": 443, "Type": "tcp"},
    ]
    wanted = {("0.0.0.0", 8080, "tcp"), ("::", 53, "udp")}  # noqa: S104 # as above
    assert read_listing([entry(Ports=ports)])[0].ports == wanted


def test_addresses_are_read_by_network() -> None:
    networks = {"shop": {"IPAddress": "172.18.0.9"}, "none": {"IPAddress": ""}}
    (web,) = read_listing([entry(NetworkSettings={"Networks": networks})])
    assert web.addresses == {("shop", "172.18.0.9")}


@pytest.mark.parametrize("empty", [None, [], {}], ids=repr)
def test_what_is_empty_is_read_without_stumbling(empty: object) -> None:
    fields: dict[str, Any] = dict.fromkeys(("Names", "Ports", "Labels", "NetworkSettings"), empty)
    (web,) = read_listing([entry(**fields)])
    assert (web.labels, web.ports, web.addresses) == (fields["Labels"] or {}, frozenset(), frozenset())


def an_event(**others: Any) -> dict[str, Any]:
    """One entry of the engine's stream."""
    actor = {"ID": id_of("web"), "Attributes": {"signal": "15", "com.docker.compose.project": "shop"}}
    return {"Type": "container", "Action": "kill", "Actor": actor, "timeNano": 1732390800000000042} | others


def test_an_entry_of_the_stream_is_an_event() -> None:
    event = read_event(an_event())
    assert (event.container_id, event.action, event.signal, event.project) == (id_of("web"), "kill", "15", "shop")


def test_the_cursor_has_the_form_that_the_engine_takes_to_the_nanosecond() -> None:
    assert read_event(an_event()).cursor == "1732390800.000000042"


@pytest.mark.parametrize(
    ("action", "read"),
    [
        ("health_status: healthy", ("health_status", "healthy")),
        ("health_status: unhealthy", ("health_status", "unhealthy")),
        ("health_status", ("health_status", "")),
        ("kill", ("kill", "")),
    ],
)
def test_an_event_of_health_is_told_apart_from_what_it_says(action: str, read: tuple[str, str]) -> None:
    event = read_event(an_event(Action=action))
    assert (event.action, event.detail) == read


@pytest.mark.parametrize("attributes", [None, {}], ids=repr)
def test_an_event_without_attributes_belongs_to_no_project(attributes: dict[str, str] | None) -> None:
    event = read_event(an_event(Actor={"ID": id_of("web"), "Attributes": attributes}))
    assert (event.signal, event.project) == ("", "")
