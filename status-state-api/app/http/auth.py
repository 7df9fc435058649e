"""Who may ask for what is the controller's: those who show the token."""

import hmac
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
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
