"""The HTTP interface: what is at which path. What it answers with is made elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from ..engine.watch import EngineWatch
from ..errors import EngineUnavailable, StoreUnavailable
from ..health.verdicts import Verdicts
from ..journal.controller import ControllerRecord
from ..model import ReportWithMemory, Snapshot, VerdictsForController
from ..snapshot.held import Held
from ..snapshot.holder import PolicySource, SnapshotHolder
from .auth import checked_first
from .desired import make_desired_state, make_etag, matches
from .limits.streams import JsonLines, Streams
from .problems import JSON_HEADERS, NEVER_STORE, ProblemError, documented
from .schemas import Alive, DesiredState, Ready, StatusDocument
from .status import Status

RETRY_AFTER_SECONDS = 5
BEAT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the service that answer requests."""

    status: Status
    watch: EngineWatch
    holder: SnapshotHolder
    controller: ControllerRecord
    policies: PolicySource
    verdicts: Verdicts

    def held(self) -> Held:
        """Return the snapshot; raise the problem that there is none yet."""
        if self.holder.held is None:
            raise _not_now(f"No snapshot is held yet: {self.holder.waiting_for}.")
        return self.holder.held


def read_routes(parts: Parts) -> APIRouter:
    """What everyone may ask who can reach the port."""
    router = APIRouter()

    @router.get("/status", summary="The whole state", tags=["state"], response_model=StatusDocument)
    async def get_status() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """The engine, the originals, what runs now, and the controller's last report.

        Each request sees a `docker ps` made for it: requests that wait together share one, never one begun before they
        arrived. Works without a snapshot and without an engine; then these parts are null.
        """
        return Response(await parts.status.document(), headers=JSON_HEADERS)

    @router.get(
        "/snapshot", summary="The desired state", tags=["state"], response_model=Snapshot, responses=documented(503)
    )
    async def get_snapshot() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """The snapshot alone, from memory: works whatever the engine does."""
        return Response(parts.held().public, headers=JSON_HEADERS)

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
            raise _not_now(f"The engine can't be asked: {error}") from error
        return Response(Ready().model_dump_json(), headers=JSON_HEADERS)

    return router


def controller_routes(parts: Parts, check_token: Callable[..., None], beat_seconds: float) -> APIRouter:
    """What only the controller may ask: it shows the token."""
    router = APIRouter(
        dependencies=[Depends(check_token)],
        route_class=checked_first(check_token),
        tags=["controller"],
        responses=documented(401),
    )
    streams = Streams()

    @router.get(
        "/snapshot/recipes",
        summary="The desired state with its recipes",
        response_model=DesiredState,
        responses=documented(304, 503),
    )
    async def get_recipes(  # pyright: ignore[reportUnusedFunction] - the route uses it
        if_none_match: Annotated[str | None, Header(description="The `ETag` of the last answer.")] = None,
    ) -> Response:
        """The snapshot with all that is needed to create its originals again. Holds secrets.

        The `ETag` is the snapshot's id, since a snapshot never changes, followed by the policy's where it says something
        about `ignore` or `restart`; the `memory` does not change it. Reading it also tells that the controller lives.
        """
        parts.controller.saw()
        held, policy = parts.held(), parts.policies.policy.handling()
        etag = make_etag(held, policy)
        headers = {"ETag": etag, **NEVER_STORE}
        if if_none_match is not None and matches(if_none_match, etag):
            return Response(status_code=304, headers=headers)
        desired = make_desired_state(held, policy, parts.controller.memory)
        return Response(desired, headers=headers, media_type="application/json")

    @router.get(
        "/verdicts",
        summary="Follow the verdicts",
        response_class=JsonLines,
        response_model=VerdictsForController,
        responses=documented(503),
    )
    async def get_verdicts() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """Follow which originals are failing by their probes and logs.

        A line of JSON now and after every change, each of them complete; an empty line every 15 s to show that the connection lives.
        """
        engine = parts.held().snapshot.engine
        return JsonLines(parts.verdicts.follow(engine, beat_seconds), streams)

    @router.post(
        "/reports",
        summary="Take in a report",
        status_code=204,
        responses=documented(400, 413, 415, 422, 503),
        dependencies=[Depends(_require_json)],
    )
    async def post_report(report: ReportWithMemory) -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """Take in what the controller found at a check and did about it. Fields not named here are kept, too.

        Its `memory` is kept apart, the last one only.
        """
        engine = parts.held().snapshot.engine
        try:
            await parts.controller.receive(report, engine)
        except StoreUnavailable as error:
            raise _not_now(f"The report is shown in /status, but could not be stored: {error}") from error
        return Response(status_code=204, headers=NEVER_STORE)

    return router


def _require_json(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ProblemError(415, "The body must be JSON: send it with the header `Content-Type: application/json`.")


def _not_now(detail: str) -> ProblemError:
    return ProblemError(503, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})
