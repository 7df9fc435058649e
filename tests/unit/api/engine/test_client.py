"""The engine's client, on a real socket with a little engine behind it: answers, failures in words, and what is kept."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.engine.client import Engine
from status_state_api.engine.faults import AtPath, explain, explain_status
from status_state_api.errors import EngineUnavailable

from ..world import container_id, entry

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

# The SDK leaves a socket open with which it could not connect, and Python says so when it is collected.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning")

NETWORKS = [
    {"Name": "bridge", "Id": "bridge-1", "Created": "2026-11-23T17:59:48.123456789Z", "Scope": "local"},
    {"Name": "none", "Id": "none-1", "Created": "2026-01-01T00:00:00Z", "Scope": "local"},
    {"Name": "none", "Id": "not-this", "Created": "2026-01-01T00:00:00Z", "Scope": "swarm"},
]
INFO = {"ID": "T7KA", "Name": "kiosk", "ServerVersion": "20.10.24", "SystemTime": "2026-11-23T18:00:00.5Z"}


@dataclass
class LittleEngine:
    """What the little engine answers, by path, and what it was asked."""

    address: str
    answers: dict[str, tuple[int, Any]] = field(
        default_factory=lambda: {
            "/version": (200, {"ApiVersion": "1.41"}),
            "/_ping": (200, "OK"),
            "/info": (200, INFO),
            "/networks": (200, NETWORKS),
            "/containers/json": (200, [entry("web"), entry("db")]),
        }
    )
    asked: list[str] = field(default_factory=list[str])
    hang: threading.Event = field(default_factory=threading.Event)
    hangs: bool = False
    hangs_up: bool = False
    connections: int = 0
    drops: int = 0
    """So many requests to come are not answered: the connection is closed."""


@pytest.fixture
def little(tmp_path: Path) -> Generator[LittleEngine]:
    """An engine that listens at a socket."""
    path = tmp_path / "docker.sock"
    engine = LittleEngine(f"unix://{path}")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            engine.connections += 1
            super().setup()

        def do_GET(self) -> None:
            path = self.path.removeprefix("/v1.41")
            engine.asked.append(path)
            if engine.drops:
                engine.drops -= 1
                self.close_connection = True
                return
            if engine.hangs:
                engine.hang.wait()
            status, answer = engine.answers.get(path, (404, {"message": f"no such thing: {path}"}))
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            if engine.hangs_up:
                self.close_connection = True  # without a word of it

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class' name
            """Say nothing."""

        def address_string(self) -> str:
            return "unix"

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that went away is no error."""

    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield engine
        engine.hang.set()
        server.shutdown()
        thread.join()


def client(address: str, timeout_seconds: float = 5.0, **environment: str) -> Engine:
    """A client of the engine at this address."""
    return Engine({"DOCKER_HOST": address, **environment}, timeout_seconds)


async def failure(engine: Engine) -> EngineUnavailable:
    """What is said when the engine is asked."""
    with pytest.raises(EngineUnavailable) as raised:
        await engine.ping()
    return raised.value


async def test_a_look_tells_which_engine_it_is_and_when_it_started(little: LittleEngine) -> None:
    look = await client(little.address).look()
    assert look.identity.model_dump() == {"id": "T7KA", "name": "kiosk", "none_network_id": "none-1"}
    assert (look.version, look.bridge_id) == ("20.10.24", "bridge-1")
    assert look.clock == datetime(2026, 11, 23, 18, 0, 0, 500000, UTC)
    assert look.bridge_created_at == datetime(2026, 11, 23, 17, 59, 48, 123456, UTC)


async def test_the_newest_version_of_the_api_that_is_asked_for_still_tells_mac_addresses(little: LittleEngine) -> None:
    little.answers["/version"] = (200, {"ApiVersion": "1.54"})
    little.answers["/v1.51/_ping"] = (200, "OK")
    await client(little.address).ping()
    assert little.asked[-1] == "/v1.51/_ping"


async def test_an_engine_without_the_network_bridge_is_an_engine(little: LittleEngine) -> None:
    little.answers["/networks"] = (200, NETWORKS[1:])
    look = await client(little.address).look()
    assert (look.bridge_id, look.bridge_created_at) == (None, None)


async def test_an_engine_without_the_network_none_is_an_engine(little: LittleEngine) -> None:
    little.answers["/networks"] = (200, [{"Name": "podman", "Id": "p", "Created": NETWORKS[0]["Created"]}])
    assert (await client(little.address).look()).identity.none_network_id is None


async def test_the_ids_of_all_containers_are_reported(little: LittleEngine) -> None:
    little.answers["/containers/json?all=1"] = (200, [entry("web"), entry("down")])
    assert await client(little.address).container_ids() == {container_id("web"), container_id("down")}


async def test_listing_is_one_call_over_a_connection_that_is_kept(little: LittleEngine) -> None:
    engine = client(little.address)
    for _ in range(5):
        listing = await engine.running()
        assert [container.name for container in listing.containers] == ["db", "web"]
    assert little.asked == ["/version"] + ["/containers/json"] * 5
    assert little.connections <= 2


async def test_a_listing_that_says_the_same_is_not_read_again(little: LittleEngine) -> None:
    engine = client(little.address)
    first = await engine.running()
    assert await engine.running() is first
    little.answers["/containers/json"] = (200, [entry("web")])
    changed = await engine.running()
    assert [container.name for container in changed.containers] == ["web"]


async def test_what_is_inspected_may_be_gone(little: LittleEngine) -> None:
    engine = client(little.address)
    little.answers["/containers/a%2Fb/json"] = (200, {"Id": "x"})
    assert await engine.container("a/b") == {"Id": "x"}
    assert await engine.container("gone") is None
    assert await engine.network("gone") is None
    assert await engine.volume("gone") is None


async def test_a_connection_that_was_closed_meanwhile_is_no_loss(little: LittleEngine) -> None:
    engine = client(little.address)
    little.hangs_up = True
    for _ in range(20):
        await engine.ping()


async def test_a_request_that_a_closing_connection_has_swallowed_is_made_once_more(little: LittleEngine) -> None:
    engine = client(little.address)
    await engine.ping()
    little.drops = 1
    await engine.ping()
    little.drops = 2
    assert "hung up" in (await failure(engine)).cause


async def test_a_failed_engine_is_asked_for_its_version_again(little: LittleEngine) -> None:
    engine = client(little.address)
    little.answers["/_ping"] = (500, {"message": "broken"})
    assert "answers with 500: broken" in (await failure(engine)).cause
    little.answers["/_ping"] = (200, "OK")
    await engine.ping()
    assert little.asked.count("/version") == 2


RUBBISH: list[tuple[str, tuple[int, Any]]] = [
    ("/containers/json", (200, b"<html>")),
    ("/containers/json", (200, {"not": "a list"})),
    ("/containers/json", (200, [{"Id": "x"}])),
    ("/containers/json", (200, [None])),
    ("/containers/json", (200, [{**entry("web"), "Names": [1]}])),
    ("/containers/json", (200, [{**entry("web"), "Created": "soon"}])),
    ("/version", (200, {})),
    ("/version", (200, b"")),
]


@pytest.mark.parametrize(("path", "answer"), RUBBISH, ids=str)
async def test_rubbish_is_never_taken_for_a_listing(little: LittleEngine, path: str, answer: tuple[int, Any]) -> None:
    little.answers[path] = answer
    with pytest.raises(EngineUnavailable, match="is no Docker engine"):
        await client(little.address).running()


async def test_a_truncated_listing_is_a_failure(little: LittleEngine) -> None:
    little.answers["/containers/json"] = (200, json.dumps([entry("web"), entry("db")]).encode()[:-1])
    with pytest.raises(EngineUnavailable):
        await client(little.address).running()


async def test_an_engine_that_hangs_is_given_up_in_time(little: LittleEngine) -> None:
    little.hangs = True
    error = await failure(client(little.address, timeout_seconds=0.05))
    assert "does not answer in time" in error.cause
    assert not error.refused


async def test_a_socket_at_which_nobody_listens_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(path))
    error = await failure(client(f"unix://{path}"))
    assert "nobody listens at" in error.cause
    assert "systemctl start docker" in error.remedy
    assert error.refused


async def test_a_socket_that_is_not_mounted_is_reported(tmp_path: Path) -> None:
    error = await failure(client(f"unix://{tmp_path}/docker.sock"))
    assert "there is no socket" in error.cause
    assert "/var/run/docker.sock:/var/run/docker.sock" in error.remedy
    assert error.refused


async def test_a_directory_in_place_of_a_socket_is_reported(tmp_path: Path) -> None:
    error = await failure(client(f"unix://{tmp_path}"))
    assert "is a directory" in error.cause
    assert "Remove that directory on the host" in error.remedy


async def test_a_file_in_place_of_a_socket_is_reported(little: LittleEngine, tmp_path: Path) -> None:
    assert little
    (tmp_path / "file").touch()
    assert "is not a socket" in (await failure(client(f"unix://{tmp_path}/file"))).cause


async def test_a_port_at_which_nobody_listens_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = await failure(client(f"tcp://127.0.0.1:{port}"))
    assert "nobody listens at" in error.cause
    assert error.refused


async def test_certificates_that_are_missing_are_reported(tmp_path: Path) -> None:
    engine = client("tcp://127.0.0.1:2376", DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(tmp_path))
    assert "DOCKER_CERT_PATH" in (await failure(engine)).remedy


@pytest.mark.parametrize("address", ["ssh://root@kiosk", "nonsense://x"])
async def test_an_address_that_can_not_be_used_is_reported(address: str) -> None:
    assert "DOCKER_HOST" in (await failure(client(address))).remedy


@pytest.mark.parametrize(
    ("error", "cause", "remedy", "refused"),
    [
        (PermissionError(13, "denied"), "permission to use X is denied", "uid 0", False),
        (ConnectionRefusedError(111, "refused"), "nobody listens at X", "Start the engine", True),
        (TimeoutError("timed out"), "does not answer in time", "journalctl", False),
        (socket.gaierror(-2, "unknown"), "can't be resolved", "DOCKER_HOST", False),
        (ConnectionResetError(104, "reset"), "hung up", "journalctl", False),
        (OSError(113, "No route to host"), "No route to host", "fix the way", False),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong"), "speaks no TLS", "TLS port", False),
        (ssl.SSLCertVerificationError(1, "self-signed"), "is not accepted", "ca.pem", False),
        (ssl.SSLError(1, "handshake failure"), "TLS with the engine at X fails", "cert.pem", False),
        (ValueError("Expecting value"), "is no Docker engine: Expecting value", "DOCKER_HOST", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_failure_has_its_cause_and_its_remedy(error: Exception, cause: str, remedy: str, refused: bool) -> None:
    told = explain("X", AtPath.SOCKET, error)
    assert cause in told.cause
    assert remedy in told.remedy
    assert told.refused is refused


@pytest.mark.parametrize(
    ("status", "message", "remedy"),
    [
        (400, "Client sent an HTTP request to an HTTPS server.", "DOCKER_TLS_VERIFY=1"),
        (400, "client version 1.52 is too new. Maximum supported API version is 1.41", "closer versions"),
        (403, "authorization denied by plugin", "authorization plugin"),
        (404, "page not found", "no Docker engine"),
        (500, "", "journalctl"),
    ],
)
def test_each_error_of_http_has_its_remedy(status: int, message: str, remedy: str) -> None:
    assert remedy in explain_status("X", status, message).remedy
