"""The controller's reports, as they come in. Pure.

They may hold more than is named here: unknown fields are accepted, missing ones that are required are refused, never read as
empty. What can't be written again as JSON is refused.
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    StrictBool,
    field_validator,
    model_validator,
)

from ..model import MOMENT, ContainerReference, SnapshotId

LONGEST_INTERVAL_SECONDS = 7 * 24 * 3600
DEEPEST_LEVEL = 32
"""How deep a report may be nested, its memory included."""

_WRITTEN_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")


def _require_written(moment: Any) -> Any:
    """Refuse numbers, which pydantic would take for seconds or milliseconds since 1970, as it likes."""
    if not isinstance(moment, datetime) and not (isinstance(moment, str) and _WRITTEN_MOMENT.match(moment)):
        raise ValueError(f"it is no time: write it as {MOMENT}")
    return moment


Moment = Annotated[datetime, BeforeValidator(_require_written)]


class Finding(BaseModel):
    """One difference between the snapshot and what runs."""

    model_config = ConfigDict(extra="allow")

    container: ContainerReference = Field(description="The container.")
    kind: str = Field(description="`stopped`, `removed`, `replaced`, `unhealthy`, `new`, …", examples=["stopped"])
    reason: str = Field(description="The cause, in words.", examples=["had exited with code 137"])


class Outcome(BaseModel):
    """What became of one action."""

    model_config = ConfigDict(extra="allow")

    container: ContainerReference = Field(description="The container.")
    action: str = Field(
        description="`start`, `reattach`, `restart`, `recreate`, `restore`, `stop`, `accept`, `drop`.",
        examples=["start"],
    )
    result: str = Field(description="`done`, `failed`, `running`, `waiting`, …", examples=["done"])
    reason: str = Field(description="Why it was acted upon.", examples=["had exited with code 137"])
    detail: str | None = Field(
        default=None,
        description="Why it failed, or what is waited for.",
        examples=["the engine says: port is already allocated"],
    )
    until: Moment | None = Field(default=None, description="Until when it waits.", examples=[MOMENT])


class Report(BaseModel):
    """What the controller found at one check, and what it did about it."""

    model_config = ConfigDict(extra="allow")

    at: Moment = Field(description="When the check was made.", examples=["2026-11-23T18:00:30Z"])
    snapshot_id: SnapshotId
    dry_run: StrictBool = Field(description="Whether it only said what it would have done.", examples=[False])
    sentence: str = Field(
        description="Cause and effect in one sentence.", examples=["web had exited with code 137: started"]
    )
    findings: Annotated[list[Finding], FailFast()] = Field(description="The differences that were found.")
    outcomes: Annotated[list[Outcome], FailFast()] = Field(description="What became of the actions.")
    interval_seconds: float | None = Field(
        default=None,
        gt=0,
        le=LONGEST_INTERVAL_SECONDS,
        description="After how long it checks again at the latest.",
        examples=[30.0],
    )


class ReportWithMemory(Report):
    """A report as the controller sends it."""

    memory: dict[str, Any] | None = Field(
        default=None,
        repr=False,
        description="What the controller must still know after its restart: kept as it is and given back with the "
        "recipes, never shown. Left out or null: what is kept stays.",
        examples=[{"attempts": {}}],
    )

    @model_validator(mode="before")
    @classmethod
    def _is_no_deeper_and_no_other_than_can_be_written(cls, document: Any) -> Any:
        if not isinstance(document, dict):
            return document  # which is refused as such
        document = cast("dict[str, Any]", document)
        require_bounded_depth(document)
        json.dumps(
            document, ensure_ascii=False
        ).encode()  # half a surrogate pair is read and can't be written: ValueError
        return document

    @field_validator("memory")
    @classmethod
    def _can_be_written(cls, memory: dict[str, Any] | None) -> dict[str, Any] | None:
        json.dumps(memory, allow_nan=False)  # Python reads NaN and 1e999, which are no JSON; raises ValueError
        return memory


def require_bounded_depth(document: Any) -> None:
    """Raise ValueError when JSON is nested deeper than any sender needs, and than can be written without recursing far."""
    level: list[Any] = [document]
    for _ in range(DEEPEST_LEVEL + 1):
        level = [inner for outer in level if isinstance(outer, dict | list) for inner in _members(outer)]
        if not level:
            return
    raise ValueError(f"it is nested deeper than {DEEPEST_LEVEL} levels")


def _members(outer: Any) -> Iterable[Any]:
    return outer.values() if isinstance(outer, dict) else outer  # type: ignore[reportUnknownVariableType]
