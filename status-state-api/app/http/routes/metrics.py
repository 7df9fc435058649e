"""What Prometheus asks."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from ..problems import NEVER_STORE
from .parts import Parts

PATIENCE_SECONDS = 3.0
"""For the engine's answer: a scrape must not fail because the engine hangs, and Prometheus waits 10 s if not told otherwise."""


def metrics_routes(parts: Parts) -> APIRouter:
    """What Prometheus asks."""
    router = APIRouter()

    @router.get(
        "/metrics",
        summary="The metrics",
        tags=["health"],
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def get_metrics() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """The metrics in Prometheus' text format. They are listed in docs/metrics.md.

        Works without a snapshot and without an engine; what is not known then has no samples. Costs the engine one
        `docker ps` at most, which is shared with the requests for `/status` that wait.
        """
        status = await parts.status.document_within(PATIENCE_SECONDS)
        return Response(parts.metrics.text(status), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4, **NEVER_STORE})

    return router
