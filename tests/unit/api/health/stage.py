"""A stage on which originals are overseen: a fake engine with streams, and a prober that answers as it is told."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from status_state_api.engine.watch import EngineWatch
from status_state_api.health import supervisor as overseer
from status_state_api.health.judging import Answer, State
from status_state_api.health.logs.follower import Tail
from status_state_api.health.rules.policy import Policy, read_policy
from status_state_api.health.supervisor import Overseer, Watched
from status_state_api.health.verdicts import Verdicts
from status_state_api.process.ending import Ending

from ..world import LOOK, NOW, OWN_ID, Lines, container_id, entry
from .world import STARTED, RememberedProbes, StreamingEngine, alive, labels, until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import pytest
    from status_state_api.health.probe.route import Route
    from status_state_api.health.rules.rules import ProbeRule

PROBE = labels(probe_url="http://:8080/health", probe_every="0.1")
LOGS = labels(logs_severity="error", logs_within="1h")
NETWORKS: dict[str, Any] = {"HostConfig": {"NetworkMode": "host"}, "NetworkSettings": {"Networks": {"host": {}}}}
"""The host's own network, in which this service is, too."""


class FakeProber:
    """Answers by port; a port with no answer is a defect."""

    def __init__(self) -> None:
        self.answers: dict[int, Answer] = {}
        self.asked: list[int] = []
        self.closed = False

    async def ask(self, route: Route, rule: ProbeRule, *, reached: bool) -> tuple[Answer, bool]:
        """Answer."""
        assert rule
        assert reached in (True, False)
        self.asked.append(route.port)
        return self.answers[route.port], True

    async def close(self) -> None:
        """Note it."""
        self.closed = True


class Stage:
    """Originals that are overseen."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **originals: dict[str, str]) -> None:
        self.engine = StreamingEngine(*(entry(name) for name in originals))
        own = {"Labels": {"status-state.role": "api"}, "Hostname": "ssa"}
        self.engine.inspects[OWN_ID] = alive("ssa", Id=OWN_ID, Config=own, **NETWORKS)
        for name in originals:
            self.start(name, 0)
        self.watch = EngineWatch(self.engine, Ending())
        self.watch.answered(LOOK)
        self.verdicts = Verdicts(lambda: NOW)
        self.prober = FakeProber()
        self.prober.answers[8080] = Answer(State.OK, "answered 200")
        self.proven = RememberedProbes()
        self.overseer = Overseer(self.engine, self.watch, self.verdicts, OWN_ID, self.proven)
        self._quicken(monkeypatch)
        self.originals = [Watched(container_id(name), name, given, False) for name, given in originals.items()]

    def start(self, name: str, at: float, **changes: Any) -> None:
        """Have the container started so long after the usual start."""
        self.engine.inspects[container_id(name)] = alive(name, at, **{**NETWORKS, **changes})

    def remove(self, name: str) -> None:
        """Take the container away."""
        self.engine.entries = [one for one in self.engine.entries if one["Id"] != container_id(name)]
        self.engine.inspects.pop(container_id(name), None)

    def show(self, name: str, **changes: str) -> None:
        """Change how the container is listed."""
        (one,) = (one for one in self.engine.entries if one["Id"] == container_id(name))
        one.update(changes)

    async def tell(self, action: str, name: str, **actor: Any) -> None:
        """Have the engine tell of an event."""
        await until(lambda: self.engine.event_pipes and not self.engine.event_pipes[-1].closed)
        event: dict[str, Any] = {"Action": action, "Actor": {"ID": container_id(name), "Attributes": {}, **actor}}
        self.engine.event_pipes[-1].write(json.dumps(event).encode() + b"\n")

    async def looks(self, count: int = 2) -> None:
        """Let the overseer look at the list some more times."""
        wanted = self.engine.asked.count("running") + count
        await until(lambda: self.engine.asked.count("running") >= wanted)

    @property
    def told(self) -> dict[tuple[str, str], str]:
        """The verdicts by name and source."""
        return {(told.container.name, told.source): told.verdict for told in self.verdicts.told()}

    async def thought(self, name: str, source: str, verdict: str | None) -> None:
        """Wait until this is thought of it."""
        await until(lambda: self.told.get((name, source)) == verdict)

    @property
    def runs(self) -> list[str]:
        """When the runs that are failing by their logs or probes started."""
        return [failing.started_at for failing in self.verdicts.for_controller(LOOK.identity).failing]

    @asynccontextmanager
    async def overseen(self, policy: str = "") -> AsyncGenerator[Lines]:
        """Oversee them by this policy."""
        with Lines() as lines:
            await self.overseer.oversee(self.originals, self.policy(policy))
            task = asyncio.create_task(self.overseer.run())
            yield lines
            assert not task.done()
            task.cancel()
            await asyncio.wait([task])

    @staticmethod
    def policy(text: str) -> Policy:
        """A policy."""
        return read_policy(text, "policy.yaml")

    def _quicken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Look often; logs are read two minutes after the usual start, and probes are asked by the fake."""
        monkeypatch.setattr(overseer, "SETTLE_SECONDS", 0.0)
        monkeypatch.setattr(overseer, "LOOK_SECONDS", 0.01)
        monkeypatch.setattr(overseer, "LOST_SECONDS", 0.01)
        monkeypatch.setattr(overseer, "Tail", partial(Tail, now=lambda: STARTED + timedelta(minutes=2)))
        monkeypatch.setattr(overseer, "Prober", lambda: self.prober)
        monkeypatch.setattr("status_state_api.health.logs.follower.AGAIN_SECONDS", 0.001)
        monkeypatch.setattr("status_state_api.health.logs.follower.LOST_SECONDS", 0.001)
