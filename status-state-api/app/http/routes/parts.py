"""The parts of the service that answer requests, and what is said when they can't yet."""

from dataclasses import dataclass

from fastapi import Request

from ...engine.watch import EngineWatch
from ...health.verdicts import Verdicts
from ...journal.controller import ControllerRecord
from ...journal.journal import Journal
from ...journal.uptime import Uptime
from ...metrics.metrics import Metrics
from ...pauses.keeper import PauseKeeper
from ...process.bell import Bell
from ...snapshot.changes import SnapshotChanges
from ...snapshot.held import Held
from ...snapshot.holder import PolicySource, SnapshotHolder
from ..answers.desired import make_etag
from ..answers.status import Status
from ..problems import ProblemError

RETRY_AFTER_SECONDS = 5
LONGEST_NAME = 40
"""Characters of an unknown parameter's name that are repeated to its sender."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the service that answer requests."""

    status: Status
    watch: EngineWatch
    holder: SnapshotHolder
    controller: ControllerRecord
    policies: PolicySource
    verdicts: Verdicts
    changes: SnapshotChanges
    pauses: PauseKeeper
    journal: Journal
    uptime: Uptime
    metrics: Metrics
    bell: Bell

    def original_names(self) -> list[str]:
        """The names of the originals; none while no snapshot is held."""
        held = self.holder.held
        return [] if held is None else [original.name for original in held.snapshot.originals]

    def held(self) -> Held:
        """Return the snapshot; raise the problem that there is none yet."""
        if self.holder.held is None:
            raise not_now(f"No snapshot is held yet: {self.holder.waiting_for}.")
        return self.holder.held

    def desired_tag(self) -> str:
        """Return the `ETag` of the desired state now; raise the problem that there is none yet."""
        return make_etag(self.held(), self.policies.policy.handling(), self.pauses.book.in_force())


def not_now(detail: str) -> ProblemError:
    """Make the problem that it can't be done now, but perhaps later."""
    return ProblemError(503, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})


async def require_json(request: Request) -> None:
    """Raise the problem that a body is not said to be JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    if has_body and media_type != "application/json":
        raise ProblemError(415, "The body must be JSON: send it with the header `Content-Type: application/json`.")


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise the problem that something is asked for which there is not: `dryrun=true` would be a change in earnest."""
    known: list[str] = sorted(one.alias for one in request.scope["route"].dependant.query_params)
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        takes = f"What there is: {', '.join(known)}." if known else "It takes none."
        raise ProblemError(422, f"There is no parameter {unknown[:LONGEST_NAME]!r}, so nothing was done. {takes}")
