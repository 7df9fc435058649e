"""One entry of the journal, and how the controller's reports become entries. Pure.

What is repeated must not be written twice: each entry has a key, and the store keeps the first of a key. A report that
is sent again, because its answer was lost, brings the same keys.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ..masking import mask
from ..model import MOMENT, SNAPSHOT_ID, ContainerReference, Snapshot
from .report import Report

Kind = Literal["action", "snapshot", "pause", "verdict", "state", "service"]
KINDS: tuple[Kind, ...] = ("action", "snapshot", "pause", "verdict", "state", "service")

ENDED_RESULTS = frozenset({"done", "failed", "dropped"})
"""Results of an action after which it is over; the others tell of one that waits or is under way."""

MOST_NAMED = 20
"""How many containers one entry names."""

LONGEST_KEY = 80
"""In characters, as the store's column has it."""


Text = Annotated[str, AfterValidator(mask)]
"""What comes from outside, and may hold secrets: these are masked before anything is kept."""


class Entry(BaseModel):
    """Something that was done, or that has changed, and by whom."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(
        exclude=True, max_length=LONGEST_KEY, description="The same for the same event, however often told."
    )
    at: datetime = Field(description="When, in UTC.", examples=[MOMENT])
    kind: Kind = Field(
        description="`action` of the controller, `snapshot` captured, accepted or rolled back, `pause` begun or ended, "
        "`verdict` changed, `state` of an original: up or down, `service`: this one started or stopped.",
        examples=["action"],
    )
    by: Text = Field(
        description="Who did it: `controller`, `operator` with the command, or `status-state-api`.",
        examples=["controller"],
    )
    container: ContainerReference | None = Field(default=None, description="The container, where it is about one.")
    what: str = Field(
        description="In one word: the verb of an action, the reason of a snapshot, `begun` or `ended`, the verdict, "
        "`up` or `down`, `started` or `stopped`.",
        examples=["start"],
    )
    finding: str | None = Field(default=None, description="Of an action: what was found.", examples=["stopped"])
    reason: Text | None = Field(
        default=None,
        description="Why, in words; of a replaced container with what differs.",
        examples=["had exited with code 137"],
    )
    result: str | None = Field(
        default=None, description="Of an action: `done`, `failed` or `dropped`.", examples=["done"]
    )
    detail: Text | None = Field(
        default=None,
        description="Of an action: why it failed, or what else came of it.",
        examples=["port is already allocated"],
    )
    seconds: float | None = Field(default=None, description="Of an action: how long it took.", examples=[0.41])
    attempt: int | None = Field(default=None, description="Of an action: which attempt it was.", examples=[1])
    source: str | None = Field(
        default=None, description="Of a verdict: `engine`, `probe` or `logs`.", examples=["probe"]
    )
    snapshot_id: str | None = Field(default=None, description="The snapshot in force.", examples=[SNAPSHOT_ID])


class NumberedEntry(Entry):
    """An entry as it is read back."""

    number: int = Field(description="Its place in the journal: it only grows.", examples=[4711])


def entries_of(report: Report) -> list[Entry]:
    """The entries that a report of the controller brings: one per action that is over.

    An action without a key comes from an older controller, which says nothing that could be told apart: it is left out.
    """
    entries: list[Entry] = []
    for outcome in report.outcomes:
        told: Mapping[str, Any] = outcome.model_extra or {}
        if outcome.result not in ENDED_RESULTS or not isinstance(told.get("outcome_id"), str):
            continue
        try:
            entries.append(
                Entry(
                    key=told["outcome_id"],
                    at=as_utc(report.at) if told.get("at") is None else read_moment(told["at"]),
                    kind="action",
                    by="controller",
                    container=ContainerReference(id=outcome.container.id, name=outcome.container.name),
                    what=outcome.action,
                    finding=told.get("finding"),
                    reason=outcome.reason,
                    result=outcome.result,
                    detail=outcome.detail,
                    seconds=told.get("seconds"),
                    attempt=told.get("attempt"),
                    snapshot_id=report.snapshot_id,
                )
            )
        except (ValidationError, ValueError, OverflowError):
            continue  # the report itself is shown as it is; a wrong extra must not have it refused for ever
    return entries


def snapshot_entry(snapshot: Snapshot, before: Snapshot | None) -> Entry:
    """The entry of a snapshot that has come into force after another one, with what is different."""
    return Entry(
        key=f"snapshot {snapshot.id}",
        at=snapshot.taken_at,
        kind="snapshot",
        by=snapshot.by or ("status-state-api" if snapshot.reason == "startup" else "operator"),
        what=snapshot.reason,
        reason=f"{len(snapshot.originals)} originals" + ("" if before is None else _changes(before, snapshot)),
        snapshot_id=snapshot.id,
    )


def _changes(before: Snapshot, now: Snapshot) -> str:
    ids, ids_before = ({one.name: one.id for one in snapshot.originals} for snapshot in (now, before))
    told = (
        ("added", ids.keys() - ids_before.keys()),
        ("removed", ids_before.keys() - ids.keys() - set(now.released)),
        ("released", (ids_before.keys() - ids.keys()) & set(now.released)),
        ("replaced", {name for name in ids.keys() & ids_before.keys() if ids[name] != ids_before[name]}),
    )
    return "".join(f"; {what}: {_some(sorted(names))}" for what, names in told if names)


def _some(names: Sequence[str]) -> str:
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def service_entry(what: Literal["started", "stopped"], at: datetime, snapshot_id: str | None) -> Entry:
    """The entry of a start or an orderly stop of this service."""
    return Entry(
        key=f"{what} {at.timestamp():.6f}",
        at=at,
        kind="service",
        by="status-state-api",
        what=what,
        snapshot_id=snapshot_id,
    )


def as_utc(moment: datetime) -> datetime:
    """Return the same time in UTC, which is meant where no zone is told; raises OverflowError for one beyond its years."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def read_moment(told: object) -> datetime:
    """Read a time; raises ValueError for anything else."""
    if not isinstance(told, str):
        raise ValueError("it is no time")  # noqa: TRY004 - a wrong report, not a wrong call
    return as_utc(datetime.fromisoformat(told))
