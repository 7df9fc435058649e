"""The controller's half of what travels between it and the SSA.

Reading is strict where it matters and lenient elsewhere: a missing field raises and never reads as empty, because an
empty list of originals would mean "stop everything"; an unknown field is accepted, because the SSA may be newer. The
SSA owns the other half; tests/contract ties the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from ..errors import ForeignSnapshot, SsaError
from ..model import Container, EngineIdentity, Image, Original, Result, Snapshot, Verb, Verdicts
from ..protection import given_labels
from ..same_engine import compare_engines
from ..wishes.pauses import Pause
from ..wishes.policy import Entry, Policy, released

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Action, Finding, Kind, Outcome


class _Engine(BaseModel):
    id: str = Field(min_length=1)
    name: str
    none_network_id: str | None  # null where the engine has no such network; never left out


class _Header(BaseModel):
    id: str = Field(min_length=1)
    engine: _Engine
    reason: str = "startup"
    taken_at: datetime


class _Config(BaseModel):
    Labels: dict[str, str] | None = None
    Env: list[str] | None = None
    StopSignal: str | None = None
    StopTimeout: int | None = None


class _HostConfig(BaseModel):
    Binds: list[str] | None = None
    Links: list[str] | None = None
    Mounts: list[dict[str, Any]] | None = None
    PortBindings: dict[str, list[dict[str, str]] | None] | None = None
    VolumesFrom: list[str] | None = None


class _NetworkSettings(BaseModel):
    Networks: dict[str, dict[str, Any] | None] | None = None


class _Inspect(BaseModel):
    """What is relied upon of a recipe; the rest of it is handed to the engine as it came from there."""

    Id: str
    Config: _Config
    HostConfig: _HostConfig
    NetworkSettings: _NetworkSettings | None = None
    Mounts: list[dict[str, Any]] | None = None


class _Original(BaseModel):
    id: str = Field(pattern=r"^[0-9a-f]{64}$")
    name: str = Field(min_length=1)
    image: str
    image_id: str = Field(min_length=1)
    inspect: dict[str, Any]

    @model_validator(mode="after")
    def _recipe_is_its_own(self) -> Self:
        try:
            recipe = _Inspect.model_validate(self.inspect)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"the recipe of {self.name} can't be used: {where}: {first['msg']}") from None
        if recipe.Id != self.id:
            msg = f"the recipe of {self.name} is not that container's"
            raise ValueError(msg)
        return self


class _Named(BaseModel, extra="allow"):
    Name: str = Field(min_length=1)


class _RootFS(BaseModel):
    Layers: list[str] | None = None


class _Image(BaseModel):
    Id: str = Field(min_length=1)
    RepoDigests: list[str]
    RootFS: _RootFS = _RootFS()  # what an older SSA has captured lacks these two
    Config: dict[str, Any] | None = None


class _PolicyEntry(BaseModel):
    match: list[str] = Field(min_length=1)
    ignore: bool | None
    restart: str | None
    on_down: str | None = None  # an older SSA knows none of these
    on_replace: str | None = None
    on_unhealthy: str | None = None
    on_new: str | None = None


class _Pause(BaseModel):
    container: str | None
    until: datetime
    reason: str | None = None
    accept_at_end: bool


class _Recipes(BaseModel):
    snapshot: _Header
    count: int = Field(ge=0)
    originals: list[_Original]
    networks: list[_Named]
    volumes: list[_Named]
    images: list[_Image]
    policy: list[_PolicyEntry]
    released: list[str] = []  # an older SSA knows neither
    pauses: list[_Pause] = []
    memory: dict[str, Any] | None = None  # an older SSA keeps none

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.count != len(self.originals):
            msg = f"{self.count} originals announced, {len(self.originals)} sent"
            raise ValueError(msg)
        for field in ("id", "name"):
            if len({getattr(original, field) for original in self.originals}) != self.count:
                msg = f"two originals share one {field}"
                raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class Desired:
    """The answer of `GET /snapshot/recipes`: the snapshot, and what the SSA has kept of a controller's memory."""

    snapshot: Snapshot
    memory: dict[str, Any] | None = None


def _entry(one: _PolicyEntry) -> Entry:
    rules = (one.on_down, one.on_replace, one.on_unhealthy, one.on_new)
    return Entry(tuple(one.match), one.ignore, one.restart, *rules)


def read_desired(body: bytes, tag: str = "") -> Desired:
    """Read the answer of `GET /snapshot/recipes`; `tag` is its ETag. Whose it is, is for the caller to judge.

    Raises:
        SsaError: the answer is malformed or incomplete.
    """
    try:
        recipes = _Recipes.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]  # the input may hold secrets
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise SsaError(f"the SSA's answer can't be used: {where}: {first['msg']}") from None
    owner = EngineIdentity(**recipes.snapshot.engine.model_dump())
    entries = [_entry(one) for one in recipes.policy]
    policy = Policy((*entries, *filter(None, [released(recipes.released)])))
    pauses = (Pause(one.container, one.until.timestamp(), one.reason, one.accept_at_end) for one in recipes.pauses)
    header = recipes.snapshot
    configs = {image.Id: image.Config for image in recipes.images}
    originals = (_original(original, policy, configs.get(original.image_id)) for original in recipes.originals)
    snapshot = Snapshot(
        recipes.snapshot.id,
        owner,
        tuple(sorted(originals, key=lambda original: original.name)),
        networks={network.Name: network.model_dump() for network in recipes.networks},
        volumes={volume.Name: volume.model_dump() for volume in recipes.volumes},
        images={image.Id: _read_image(image) for image in recipes.images},
        policy=policy,
        pauses=tuple(pauses),
        rolled_back_at=header.taken_at.timestamp() if header.reason == "rolled_back" else None,
        tag=tag,
    )
    return Desired(snapshot, recipes.memory)


def _original(sent: _Original, policy: Policy, image_config: dict[str, Any] | None) -> Original:
    labels: dict[str, str] = sent.inspect["Config"].get("Labels") or {}
    given = given_labels(labels, image_config, sent.inspect)
    return Original(**dict(sent), policy=policy.labels(sent.name), given=None if given == labels else given)


def _read_image(image: _Image) -> Image:
    return Image(image.Id, tuple(image.RepoDigests), tuple(image.RootFS.Layers or ()), image.Config or {})


class _Reference(BaseModel):
    id: str = Field(min_length=1)


class _Failing(BaseModel):
    container: _Reference
    started_at: str = Field(min_length=1)
    reason: str


class _Verdicts(BaseModel):
    engine: _Engine
    failing: list[_Failing]
    faltering: list[str]
    desired: str | None = None  # an older SSA does not tell


class Heard(NamedTuple):
    """One line of `GET /verdicts`: the verdicts, and the version (ETag) of what is desired, None if not told."""

    verdicts: Verdicts
    desired: str | None


def read_verdicts(line: bytes, engine: EngineIdentity) -> Heard:
    """Read one line of `GET /verdicts`.

    Raises:
        SsaError: the line is malformed or incomplete.
        ForeignSnapshot: it is about another engine than `engine`.
    """
    try:
        read = _Verdicts.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the line"
        raise SsaError(f"the SSA's verdicts can't be used: {where}: {first['msg']}") from None
    # One that could be recognised only by its containers is refused until the SSA has recognised it.
    if not compare_engines(EngineIdentity(**read.engine.model_dump()), engine).is_same:
        raise ForeignSnapshot(f"the SSA's verdicts are about the engine {read.engine.name} ({read.engine.id})")
    failing: dict[tuple[str, str], str] = {}
    for one in read.failing:
        key = (one.container.id, one.started_at)
        failing[key] = f"{failing[key]}; {one.reason}" if key in failing else one.reason
    return Heard(Verdicts(failing, frozenset(read.faltering), known=True), read.desired)


def write_report(
    *,
    at: datetime,
    snapshot_id: str,
    dry_run: bool,
    sentence: str,
    findings: Iterable[Finding],
    outcomes: Iterable[Outcome],
    memory: dict[str, Any],
    interval_seconds: float,
) -> dict[str, Any]:
    """Return the JSON document of `POST /reports`; `interval_seconds` says when the next check is to be expected."""
    findings = tuple(findings)
    kinds = {finding.container.id: finding.kind for finding in findings}
    return {
        "at": _time(at),
        "snapshot_id": snapshot_id,
        "dry_run": dry_run,
        "sentence": sentence,
        "findings": [
            {"container": _reference(finding.container), "kind": finding.kind, "reason": finding.reason}
            for finding in findings
        ],
        "outcomes": [_outcome(outcome, kinds.get(outcome.action.container.id)) for outcome in outcomes],
        "memory": memory,
        "interval_seconds": interval_seconds,
    }


def write_change(action: Action) -> dict[str, Any]:
    """Return the body of `POST /snapshot` for an action that changes the snapshot, with who asks for it, and why."""
    container = action.container
    by = f"controller: {container.name} {action.reason}"[:500]
    # By its id: another container may have the name by then.
    return {"accept": [container.id], "by": by} if action.verb is Verb.ACCEPT else {"drop": [container.name], "by": by}


def _outcome(outcome: Outcome, kind: Kind | None) -> dict[str, Any]:
    """What became of an action.

    `outcome_id`, `at`, `finding` and `seconds` are for the journal, once it is over; `attempt` tells which it was, or will be.
    """
    document: dict[str, Any] = {
        "container": _reference(outcome.action.container),
        "action": outcome.action.verb,
        "result": outcome.result,
        "reason": outcome.action.reason,
        "detail": outcome.detail,
        "until": None if outcome.until is None else _time(datetime.fromtimestamp(outcome.until, UTC)),
    }
    if outcome.key is not None and outcome.ended_at is not None and outcome.seconds is not None:
        document |= {
            "outcome_id": outcome.key,
            "at": datetime.fromtimestamp(outcome.ended_at, UTC).isoformat(timespec="milliseconds"),
            "finding": kind,
            "seconds": round(outcome.seconds, 3),
            "attempt": outcome.action.attempt,
        }
    elif outcome.result is Result.WAITING:
        document["attempt"] = outcome.action.attempt
    return document


def _reference(container: Container) -> dict[str, str]:
    return {"id": container.id, "name": container.name}


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
