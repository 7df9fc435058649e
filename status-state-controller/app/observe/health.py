"""Finds out which originals are ill: by the engine's health checks, and by what the SSA says of probes and logs.

While nobody is ill this costs nothing: the list of containers tells it. Whoever seems ill is looked at closely, since
only a run that was well before is mended by a restart.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..plan.health import Hold, Illness, Illnesses, Outbreak, Settling, Verdicts
from ..protection import protection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..engine.client import Engine
    from ..model import Container, Original, Snapshot
    from ..report.troubles import Troubles

HEALTHY, UNHEALTHY = "(healthy)", "(unhealthy)"
"""As the engine's list writes them behind the time for which a container is up."""

MARGIN_SECONDS = 0.2
"""What was seen healthy so shortly after a start may have been seen before it."""


class Health:
    """Remembers who was seen healthy, and when.

    Args:
        engine: where the originals run.
        verdicts: returns what the SSA says at the moment of the call.
        troubles: where it is told who is left alone.
        clock: steady seconds.
    """

    def __init__(
        self, engine: Engine, verdicts: Callable[[], Verdicts], troubles: Troubles, clock: Callable[[], float]
    ) -> None:
        self._engine = engine
        self._verdicts = verdicts
        self._troubles = troubles
        self._clock = clock
        self._healthy_at: dict[str, float] = {}  # steady seconds, of lists
        self._healthy_since: dict[str, float] = {}  # seconds since 1970 by the engine's clock, of events
        self._left_alone: set[str] = set()
        self._settling = Settling()
        self._outbreak = Outbreak()
        self._reasons: dict[str, tuple[str, str]] = {}

    def saw_healthy(self, container_id: str, engine_seconds: float) -> None:
        """Note that the engine reported a container to be healthy, at a time by its own clock."""
        self._healthy_since[container_id] = engine_seconds

    @property
    def many_are_ill(self) -> bool:
        """Whether so many are ill that nobody is to be restarted for that."""
        return self._outbreak.sentence is not None

    async def look(
        self, snapshot: Snapshot, observed: Iterable[Container], place_of: Mapping[str, str], looked_at: float
    ) -> tuple[float, Illnesses]:
        """Return in how many seconds to look again because it has not settled yet, and who is ill.

        Args:
            snapshot: the desired state.
            observed: every container of the engine.
            place_of: the id of the original whose place a container has, by the container's id.
            looked_at: when these containers were asked for, of the clock.

        Raises:
            EngineError: the engine can't be asked.
        """
        illnesses = await self.illnesses(snapshot, observed, place_of, looked_at)
        now = self._clock()
        self._outbreak.note(illnesses, len(snapshot.originals), now, verdicts_known=self._verdicts().known)
        if self._outbreak.sentence is None:
            self._troubles.ends(
                "many ill",
                "at most half of the originals are unhealthy by now: they are restarted one after the other",
            )
        else:
            self._troubles.begins(
                "many ill",
                f"{self._outbreak.sentence}: probably something that they share is, so none of them is restarted until it is "
                "half of them at the most. Look at memory, disk, name service, network, and what they all depend on",
            )
        settles_in = self._settling.note(illnesses, now, many=self.many_are_ill)
        if self.many_are_ill:
            return settles_in, replace(illnesses, hold=Hold.MANY)
        return settles_in, replace(illnesses, hold=Hold.SETTLING) if settles_in > 0 else illnesses

    async def illnesses(
        self, snapshot: Snapshot, observed: Iterable[Container], place_of: Mapping[str, str], looked_at: float
    ) -> Illnesses:
        """Return who is ill among the containers that have the place of an original; see `look`.

        Raises:
            EngineError: it can't be asked.
        """
        present = {
            container.id: container
            for container in observed
            if container.id in place_of and protection(snapshot.by_id[place_of[container.id]].labels) is None
        }
        places = [container for container in present.values() if container.state == "running"]
        for container in places:
            if HEALTHY in container.status:
                self._healthy_at[container.id] = looked_at
        verdicts = self._verdicts()
        failing = {container_id for container_id, _ in verdicts.failing}
        suspects = [c for c in places if UNHEALTHY in c.status or c.id in failing]
        looks = await self._look_at(suspects)
        # Its clock is asked for only where it decides.
        was_seen = any(UNHEALTHY in container.status and container.id in self._healthy_at for container, _ in looks)
        engine_now = await self._engine.clock() if was_seen else None
        ill: dict[str, Illness] = {}
        for container, seen in looks:
            original = snapshot.by_id[place_of[container.id]]
            illness = self._judge_health_check(seen, original, engine_now)
            # Who has a health check and has not passed it in this run may be recovering, whatever a probe or a log says.
            if (illness is None and _health(seen).get("Status") != "starting") or (illness and illness.mendable):
                illness = self._judge_verdict(seen, verdicts) or illness
            if illness is not None:
                ill[container.id] = illness
        self._tell_left_alone({c.name: ill[c.id] for c, _ in looks if c.id in ill and not ill[c.id].mendable})
        self._healthy_at = {key: at for key, at in self._healthy_at.items() if key in present}
        self._healthy_since = {key: at for key, at in self._healthy_since.items() if key in present}
        self._reasons = {key: reason for key, reason in self._reasons.items() if key in ill}
        if not any(illness.mendable for illness in ill.values()):
            return Illnesses(ill)
        return Illnesses(ill, (await self._about_to_fail(places) | verdicts.faltering & set(present)) - set(ill))

    async def _about_to_fail(self, places: Iterable[Container]) -> frozenset[str]:
        """Return those whose last health check failed, though they are still called healthy."""
        looks = await self._look_at([container for container in places if HEALTHY in container.status])
        return frozenset(container.id for container, seen in looks if (_health(seen).get("FailingStreak") or 0) > 0)

    async def _look_at(self, containers: Iterable[Container]) -> list[tuple[Container, dict[str, Any]]]:
        several = list(containers)
        inspects = await asyncio.gather(*(self._engine.inspect(container.id) for container in several))
        return [(one, seen) for one, seen in zip(several, inspects, strict=True) if seen is not None and _runs(seen)]

    def _judge_verdict(self, seen: dict[str, Any], verdicts: Verdicts) -> Illness | None:
        started_at = str(seen["State"]["StartedAt"])
        reason = verdicts.reason(seen["Id"], started_at)
        return None if reason is None else Illness(started_at, f"is unhealthy: {reason}", verdict=True)

    def _judge_health_check(
        self, seen: dict[str, Any], original: Original, engine_now: datetime | None
    ) -> Illness | None:
        health = _health(seen)
        if health.get("Status") != "unhealthy":
            return None
        started_at = str(seen["State"]["StartedAt"])
        at_snapshot: dict[str, Any] = original.inspect.get("State") or {}
        was_healthy = _health({"State": at_snapshot}).get("Status") == "healthy"
        same_run = (original.id, at_snapshot.get("StartedAt")) == (seen["Id"], started_at)
        healthy_at, healthy_since = self._healthy_at.get(seen["Id"]), self._healthy_since.get(seen["Id"])
        began = datetime.fromisoformat(started_at)
        mendable = (was_healthy and same_run) or (healthy_since is not None and healthy_since > began.timestamp())
        if healthy_at is not None and engine_now is not None:
            run_seconds = (engine_now - began).total_seconds()
            mendable = mendable or self._clock() - healthy_at + MARGIN_SECONDS < run_seconds
        return Illness(
            started_at,
            self._reason(seen["Id"], started_at, f"is unhealthy: its health check {_failed(health)}"),
            verdict=False,
            mendable=mendable,
            counts=mendable or was_healthy or healthy_at is not None or healthy_since is not None,
        )

    def _reason(self, container_id: str, started_at: str, reason: str) -> str:
        """Return the reason as it was when the illness was first seen: exit codes may change at every check."""
        before = self._reasons.get(container_id)
        if before is None or before[0] != started_at:
            self._reasons[container_id] = before = (started_at, reason)
        return before[1]

    def _tell_left_alone(self, ill: Mapping[str, Illness]) -> None:
        for name in sorted(self._left_alone - ill.keys()):
            self._troubles.ends(f"left alone {name}", f"{name} is no longer unhealthy since its start")
        self._left_alone = set(ill)
        for name, illness in sorted(ill.items()):
            self._troubles.begins(
                f"left alone {name}",
                f"{name} {illness.reason}, but it has not been healthy since its start: it is left alone, "
                "because a restart may disturb what it is recovering from",
            )


def still_ill(seen: Mapping[str, Any], illness: Illness, verdicts: Verdicts) -> bool:
    """Tell whether a container that was looked at again still has this illness, in the same run."""
    if str(seen["State"].get("StartedAt")) != illness.started_at:
        return False
    if illness.verdict:
        return verdicts.reason(str(seen["Id"]), illness.started_at) is not None
    return _health(seen).get("Status") == "unhealthy"


def _runs(seen: Mapping[str, Any]) -> bool:
    return seen["State"].get("Status") == "running"


def _health(seen: Mapping[str, Any]) -> dict[str, Any]:
    return seen["State"].get("Health") or {}


def _failed(health: Mapping[str, Any]) -> str:
    """Tell how it failed; what it said is left out, since it is in no log and may hold secrets."""
    checks: list[dict[str, Any]] = health.get("Log") or []
    code = f" with exit code {checks[-1].get('ExitCode')}" if checks else ""
    return f"fails{code}"
