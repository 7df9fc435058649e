"""A stage on which the health of originals is supervised: a fake engine with streams, and a prober that does as it is told."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from status_state_api.engine.events import EventFollower
from status_state_api.engine.watch import EngineWatch
from status_state_api.health.observer import Watched
from status_state_api.health.rules.policy import Policy
from status_state_api.health.rules.policy_yaml import read_policy
from status_state_api.health.supervisor import HealthSupervisor
from status_state_api.health.timing import Timing
from status_state_api.health.verdict import ProbeResult, State
from status_state_api.health.verdicts import Verdicts
from status_state_api.journal.notes import VerdictNotes
from status_state_api.process.ending import Ending

from ..world import LOOK, NOW, OWN_ID, FakeStore, Lines, container_id, entry, journal_in
from .world import STARTED, FakeClock, RememberedProbes, StreamingEngine, alive, labels, until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from status_state_api.health.probe.route import Route
    from status_state_api.health.rules.rules import ProbeRule

PROBE = labels(probe_url="http://:8080/health")
LOGS = labels(logs_severity="error", logs_within="1h")
NETWORKS: dict[str, Any] = {"HostConfig": {"NetworkMode": "host"}, "NetworkSettings": {"Networks": {"host": {}}}}
"""The host's own network, in which this service is, too."""


class FakeProber:
    """Answers by port; a port with no answer is a defect."""

    def __init__(self) -> None:
        self.answers = {8080: ProbeResult(State.OK, "answered 200")}
        self.asked: list[int] = []
        self.closed = False

    async def probe(self, route: Route, rule: ProbeRule, *, reached: bool) -> tuple[ProbeResult, bool]:
        """Answer."""
        assert rule
        assert reached in (True, False)
        self.asked.append(route.port)
        return self.answers[route.port], True

    async def close(self) -> None:
        """Note it."""
        self.closed = True


class FakePolicyFile:
    """A policy that the test changes."""

    def __init__(self) -> None:
        self.policy = Policy()
        self.changed = asyncio.Event()
        self.broken = False
        self.applied = 0

    async def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Wait for changes."""
        self.applied += 1
        while True:
            await self.changed.wait()
            self.changed.clear()
            if self.broken:
                self.broken = False
                raise RuntimeError("a defect")
            await changed()
            self.applied += 1


class Stage:
    """Originals whose health is supervised."""

    def __init__(self, **originals: dict[str, str]) -> None:
        self.engine = StreamingEngine(*(entry(name) for name in originals))
        own = {"Labels": {"status-state.role": "api"}, "Hostname": "ssa"}
        self.engine.inspects[OWN_ID] = alive("ssa", Id=OWN_ID, Config=own, **NETWORKS)
        for name in originals:
            self.start(name, 0)
        self.watch = EngineWatch(self.engine, Ending())
        self.watch.answered(LOOK)
        self.verdicts = Verdicts(lambda: NOW)
        self.prober = FakeProber()
        self.proven = RememberedProbes()
        self.store = FakeStore()
        self.notes = VerdictNotes(journal_in(self.store))
        self.policy_file = FakePolicyFile()
        self.timing = Timing(settle=0.0, look=0.01, lost=0.01, restart=0.001)
        self.originals = [Watched(container_id(name), name, given, False) for name, given in originals.items()]

    def look_only_at_events(self) -> None:
        """Have the list looked at only when an event says so."""
        self.timing = replace(self.timing, look=3600.0)

    def start(self, name: str, at: float, **changes: Any) -> None:
        """Have the container started so long after the usual start."""
        self.engine.inspects[container_id(name)] = alive(name, at, **{**NETWORKS, **changes})

    def remove(self, name: str) -> None:
        """Take the container away."""
        self.engine.entries = [one for one in self.engine.entries if one["Id"] != container_id(name)]
        self.engine.inspects.pop(container_id(name), None)

    def show(self, name: str, **changes: Any) -> None:
        """Change how the container is listed."""
        (one,) = (one for one in self.engine.entries if one["Id"] == container_id(name))
        one.update(changes)

    async def tell(self, action: str, name: str) -> None:
        """Have the engine tell of an event."""
        await until(lambda: self.engine.event_pipes and not self.engine.event_pipes[-1].closed)
        event: dict[str, Any] = {"Action": action, "Actor": {"ID": container_id(name), "Attributes": {}}}
        self.engine.event_pipes[-1].write(json.dumps(event).encode() + b"\n")

    async def looks(self, count: int = 2) -> None:
        """Let the list be looked at some more times."""
        wanted = self.engine.asked.count("running") + count
        await until(lambda: self.engine.asked.count("running") >= wanted)

    @property
    def told(self) -> dict[tuple[str, str], str]:
        """The verdicts by name and source."""
        return {(told.container.name, told.source): told.verdict for told in self.verdicts.told()}

    async def thought(self, name: str, source: str, verdict: str | None) -> None:
        """Wait until this is its verdict."""
        await until(lambda: self.told.get((name, source)) == verdict)

    @property
    def runs(self) -> list[str]:
        """When the runs that are failing by their logs or probes started."""
        return [failing.started_at for failing in self.verdicts.for_controller(LOOK.identity, "the tag").failing]

    async def set_policy(self, text: str) -> None:
        """Have this policy come into force."""
        applied = self.policy_file.applied
        self.policy_file.policy = read_policy(text, "policy.yaml")
        self.policy_file.changed.set()
        await until(lambda: self.policy_file.applied > applied)

    def supervisor(self) -> HealthSupervisor:
        """One who supervises them."""
        return HealthSupervisor(
            self.engine,
            self.watch,
            self.verdicts,
            self.policy_file,
            events=EventFollower(self.engine, self.watch, self.timing.lost),
            own_id=OWN_ID,
            proven=self.proven,
            notes=self.notes,
            prober=self.prober,
            timing=self.timing,
            clock=FakeClock(STARTED + timedelta(minutes=2)),
        )

    @asynccontextmanager
    async def overseen(self, policy: str = "") -> AsyncGenerator[Lines]:
        """Supervise them by this policy."""
        self.policy_file.policy = read_policy(policy, "policy.yaml")
        applied = self.policy_file.applied
        with Lines() as lines:
            task = asyncio.create_task(self.supervisor().run(self.originals))
            await until(lambda: self.policy_file.applied > applied)
            yield lines
            assert not task.done()
            task.cancel()
            await asyncio.wait([task])
