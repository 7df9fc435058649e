"""Reading what the engine says: a stable order, the right name, and no moment where there is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from status_state_api.engine.own import Own
from status_state_api.engine.view import parse_moment

from ..world import OWN_ID, container_id, entry, listing, own_inspect


def test_containers_are_in_the_order_of_their_names() -> None:
    assert [one.name for one in listing(entry("web"), entry("cache"), entry("db")).containers] == ["cache", "db", "web"]


@pytest.mark.parametrize(
    ("names", "name"),
    [(["/db"], "db"), (["/web/db", "/db"], "db"), ([], container_id("db")[:12]), (None, container_id("db")[:12])],
    ids=["usual", "with the alias of a link", "just being removed", "null"],
)
def test_a_container_has_its_own_name(names: list[str] | None, name: str) -> None:
    (container,) = listing({**entry("db"), "Names": names}).containers
    assert container.name == name


def test_ports_are_in_a_stable_order_whatever_order_the_engine_gives() -> None:
    ports: list[dict[str, Any]] = [
        {"PrivatePort": 443, "Type": "tcp"},
        {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},  # noqa: S104 - as the engine says
        {"PrivatePort": 53, "Type": "udp"},
    ]
    given = listing({**entry("web"), "Ports": ports}).containers
    turned = listing({**entry("web"), "Ports": ports[::-1]}).containers
    assert given == turned
    assert [port.private_port for port in given[0].ports] == [53, 80, 80, 443]


def test_labels_and_ports_may_be_null() -> None:
    (container,) = listing({**entry("web"), "Labels": None, "Ports": None}).containers
    assert (container.labels, container.ports) == ({}, [])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T18:00:00.123456789Z", datetime(2026, 11, 23, 18, 0, 0, 123456, UTC)),
        ("2026-11-23T20:00:00+02:00", datetime(2026, 11, 23, 20, tzinfo=timezone(timedelta(hours=2)))),
        ("2026-11-23T18:00:00", datetime(2026, 11, 23, 18, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)
def test_the_engines_times_are_read(text: str | None, moment: datetime | None) -> None:
    assert parse_moment(text) == moment


def test_a_container_that_is_not_known_has_no_names() -> None:
    assert Own(None, "why").names == frozenset()
    assert Own(own_inspect()).container_id == OWN_ID
