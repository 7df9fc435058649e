"""The probe before doors that are closed, silent, or of another kind: whose fault that is, and whether that is certain."""

from __future__ import annotations

import contextlib
import gc
import socket
import ssl
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from status_state_api.health.probe.prober import Prober
from status_state_api.health.verdict import ProbeResult, State

from .world import ask, hang, says, serving, status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path

    from .world import Responder

REFUSED = ProbeResult(State.FAILING, "refused the connection: nobody listens there")
HUNG_UP = ProbeResult(State.FAILING, "hung up without an answer")
NO_HTTP = ProbeResult(State.FAILING, "answered what is no HTTP")


@pytest.fixture
async def prober() -> AsyncGenerator[Prober]:
    """One who asks."""
    prober = Prober()
    yield prober
    await prober.close()


@pytest.fixture
def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def silent_port() -> Generator[int]:
    """A port at which connections are neither accepted nor refused: others wait there, as many as may."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_closed_door_is_the_containers_where_nothing_lies_in_between(prober: Prober, closed_port: int) -> None:
    assert await ask(prober, closed_port) == (REFUSED, False)


async def test_a_closed_door_is_the_containers_where_it_was_open_before(prober: Prober, closed_port: int) -> None:
    assert await ask(prober, closed_port, certain=False, reached=True) == (REFUSED, False)


async def test_a_closed_door_is_unknown_where_it_may_be_anothers(prober: Prober, closed_port: int) -> None:
    answer, connected = await ask(prober, closed_port, certain=False)
    assert (answer.state, connected) == (State.UNKNOWN, False)
    assert f"127.0.0.1:{closed_port} refuses the connection" in answer.said
    assert "Attach this service to its network" in answer.said


@pytest.mark.parametrize(("certain", "reached"), [(True, False), (False, True), (True, True)])
async def test_silence_is_the_containers_where_that_is_certain(
    prober: Prober, silent_port: int, certain: bool, reached: bool
) -> None:
    answer, connected = await ask(prober, silent_port, certain=certain, reached=reached, timeout="0.2")
    assert answer == ProbeResult(State.FAILING, "did not answer within 0.2 s")
    assert not connected


async def test_silence_is_unknown_where_a_firewall_may_be_in_the_way(prober: Prober, silent_port: int) -> None:
    began = time.monotonic()
    answer, connected = await ask(prober, silent_port, certain=False, timeout="0.2")
    assert (answer.state, connected) == (State.UNKNOWN, False)
    assert answer.said.startswith("can't be asked: no connection within 0.2 s, a firewall may be in the way")
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("reached", [True, False])
async def test_an_address_to_which_there_is_no_way_is_unknown_whatever_was_before(
    prober: Prober, reached: bool
) -> None:
    answer, connected = await ask(prober, 80, host="255.255.255.255", reached=reached, timeout="5")
    assert (answer.state, connected) == (State.UNKNOWN, False)
    assert answer.said == "can't be asked at 255.255.255.255:80: Network is unreachable"


@pytest.mark.parametrize("certain", [True, False])
@pytest.mark.parametrize(
    ("respond", "answer"),
    [
        pytest.param(says(""), HUNG_UP, id="at once"),
        pytest.param(says("HTTP/1.1 200"), HUNG_UP, id="in the first line"),
        pytest.param(says("HTTP/1.1 200 OK\r\nX: y\r\n"), HUNG_UP, id="in the head"),
        pytest.param(says("hello\r\n\r\n"), NO_HTTP, id="garbage"),
        pytest.param(says(bytes(range(256))), NO_HTTP, id="bytes"),
        pytest.param(says("SSH-2.0-OpenSSH_9.2\r\n"), HUNG_UP, id="ssh"),
        pytest.param(says("HTTP/1.1 two hundred\r\n\r\n"), NO_HTTP, id="no number"),
    ],
)
async def test_who_answers_nothing_of_use_has_failed(
    prober: Prober, respond: Responder, answer: ProbeResult, certain: bool
) -> None:
    async with serving(respond) as server:
        assert await ask(prober, server.port, certain=certain) == (answer, True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that signed itself, with its key."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=shop"]
    try:
        subprocess.run(
            [*command, "-keyout", folder / "both.pem", "-out", folder / "crt.pem"], check=True, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("openssl is not there")
    with (folder / "both.pem").open("a") as file:
        file.write((folder / "crt.pem").read_text())
    return folder / "both.pem"


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """What a server with this certificate needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_a_certificate_that_signed_itself_is_unknown_with_what_to_do(prober: Prober, tls: ssl.SSLContext) -> None:
    async with serving(status(200), tls) as server:
        answer, connected = await ask(prober, server.port, "https://shop:8443/")
    assert connected
    assert answer.state is State.UNKNOWN
    assert answer.said.startswith("can't be asked: its certificate is not accepted (self-signed certificate). ")
    assert "probe.insecure: true" in answer.said


async def test_any_certificate_is_accepted_where_that_is_said(prober: Prober, tls: ssl.SSLContext) -> None:
    async with serving(status(204), tls) as server:
        answer, connected = await ask(prober, server.port, "https://:8443/", insecure="true")
        strict, _ = await ask(prober, server.port, "https://:8443/")
    assert (answer, connected) == (ProbeResult(State.OK, "answered 204"), True)
    assert strict.state is State.UNKNOWN, "for one probe, not for all"


@pytest.mark.parametrize(("url", "name"), [("https://shop:8443/", "shop"), ("https://:8443/", None)])
async def test_the_name_in_the_url_is_the_one_that_tls_asks_for(
    prober: Prober, tls: ssl.SSLContext, url: str, name: str | None
) -> None:
    asked: list[str | None] = []

    def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        asked.append(name)

    tls.sni_callback = note  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue] - wider types than it needs
    async with serving(status(200), tls) as server:
        await ask(prober, server.port, url, insecure="true")
    assert asked == [name]


async def test_a_plain_server_answers_no_tls(prober: Prober) -> None:
    async with serving(says("HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        server.reads_heads = False
        answer, connected = await ask(prober, server.port, "https://:8443/", insecure="true")
    assert (answer, connected) == (ProbeResult(State.FAILING, "answered what is no TLS"), True)


@pytest.mark.parametrize("alert", [40, 70, 116], ids=["handshake failure", "protocol version", "certificate required"])
async def test_tls_that_is_not_to_be_agreed_with_is_unknown_with_what_to_do(prober: Prober, alert: int) -> None:
    async with serving(says(b"\x15\x03\x03\x00\x02\x02" + bytes((alert,)))) as server:
        server.reads_heads = False
        answer, connected = await ask(prober, server.port, "https://:8443/", insecure="true")
    assert (answer.state, connected) == (State.UNKNOWN, True)
    assert answer.said.startswith("can't be asked: its TLS is not to be agreed with (")
    assert answer.said.endswith("Ask it by http, or have the container's own health check ask")


async def test_a_server_of_tls_answers_no_http(prober: Prober, tls: ssl.SSLContext) -> None:
    async with serving(status(200), tls) as server:
        answer, connected = await ask(prober, server.port, "http://:8443/")
    assert connected
    assert answer in (HUNG_UP, NO_HTTP)


# httpcore leaves the socket of a cancelled handshake to the garbage collector, which says so.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
async def test_a_server_that_is_silent_instead_of_tls_is_a_failure_in_time(prober: Prober) -> None:
    async with serving(hang) as server:
        server.reads_heads = False
        answer, connected = await ask(
            prober, server.port, "https://:8443/", certain=False, insecure="true", timeout="0.5"
        )
    assert (answer, connected) == (ProbeResult(State.FAILING, "did not answer within 0.5 s"), True)
    gc.collect()


async def test_each_question_has_a_connection_of_its_own(prober: Prober) -> None:
    async with serving(status(200)) as server:
        for _ in range(3):
            await ask(prober, server.port)
    assert server.connections == 3


async def test_no_proxy_is_asked(prober: Prober, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    async with serving(status(200)) as server:
        other = Prober()
        answer, _ = await ask(other, server.port)
        await other.close()
    assert answer.state is State.OK
