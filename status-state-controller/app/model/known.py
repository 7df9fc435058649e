"""What is desired and what is observed, as plain values.

Only the standard library and the wishes are imported here; nothing in this room asks, acts, or looks at a clock. Moments are
seconds since 1970 unless a field says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..wishes.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..wishes.pauses import Pause

Inspect = dict[str, Any]
"""The engine's own JSON about one container."""

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
    heirs: Mapping[str, str] = field(default_factory=dict[str, str])
    """The names of originals by the ids of those that had their places in earlier snapshots: recipes of others tell these."""

    by_id: Mapping[str, Original] = field(init=False, repr=False, compare=False)
    by_name: Mapping[str, Original] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the originals by container id and by name."""
        object.__setattr__(self, "by_id", {original.id: original for original in self.originals})
        object.__setattr__(self, "by_name", {original.name: original for original in self.originals})

    def meant_by_id(self, reference: str) -> Original | None:
        """Return the original that an id in a recipe means: the one of that id, or the one that has replaced it since."""
        return self.by_id.get(reference) or self.by_name.get(self.heirs.get(reference, ""))

    def meant_by(self, reference: str) -> Original | None:
        """Return the original that a recipe means by an id or a name."""
        return self.meant_by_id(reference) or self.by_name.get(reference.removeprefix("/"))

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


def name_of(inspect: Inspect) -> str:
    """Return the name of an inspected container."""
    return str(inspect["Name"]).removeprefix("/")


def state_of(inspect: Inspect) -> str:
    """Return the state of an inspected container."""
    return str(inspect["State"]["Status"])


def started_at_of(inspect: Inspect) -> str:
    """Return when it was started, as text that sorts by time: the engine drops trailing zeros of the fraction."""
    head, _, fraction = str(inspect["State"].get("StartedAt") or "").removesuffix("Z").partition(".")
    return f"{head}.{fraction:0<9}"


def labels_of(inspect: Inspect) -> dict[str, str]:
    """Return the labels of an inspected container."""
    return inspect["Config"].get("Labels") or {}
