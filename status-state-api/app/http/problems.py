"""Every error as `application/problem+json` (RFC 9457), with a sentence a person can act on.

Only the form: what went wrong is decided where it goes wrong.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import Route

from .schemas import Problem

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20
LONGEST_ERROR = 300
"""In characters: a sender can't have more than a few kilobytes repeated to it."""
NEVER_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
TEXT_HEADERS = {"Content-Type": "text/plain; charset=utf-8", **NEVER_STORE}
JSON_HEADERS = {"Content-Type": "application/json", **NEVER_STORE}


class ProblemError(HTTPException):
    """A request that can't be answered; `detail` says what happened and what to do."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)


def problem_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None, errors: list[str] | None = None
) -> Response:
    """Tell a problem."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors)
    return Response(
        problem.model_dump_json(exclude_none=True),
        status_code=status,
        headers={**NEVER_STORE, **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def install_problems(app: FastAPI) -> None:
    """Have the application tell all its errors as problems."""
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(Exception, _bug)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Say in the interface's description what else than success an operation may answer with."""
    content = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return {status: {"description": _MEANINGS[status], **(content if status >= 400 else {})} for status in statuses}


_MEANINGS = {
    304: "The snapshot is still that of `If-None-Match`.",
    400: "The body can't be read.",
    401: "The token is missing or wrong.",
    403: "It was sent by a page of another origin.",
    404: "There is none of that name; `detail` has those like it.",
    409: "There is one of that name, but it can't be had; `detail` says why.",
    413: "The body is too large.",
    415: "The body is not said to be JSON.",
    422: "The body is not what is described here.",
    503: "Not now: no snapshot is held yet, or the engine or the store can't be used. `Retry-After` says when to ask again.",
}


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    detail = error.detail
    if not isinstance(error, ProblemError):  # the framework's own: its detail is the status' phrase
        method, path = request.method, request.url.path
        if error.status_code == 404:
            detail = f"There is nothing at {path}. What there is: /docs."
        elif error.status_code == 400:
            detail = "The body can't be read as JSON: it is nested too deep, or not in UTF-8."
        elif error.status_code == 405:
            detail = f"{path} can't be asked by {method}. How it can: /docs."
            return problem_response(405, detail, {"Allow": ", ".join(_methods(request))})
    return problem_response(error.status_code, str(detail), error.headers)


def _methods(request: Request) -> list[str]:
    """How a path can be asked: the framework tells of the first route that has it only."""
    app: FastAPI = request.app
    known = (one.original_route for one in iter_route_contexts(app.routes))  # those of included routers, too
    routes = (route for route in known if isinstance(route, Route) and route.path_regex.match(request.url.path))
    return sorted({method for route in routes for method in route.methods or ()})


async def _invalid_request(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    errors = [_describe_error(one) for one in found[:MOST_ERRORS]]
    if len(found) > MOST_ERRORS:
        errors.append(f"and {len(found) - MOST_ERRORS} more")
    return problem_response(
        422, "The request is not what is described at /docs; `errors` lists what is wrong.", errors=errors
    )


def _describe_error(error: Mapping[str, Any]) -> str:
    """Tell one thing that is wrong. The sender chose the names in it: they may be long, or no Unicode."""
    said = f"{'.'.join(str(part)[:LONGEST_ERROR] for part in error['loc'])}: {error['msg']}"
    return said.encode(errors="backslashreplace").decode()[:LONGEST_ERROR]


async def _bug(_: Request, __: Exception) -> Response:
    return problem_response(
        500, "This is a bug of the status-state-api: its log has the traceback. The snapshot is not affected."
    )


def describe_problems(openapi: dict[str, Any]) -> None:
    """Add to the interface's description what `documented` refers to, and take out the framework's own errors."""
    schemas: dict[str, Any] = openapi["components"]["schemas"]
    for theirs in ("HTTPValidationError", "ValidationError"):
        schemas.pop(theirs, None)
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for operations in openapi["paths"].values():
        for operation in operations.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
