"""What the plan must know of earlier checks, as one value: passed in, and handed back changed. Pure.

The SSA keeps it with each report, so that a controller which is started again neither tries sooner nor takes its own
work for an impostor. What can be observed anew (who is unhealthy, who settles) is not kept there.

Moments are seconds since 1970. A clock that was set back must not stretch a wait for hours: `clamped` lets no moment
lie in the future.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from ..model import TO_THE_SSA, ImageIds, Result, StopPolicy, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model import Action, Outcome, Snapshot

T = TypeVar("T")

Pair = tuple[str, str]
"""The id of an original, and that of another container which has its name."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often an original was acted on since it last ran for long enough, and when last."""

    count: int
    last_at: float


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An action that was begun and of which no outcome is known; `before` are the attempts without it."""

    verb: Verb
    container_id: str
    began_at: float
    before: Attempts | None = None


@dataclass(frozen=True, slots=True)
class RefusedRestore:
    """A restore that the engine refused: tried again once `images` are others, or the pair is."""

    images: ImageIds
    reason: str


@dataclass(frozen=True, slots=True)
class HealthySeen:
    """When a container was last seen healthy: in a list, and by an event (this by the engine's own clock)."""

    listed_at: float | None = None
    event_at: float | None = None


@dataclass(frozen=True, slots=True)
class Settling:
    """Which runs are unhealthy, and since when that changes: acted on only once nobody else has become unhealthy."""

    known: frozenset[tuple[str, str]] = frozenset()
    settled: bool = True
    after_mass: bool = False
    first_at: float = 0.0
    last_at: float = 0.0


@dataclass(frozen=True, slots=True)
class MassFailure:
    """Whether so many are unhealthy at once that the cause can't be in them; `sentence` is as it was at the beginning."""

    sentence: str | None = None
    by_verdict: bool = False
    unsure_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Memory:
    """All of it. Originals and containers are meant by their ids; attempts are counted as `Action.counted_by` says."""

    snapshot_id: str = ""
    attempts: Mapping[str, Attempts] = field(default_factory=dict[str, Attempts])
    successors: frozenset[Pair] = frozenset()  # known to be: by comparison, or because the controller made them
    impostors: Mapping[Pair, str] = field(default_factory=dict[Pair, str])
    """With what differs, as text. Not kept by the SSA: a later version may compare better."""
    unfinished: Mapping[str, Unfinished] = field(default_factory=dict[str, Unfinished])
    interrupted: frozenset[str] = frozenset()  # originals whose restart failed: that they are down is nobody's wish
    refused: Mapping[Pair, RefusedRestore] = field(default_factory=dict[Pair, RefusedRestore])
    newcomers_since: Mapping[str, float] = field(default_factory=dict[str, float])
    removing_since: Mapping[str, float] = field(default_factory=dict[str, float])
    waiting_since: Mapping[str, float] = field(default_factory=dict[str, float])  # for what they depend on
    healthy: Mapping[str, HealthySeen] = field(default_factory=dict[str, HealthySeen])
    reasons: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])  # by run: as first seen
    settling: Settling = field(default_factory=Settling)
    mass_failure: MassFailure = field(default_factory=MassFailure)
    restart_began: tuple[str, float] | None = None  # the last restart of an unhealthy original
    first_newcomer_at: float | None = None  # under this snapshot
    seen: frozenset[str] = frozenset()
    """Originals with `on-replace: accept` that have been there since the snapshot was last rolled back: one that was
    removed before is to come back."""
    gone_since: Mapping[str, float] = field(default_factory=dict[str, float])  # of these, who is missed
    rolled_back_at: float | None = None
    """Containers that were made before are what an operator went back from: the controller accepts none of them."""
    references: Mapping[str, str] = field(default_factory=dict[str, str])
    """The names of originals by the ids that recipes of others tell: they go on to mean them when these are replaced."""


def for_snapshot(memory: Memory, snapshot: Snapshot) -> Memory:
    """Forget what is about originals that another snapshot no longer has, and whatever was judged against the old one.

    Who has whose place is kept: an operator may go back to a snapshot. A successor that has become an original itself
    goes on with the attempts of the one whose place it had.
    """
    if memory.snapshot_id == snapshot.id:
        return memory
    kept = snapshot.by_id
    heirs = {old: new for old, new in memory.successors if old not in kept and new in kept}
    # What has just been accepted was there when it was found.
    seen = memory.seen | memory.newcomers_since.keys() | {holder_id for _, holder_id in memory.impostors}
    return replace(
        memory,
        snapshot_id=snapshot.id,
        attempts=_only(_inherited(memory.attempts, heirs), kept),
        impostors={},
        unfinished=_only(memory.unfinished, kept),
        interrupted=frozenset(heirs.get(one, one) for one in memory.interrupted) & kept.keys(),
        refused={},
        waiting_since=_only(memory.waiting_since, kept),
        first_newcomer_at=None,
        seen=seen & kept.keys() if snapshot.rolled_back_at is None else frozenset(),
        gone_since=_only(memory.gone_since, kept),
        rolled_back_at=memory.rolled_back_at if snapshot.rolled_back_at is None else snapshot.rolled_back_at,
    )


def clamped(memory: Memory, now: float) -> Memory:
    """Let no moment lie in the future, because the clock was set back since."""
    if max(_moments(memory), default=now) <= now:
        return memory
    return replace(
        memory,
        attempts={key: replace(one, last_at=min(one.last_at, now)) for key, one in memory.attempts.items()},
        newcomers_since={key: min(at, now) for key, at in memory.newcomers_since.items()},
        removing_since={key: min(at, now) for key, at in memory.removing_since.items()},
        waiting_since={key: min(at, now) for key, at in memory.waiting_since.items()},
        gone_since={key: min(at, now) for key, at in memory.gone_since.items()},
        first_newcomer_at=None if memory.first_newcomer_at is None else min(memory.first_newcomer_at, now),
        # Not to the present: it would prove that a run was healthy which began since.
        healthy={key: replace(one, listed_at=_past(one.listed_at, now)) for key, one in memory.healthy.items()},
        settling=replace(
            memory.settling, first_at=min(memory.settling.first_at, now), last_at=min(memory.settling.last_at, now)
        ),
        restart_began=None if memory.restart_began is None else (memory.restart_began[0], now),
    )


def must_be_known(action: Action) -> bool:
    """Tell whether a process after this one must know that an action was begun: it makes a container, or is a further attempt."""
    return action.verb in {Verb.RECREATE, Verb.RESTORE} or (action.original_id is not None and action.attempt > 1)


def stop_policy_of(container_id: str, snapshot: Snapshot | None, memory: Memory) -> StopPolicy:
    """Return how a container is stopped in order: an original, or what has taken its place; the engine's defaults for others."""
    if snapshot is None:
        return StopPolicy()
    places = {successor_id: original_id for original_id, successor_id in memory.successors}
    original = snapshot.by_id.get(container_id) or snapshot.by_id.get(places.get(container_id, ""))
    return StopPolicy() if original is None else original.stop_policy


def begun(memory: Memory, actions: Iterable[Action], now: float) -> Memory:
    """Note that these actions are begun: each counts as an attempt, unless its outcome says otherwise."""
    attempts, unfinished, restart_began = dict(memory.attempts), dict(memory.unfinished), memory.restart_began
    interrupted = set(memory.interrupted)
    for action in actions:
        key = action.counted_by
        if key is None:
            continue
        before, former = attempts.get(key), unfinished.get(key)
        if former is not None and former.verb is Verb.RESTART:
            interrupted.add(key)  # by the end of the process that had begun it
        attempts[key] = Attempts(1 if before is None else before.count + 1, now)
        unfinished[key] = Unfinished(action.verb, action.container.id, now, before)
        if action.unhealthy is not None:
            restart_began = (key, now)
    return replace(
        memory,
        attempts=attempts,
        unfinished=unfinished,
        interrupted=frozenset(interrupted),
        restart_began=restart_began,
    )


def ended(memory: Memory, outcome: Outcome) -> Memory:
    """Note what became of an action that is among the unfinished."""
    action, key = outcome.action, outcome.action.counted_by
    if key is None:
        return memory
    attempts, unfinished = dict(memory.attempts), dict(memory.unfinished)
    begin = unfinished.pop(key, None)
    if outcome.attempted_at is not None and key in attempts:
        attempts[key] = replace(attempts[key], last_at=outcome.attempted_at)
    elif begin is not None and begin.before is not None:
        attempts[key] = begin.before
    else:
        attempts.pop(key, None)
    if action.verb in TO_THE_SSA or action.original_id is None:
        if outcome.result is Result.DONE:
            attempts.pop(key, None)  # the snapshot that comes of it begins anew
        return replace(memory, attempts=attempts, unfinished=unfinished)
    interrupted, refused = set(memory.interrupted), dict(memory.refused)
    pair = (original_id := action.original_id, action.container.id)
    if outcome.result is Result.DONE:
        interrupted.discard(original_id)
        refused.pop(pair, None)
    elif action.verb is Verb.RESTART and outcome.result is Result.FAILED:
        interrupted.add(original_id)
    elif outcome.refused and action.images is not None:
        refused[pair] = RefusedRestore(action.images, outcome.detail or "")
    made = frozenset[Pair]() if outcome.made_id is None else frozenset({(original_id, outcome.made_id)})
    return replace(
        memory,
        attempts=attempts,
        unfinished=unfinished,
        interrupted=frozenset(interrupted),
        refused=refused,
        successors=memory.successors | made,
        impostors={pair: told for pair, told in memory.impostors.items() if pair not in made},
    )


def subject(key: str) -> str:
    """Return the id in what attempts are counted by."""
    return key.rpartition(" ")[2]


def _inherited(attempts: Mapping[str, Attempts], heirs: Mapping[str, str]) -> dict[str, Attempts]:
    return {heirs.get(key, key): one for key, one in attempts.items()}


def _only(entries: Mapping[str, T], kept: Mapping[str, object]) -> dict[str, T]:
    """Leave out what is about originals that are no more; what is about other containers stays as long as they do."""
    return {key: value for key, value in entries.items() if key in kept or key != subject(key)}


def _past(moment: float | None, now: float) -> float | None:
    return None if moment is None or moment > now else moment


def _moments(memory: Memory) -> list[float]:
    moments = [one.last_at for one in memory.attempts.values()]
    moments += [one.listed_at or 0.0 for one in memory.healthy.values()]
    for since in (memory.newcomers_since, memory.removing_since, memory.waiting_since, memory.gone_since):
        moments += since.values()
    moments += [memory.first_newcomer_at or 0.0]
    moments += [memory.settling.last_at] + ([memory.restart_began[1]] if memory.restart_began else [])
    return moments
