"""Who may ask: known hosts only, bounded bodies, and the token for what is the controller's.

The host check keeps a web page in a browser on this machine from reading the answers by DNS rebinding: it would have to
send its own host name. Nothing here allows anything cross-origin.
"""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated

from fastapi import Depends, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import JSON_HEADERS, ProblemError, problem_response

MAX_BODY_BYTES = 1024 * 1024
"""A report on a thousand containers, all of them down, has half of that."""
HOSTS_REMEMBERED = 256

OWN_NAMES = ("localhost", "status-state-api")
"""The compose service and the Kubernetes Service are called so."""

_TOO_LARGE = f"The body is too large: at most {MAX_BODY_BYTES} bytes are accepted. Send less."
_JSON_HEADERS = [(name.lower().encode(), value.encode()) for name, value in JSON_HEADERS.items()]

_bearer = HTTPBearer(auto_error=False, description="The token of the token file, which the controller shares.")


class KnownHosts:
    """Tells which values of the header `Host` are accepted.

    Those are IP literals, `localhost`, the own names, and `allowed`: names, or `*.example.com` for all below one, or
    `*` for any. `own_names` may grow: the container's names are known only when the engine has answered.
    """

    def __init__(self, allowed: Iterable[str], own_names: Callable[[], Iterable[str]]) -> None:
        names = [name.lower().rstrip(".") for name in allowed]
        self._any = "*" in names
        self._names = {*OWN_NAMES, *names}
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*."))
        self._own_names = own_names
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
        return host in self._names or host.endswith(self._suffixes) or host in {n.lower() for n in self._own_names()}


class Gate:
    """Stands before the application: checks the host, bounds the body, and answers the busiest request itself.

    `direct` maps a path to what makes the JSON bytes of its GET. The application answers the same paths in the same
    way; going past its middleware and routing merely makes it several times faster, as `make bench` shows.
    """

    def __init__(self, app: ASGIApp, hosts: KnownHosts, direct: Mapping[str, Callable[[], Awaitable[bytes]]]) -> None:
        self._app = app
        self._hosts = hosts
        self._direct = direct

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
            await self._pass_on(scope, receive, send)
        elif length is not None and (not length.isdigit() or int(length) > MAX_BODY_BYTES):
            await problem_response(413, _TOO_LARGE, {"Connection": "close"})(scope, receive, send)
        else:
            await self._app(scope, _bounded(receive), send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        make = self._direct.get(scope["path"])
        if make is not None and scope["method"] == "GET":
            try:
                body = await make()
            except Exception:  # noqa: BLE001, S110 - a defect: the application comes across it too, and tells it
                pass
            else:
                headers = [*_JSON_HEADERS, (b"content-length", str(len(body)).encode())]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                return
        await self._app(scope, receive, send)


def require_token(token: str) -> Callable[..., None]:
    """Make the dependency that lets only those pass who know the token."""
    expected = token.encode()

    def check(given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
        if given is None:
            said = "This needs the token: send the header `Authorization: Bearer …` with the content of the token file."
        elif not hmac.compare_digest(given.credentials.encode(), expected):
            said = "The token is wrong: send the content of the token file that this service and the controller share."
        else:
            return
        raise ProblemError(401, said, {"WWW-Authenticate": "Bearer"})

    return check


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
