"""Makes the application out of parts that are passed in."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from .. import VERSION
from ..health.rules.policy import Policy
from ..health.verdicts import Verdicts
from ..journal.controller import ControllerRecord
from ..snapshot.holder import Memory
from .docs import install_documentation
from .gate import Gate, KnownHosts, require_token
from .problems import describe_problems, install_problems
from .routes import controller_routes, read_routes

TITLE = "Status State API"
DESCRIPTION = """
The memory of a Docker host: what ran when this service started (the **snapshot**), and what runs now.

It only reads from the engine. The status-state-controller reads the snapshot here and brings the host back to it.
Errors are `application/problem+json`, with a sentence that says what to do.
"""
TAGS = [
    {"name": "state", "description": "The desired state and the present one."},
    {"name": "health", "description": "For health checks and probes."},
    {"name": "controller", "description": "For the status-state-controller: these need the token."},
]

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_api(
    *,
    status: Callable[[], Awaitable[bytes]],
    ask_engine: Callable[[], Awaitable[None]],
    memory: Memory,
    controller: ControllerRecord,
    policy: Callable[[], Policy],
    verdicts: Verdicts,
    token: str,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Make the interface; `status` makes the status document, `ask_engine` raises unless the engine answers now."""
    api = FastAPI(
        title=TITLE,
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # each request would look for exporters
        lifespan=lifespan,
    )
    install_problems(api)
    api.include_router(read_routes(status, memory, ask_engine))
    api.include_router(controller_routes(memory, controller, policy, verdicts, require_token(token)))
    install_documentation(api)

    def describe() -> dict[str, Any]:
        if api.openapi_schema is None:
            described = get_openapi(
                title=TITLE, version=VERSION, description=DESCRIPTION.strip(), tags=TAGS, routes=api.routes
            )
            describe_problems(described)
            api.openapi_schema = described
        return api.openapi_schema

    api.openapi = describe
    return api


def create_app(
    *,
    status: Callable[[], Awaitable[bytes]],
    ask_engine: Callable[[], Awaitable[None]],
    memory: Memory,
    controller: ControllerRecord,
    policy: Callable[[], Policy],
    verdicts: Verdicts,
    token: str,
    hosts: KnownHosts,
    lifespan: Lifespan | None = None,
) -> ASGIApp:
    """Make what the server serves: the interface behind its gate."""
    api = create_api(
        status=status,
        ask_engine=ask_engine,
        memory=memory,
        controller=controller,
        policy=policy,
        verdicts=verdicts,
        token=token,
        lifespan=lifespan,
    )
    return Gate(api, hosts, {"/status": status})
