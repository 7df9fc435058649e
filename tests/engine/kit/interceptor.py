"""A socket before the engine's own, at which something happens just after the engine has done a certain thing.

What is sent through it is passed on as it is, and each request is written down with the container that asks. Once it has
been told what to wait for, the first request that matches is passed on too, but before its answer is, an action is carried
out, such as killing whoever waits for it.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import struct
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .engine_api import SOCKET

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK_BYTES = 65536
# Their clients wait for an answer before they ask again: so a request begins a piece of data.
REQUEST = re.compile(rb"([A-Z]+) (/\S*) HTTP/1\.[01]\r\n")
CONTAINER_ID = re.compile(r"[0-9a-f]{64}")


class Asked(NamedTuple):
    """One request: when (time of day), by which container, what."""

    at: float
    container_id: str
    method: str
    path: str


def _find_asker(client: socket.socket) -> str:
    """The id of the container whose process is at the other end; empty for any other process."""
    size = struct.calcsize("3i")
    pid, _, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    with contextlib.suppress(OSError):  # it has ended
        found = CONTAINER_ID.search(Path(f"/proc/{pid}/cgroup").read_text())
        return found[0] if found else ""
    return ""


class Interceptor:
    """Listens at a path; `arm` says what to wait for.

    Args:
        path: where.
    """

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._lock = threading.Lock()
        self._wanted: re.Pattern[bytes] | None = None
        self._action: Callable[[], None] | None = None
        self.happened = threading.Event()
        self.asked: list[Asked] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, request: str, action: Callable[[], None]) -> None:
        """Do something, once, when the engine has done what a request of this form (a regular expression) asks for."""
        with self._lock:
            self.happened.clear()
            self._wanted, self._action = re.compile(request.encode()), action

    def close(self) -> None:
        """Take no further connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Pass on what either side says, until one of them hangs up."""
        with client, socket.socket(socket.AF_UNIX) as engine, contextlib.suppress(OSError):
            engine.connect(SOCKET)
            other, is_caught = {client: engine, engine: client}, False
            asker = _find_asker(client)
            while True:
                for source in select.select([client, engine], [], [])[0]:
                    chunk: bytes = source.recv(CHUNK_BYTES)
                    if not chunk:
                        return
                    if source is client and (found := REQUEST.match(chunk)):
                        self.asked.append(Asked(time.time(), asker, found[1].decode(), found[2].decode()))
                    if source is client and self._is_wanted(chunk):
                        is_caught = True
                    elif source is engine and is_caught:
                        is_caught = False
                        self._act()
                    other[source].sendall(chunk)

    def _is_wanted(self, chunk: bytes) -> bool:
        with self._lock:
            if self._wanted is None or not self._wanted.match(chunk):
                return False
            self._wanted = None
            return True

    def _act(self) -> None:
        action = self._action
        if action is not None:
            action()
        self.happened.set()
