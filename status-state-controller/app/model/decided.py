"""What is found, what is to be done about it, and what became of that, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .known import Container

ImageIds = tuple[str | None, str | None]
"""The ids for which the name and the id of an original's image stand; None where there is no such image."""

DELETED_BY_THE_ENGINE = "the engine deletes it with its anonymous volumes: it was run with --rm"
"""The detail of the outcome of such a stop: there is nothing left to be started, or accepted."""


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

    `unhealthy` is what a restart is to fix; a restart without it follows that of a container whose namespace is shared, and
    `started_at` tells which run it is to end.
    """

    verb: Verb
    container: Container
    reason: str
    original_id: str | None = None  # whose place the container holds; None for a newcomer
    unhealthy: Unhealthy | None = None
    images: ImageIds | None = None  # with the restore of an impostor's victim: what its image is
    started_at: str | None = None
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


def unfinished_name(name: str, original_id: str) -> str:
    """Name an original that is being made, and is not attached to all of its networks yet: it must not be taken for it."""
    return f"{name}-unfinished-{original_id[:12]}"


def restored_name(name: str, container_id: str) -> str:
    """Name the original that is made while the impostor of that id still has its name."""
    return f"{name}-restored-{container_id[:12]}"
