"""What the controller knows and decides, as plain values.

Only the standard library and its own kind is imported here; nothing in this file asks, acts, or looks at a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .policy import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from .plan.health import Hold, Illness

RUNNING_STATES = frozenset({"running", "paused", "restarting"})
"""The states that `docker ps` lists: what a newcomer is stopped in."""

DOWN_STATES = frozenset({"created", "exited"})
"""The states from which the engine can start a container."""


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """Which engine this is; the id alone is shared by cloned machines, hence three of them."""

    id: str
    name: str
    none_network_id: str


@dataclass(frozen=True, slots=True)
class StopManners:
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

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels it had when the snapshot was taken, and what the policy says in their place."""
        labels: Mapping[str, str] = self.inspect.get("Config", {}).get("Labels") or {}
        return {**labels, **self.policy} if self.policy else labels

    @property
    def stop_manners(self) -> StopManners:
        """How it is stopped in order."""
        config = self.inspect.get("Config", {})
        timeout = config.get("StopTimeout")
        return StopManners(config.get("StopSignal") or "SIGTERM", 10.0 if timeout is None else timeout)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The desired state: the originals, and what they need to be made again.

    `networks` and `volumes` are the engine's definitions by name, `digests` the names by image id under which a
    registry has that very image.
    """

    id: str
    engine: EngineIdentity
    originals: tuple[Original, ...]
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any], repr=False)
    volumes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any], repr=False)
    digests: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]], repr=False)
    policy: Policy = field(default_factory=Policy)
    tag: str = ""  # what the SSA tells versions of all this apart by

    by_id: Mapping[str, Original] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the originals by container id."""
        object.__setattr__(self, "by_id", {original.id: original for original in self.originals})


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
    RESTART = "restart"
    RECREATE = "recreate"
    RESTORE = "restore"
    STOP = "stop"


class Condition(StrEnum):
    """What must be true of another container before an action begins."""

    STARTED = "started"
    HEALTHY = "healthy"
    COMPLETED = "completed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class After:
    """Another container that an action waits for, by its name: ids change when a container is made again."""

    name: str
    condition: Condition


class Result(StrEnum):
    """What became of an action."""

    DONE = "done"
    FAILED = "failed"
    WAITING = "waiting"  # its back-off has not passed
    RUNNING = "running"  # it outlives the check that began it
    DROPPED = "dropped"  # its reason was gone when it was looked at again
    DRY_RUN = "dry_run"  # it would have been done


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between the snapshot and what is observed."""

    container: Container
    kind: Kind
    reason: str


@dataclass(frozen=True, slots=True)
class Action:
    """One verb on one container, with its reason."""

    verb: Verb
    container: Container
    reason: str
    original_id: str | None = None  # whose place the container holds; None for a newcomer
    after: tuple[After, ...] = ()
    illness: Illness | None = None  # what a restart is to mend
    hold: Hold | None = None  # why it is not to be begun yet

    def __str__(self) -> str:
        """The line that plans are compared and logged by."""
        after = ", ".join(f"{other.name} is {other.condition}" for other in self.after)
        return f"{self.verb} {self.container.name}: {self.reason}" + (f" [after {after}]" if after else "")


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found, and what shall be done about it, in a stable order."""

    findings: tuple[Finding, ...] = ()
    actions: tuple[Action, ...] = ()

    def of(self, container_ids: frozenset[str]) -> Plan:
        """Return the part of the plan that concerns these containers."""
        return Plan(
            findings=tuple(finding for finding in self.findings if finding.container.id in container_ids),
            actions=tuple(action for action in self.actions if action.container.id in container_ids),
        )

    def __str__(self) -> str:
        """One line per action, then one per finding that nothing is done about."""
        acted = {action.container.id for action in self.actions}
        lines = [str(action) for action in self.actions]
        lines += [f"report {f.container.name}: {f.reason}" for f in self.findings if f.container.id not in acted]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one action."""

    action: Action
    result: Result
    detail: str | None = None
    until: datetime | None = None  # with WAITING: when the next attempt is due
    made_id: str | None = None  # the container that was made in the original's place


def aside_name(name: str, container_id: str) -> str:
    """Name a container that had to give up its name, so that people see whose place it had; the id keeps several apart."""
    return f"{name}-replaced-{container_id[:12]}"
