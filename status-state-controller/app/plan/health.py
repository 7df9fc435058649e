"""Which originals are unhealthy, and whether a restart may fix it. Pure.

A restart is no cure for everything. What has not been healthy since its start is left alone: it may be a database that
is recovering. And when many become unhealthy together, the cause is the host or the network, not they. To tell that,
it is acted on only once nobody else has become unhealthy for a while.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ..model import Unhealthy
from ..model.status_text import up_seconds
from .memory import HealthySeen, MassFailure, Settling
from .notices import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model import Container, Inspect, Observed, Original, Verdicts
    from .memory import Memory
    from .timing import Timing

HEALTHY, UNHEALTHY, STARTING = "(healthy)", "(unhealthy)", "(health: starting)"
"""As the engine's list writes them behind the time for which a container is up."""

MARGIN_SECONDS = 0.2
"""What was seen healthy so shortly after a start may have been seen before it."""

LEAST_OF_A_MASS = 3
"""Design, section 1: more than half of the originals, and at least three."""

DEFAULT_RETRIES = 3
"""The engine's own, for a health check that sets none."""

Runs = frozenset[tuple[str, str]]


class Hold(StrEnum):
    """Why nobody unhealthy is restarted now."""

    SETTLING = "unless others become unhealthy as well"
    MASS_FAILURE = "as most originals are, the cause is probably not in it"


@dataclass(frozen=True, slots=True)
class Health:
    """Who is unhealthy, by the id of the container that has an original's place; why that is not acted on now, if so.

    `settles_in` are the seconds until it may be; `memory` is the one passed in with what was learnt.
    """

    memory: Memory
    unhealthy: Mapping[str, Unhealthy] = field(default_factory=dict[str, Unhealthy])
    hold: Hold | None = None
    settles_in: float = 0.0
    notices: tuple[Notice, ...] = ()


def wants_look(places: Mapping[str, Original], observed: Observed, verdicts: Verdicts, memory: Memory) -> set[str]:
    """Return the ids of containers whose `inspect` is needed to tell who is unhealthy: none while nobody seems to be.

    Those that seem so come first. Once one of them may be restarted, all with a health check are looked at: some may be
    about to fail as well.
    """
    suspects = [one.id for one in _suspects(places, observed, verdicts)]
    if any(one not in observed.inspects and one not in observed.silent for one in suspects):
        return set(suspects)
    if not any(
        one.restartable for one in _judge_all(places, observed, verdicts, _noted(places, observed, memory)).values()
    ):
        return set()
    return {one.id for one in _running(places, observed) if HEALTHY in one.status}


def judge_health(
    places: Mapping[str, Original],
    observed: Observed,
    verdicts: Verdicts,
    memory: Memory,
    *,
    now: float,
    timing: Timing,
    originals: int,
) -> Health:
    """Judge all that have the place of an original.

    Args:
        places: the original whose place a container has, by the container's id; without protected ones.
        observed: with the `inspect`s that `wants_look` asks for.
        verdicts: what the SSA says.
        memory: of the last check.
        now: the time.
        timing: the periods.
        originals: how many there are.
    """
    memory = _noted(places, observed, memory)
    unhealthy = _judge_all(places, observed, verdicts, memory)
    faltering = frozenset[str]()
    if any(one.restartable for one in unhealthy.values()):
        faltering = (_about_to_fail(places, observed) | (verdicts.faltering & places.keys())) - unhealthy.keys()
    mass = _note_mass(memory.mass_failure, unhealthy, faltering, verdicts, originals=originals, now=now, timing=timing)
    runs = frozenset((key, one.started_at) for key, one in unhealthy.items() if one.restartable)
    settling, settles_in = _note_settling(memory.settling, runs, mass.sentence is not None, now, timing)
    hold = Hold.SETTLING if settles_in > 0 else None
    memory = replace(
        memory,
        mass_failure=mass,
        settling=settling,
        reasons={key: (one.started_at, one.reason) for key, one in unhealthy.items() if not one.by_verdict},
    )
    notices = (*_left_alone(places, unhealthy), *_mass_notice(mass))
    return Health(memory, unhealthy, Hold.MASS_FAILURE if mass.sentence else hold, settles_in, notices)


def health_of(inspect: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an `inspect` says of the health check; empty where there is none."""
    return inspect["State"].get("Health") or {}


def still_unhealthy(seen: Inspect, before: Unhealthy, verdicts: Verdicts) -> bool:
    """Tell whether a container that was looked at again is still unhealthy for the same cause, in the same run."""
    if str(seen["State"].get("StartedAt")) != before.started_at:
        return False
    if before.by_verdict:
        return verdicts.reason(str(seen["Id"]), before.started_at) is not None
    return health_of(seen).get("Status") == "unhealthy"


def _running(places: Mapping[str, Original], observed: Observed) -> list[Container]:
    return [one for one in observed.containers if one.id in places and one.state == "running"]


def _suspects(places: Mapping[str, Original], observed: Observed, verdicts: Verdicts) -> list[Container]:
    failing = {container_id for container_id, _ in verdicts.failing}
    return [one for one in _running(places, observed) if UNHEALTHY in one.status or one.id in failing]


def _noted(places: Mapping[str, Original], observed: Observed, memory: Memory) -> Memory:
    """Note who is seen healthy now."""
    healthy: dict[str, HealthySeen] = {}
    for one in observed.containers:
        if one.id not in places:
            continue
        seen = memory.healthy.get(one.id, HealthySeen())
        if one.state == "running" and HEALTHY in one.status:
            seen = replace(seen, listed_at=observed.at)
        if one.id in observed.activity.healthy_at:
            seen = replace(seen, event_at=observed.activity.healthy_at[one.id])
        if seen != HealthySeen():
            healthy[one.id] = seen
    return replace(memory, healthy=healthy)


def _judge_all(
    places: Mapping[str, Original], observed: Observed, verdicts: Verdicts, memory: Memory
) -> dict[str, Unhealthy]:
    found: dict[str, Unhealthy] = {}
    for container in _suspects(places, observed, verdicts):
        seen = observed.inspects.get(container.id)
        if seen is None or seen["State"].get("Status") != "running":
            continue
        one = _judge_health_check(container, seen, places[container.id], observed, memory)
        # Who has a health check and has not passed it in this run may be recovering, whatever a probe or a log says.
        if (one is None and health_of(seen).get("Status") != "starting") or (one is not None and one.restartable):
            one = _judge_verdict(seen, verdicts) or one
        if one is not None:
            found[container.id] = one
    return found


def _judge_verdict(seen: Inspect, verdicts: Verdicts) -> Unhealthy | None:
    started_at = str(seen["State"]["StartedAt"])
    reason = verdicts.reason(str(seen["Id"]), started_at)
    return None if reason is None else Unhealthy(started_at, f"is unhealthy: {reason}", by_verdict=True)


def _judge_health_check(
    container: Container, seen: Inspect, original: Original, observed: Observed, memory: Memory
) -> Unhealthy | None:
    health = health_of(seen)
    # The engine also writes `unhealthy` when a container is paused, and leaves it there until the next check.
    if health.get("Status") != "unhealthy" or (health.get("FailingStreak") or 0) < _retries(seen):
        return None
    started_at = str(seen["State"]["StartedAt"])
    at_snapshot: dict[str, Any] = original.inspect.get("State") or {}
    was_healthy = health_of({"State": at_snapshot}).get("Status") == "healthy"
    same_run = (original.id, at_snapshot.get("StartedAt")) == (container.id, started_at)
    before = memory.healthy.get(container.id, HealthySeen())
    by_event = before.event_at is not None and before.event_at > datetime.fromisoformat(started_at).timestamp()
    # The list tells in whole seconds, minutes, …, rounded down, for how long it has run.
    by_list = before.listed_at is not None and observed.at - before.listed_at + MARGIN_SECONDS < up_seconds(
        container.status
    )
    restartable = (was_healthy and same_run) or by_event or by_list
    known_at, known_reason = memory.reasons.get(container.id, ("", ""))
    # As it was when it was first seen: exit codes may change at every check.
    reason = known_reason if known_at == started_at else f"is unhealthy: its health check {_failed(health)}"
    counts = restartable or was_healthy or before != HealthySeen()
    return Unhealthy(started_at, reason, restartable=restartable, counts=counts)


def _retries(seen: Inspect) -> int:
    config: dict[str, Any] = seen.get("Config") or {}
    health_check: dict[str, Any] = config.get("Healthcheck") or {}
    return health_check.get("Retries") or DEFAULT_RETRIES


def _failed(health: Mapping[str, Any]) -> str:
    """Tell how it failed; what it said is left out, since it is in no log and may hold secrets."""
    checks: list[dict[str, Any]] = health.get("Log") or []
    code = f" with exit code {checks[-1].get('ExitCode')}" if checks else ""
    return f"fails{code}"


def _about_to_fail(places: Mapping[str, Original], observed: Observed) -> frozenset[str]:
    """Return those whose last health check failed, though they are still called healthy."""
    healthy = [one.id for one in _running(places, observed) if HEALTHY in one.status]
    looks = {one: observed.inspects.get(one) for one in healthy}
    return frozenset(key for key, seen in looks.items() if seen and (health_of(seen).get("FailingStreak") or 0) > 0)


def _note_mass(
    before: MassFailure,
    unhealthy: Mapping[str, Unhealthy],
    faltering: frozenset[str],
    verdicts: Verdicts,
    *,
    originals: int,
    now: float,
    timing: Timing,
) -> MassFailure:
    """Tell whether many are unhealthy at once, from when that shows until it is known to be over.

    While the SSA says nothing it is not over, if some of them were unhealthy by its word: nor for a minute after, since
    the SSA itself has to find out anew.
    """
    # No longer than that from now on, though the clock was set back.
    unsure_until = now + timing.ssa_finds_out
    if verdicts.known:
        unsure_until = min(before.unsure_until, unsure_until)
    many = {key for key, one in unhealthy.items() if one.counts} | faltering
    if len(many) >= LEAST_OF_A_MASS and 2 * len(many) > originals:
        sentence = before.sentence or f"{len(many)} of {originals} originals are unhealthy at once"
        by_verdict = any(one.by_verdict for one in unhealthy.values()) if verdicts.known else before.by_verdict
        return MassFailure(sentence, by_verdict, unsure_until)
    if before.by_verdict and now < unsure_until:
        return replace(before, unsure_until=unsure_until)
    return MassFailure(unsure_until=unsure_until)


def _note_settling(
    before: Settling, runs: Runs, mass_failure: bool, now: float, timing: Timing
) -> tuple[Settling, float]:
    """Take note of the runs that may be restarted; return the seconds until they are, 0 for now."""
    if mass_failure:
        return Settling(runs, settled=False, after_mass=True, first_at=now, last_at=now), timing.health_settles
    if not runs:
        return Settling(runs), 0.0
    # After a mass failure the others recover one by one: that has to come to an end as well.
    changed = bool(runs - before.known) or (before.after_mass and runs != before.known)
    after = replace(before, known=runs)
    if changed:
        first_at = now if before.settled else before.first_at
        after = replace(after, settled=False, first_at=first_at, last_at=now)
    settled_at = min(after.last_at + timing.health_settles, after.first_at + timing.health_settles_at_most)
    if now >= settled_at:
        after = replace(after, settled=True, after_mass=False)
    return after, max(0.0, settled_at - now)


def _left_alone(places: Mapping[str, Original], unhealthy: Mapping[str, Unhealthy]) -> Iterable[Notice]:
    for key, one in sorted(unhealthy.items(), key=lambda item: places[item[0]].name):
        if not one.restartable:
            name = places[key].name
            yield Notice(
                f"left alone {name}",
                f"{name} {one.reason}, but it has not been healthy since its start: it is left alone, because a restart "
                "may disturb what it is recovering from",
                event="unhealthy_left_alone",
                ended=f"{name} is no longer unhealthy since its start",
                ended_event="unhealthy_no_longer",
                fields={"container": name},
            )


def _mass_notice(mass: MassFailure) -> Iterable[Notice]:
    if mass.sentence is not None:
        yield Notice(
            "mass failure",
            f"{mass.sentence}: probably something that they share is, so none of them is restarted until it is half of "
            "them at the most. Look at memory, disk, name service, network, and what they all depend on",
            event="mass_failure",
            ended="at most half of the originals are unhealthy by now: they are restarted one after the other",
            ended_event="mass_failure_over",
        )
