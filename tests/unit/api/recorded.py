"""An engine on a unix socket that answers what was recorded of one: for the program itself, as a process."""

from __future__ import annotations

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Self

from .world import entry, inspect

if TYPE_CHECKING:
    from pathlib import Path

NETWORKS = [
    {"Name": "bridge", "Id": "bridge-1", "Created": "2026-11-23T12:59:48.123456789Z", "Scope": "local"},
    {"Name": "none", "Id": "none-1", "Created": "2026-01-01T00:00:00Z", "Scope": "local"},
]
INFO = {"ID": "T7KA", "Name": "kiosk", "ServerVersion": "20.10.24", "SystemTime": "2026-11-23T18:00:00.5Z"}


class RecordedEngine:
    """Listens at `docker.sock` in a folder; `answers` are by path, without the version of the API."""

    def __init__(self, folder: Path, *entries: dict[str, Any]) -> None:
        self.answers: dict[str, Any] = {"/version": {"ApiVersion": "1.41"}, "/info": INFO, "/networks": NETWORKS}
        self.show(*(entries or (entry("web"), entry("db"))))
        self.logs: dict[str, bytes] = {}
        self.open_events = 0
        """Streams of events that are open."""
        path = folder / "docker.sock"
        path.unlink(missing_ok=True)
        self._server = _Server(str(path), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def show(self, *entries: dict[str, Any]) -> None:
        """Have these containers run; each is inspected with its own labels."""
        self.answers["/containers/json"] = list(entries)
        for one in entries:
            name = one["Names"][0].removeprefix("/")
            inspected = inspect(name, Created="2026-11-23T17:00:00Z", LogPath="")
            inspected["Config"]["Labels"] = one["Labels"]
            inspected["Config"]["Tty"] = False
            inspected["State"] |= {
                "Status": "running",
                "StartedAt": "2026-11-23T17:00:00.1Z",
                "Pid": 1,
                "Paused": False,
            }
            inspected["HostConfig"] = {"LogConfig": {"Type": "json-file"}, "NetworkMode": "default"}
            self.answers[f"/containers/{one['Id']}/json"] = inspected
            self.answers[f"/images/{one['ImageID']}/json"] = {"Id": one["ImageID"], "RepoDigests": [], "Config": {}}

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


def _handler(engine: RecordedEngine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/v1."):
                path = path[path.index("/", 1) :]
            if path == "/_ping":
                self._send(200, b"OK")
            elif path == "/events":
                engine.open_events += 1
                self._stream(b"")
                engine.open_events -= 1
            elif path.endswith("/logs"):
                self._stream(engine.logs.get(path.split("/")[2], b""))
            elif path in engine.answers:
                self._send(200, json.dumps(engine.answers[path]).encode())
            else:
                self._send(404, b'{"message":"no such thing"}')

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Api-Version", "1.41")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, begin: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.docker.multiplexed-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            if begin:
                self.wfile.write(begin)
            self.connection.recv(1)  # until the other side leaves

        def address_string(self) -> str:
            return "unix"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the standard library
            pass

    return Handler
