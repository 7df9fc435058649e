"""Who may ask for what is the controller's or an operator's: those who show the token, and no page of another origin."""

import hmac
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import ASGIApp, Receive, Scope, Send

from .page import PREFIX
from .problems import ProblemError, problem_response

ALWAYS_OPEN = frozenset({"/healthz", "/readyz", "/"})
"""They say next to nothing, and who asks them, the engine or a load balancer, has no token. The page asks for it."""

_bearer = HTTPBearer(auto_error=False, description="The token of the token file, which the controller shares.")


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


class ReadToken:
    """Stands before the application where reading needs the token, too: all of it, but for `ALWAYS_OPEN`."""

    def __init__(self, app: ASGIApp, check: Callable[..., None]) -> None:
        self._app = app
        self._check = check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and scope["path"] not in ALWAYS_OPEN and not scope["path"].startswith(PREFIX):
            try:
                self._check(await _bearer(Request(scope)))
            except ProblemError as error:
                await problem_response(error.status_code, error.detail, error.headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def refuse_cross_origin(request: Request) -> None:
    """Raise the problem that a page of another origin has a browser send this: it may have got hold of the token.

    A browser says so by itself, and no page can keep it from that (RFC 6454; Fetch Metadata). Programs send neither.
    """
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()
    if foreign or request.headers.get("sec-fetch-site") == "cross-site":
        raise ProblemError(
            403, "Pages of other origins may change nothing here: send this from a program, or this host."
        )


def checked_first(check: Callable[..., None]) -> type[APIRoute]:
    """Make the kind of route that checks the token, and the origin of a write, before anything of the body is read.

    The framework reads and parses the body before it asks its dependencies: strangers would have that done for them.
    """

    class CheckedFirst(APIRoute):
        """Checks, then does what other routes do."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """Return what answers a request."""
            handle = super().get_route_handler()

            async def check_first(request: Request) -> Response:
                check(await _bearer(request))
                if request.method != "GET":
                    refuse_cross_origin(request)
                return await handle(request)

            return check_first

    return CheckedFirst
