"""Counts requests by the routes that answer them, before anything else looks at them.

A route counts by its template, never by the path that was asked for: of these there is no end. How long an answer takes is
told until it begins, since some go on for hours. What the connection itself refuses (see `limits.protocol`) comes not here.
"""

import time
from collections.abc import Sequence

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..metrics.labels import OTHER
from ..metrics.requests import RequestMetrics


class Measured:
    """Stands before the gate."""

    def __init__(self, app: ASGIApp, requests: RequestMetrics, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._requests = requests
        all_routes = [one.original_route for one in iter_route_contexts(routes)]  # those of included routers, too
        known = [route for route in all_routes if isinstance(route, Route)]
        self._plain = {route.path: route.path for route in known if not route.param_convertors}
        self._templates = [route for route in known if route.param_convertors]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - began
                self._requests.answered(scope["method"], self._route_of(scope["path"]), message["status"], seconds)
            await send(message)

        await self._app(scope, receive, measured)

    def _route_of(self, path: str) -> str:
        if (plain := self._plain.get(path)) is not None:
            return plain
        return next((route.path for route in self._templates if route.path_regex.match(path)), OTHER)
