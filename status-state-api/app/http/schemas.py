"""What only the interface shows, described so that `/docs` reads as documentation. Models only."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from ..journal.entry import NumberedEntry
from ..journal.report import Report
from ..model import (
    MOMENT,
    ContainerId,
    ContainerName,
    ContainerReference,
    Pause,
    Recipes,
    RunningContainer,
    Snapshot,
    Verdict,
)


class PolicyEntry(BaseModel):
    """What the policy says about how the controller treats containers of these names."""

    match: list[str] = Field(description="Globs on names.", examples=[["backup-*"]])
    ignore: bool | None = Field(description="Whether they are protected; null: as their labels say.", examples=[True])
    restart: str | None = Field(
        description="`always`, `on-failure` or `never`; null: as their labels say.", examples=["never"]
    )
    on_down: str | None = Field(
        description="`report` or `restart`; null: as their labels say. The same for those below.", examples=["report"]
    )
    on_replace: str | None = Field(description="`accept`, `report` or `restore`.", examples=["accept"])
    on_unhealthy: str | None = Field(description="`report` or `restart`.", examples=["report"])
    on_new: str | None = Field(description="`accept`, `report` or `stop`: for newcomers.", examples=["stop"])


class DesiredState(Recipes):
    """The snapshot with its recipes, what the policy adds to it, what is paused, and what the controller wants to know again."""

    policy: list[PolicyEntry] = Field(description="In order: of two entries that match a name, the later one counts.")
    pauses: list[Pause] = Field(description="The pauses in force.")
    memory: dict[str, Any] | None = Field(
        description="The controller's memory as it last sent it; null when none is kept of this engine. It may differ "
        "where the `ETag` does not.",
        examples=[{"attempts": {}}],
    )


class EngineState(BaseModel):
    """The engine as it was at this request."""

    reachable: bool = Field(description="Whether the engine answers.", examples=[True])
    error: str | None = Field(
        description="Why it can't be asked and what to do about it, while it can't.",
        examples=["nobody listens at /var/run/docker.sock: the engine is down. Start it: `systemctl start docker`."],
    )
    id: str | None = Field(description="The engine's id; null until it has answered once.", examples=["T7KA:ZLBD:…"])
    name: str | None = Field(description="The engine's name.", examples=["kiosk-17"])
    none_network_id: str | None = Field(description="The id of its network `none`.", examples=["5d6f5f0c7b8a…"])
    version: str | None = Field(description="The engine's version.", examples=["20.10.24"])


class ControllerState(BaseModel):
    """What is known about the controller."""

    last_seen_at: datetime | None = Field(
        description="When it last read the snapshot; null when it has not since this service started.",
        examples=["2026-11-23T18:00:25.120Z"],
    )
    last_seen_seconds_ago: float | None = Field(description="How long that is ago.", examples=[4.9])
    report: Report | None = Field(description="Its last report. It reports when a check has found something.")
    report_age_seconds: float | None = Field(description="How long ago that report arrived.", examples=[61.3])


class ContainerStanding(BaseModel):
    """What a container is to the snapshot."""

    container: ContainerReference = Field(description="The container; of an original that does not run, that one.")
    standing: Literal["original", "replaced", "missing", "finished", "newcomer", "released", "protected"] = Field(
        description="`original`: runs as it should. `replaced`: runs, and is another container under an original's name. "
        "`missing`: an original that does not run. `finished`: an original that need not run any more, by its restart "
        "rule. `newcomer`: runs and is not in the snapshot. `released`: was released by an operator. `protected`: is left "
        "alone.",
        examples=["original"],
    )


class StatusDocument(BaseModel):
    """The whole state: the desired one, the present one, and what was last done about the difference."""

    at: datetime = Field(description="When this was seen, in UTC.", examples=["2026-11-23T18:00:30.020Z"])
    engine: EngineState = Field(description="The engine.")
    snapshot: Snapshot | None = Field(description="The desired state; null until a snapshot is held.")
    running: list[RunningContainer] | None = Field(
        description="What `docker ps` shows now, protected containers included, by name: asked of the engine for this "
        "request. Null while the engine can't be asked: then nothing is known, which is not the same as nothing runs."
    )
    standings: list[ContainerStanding] | None = Field(
        description="What each container that runs, and each original that does not, is to the snapshot, by name. Null "
        "without a snapshot, and while the engine can't be asked."
    )
    verdicts: list[Verdict] = Field(
        description="What is thought of the applications in the originals, by name. Of containers for which no health "
        "check, probe or log rule is configured there is none."
    )
    controller: ControllerState = Field(description="The controller.")
    pauses: list[Pause] = Field(description="The pauses in force.")
    warnings: list[str] = Field(
        description="What somebody should look at, in sentences.",
        examples=[["The snapshot is empty: whatever runs from now on is a newcomer, and will be stopped."]],
    )


class ShownVerdict(BaseModel):
    """What one source says of a container's health; as in `/status`."""

    source: str = Field(description="`engine`, `probe` or `logs`.", examples=["probe"])
    verdict: str = Field(description="`ok`, `failing` or `unknown`.", examples=["failing"])
    since: datetime = Field(description="Since when, in UTC.", examples=[MOMENT])
    reason: str = Field(description="Why, in words.", examples=["its probe http://:8080/health answered 500"])
    evidence: list[str] = Field(description="The lines of the log that count.", examples=[["CRITICAL no connection"]])


class ShownDifference(BaseModel):
    """In what a container differs from the snapshot."""

    what: str = Field(description="`missing`, `replaced`, `newcomer`, `unhealthy`.", examples=["replaced"])
    reason: str = Field(description="What was found, in words.", examples=["was replaced by a different container"])
    fields: list[str] = Field(
        description="What differs, field by field.", examples=[["image: nginx:1.27 → nginx:1.28"]]
    )
    last: str = Field(description="What became of the last action; empty for none.", examples=["stop: running"])


class ShownContainer(BaseModel):
    """A container as the page shows it."""

    id: ContainerId
    name: ContainerName
    standing: str = Field(description="As in the `standings` of `/status`.", examples=["original"])
    status: str = Field(
        description="The state in the engine's words; empty when it does not run.", examples=["Up 2 hours"]
    )
    health: str = Field(description="The worst of its verdicts; empty without one.", examples=["ok"])
    image: str = Field(description="The image as the container names it.", examples=["nginx:1.27"])
    last: str = Field(description="What became of the last action; empty for none.", examples=["start: done"])
    since: datetime | None = Field(
        description="Of an original: since when it is up, or down; null where that is not known.", examples=[MOMENT]
    )
    difference: ShownDifference | None = Field(description="In what it differs from the snapshot; null in nothing.")
    verdicts: list[ShownVerdict] = Field(description="What is thought of the application in it, by source.")


class ShownSnapshot(BaseModel):
    """The snapshot in force."""

    id: str = Field(description="Its id.", examples=["3f0c2a4e8c1d4b7f9a6e5d4c3b2a1908"])
    taken_at: datetime = Field(description="When it was taken, in UTC.", examples=[MOMENT])
    reason: str = Field(description="`startup`, `accepted` or `rolled_back`.", examples=["startup"])
    by: str | None = Field(description="Who had it taken, and how.", examples=["operator: accept web"])
    originals: int = Field(description="How many originals it holds.", examples=[12])


class ShownController(BaseModel):
    """What the page shows of the controller."""

    checked_at: datetime | None = Field(description="When it last made a check; null for never.", examples=[MOMENT])
    next_check_at: datetime | None = Field(
        description="When it makes the next one at the latest; null where that is not known.", examples=[MOMENT]
    )
    awaited_since: datetime | None = Field(
        description="Since when it can be seen: the start of this service; null until a snapshot is held.",
        examples=[MOMENT],
    )
    is_away: bool = Field(description="Whether it has missed its checks: nothing is healed.", examples=[False])
    away_after_seconds: float = Field(description="After how long without a check it counts as away.", examples=[90])
    dry_run: bool = Field(description="Whether it only says what it would do.", examples=[False])
    sentence: str | None = Field(description="The sentence of its last report.", examples=["in sync"])
    reported_at: datetime | None = Field(description="When that report was made.", examples=[MOMENT])


class Overview(BaseModel):
    """The whole state, judged: what the page at `/` shows."""

    at: datetime = Field(description="When this was seen, in UTC.", examples=[MOMENT])
    verdict: Literal["in_sync", "drifted", "unknown"] = Field(
        description="Whether the host is as the snapshot says; `unknown` without a snapshot or an engine.",
        examples=["in_sync"],
    )
    sentence: str = Field(description="The same in a sentence.", examples=["in sync"])
    engine: EngineState = Field(description="The engine.")
    snapshot: ShownSnapshot | None = Field(description="The snapshot in force; null until there is one.")
    containers: list[ShownContainer] | None = Field(
        description="The originals, then the others, by name; null while the engine can't be asked."
    )
    controller: ShownController = Field(description="The controller.")
    pauses: list[Pause] = Field(description="The pauses in force.")
    warnings: list[str] = Field(description="As in `/status`.", examples=[["The snapshot is empty: …"]])


class JournalPage(BaseModel):
    """A page of the journal."""

    entries: list[NumberedEntry] = Field(description="The entries, the newest first.")
    next_before: int | None = Field(
        description="Ask again with `before` set to this for the next page; null at the end.", examples=[4612]
    )


class OriginalAvailability(BaseModel):
    """How available one original was."""

    name: ContainerName
    percent: dict[str, float | None] = Field(
        description="By window: the share of the time of which something is known, in per cent; null where nothing is.",
        examples=[{"1d": 100.0, "7d": 99.9821, "30d": 99.9958}],
    )
    history: list[float | None] = Field(
        description="The same share for each half hour of the last day, the oldest first.",
        examples=[[None, 100.0, 97.5]],
    )


class AvailabilityDocument(BaseModel):
    """How available the originals were."""

    known_since: datetime | None = Field(description="Nothing is known of the time before.", examples=[MOMENT])
    originals: list[OriginalAvailability] = Field(description="The originals, by name.")


class Alive(BaseModel):
    """The process lives."""

    alive: Literal[True] = Field(default=True, description="Always true.", examples=[True])


class Ready(BaseModel):
    """The service is ready."""

    ready: Literal[True] = Field(
        default=True, description="Always true: the engine answers and a snapshot is held.", examples=[True]
    )


class Problem(BaseModel):
    """Why a request could not be answered (RFC 9457)."""

    type: str = Field(default="about:blank", description="Always `about:blank`: the status says the kind.")
    title: str = Field(description="The status in words.", examples=["Service Unavailable"])
    status: int = Field(description="The HTTP status.", examples=[503])
    detail: str = Field(
        description="What happened, and what to do about it.",
        examples=["No snapshot is held yet: the engine started 12 s ago, waiting until what it starts has settled."],
    )
    errors: list[str] | None = Field(
        default=None,
        description="For a 422: what is wrong, of a list only the first wrong entry.",
        examples=[["body.sentence: Field required"]],
    )
