"""What is let in at all: requests to known hosts, with bounded bodies.

The host check keeps a web page in a browser on this machine from reading the answers by DNS rebinding: it would have to
send its own host name. Nothing here allows anything cross-origin.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Protocol

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import ProblemError, problem_response

MAX_BODY_BYTES = 1024 * 1024
MAX_REPORT_BYTES = 8 * MAX_BODY_BYTES
"""Of the controller's report: with its memory some 1.5 kB for each original that is down, and thousands may be at once."""

REPORTS_PATH = "/reports"
"""A report on a thousand containers, all of them down, has half of that."""
HOSTS_REMEMBERED = 256

OWN_NAMES = ("localhost", "status-state-api")
"""The compose service and the Kubernetes Service are called so."""

_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[\w.-]+))(?::[0-9]{1,5})?", re.ASCII)
"""A host and a port (RFC 9110, section 7.2), in lower case. Names of containers may have underscores."""

_NO_HOST = "The request names no host, or more than one: send one header `Host`."
_TOO_LARGE = "The body is too large: at most {0} bytes are accepted. Send less."


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
        found = _HOST.fullmatch(header)
        if found is None:
            return False
        if found["six"] is not None:
            return _is_address(found["six"], ipaddress.IPv6Address)
        host = found["name"].removesuffix(".")
        if _is_address(host, ipaddress.IPv4Address):
            return True
        return host in self._names or host.endswith(self._suffixes) or host in {n.lower() for n in self._own.own_names}


def _is_address(text: str, kind: Callable[[str], object]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


class Gate:
    """Stands before the application: checks the host, bounds the body, and has HEAD answered as GET."""

    def __init__(self, app: ASGIApp, hosts: KnownHosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        most = MAX_REPORT_BYTES if scope["path"] == REPORTS_PATH else MAX_BODY_BYTES
        hosts = 0
        length: bytes | None = None
        chunked = False
        for name, value in scope["headers"]:
            if name == b"host":
                hosts += 1
                if not self._hosts.accept(value):
                    await _refuse_host(value)(scope, receive, send)
                    return
            elif name == b"content-length":
                length = value
            elif name == b"transfer-encoding":
                chunked = True
        if hosts > 1 or (hosts == 0 and scope["http_version"] == "1.1"):
            await problem_response(400, _NO_HOST)(scope, receive, send)
        elif length is None and not chunked:
            await self._app(scope, receive, send)
        elif length is not None and (not length.isdigit() or int(length) > most):
            await problem_response(413, _TOO_LARGE.format(most), {"Connection": "close"})(scope, receive, send)
        else:
            await self._app(scope, _bounded(receive, most), send)


def _without_body(send: Send) -> Send:
    """Send the head alone, and end the answer there: a stream would go on for nobody."""

    async def head_only(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b""})

    return head_only


def _bounded(receive: Receive, most: int) -> Receive:
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise ProblemError(413, _TOO_LARGE.format(most), {"Connection": "close"})
        return message

    return bounded


def _refuse_host(host: bytes) -> Response:
    return problem_response(
        421,
        f"The host {host.decode('latin-1')[:100]!r} is not one of this service's. "
        "Ask by IP address or as localhost, or add the name to SSA_ALLOWED_HOSTS.",
    )
