"""When a snapshot is captured and when the stored one is resumed: decisions only.

Pure: no I/O, no clock. What was stored and what was seen is passed in, a decision with its reason in words comes out.
`holder` carries it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ...engine.view import EngineLook
from ...model import EngineIdentity
from ...same_engine import Relation

OnStart = Literal["auto", "fresh", "resume"]

# Design, section 2, "When is a snapshot taken?".
ENDED_TOGETHER_SECONDS = 60.0
"""An original that ended within this time of the SSA went down with it."""
ENGINE_STARTING_SECONDS = 60.0
"""An engine whose network `bridge` is younger is itself just starting."""
SETTLED_SECONDS = 20.0
"""It has started what it starts when the set of running containers has been unchanged for this long."""
SETTLE_LIMIT_SECONDS = 300.0
"""The snapshot is captured after this time even if the set still changes."""


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """What is known of a stored snapshot without its recipes; `relation` of its engine to the one looked at, once known."""

    id: str
    engine: EngineIdentity
    count: int
    relation: Relation | None = None


@dataclass(frozen=True, slots=True)
class StoredRun:
    """The last run of an SSA container that held a snapshot; `stopped_at` is None unless it was stopped in order."""

    boot_id: str | None
    bridge_id: str | None
    stopped_at: datetime | None
    snapshot: StoredSnapshot


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known at the start.

    `own_run` is the last stored run of this very container, `latest` the latest snapshot stored of this engine,
    `why_unknown` why the own container is not known, if it is not.
    """

    look: EngineLook
    boot_id: str | None
    own_id: str | None
    why_unknown: str
    own_run: StoredRun | None
    latest: StoredSnapshot | None


@dataclass(frozen=True, slots=True)
class Fresh:
    """Capture a snapshot."""

    why: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with the stored snapshot."""

    snapshot: StoredSnapshot
    why: str


@dataclass(frozen=True, slots=True)
class AskWhenEnded:
    """The engine started since: ask it when the SSA and the originals ended, then call `judge_endings`."""

    snapshot: StoredSnapshot
    what_restarted: str
    stopped_at: datetime


def decide(on_start: OnStart, situation: Situation) -> Fresh | Resume | AskWhenEnded:
    """Decide by SSA_SNAPSHOT_ON_START and the situation."""
    if on_start == "fresh":
        return Fresh("SSA_SNAPSHOT_ON_START is fresh")
    if on_start == "resume":
        return _decide_resume(situation)
    return _decide_auto(situation)


def _decide_resume(situation: Situation) -> Fresh | Resume:
    latest = situation.latest
    if latest is None:
        return Fresh("SSA_SNAPSHOT_ON_START is resume, but none is stored of this engine")
    if latest.count == 0:
        return Fresh("SSA_SNAPSHOT_ON_START is resume, but the one stored is empty")
    return Resume(latest, "SSA_SNAPSHOT_ON_START is resume")


def _decide_auto(situation: Situation) -> Fresh | Resume | AskWhenEnded:
    run = situation.own_run
    if situation.own_id is None:
        return Fresh(f"the own container is not known: {situation.why_unknown}")
    # `compose down && up` and an upgrade make a new container: an operator's doing.
    if run is None:
        return Fresh("this container has not run before")
    relation = run.snapshot.relation
    if relation is None or not relation.is_same:
        why = f": {relation.why}" if relation else ""
        return Fresh(f"the stored one is of another engine, {run.snapshot.engine.name}{why}")
    if run.snapshot.count == 0:
        return Fresh("the stored one is empty")
    # A crash, an OOM kill, a SIGKILL, a power loss.
    if run.stopped_at is None:
        return Resume(run.snapshot, "this container had not been stopped in order")
    if run.boot_id != situation.boot_id:
        return AskWhenEnded(run.snapshot, "the host", run.stopped_at)
    if run.bridge_id != situation.look.bridge_id:
        return AskWhenEnded(run.snapshot, "the engine", run.stopped_at)
    # `compose restart`, Ctrl-C and `up` again.
    return Fresh("this container had been stopped in order, and the engine has not restarted since")


def judge_endings(ask: AskWhenEnded, own_end: datetime | None, ends: Mapping[str, datetime | None]) -> Fresh | Resume:
    """Decide by when the SSA and the originals, by name, ended: together with the engine, or by an operator's hand.

    Without an own end, the time of the mark stands for it.
    """
    own_end = own_end or ask.stopped_at
    together = timedelta(seconds=ENDED_TOGETHER_SECONDS)
    along = sorted(name for name, end in ends.items() if end is not None and abs(end - own_end) <= together)
    if along:
        return Resume(ask.snapshot, f"{ask.what_restarted} went down with it: {_some(along)} ended at the same time")
    return Fresh(
        f"this container had been stopped in order, before {ask.what_restarted} restarted: "
        f"no original ended within {ENDED_TOGETHER_SECONDS:.0f} s of it"
    )


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def engine_age_seconds(look: EngineLook) -> float | None:
    """How long ago the engine started, by its own clock; None where it runs without the network `bridge`."""
    if look.bridge_created_at is None:
        return None
    return (look.clock - look.bridge_created_at).total_seconds()


@dataclass(frozen=True, slots=True)
class SettleTiming:
    """How long an engine that is just starting is waited for."""

    starting_seconds: float = ENGINE_STARTING_SECONDS
    quiet_seconds: float = SETTLED_SECONDS
    limit_seconds: float = SETTLE_LIMIT_SECONDS


@dataclass(frozen=True, slots=True)
class Settling:
    """The wait until an engine that is just starting has started what it starts.

    Times are of any monotonic clock, in seconds. `observe` gives the next state; it is over when `done` says why.
    """

    times: SettleTiming
    began: float
    running: frozenset[str]
    unchanged_since: float
    done: str | None = None

    @classmethod
    def begin(cls, times: SettleTiming, now: float, running: frozenset[str]) -> "Settling":
        """Begin with the containers that run now."""
        return cls(times, now, running, now)

    def observe(self, now: float, running: frozenset[str]) -> "Settling":
        """Take note of the containers that run now."""
        since = self.unchanged_since if running == self.running else now
        done = None
        if now - since >= self.times.quiet_seconds:
            done = f"unchanged for {now - since:.0f} s"
        elif now - self.began >= self.times.limit_seconds:
            done = f"it still changes after {now - self.began:.0f} s, which is long enough"
        return Settling(self.times, self.began, running, since, done)


def is_starting(look: EngineLook, times: SettleTiming) -> bool:
    """Tell whether the engine is itself just starting; never where its start is not known (no network `bridge`)."""
    age = engine_age_seconds(look)
    return age is not None and age < times.starting_seconds
