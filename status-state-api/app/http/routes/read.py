"""What everyone may ask who can reach the port."""

from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Header, Query, Response

from ...errors import EngineUnavailable
from ...model import Snapshot
from ...shown.overview import overview
from ...shown.status import status_text
from ..direct import prefers_text
from ..problems import JSON_HEADERS, TEXT_HEADERS, documented
from ..schemas import Alive, Overview, Ready, StatusDocument
from .parts import Parts, not_now


def read_routes(parts: Parts) -> APIRouter:
    """What everyone may ask who can reach the port."""
    router = APIRouter()
    _add_state(router, parts)
    _add_health(router, parts)
    return router


def _add_state(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/status",
        summary="The whole state",
        tags=["state"],
        response_model=StatusDocument,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **documented(422)},
    )
    async def get_status(  # pyright: ignore[reportUnusedFunction] - the route uses it
        form: Annotated[
            Literal["json", "text"] | None,
            Query(alias="format", description="`text` for people; without it, the header `Accept` decides."),
        ] = None,
        width: Annotated[
            int, Query(ge=20, le=1000, description="The most cells of a line of text, if that can be.")
        ] = 80,
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        """The engine, the originals, what runs now, and the controller's last report.

        Each request sees a `docker ps` made for it: requests that wait together share one, never one begun before they
        arrived. Works without a snapshot and without an engine; then these parts are null.

        With `?format=text`, or `Accept: text/plain`, a page for people: what the command `status-state status` prints.
        """
        document = await parts.status.document()
        if form == "text" or (form is None and prefers_text(accept)):
            return Response(status_text(orjson.loads(document), width), headers=TEXT_HEADERS)
        return Response(document, headers=JSON_HEADERS)

    @router.get("/overview", summary="The state as the page shows it", tags=["state"], response_model=Overview)
    async def get_overview() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """What `/status` says, judged and joined: is the host as it should be, and what is each container?"""
        document = orjson.loads(await parts.status.document())
        since = {name: (change.what, change.at.isoformat()) for name, change in parts.uptime.known.items()}
        return Response(orjson.dumps(overview(document, since, parts.controller.awaited_since)), headers=JSON_HEADERS)

    @router.get(
        "/snapshot", summary="The desired state", tags=["state"], response_model=Snapshot, responses=documented(503)
    )
    async def get_snapshot() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """The snapshot alone, from memory: works whatever the engine does."""
        return Response(parts.held().public, headers=JSON_HEADERS)


def _add_health(router: APIRouter, parts: Parts) -> None:
    @router.get("/healthz", summary="Does the process live?", tags=["health"], response_model=Alive)
    async def get_healthz() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """The process lives. Says nothing about the engine: restarting this service would not fix that."""
        return Response(Alive().model_dump_json(), headers=JSON_HEADERS)

    @router.get("/readyz", summary="Is it of use?", tags=["health"], response_model=Ready, responses=documented(503))
    async def get_readyz() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """The engine answers and a snapshot is held."""
        parts.held()
        try:
            await parts.watch.ask()
        except EngineUnavailable as error:
            raise not_now(f"The engine can't be asked: {error}") from error
        return Response(Ready().model_dump_json(), headers=JSON_HEADERS)
