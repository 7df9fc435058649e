"""What only the controller asks: it shows the token."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from ...errors import StoreUnavailable
from ...journal.report import ReportWithMemory
from ...metrics.checks import HEADER
from ...model import VerdictsForController
from ..answers.desired import make_desired_state, make_etag, matches
from ..auth import checked_first
from ..limits.streams import JsonLines, Streams
from ..problems import NEVER_STORE, documented
from ..schemas import DesiredState
from .parts import Parts, not_now, require_json

BEAT_SECONDS = 15.0


def controller_routes(parts: Parts, check_token: Callable[..., None], beat_seconds: float) -> APIRouter:
    """What only the controller may ask: it shows the token."""
    router = APIRouter(
        dependencies=[Depends(check_token)],
        route_class=checked_first(check_token),
        tags=["controller"],
        responses=documented(401),
    )
    _add_recipes(router, parts)
    _add_verdicts(router, parts, beat_seconds)
    _add_reports(router, parts)
    return router


def _add_recipes(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/snapshot/recipes",
        summary="The desired state with its recipes",
        response_model=DesiredState,
        responses=documented(304, 503),
    )
    async def get_recipes(  # pyright: ignore[reportUnusedFunction] - the route uses it
        if_none_match: Annotated[str | None, Header(description="The `ETag` of the last answer.")] = None,
        checks: Annotated[
            str | None,
            Header(
                alias=HEADER,
                description="How many checks the controller has completed since its start, and how long they took in all.",
                examples=["completed=412, seconds=9.318"],
            ),
        ] = None,
    ) -> Response:
        """The snapshot with all that is needed to create its originals again. Holds secrets.

        The `ETag` changes whenever the snapshot, what the policy says of how containers are treated, or a pause does; the
        `memory` does not change it. Reading it also tells that the controller lives.
        """
        parts.controller.saw()
        parts.metrics.take_checks(checks)
        held, policy, pauses = parts.held(), parts.policies.policy.handling(), parts.pauses.book.in_force()
        etag = make_etag(held, policy, pauses)
        headers = {"ETag": etag, **NEVER_STORE}
        if if_none_match is not None and matches(if_none_match, etag):
            return Response(status_code=304, headers=headers)
        desired = make_desired_state(held, policy, pauses, parts.controller.memory)
        return Response(desired, headers=headers, media_type="application/json")


def _add_verdicts(router: APIRouter, parts: Parts, beat_seconds: float) -> None:
    streams = Streams()

    @router.get(
        "/verdicts",
        summary="Follow the verdicts",
        response_class=JsonLines,
        response_model=VerdictsForController,
        responses=documented(503),
    )
    async def get_verdicts() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """Follow which originals are failing by their probes and logs, and which desired state is in force.

        A line of JSON now and after every change, each of them complete; an empty line every 15 s to show that the connection lives.
        """
        engine = parts.held().snapshot.engine
        return JsonLines(parts.verdicts.follow(engine, beat_seconds, parts.desired_tag), streams)


def _add_reports(router: APIRouter, parts: Parts) -> None:
    @router.post(
        "/reports",
        summary="Take in a report",
        status_code=204,
        responses=documented(400, 413, 415, 422, 503),
        dependencies=[Depends(require_json)],
    )
    async def post_report(report: ReportWithMemory) -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """Take in what the controller found at a check and did about it. Fields not named here are kept, too.

        Its `memory` is kept apart, the last one only.
        """
        engine = parts.held().snapshot.engine
        parts.metrics.take_report(report)
        try:
            await parts.controller.receive(report, engine)
        except StoreUnavailable as error:
            raise not_now(f"The report is shown in /status, but could not be stored: {error}") from error
        return Response(status_code=204, headers=NEVER_STORE)
