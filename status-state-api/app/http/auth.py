"""Who may ask for what is the controller's: those who show the token."""

import hmac
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from .problems import ProblemError

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


def checked_first(check: Callable[..., None]) -> type[APIRoute]:
    """Make the kind of route that checks the token before anything of the body is read.

    The framework reads and parses the body before it asks its dependencies: strangers would have that done for them.
    """

    class CheckedFirst(APIRoute):
        """Checks, then does what other routes do."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """Return what answers a request."""
            handle = super().get_route_handler()

            async def check_first(request: Request) -> Response:
                check(await _bearer(request))
                return await handle(request)

            return check_first

    return CheckedFirst
