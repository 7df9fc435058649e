"""The probe, against little servers that do whatever containers do: each answer is of a defined kind, and in time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.health.probe.prober import Prober, port_of, show
from status_state_api.health.timing import Timing
from status_state_api.health.verdict import ProbeResult, State

from .world import ask, hang, says, serving, status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .world import Responder

SOON = "0.3"
"""A time-out for those that never answer."""


@pytest.fixture
async def prober() -> AsyncGenerator[Prober]:
    """One who asks."""
    prober = Prober()
    yield prober
    await prober.close()


def endless(beginning: str, repeated: str, pause: float = 0.0) -> Responder:
    """Begin, and repeat the rest for ever."""

    async def respond(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning.encode())
        while True:
            writer.write(repeated.encode())
            await writer.drain()
            await asyncio.sleep(pause)

    return respond


async def ask_one(prober: Prober, respond: Responder, url: str = "http://:8080/health", **options: Any) -> ProbeResult:
    """Ask a server that responds so; it could be connected to."""
    async with serving(respond) as server:
        answer, connected = await ask(prober, server.port, url, **options)
    assert connected
    return answer


@pytest.mark.parametrize("code", [200, 204, 299, 300, 301, 304, 399])
async def test_two_and_three_hundred_are_ok(prober: Prober, code: int) -> None:
    assert await ask_one(prober, status(code)) == ProbeResult(State.OK, f"answered {code}")


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500, 503, 599, 999])
async def test_all_other_answers_are_failures(prober: Prober, code: int) -> None:
    assert await ask_one(prober, status(code)) == ProbeResult(State.FAILING, f"answered {code}")


async def test_an_answer_counts_that_comes_after_another_one_that_is_none(prober: Prober) -> None:
    text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert await ask_one(prober, says(text)) == ProbeResult(State.OK, "answered 200")


async def test_what_is_asked_is_what_the_url_says(prober: Prober) -> None:
    async with serving(status(200)) as server:
        await ask(prober, server.port, "http://:8080/health/?deep=1&x=%20y#part")
    assert server.heads[0].startswith("GET /health/?deep=1&x=%20y HTTP/1.1\r\n")
    assert server.header("Connection") == "close"
    assert server.header("User-Agent") == "status-state"
    assert server.header("Authorization") is None


async def test_a_url_without_a_path_asks_for_the_root(prober: Prober) -> None:
    async with serving(status(200)) as server:
        await ask(prober, server.port, "http://:8080")
    assert server.paths == ["/"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://:8080/", "127.0.0.1:8080"),
        ("http://shop.example:8080/", "shop.example:8080"),
        ("http://shop.example/", "shop.example"),
        ("http://user:pass@shop:81/", "shop:81"),
        ("http://user:pass@:81/", "127.0.0.1:81"),
    ],
)
async def test_the_host_is_the_name_in_the_url_else_the_address(prober: Prober, url: str, host: str) -> None:
    async with serving(status(200)) as server:
        await ask(prober, server.port, url)
    assert server.header("Host") == host


async def test_user_and_password_are_sent(prober: Prober) -> None:
    async with serving(status(200)) as server:
        await ask(prober, server.port, "http://user:pa%3Ass@:8080/")
    assert server.header("Authorization") == "Basic dXNlcjpwYTpzcw=="


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:pass@:8080/health?token=x#y", "http://:8080/health"),
        ("https://user@shop/", "https://shop/"),
        ("http://:8080/health", "http://:8080/health"),
        ("http://[::1]:80/a?b", "http://[::1]:80/a"),
    ],
)
def test_what_may_be_a_secret_is_not_shown(url: str, shown: str) -> None:
    assert show(url) == shown


@pytest.mark.parametrize(
    ("url", "port"), [("http://:8080/", 8080), ("http://shop/", 80), ("https://shop/", 443), ("https://a@:8443", 8443)]
)
def test_the_port_is_the_containers(url: str, port: int) -> None:
    assert port_of(url) == port


def redirects(**places: str) -> Responder:
    """Redirect from each path to another; those without one are there."""

    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        place = places.get(head.split(" ")[1].strip("/").replace("?", "_"))
        await (status(200) if place is None else status(302, f"Location: {place}"))(head, writer)

    return respond


CIRCLE = ProbeResult(State.FAILING, "answered 302, which leads in a circle")
REDIRECT = ProbeResult(State.OK, "answered 302")


@pytest.mark.parametrize(
    ("places", "paths"),
    [
        ({"health": "/health"}, ["/health"]),
        ({"health": ""}, ["/health"]),
        ({"health": "/b", "b": "/health"}, ["/health", "/b"]),
        ({"health": "b", "b": "c", "c": "b"}, ["/health", "/b", "/c"]),
        ({"health": "http://127.0.0.1:8080/health"}, ["/health"]),
        ({"health": "/b#x", "b": "/b#y"}, ["/health", "/b"]),
    ],
    ids=[
        "itself",
        "an empty place is no redirect",
        "two pages",
        "two pages after the first",
        "with a host",
        "fragments",
    ],
)
async def test_redirects_in_a_circle_are_a_failure(prober: Prober, places: dict[str, str], paths: list[str]) -> None:
    async with serving(redirects(**places)) as server:
        answer, _ = await ask(prober, server.port)
    assert answer == (REDIRECT if places == {"health": ""} else CIRCLE)
    assert server.paths == paths


@pytest.mark.parametrize(
    ("places", "paths"),
    [
        ({"health": "/login"}, ["/health", "/login"]),
        ({"health": "/b", "b": "/c", "c": "/d"}, ["/health", "/b", "/c", "/d"]),
        ({"health": "/health?once"}, ["/health", "/health?once"]),
        ({"health": "http://elsewhere.example/health"}, ["/health"]),
        ({"health": "https://127.0.0.1:8080/health"}, ["/health"]),
        ({"health": "http://127.0.0.1:8081/health"}, ["/health"]),
        ({"health": "//elsewhere.example/health"}, ["/health"]),
    ],
    ids=["a page", "several", "another query", "another host", "another scheme", "another port", "no scheme"],
)
async def test_a_redirect_that_leads_somewhere_is_ok(prober: Prober, places: dict[str, str], paths: list[str]) -> None:
    async with serving(redirects(**places)) as server:
        answer, _ = await ask(prober, server.port)
    assert answer == REDIRECT
    assert server.paths == paths


@pytest.mark.parametrize("url", ["http://:80/health", "http://Shop/health", "http://u:p@:8080/health"])
async def test_a_circle_is_seen_however_the_url_is_written(prober: Prober, url: str) -> None:
    async with serving(redirects(health="/health")) as server:
        answer, _ = await ask(prober, server.port, url)
    assert answer == CIRCLE


async def test_no_cookie_is_kept(prober: Prober) -> None:
    async with serving(status(200, "Set-Cookie: session=hunter2; Path=/")) as server:
        for _ in range(2):
            await ask(prober, server.port)
    assert "hunter2" not in str(server.heads)


async def test_a_circle_is_seen_where_the_url_has_a_name(prober: Prober) -> None:
    async with serving(redirects(health="http://shop:8080/health")) as server:
        answer, _ = await ask(prober, server.port, "http://shop:8080/health")
    assert answer == CIRCLE


async def test_a_redirect_to_what_fails_is_ok(prober: Prober) -> None:
    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        await (status(302, "Location: /broken") if "/health" in head else status(500))(head, writer)

    assert await ask_one(prober, respond) == REDIRECT


async def test_a_redirect_to_what_hangs_up_is_ok(prober: Prober) -> None:
    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        await (status(302, "Location: /broken") if "/health" in head else says(""))(head, writer)

    assert await ask_one(prober, respond) == REDIRECT


@pytest.mark.parametrize(
    "place",
    ["http://[", "//[::1", "http://:port/", "http://x:99999/", "\x01", "/\x7f", "?" * 70000, "%", "gr\u00fcn"],
    ids=range(9),
)
async def test_a_redirect_to_an_odd_place_is_ok(prober: Prober, place: str) -> None:
    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        await (status(302, f"Location: {place}") if "/health " in head else status(200))(head, writer)

    assert await ask_one(prober, respond) == REDIRECT


async def test_a_redirect_to_what_hangs_is_ok_in_time(prober: Prober) -> None:
    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        await (status(302, "Location: /hanging") if "/health" in head else hang)(head, writer)

    began = time.monotonic()
    async with serving(respond) as server:
        answer, _ = await ask(prober, server.port, timeout="4")
    assert answer == REDIRECT
    assert server.paths == ["/health", "/hanging"]
    assert 3.9 < time.monotonic() - began < 30


async def test_a_redirect_that_comes_at_the_last_moment_is_ok() -> None:
    prober = Prober(Timing(redirects=5.0))
    async with serving(redirects(health="/b", b="/health")) as server:
        answer, _ = await ask(prober, server.port, timeout="5")
    assert answer == REDIRECT
    await prober.close()
    assert server.paths == ["/health"], "no time is left to follow it"


async def test_redirects_without_end_are_a_failure_after_ten(prober: Prober) -> None:
    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        await status(302, f"Location: {head.split(' ')[1]}x")(head, writer)

    async with serving(respond) as server:
        answer, _ = await ask(prober, server.port)
    assert answer == CIRCLE
    assert len(server.paths) == 11


async def test_one_that_connects_and_says_nothing_is_a_failure_in_time(prober: Prober) -> None:
    began = time.monotonic()
    answer = await ask_one(prober, hang, timeout=SOON, certain=False)
    assert answer == ProbeResult(State.FAILING, "did not answer within 0.3 s")
    assert 0.25 < time.monotonic() - began < 4


@pytest.mark.parametrize(
    "respond",
    [
        pytest.param(endless("HTTP/1.1 200 OK\r\n", "", 0.02), id="half a head"),
        pytest.param(endless("HTTP/1.1 200 OK\r\n", "X: y\r\n", 0.02), id="a header now and then"),
    ],
)
async def test_the_time_out_bounds_the_whole(prober: Prober, respond: Responder) -> None:
    answer = await ask_one(prober, respond, timeout=SOON)
    assert answer == ProbeResult(State.FAILING, "did not answer within 0.3 s")


async def test_the_time_out_bounds_all_redirects_together(prober: Prober) -> None:
    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)
        await status(302, f"Location: {head.split(' ')[1]}x")(head, writer)

    began = time.monotonic()
    assert await ask_one(prober, respond, timeout="5") == REDIRECT, "the first answer came in time"
    assert time.monotonic() - began < 20, "all eleven would take longer"


async def test_headers_without_end_are_no_http(prober: Prober) -> None:
    answer = await ask_one(prober, endless("HTTP/1.1 200 OK\r\n", f"X: {'y' * 1000}\r\n"))
    assert answer == ProbeResult(State.FAILING, "answered what is no HTTP")


@pytest.mark.parametrize(
    "respond",
    [
        pytest.param(endless("HTTP/1.1 200 OK\r\n\r\n", "x" * 65536), id="endless"),
        pytest.param(endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 0.01), id="slow"),
        pytest.param(endless("HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n", "x" * 65536), id="huge"),
        pytest.param(says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx"), id="cut off"),
        pytest.param(says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk"), id="broken"),
    ],
)
async def test_the_body_does_not_matter(prober: Prober, respond: Responder) -> None:
    began = time.monotonic()
    assert await ask_one(prober, respond) == ProbeResult(State.OK, "answered 200")
    assert time.monotonic() - began < 4
