"""Makes the application out of parts that are passed in."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from .. import VERSION
from ..journal.originals import Availability
from .auth import ReadToken, require_token
from .direct import Direct
from .docs import install_documentation
from .gate import Gate, KnownHosts
from .measured import Measured
from .page import install_page
from .problems import describe_problems, install_problems
from .routes.controller import BEAT_SECONDS, controller_routes
from .routes.events import event_routes
from .routes.journal import journal_routes
from .routes.metrics import metrics_routes
from .routes.operator import operator_routes
from .routes.parts import Parts
from .routes.read import read_routes

TITLE = "Status State API"
DESCRIPTION = """
The memory of a Docker host: what was said to be right (the **snapshot**: what ran when this service started, or was
accepted since), and what runs now.

It only reads from the engine. The status-state-controller reads the snapshot here and brings the host back to it.
Errors are `application/problem+json`, with a sentence that says what to do.
"""
TAGS = [
    {"name": "state", "description": "The desired state and the present one."},
    {"name": "journal", "description": "What was done and what has changed."},
    {"name": "health", "description": "For health checks, probes and monitoring."},
    {"name": "operator", "description": "For people and their scripts: what changes something needs the token."},
    {"name": "controller", "description": "For the status-state-controller: these need the token."},
]

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_api(
    parts: Parts, token: str, *, lifespan: Lifespan | None = None, beat_seconds: float = BEAT_SECONDS
) -> FastAPI:
    """Make the interface. Making it asks no part for anything."""
    api = FastAPI(
        title=TITLE,
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # each request would look for exporters
        lifespan=lifespan,
        redirect_slashes=False,  # there is nothing at `/status/`
    )
    install_problems(api)
    api.include_router(read_routes(parts))
    api.include_router(event_routes(parts, beat_seconds))
    api.include_router(journal_routes(parts.journal, Availability(parts.journal, parts.uptime, parts)))
    api.include_router(metrics_routes(parts))
    check_token = require_token(token)
    api.include_router(controller_routes(parts, check_token, beat_seconds))
    api.include_router(operator_routes(parts, check_token))
    install_documentation(api)
    install_page(api)

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
    parts: Parts,
    token: str,
    hosts: KnownHosts,
    *,
    read_token: bool = False,
    lifespan: Lifespan | None = None,
    beat_seconds: float = BEAT_SECONDS,
) -> ASGIApp:
    """Make what the server serves: the interface behind its gate; with `read_token` reading needs the token, too."""
    api = create_api(parts, token, lifespan=lifespan, beat_seconds=beat_seconds)
    app = Direct(api, parts.status.document)
    gate = Gate(ReadToken(app, require_token(token)) if read_token else app, hosts)
    return Measured(gate, parts.metrics.requests, api.routes)
