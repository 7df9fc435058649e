"""What the controller knows, finds and does, as plain values.

Only the standard library and the policy are imported here; nothing in this file asks, acts, or looks at a clock.
Moments are seconds since 1970 unless a field says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .wishes.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .wishes.pauses import Pause

Inspect = dict[str, Any]
"""The engine's own JSON about one container."""

ImageIds = tuple[str | None, str | None]
"""The ids for which the name and the id of an original's image stand; None where there is no such image."""

RUNNING_STATES = frozenset({"running", "paused", "restarting"})
"""The states that `docker ps` lists: what a newcomer is stopped in."""

DOWN_STATES = frozenset({"created", "exited"})
"""The states from which the engine can start a container."""

REMAINS = frozenset({"dead", "removing"})
"""The states in which a container still has its name, and can be neither started nor waited for."""


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """Which engine this is: see `same_engine`. The name is for people; two identities that differ in it alone are equal."""

    id: str
    name: str = field(compare=False)
    none_network_id: str | None


@dataclass(frozen=True, slots=True)
class StopPolicy:
    """How a container is stopped in order; the defaults are the engine's."""

    stop_signal: str = "SIGTERM"
    stop_timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Original:
    """A container of the snapshot, with its recipe (the engine's whole `inspect` answer)."""

    id: str
    name: str
    image: str
    image_id: str
    inspect: Mapping[str, Any] = field(repr=False)  # holds environment variables, hence secrets: never in a log
    policy: Mapping[str, str] = field(default_factory=dict[str, str])  # what the policy puts in the place of labels
    given: Mapping[str, str] | None = None  # its labels without those of its image that would protect it, where known

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels it had when the snapshot was taken, and what the policy says in their place."""
        labels: Mapping[str, str] = self.inspect.get("Config", {}).get("Labels") or {}
        labels = labels if self.given is None else self.given
        return {**labels, **self.policy} if self.policy else labels

    @property
    def stop_policy(self) -> StopPolicy:
        """How it is stopped in order."""
        config = self.inspect.get("Config", {})
        timeout = config.get("StopTimeout")
        return StopPolicy(config.get("StopSignal") or "SIGTERM", 10.0 if timeout is None else timeout)


@dataclass(frozen=True, slots=True)
class Image:
    """What the engine tells of an image: enough to know it again under another id.

    `digests` are the names `…@sha256:…` under which a registry may have it, `layers` the digests of what its layers
    unpack to, `config` what it says of how it is run.
    """

    id: str
    digests: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)  # holds environment variables, too


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The desired state: the originals, and what they need to be recreated.

    `networks` and `volumes` are the engine's definitions by name, `images` what it told of the originals' images, by id.
    """

    id: str
    engine: EngineIdentity
    originals: tuple[Original, ...]
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any], repr=False)
    volumes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any], repr=False)
    images: Mapping[str, Image] = field(default_factory=dict[str, Image], repr=False)
    policy: Policy = field(default_factory=Policy)
    pauses: tuple[Pause, ...] = ()
    rolled_back_at: float | None = None  # when an operator went back to it, if that is how it came to be
    tag: str = ""  # what the SSA tells versions of all this apart by

    by_id: Mapping[str, Original] = field(init=False, repr=False, compare=False)
    by_name: Mapping[str, Original] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the originals by container id and by name."""
        object.__setattr__(self, "by_id", {original.id: original for original in self.originals})
        object.__setattr__(self, "by_name", {original.name: original for original in self.originals})

    def image(self, original: Original) -> Image:
        """Return what is known of an original's image."""
        return self.images.get(original.image_id) or Image(original.image_id)


@dataclass(frozen=True, slots=True)
class Container:
    """One container as the engine lists it."""

    id: str
    name: str
    state: str
    status: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    ports: frozenset[tuple[str, int, str]] = frozenset()  # of the host: address, port, protocol
    addresses: frozenset[tuple[str, str]] = frozenset()  # network, address
    networks: frozenset[tuple[str, str]] = frozenset()  # name, id: as they were when it last ran; no id, not yet
    volumes: frozenset[str] = frozenset()  # the names of those that it mounts
    created_at: float = 0.0  # by the engine's clock
    image_id: str = ""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the SSA says of probes and logs: why runs of containers are failing, by id and start, and which may soon.

    `known` is False while it says nothing: then nobody is known to be failing, or not to be.
    """

    failing: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    faltering: frozenset[str] = frozenset()
    known: bool = False

    def reason(self, container_id: str, started_at: str) -> str | None:
        """Return why this run is failing; None when it is not."""
        return self.failing.get((container_id, started_at))


@dataclass(frozen=True, slots=True)
class Activity:
    """What the engine's events say that a list of containers doesn't.

    `stopping` are those between somebody's `kill` and their `die`, `stopping_projects` their compose projects,
    `stopped_on_request` those whose last exit somebody had asked for, `healthy_at` when a health check was last
    reported to have passed, by the engine's clock.
    """

    stopping: frozenset[str] = frozenset()
    stopping_projects: frozenset[str] = frozenset()
    stopped_on_request: frozenset[str] = frozenset()
    healthy_at: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Observed:
    """What the controller sees of the engine at one check.

    `containers` are all of the engine, whatever their state, with the policy laid over their labels, as they were at the
    moment `at`. `inspects` and
    `images` are what the plan wanted to see besides (plan.questions): by container id, None for one that is gone; the
    image by a name or id, None where there is no such image; `networks` are the ids of all networks by their names, None
    while that was not asked; `volumes` tells which of those asked about are there; `silent` are containers of which the engine gave no answer
    in time. `busy` are ids of containers and of originals at which
    an action is at work, or was when the list was made.
    """

    containers: tuple[Container, ...]
    at: float = 0.0
    inspects: Mapping[str, Inspect | None] = field(default_factory=dict[str, "Inspect | None"], repr=False)
    images: Mapping[str, Image | None] = field(default_factory=dict[str, "Image | None"], repr=False)
    networks: Mapping[str, frozenset[str]] | None = None
    volumes: Mapping[str, bool] = field(default_factory=dict[str, bool])
    activity: Activity = field(default_factory=Activity)
    silent: frozenset[str] = frozenset()
    busy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen just before an action is carried out.

    `container` is the one to be acted on, `original` the one that the original was, `holder` the one that has the
    original's name now; None for what is not there. `given` are the labels that count for whom of these the action
    would stop or move, without those of its image that would protect it; None where they are all of its labels.
    """

    container: Inspect | None
    original: Inspect | None = None
    holder: Inspect | None = None
    given: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One change that the engine reports of a container."""

    container_id: str
    action: str  # the engine's word: die, start, rename, …
    signal: str  # of a `kill`, as the engine writes it; else empty
    project: str  # the compose project it belongs to; else empty
    cursor: str  # its time, in the form that the engine takes to report what came after it
    detail: str = ""  # of a `health_status`: what it is now


class Kind(StrEnum):
    """The kinds of finding."""

    STOPPED = "stopped"
    REMOVED = "removed"
    REPLACED = "replaced"
    UNHEALTHY = "unhealthy"
    NEW = "new"


class Verb(StrEnum):
    """What can be done about a finding."""

    START = "start"
    REATTACH = "reattach"
    RESTART = "restart"
    RECREATE = "recreate"
    RESTORE = "restore"
    STOP = "stop"
    ACCEPT = "accept"
    DROP = "drop"


TO_THE_SSA = frozenset({Verb.ACCEPT, Verb.DROP})
"""What changes the snapshot, and nothing on the host: a replacement becomes an original, one that was removed leaves."""


class Result(StrEnum):
    """What became of an action."""

    DONE = "done"
    FAILED = "failed"
    WAITING = "waiting"  # not yet: its back-off, its turn, or what it depends on
    RUNNING = "running"  # it outlives the check that began it
    DROPPED = "dropped"  # its reason was gone when it was looked at again
    DRY_RUN = "dry_run"  # it would have been done


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """Why one run of a container is unhealthy.

    `by_verdict` tells that the SSA says so, else it is the engine's health check. `restartable` is False for what has
    not been healthy since its start; `counts` tells whether it counts towards a mass failure.
    """

    started_at: str
    reason: str
    by_verdict: bool = False
    restartable: bool = True
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between the snapshot and what is observed."""

    container: Container
    kind: Kind
    reason: str


@dataclass(frozen=True, slots=True)
class Action:
    """One verb on one container, with its reason.

    `unhealthy` is what a restart is to fix; a restart without it follows that of a container whose namespace is shared.
    """

    verb: Verb
    container: Container
    reason: str
    original_id: str | None = None  # whose place the container holds; None for a newcomer
    unhealthy: Unhealthy | None = None
    images: ImageIds | None = None  # with the restore of an impostor's victim: what its image is
    gone_back: bool = False  # an operator went back from what would be accepted, had it come later
    attempt: int = 1

    def __str__(self) -> str:
        """The line that plans are compared and logged by."""
        return f"{self.verb} {self.container.name}: {self.reason}"

    @property
    def counted_by(self) -> str | None:
        """What its attempts are counted by; None: they are not.

        A replacement that could not be accepted yet must not delay the healing of anybody, so its own id is marked.
        """
        if self.verb in TO_THE_SSA:
            return f"{self.verb} {self.container.id}"
        return self.original_id

    @property
    def places(self) -> frozenset[str]:
        """The ids that stand for what it acts on: the container, and the original whose place that has."""
        return frozenset({self.container.id, self.original_id or self.container.id})


@dataclass(frozen=True, slots=True)
class Waiting:
    """An action that is not begun yet: why, until when if that is known, and the names of those it waits for.

    `is_told` says that the engine or the SSA tells when that is over: nobody has to look for it.
    """

    action: Action
    why: str
    until: float | None = None
    others: tuple[str, ...] = ()
    is_told: bool = False

    def __str__(self) -> str:
        """The line that plans are compared by."""
        return f"wait to {self.action}: {self.why}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one action.

    `attempted_at` is when the engine was asked to do it, None when it was not. `refused` tells that the engine refused,
    which it will do again until something has changed. `key` is new for each outcome that is final: by it the SSA tells
    that a report was sent before.
    """

    action: Action
    result: Result
    detail: str | None = None
    until: float | None = None  # with WAITING: when the next attempt is due
    made_id: str | None = None  # the container that was made in the original's place
    attempted_at: float | None = None
    seconds: float | None = None  # from its begin until it was done or had failed
    refused: bool = False
    key: str | None = None
    ended_at: float | None = None


def aside_name(name: str, container_id: str) -> str:
    """Name a container that had to give up its name, so that people see whose place it had; the id keeps several apart."""
    return f"{name}-replaced-{container_id[:12]}"


def restored_name(name: str, container_id: str) -> str:
    """Name the original that is made while the impostor of that id still has its name."""
    return f"{name}-restored-{container_id[:12]}"


def name_of(inspect: Inspect) -> str:
    """Return the name of an inspected container."""
    return str(inspect["Name"]).removeprefix("/")


def state_of(inspect: Inspect) -> str:
    """Return the state of an inspected container."""
    return str(inspect["State"]["Status"])


def labels_of(inspect: Inspect) -> dict[str, str]:
    """Return the labels of an inspected container."""
    return inspect["Config"].get("Labels") or {}
