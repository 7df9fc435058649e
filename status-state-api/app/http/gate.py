"""What is let in at all: requests to known hosts, with bounded bodies.

The host check keeps a web page in a browser on this machine from reading the answers by DNS rebinding: it would have to
send its own host name. Nothing here allows anything cross-origin.
"""

import ipaddress
from collections.abc import Iterable
from typing import Protocol

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import ProblemError, problem_response

MAX_BODY_BYTES = 1024 * 1024
"""A report on a thousand containers, all of them down, has half of that."""
HOSTS_REMEMBERED = 256

OWN_NAMES = ("localhost", "status-state-api")
"""The compose service and the Kubernetes Service are called so."""

_TOO_LARGE = f"The body is too large: at most {MAX_BODY_BYTES} bytes are accepted. Send less."


class Named(Protocol):
    """Who knows the names of the own container: none until the engine has answered."""

    @property
    def own_names(self) -> frozenset[str]:
        """Its name, its host name and its aliases on networks."""
        ...


class KnownHosts:
    """Tells which values of the header `Host` are accepted.

    Those are IP literals, `localhost`, the names of the own container, and `allowed`: names, or `*.example.com` for all
    below one, or `*` for any.
    """

    def __init__(self, allowed: Iterable[str], own: Named) -> None:
        names = [name.lower().rstrip(".") for name in allowed]
        self._any = "*" in names
        self._names = {*OWN_NAMES, *names}
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*."))
        self._own = own
        self._known: set[bytes] = set()

    def accept(self, header: bytes) -> bool:
        """Tell whether this value is accepted."""
        if self._any or header in self._known:
            return True
        accepted = self._judge(header.decode("latin-1").lower())
        if accepted and len(self._known) < HOSTS_REMEMBERED:
            self._known.add(header)
        return accepted

    def _judge(self, header: str) -> bool:
        host = header.rpartition("]")[0][1:] if header.startswith("[") else header.partition(":")[0].rstrip(".")
        if not host:
            return False
        try:
            ipaddress.ip_address(host)
        except ValueError:
            pass
        else:
            return True
        return host in self._names or host.endswith(self._suffixes) or host in {n.lower() for n in self._own.own_names}


class Gate:
    """Stands before the application: checks the host and bounds the body."""

    def __init__(self, app: ASGIApp, hosts: KnownHosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length: bytes | None = None
        chunked = False
        for name, value in scope["headers"]:
            if name == b"host":
                if not self._hosts.accept(value):
                    await _refuse_host(value)(scope, receive, send)
                    return
            elif name == b"content-length":
                length = value
            elif name == b"transfer-encoding":
                chunked = True
        if length is None and not chunked:
            await self._app(scope, receive, send)
        elif length is not None and (not length.isdigit() or int(length) > MAX_BODY_BYTES):
            await problem_response(413, _TOO_LARGE, {"Connection": "close"})(scope, receive, send)
        else:
            await self._app(scope, _bounded(receive), send)


def _bounded(receive: Receive) -> Receive:
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise ProblemError(413, _TOO_LARGE, {"Connection": "close"})
        return message

    return bounded


def _refuse_host(host: bytes) -> Response:
    return problem_response(
        421,
        f"The host {host.decode('latin-1')[:100]!r} is not one of this service's. "
        "Ask by IP address or as localhost, or add the name to SSA_ALLOWED_HOSTS.",
    )
