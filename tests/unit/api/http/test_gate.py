"""Who may ask, for what, by which name, and with how large a body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from status_state_api.http.gate import MAX_BODY_BYTES, MAX_REPORT_BYTES, KnownHosts

from ..ssa import BEARER, REPORT, TOKEN, Ssa, beside_two_containers
from ..world import SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator


@pytest.fixture
async def started() -> AsyncGenerator[Ssa]:
    """An SSA that holds a snapshot."""
    async with beside_two_containers() as ssa:
        await ssa.holder.start()
        ssa.engine.asked.clear()
        yield ssa


@pytest.mark.parametrize("path", ["/status", "/snapshot", "/openapi.json", "/docs", "/healthz", "/readyz"])
async def test_no_secret_is_served_without_the_token(started: Ssa, path: str) -> None:
    assert SECRET not in (await started.client.get(path)).text


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": f"Bearer {TOKEN}x"},
     {"Authorization": "Bearer "}, {"Authorization": "Bearer tökén".encode().decode("latin-1")}],
    ids=["none", "bare", "basic", "longer", "empty", "not ASCII"],
)  # fmt: skip
@pytest.mark.parametrize(("method", "path"), [("GET", "/snapshot/recipes"), ("POST", "/reports")])
async def test_the_controllers_paths_need_the_token(
    started: Ssa, headers: dict[str, str], method: str, path: str
) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = await started.client.request(method, path, headers=raw, json=REPORT if method == "POST" else None)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "token" in answer.json()["detail"]
    assert started.controller.last_seen_at is None
    assert started.controller.report is None


async def test_nothing_is_allowed_cross_origin(started: Ssa) -> None:
    answer = await started.client.get("/status", headers={"Origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


LIMITS = pytest.mark.parametrize(("path", "most"), [("/snapshot", MAX_BODY_BYTES), ("/reports", MAX_REPORT_BYTES)])


@LIMITS
async def test_a_body_that_is_too_large_is_refused_unread(path: str, most: int, started: Ssa) -> None:
    read = 0

    async def body() -> AsyncGenerator[bytes]:
        nonlocal read
        while read <= most:
            read += 65536
            yield b" " * 65536

    headers = {**BEARER, "Content-Length": str(most + 1)}
    status, detail = await started.problem("POST", path, content=body(), headers=headers)
    assert (status, str(most) in detail, read) == (413, True, 0)


async def test_a_body_of_unknown_length_is_refused_when_it_gets_too_large(started: Ssa) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10 * MAX_REPORT_BYTES:
            sent += 65536
            yield b" " * 65536

    headers = {**BEARER, "Content-Type": "application/json"}
    assert (await started.problem("POST", "/reports", content=endless(), headers=headers))[0] == 413
    assert sent <= MAX_REPORT_BYTES + 2 * 65536


async def test_a_body_of_just_the_permitted_size_is_taken(started: Ssa) -> None:
    report = json.dumps(REPORT)
    headers = {**BEARER, "Content-Type": "application/json"}
    answer = await started.client.post("/reports", content=report.ljust(MAX_REPORT_BYTES), headers=headers)
    assert answer.status_code == 204


class Named:
    """A container with these names."""

    def __init__(self, *names: str) -> None:
        self.own_names = frozenset(names)


KNOWN = [
    *(
        "localhost",
        "localhost:8000",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1:8000",
        "192.168.1.7",
        "[::1]:8000",
        "[fe80::1]",
    ),
    *("status-state-api", "status-state-api:8000", "host.example", "deep.down.lan:80", "ssa", "Pair_api_1:8000"),
]
UNKNOWN = [
    *("evil.example", "localhost.evil.example", "evil-localhost", "xhost.example", "lan", "evillan", "", ":8000"),
    *("[::1", "127.0.0.1.evil.example", "[::1]evil.example", "[::1]:80:80", "localhost:x@evil.example", "localhost:"),
    *(
        "localhost@evil.example",
        "evil.example#localhost",
        "[127.0.0.1]",
        "::1",
        "localhost/x",
        "localhost..",
        "[::1%25x]",
    ),
]


def test_known_hosts_are_the_own_names_addresses_and_those_allowed() -> None:
    hosts = KnownHosts(["host.example", "*.lan"], Named("ssa", "pair_api_1"))
    for _ in range(2):  # a host that was accepted is remembered
        assert [host for host in KNOWN if not hosts.accept(host.encode())] == []
        assert [host for host in UNKNOWN if hosts.accept(host.encode())] == []


async def test_the_own_names_are_known_once_the_engine_has_told_them(started: Ssa) -> None:
    for path in ("/status", "/snapshot"):
        assert (await started.client.get(path, headers={"Host": "pair_api_1:8000"})).status_code == 200


@pytest.mark.parametrize("path", ["/status", "/snapshot", "/docs"])
async def test_unknown_hosts_are_refused_with_the_way_to_allow_them(started: Ssa, path: str) -> None:
    status, detail = await started.problem("GET", path, headers={"Host": "evil.example"})
    assert (status, "SSA_ALLOWED_HOSTS" in detail) == (421, True)
    assert started.engine.asked == []


def test_any_host_can_be_allowed() -> None:
    assert KnownHosts(["*"], Named()).accept(b"whatever.example")


async def test_hosts_that_are_remembered_are_bounded() -> None:
    hosts = KnownHosts(["*.lan"], Named())
    for number in range(1000):
        assert hosts.accept(f"{number}.lan".encode())
    assert not hosts.accept(b"1.wan")


async def test_the_token_is_looked_at_before_the_body(started: Ssa) -> None:
    read = 0

    async def body() -> AsyncGenerator[bytes]:
        nonlocal read
        while read < MAX_BODY_BYTES:
            read += 65536
            yield b"[" * 65536

    headers = {"Authorization": "Bearer wrong", "Content-Type": "application/json"}
    assert (await started.problem("POST", "/reports", content=body(), headers=headers))[0] == 401
    assert read == 0
