"""What operators ask: to accept, let go, go back, pause and resume. What changes something needs the token."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from ... import VERSION
from ...errors import StatusStateError
from ...export.file import make_compose
from ...model import Recipes
from ...snapshot.answers import ChangeAnswer, SnapshotDifference, SnapshotHistory
from ...snapshot.change import NotAllowed, UnknownName, near
from ...snapshot.changes import NoSnapshotYet
from ..auth import checked_first
from ..problems import JSON_HEADERS, NEVER_STORE, ProblemError, documented
from ..requests import (
    WITHOUT_NUL,
    ChangeRequest,
    PauseAnswer,
    PauseRequest,
    ResumeAnswer,
    ResumeRequest,
    RollBackRequest,
)
from .parts import Parts, not_now, refuse_unknown_parameters, require_json

T = TypeVar("T")

DryRun = Annotated[bool, Query(description="Only tell what would change.")]
WithSecrets = Annotated[
    bool, Query(description="With the values of the environment, and whatever else looks like a secret.")
]
SnapshotId = Annotated[str, Path(max_length=100, pattern=WITHOUT_NUL, description="The id of a snapshot that is kept.")]
CHANGES = (400, 403, 404, 409, 413, 415, 422, 503)


class ComposeFile(Response):
    """A compose file."""

    media_type = "application/yaml"


def operator_routes(parts: Parts, check_token: Callable[..., None]) -> APIRouter:
    """What an operator may ask: the list of snapshots as everyone, all else with the token."""
    router = APIRouter(tags=["operator"])
    _add_list(router, parts)
    guarded = APIRouter(
        dependencies=[Depends(check_token), Depends(require_json), Depends(refuse_unknown_parameters)],
        route_class=checked_first(check_token),
        responses=documented(401),
    )
    _add_between(guarded, parts)
    _add_export(guarded, parts)
    _add_changes(guarded, parts)
    _add_pauses(guarded, parts)
    router.include_router(guarded)
    return router


def _add_list(router: APIRouter, parts: Parts) -> None:
    @router.get("/snapshots", summary="The snapshots kept", response_model=SnapshotHistory, responses=documented(503))
    async def get_snapshots() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """The last 20 snapshots, the newest first, each with what was different in it from the one before."""
        return _answer(await _explained(parts, parts.changes.history()))


def _add_between(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/snapshots/{before_id}/changes/{after_id}",
        summary="What differs between two snapshots",
        response_model=SnapshotDifference,
        responses=documented(404, 422, 503),
    )
    async def get_between(  # pyright: ignore[reportUnusedFunction] - the route uses it
        before_id: SnapshotId, after_id: SnapshotId
    ) -> Response:
        """Field by field what is different in the second of two snapshots that are kept, without secrets."""
        return _answer(await _explained(parts, parts.changes.between(before_id, after_id)))


def _add_export(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/snapshot/compose",
        summary="The originals as a compose file",
        response_class=ComposeFile,
        responses={200: {"content": {"application/yaml": {"schema": {"type": "object"}}}}, **documented(422, 503)},
    )
    async def get_compose(  # pyright: ignore[reportUnusedFunction] - the route uses it
        *, with_secrets: WithSecrets = False
    ) -> Response:
        """The originals as a compose file: brought up on an engine that has none of them, it gives successors of them.

        Its head says which variables have to be given without secrets, and what of a container compose can't express.
        """
        held = parts.held()

        def make() -> str:
            return make_compose(Recipes.model_validate_json(held.recipes), VERSION, with_secrets=with_secrets)

        # Of thousands of originals it takes seconds, in which others are to be answered.
        return ComposeFile(await run_in_threadpool(make), headers=NEVER_STORE)


def _add_changes(router: APIRouter, parts: Parts) -> None:
    @router.post("/snapshot", summary="Say what is right", response_model=ChangeAnswer, responses=documented(*CHANGES))
    async def post_snapshot(  # pyright: ignore[reportUnusedFunction] - the route uses it
        request: ChangeRequest | None = None, *, dry_run: DryRun = False
    ) -> Response:
        """Make what runs now the snapshot, or just what is named; the controller obeys at once.

        Asked twice, the second time changes nothing. Changes are made one after the other; one that fails changes nothing.
        """
        request = request or ChangeRequest()
        return _answer(await _explained(parts, parts.changes.accept(request.wish(), request.by, dry_run=dry_run)))

    @router.post(
        "/snapshots/{snapshot_id}/rollback",
        summary="Go back to a snapshot",
        response_model=ChangeAnswer,
        responses=documented(*CHANGES),
    )
    async def post_rollback(  # pyright: ignore[reportUnusedFunction] - the route uses it
        snapshot_id: SnapshotId,
        request: RollBackRequest | None = None,
        *,
        dry_run: DryRun = False,
    ) -> Response:
        """Take the content of an older snapshot for a new one: the host follows, removed containers included."""
        by = request.by if request else None
        return _answer(await _explained(parts, parts.changes.roll_back(snapshot_id, by, dry_run=dry_run)))


def _add_pauses(router: APIRouter, parts: Parts) -> None:
    @router.post(
        "/pause", summary="Heal nothing for a while", response_model=PauseAnswer, responses=documented(*CHANGES)
    )
    async def post_pause(request: PauseRequest) -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """Have nothing healed for a while, or just what is named; it ends by itself, and survives restarts.

        Asked again, the time begins anew.
        """
        parts.held()
        names = await _explained(parts, _paused_names(parts, request.containers))
        beginning = parts.pauses.begin(
            names, request.seconds, reason=request.reason, accept_at_end=request.accept_at_end, by=request.by
        )
        await _explained(parts, beginning)
        return _answer(PauseAnswer(pauses=list(parts.pauses.book.in_force())))

    @router.post("/resume", summary="Heal again", response_model=ResumeAnswer, responses=documented(*CHANGES))
    async def post_resume(  # pyright: ignore[reportUnusedFunction] - the route uses it
        request: ResumeRequest | None = None, *, dry_run: DryRun = False
    ) -> Response:
        """End all pauses, or just those of the names; what they are to accept at their end is accepted first."""
        parts.held()
        request = request or ResumeRequest()
        accepted = await _explained(parts, parts.pauses.resume(request.containers, request.by, dry_run=dry_run))
        ended = parts.pauses.book.of_scopes(request.containers) if dry_run else ()
        left = [pause for pause in parts.pauses.book.in_force() if pause not in ended]
        return _answer(ResumeAnswer(pauses=left, accepted=accepted))


async def _paused_names(parts: Parts, names: list[str] | None) -> list[str | None]:
    """Return the names, each of an original or of a container; None for all. The engine is asked only where it has to be."""
    if names is None:
        return [None]
    originals = {original.name for original in parts.held().snapshot.originals}
    if originals.issuperset(names):
        return list(names)
    containers = await parts.changes.containers()
    known = originals | {container.name for container in containers}
    for name in names:
        if name not in known:
            raise UnknownName(f"There is no original and no container {name}.{near(name, known)}")
    return list(names)


async def _explained(parts: Parts, work: Awaitable[T]) -> T:
    """Do it, and tell what goes wrong as a problem."""
    try:
        return await work
    except UnknownName as error:
        raise ProblemError(404, str(error)) from error
    except NotAllowed as error:
        raise ProblemError(409, str(error)) from error
    except NoSnapshotYet:
        parts.held()
        raise
    except StatusStateError as error:
        raise not_now(f"Nothing was changed: {error}") from error


def _answer(document: BaseModel) -> Response:
    return Response(document.model_dump_json(), headers=JSON_HEADERS)
