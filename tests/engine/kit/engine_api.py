"""Looking at the engine, many times a second: asked directly it takes a tenth of the time that a `docker` command takes.

It only reads: whatever these tests do to containers they do by the commands that people use.
"""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode

SOCKET = "/run/docker.sock"  # in a private engine's surroundings nothing else can be there
ANSWER_SECONDS = 120
FRAME_HEAD = 8


class _Connection(HTTPConnection):
    """HTTP over the engine's socket."""

    def connect(self) -> None:
        """Connects to the engine."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ANSWER_SECONDS)
        self.sock.connect(SOCKET)


def _ask(path: str, **query: str) -> bytes | None:
    """The body of one answer, None where there is no such thing; AssertionError with any other refusal."""
    connection = _Connection("docker")
    try:
        connection.request("GET", f"{path}?{urlencode(query)}")
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status == 404:
        return None
    assert answer.status == 200, f"GET {path} answered {answer.status}: {body.decode(errors='replace')}"
    return body


def inspect_container(container_id: str) -> dict[str, Any] | None:
    """What the engine tells of a container; None when it is gone."""
    body = _ask(f"/containers/{quote(container_id)}/json")
    return None if body is None else json.loads(body)


def list_containers(labels: tuple[str, ...], *, running_only: bool) -> list[tuple[str, str]]:
    """Id and name of the containers that have all the labels."""
    filters = json.dumps({"label": labels})
    found: list[dict[str, Any]] = json.loads(
        _ask("/containers/json", all=str(int(not running_only)), filters=filters) or ""
    )
    # A container that another one is linked to has a second name, below that of the other.
    return [(told["Id"], next(name[1:] for name in told["Names"] if "/" not in name[1:])) for told in found]


def read_log(container_id: str) -> str:
    """Both output streams of a container that has no terminal."""
    left = _ask(f"/containers/{quote(container_id)}/logs", stdout="1", stderr="1")
    assert left is not None, f"no such container: {container_id}"
    said = b""
    while left:  # frames: the stream's number and the length of what follows
        end = FRAME_HEAD + int.from_bytes(left[4:FRAME_HEAD], "big")
        said += left[FRAME_HEAD:end]
        left = left[end:]
    return said.decode(errors="replace")


def read_events(since: float, until: float, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
    """The events between two moments that the engine still remembers, oldest first."""
    query = {"since": f"{since:.6f}", "until": f"{until:.6f}", "filters": json.dumps(filters)}
    return [json.loads(line) for line in (_ask("/events", **query) or b"").splitlines()]
