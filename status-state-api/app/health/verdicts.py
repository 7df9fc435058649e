"""The verdicts of now, by container and source, and what is shown of them: in `/status`, and to the controller.

In memory only: after a start everything is asked anew. Those who wait for a change are woken by it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from .. import model
from ..masking import mask
from ..model import ContainerReference, EngineIdentity, FailingContainer, VerdictsForController
from ..process.bell import Bell
from .verdict import SOURCES, Source, State, Verdict


class Verdicts:
    """Holds the verdicts. `now` is the time that people read; `bell` is rung whenever those who follow are woken."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC), bell: Bell | None = None) -> None:
        self._now = now
        self._bell = bell or Bell()
        self._held: dict[tuple[str, Source], Verdict] = {}
        self._changed = asyncio.Event()
        self._closed = False
        self._revision = 0

    @property
    def revision(self) -> int:
        """Return how often something has changed."""
        return self._revision

    @property
    def closed(self) -> bool:
        """Whether the service ends: streams are to end, too."""
        return self._closed

    def put(self, verdict: Verdict) -> None:
        """Hold a verdict in the place of the one before."""
        key = (verdict.subject.id, verdict.source)
        before = self._held.get(key)
        if before == verdict:
            return
        lasts = before is not None and (before.subject, before.state) == (verdict.subject, verdict.state)
        since = before.since if before is not None and lasts else self._now().replace(microsecond=0)
        self._held[key] = replace(verdict, since=since)
        self._change()

    def lose(self, source: Source, reason: str) -> None:
        """Make all verdicts of this source unknown: it can't be asked."""
        for held in list(self._held.values()):
            if held.source == source:
                self.put(Verdict(held.subject, source, State.UNKNOWN, reason))

    def drop(self, container_id: str, *sources: Source) -> None:
        """Forget a container: it no longer runs, or nothing is asked of it any more."""
        for source in sources or SOURCES:
            if self._held.pop((container_id, source), None) is not None:
                self._change()

    def container_ids(self) -> set[str]:
        """Return the containers that have a verdict."""
        return {container_id for container_id, _ in self._held}

    def told(self) -> list[model.Verdict]:
        """Return what `/status` tells, by name."""
        return [
            model.Verdict(
                container=ContainerReference(id=held.subject.id, name=held.subject.name),
                source=held.source,
                verdict=held.state.value,
                since=held.since,
                reason=mask(held.reason),
                evidence=[mask(line) for line in held.evidence],
            )
            for held in self._in_order()
        ]

    def for_controller(self, engine: EngineIdentity, desired: str) -> VerdictsForController:
        """Return what the controller acts on. Its own engine's health checks it sees by itself.

        `desired` tells which desired state is in force.
        """
        own = [held for held in self._in_order() if held.source != "engine"]
        return VerdictsForController(
            engine=engine,
            desired=desired,
            failing=[
                FailingContainer(
                    container=ContainerReference(id=held.subject.id, name=held.subject.name),
                    started_at=held.subject.started_at,
                    source=held.source,
                    since=held.since,
                    reason=mask(held.reason) + "".join(f" («{mask(line)}»)" for line in held.evidence[-1:]),
                )
                for held in own
                if held.state is State.FAILING and held.actionable
            ],
            faltering=sorted({held.subject.id for held in own if held.faltering}),
        )

    async def follow(
        self, engine: EngineIdentity, beat_seconds: float, desired: Callable[[], str]
    ) -> AsyncGenerator[bytes]:
        """Yield what the controller acts on, now and after every change, each time as a line of JSON.

        `desired` is asked each time which desired state is in force; `wake` tells that it may have changed.
        An empty line shows that the connection lives, when there was no change for `beat_seconds`.
        """
        last = b""
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + beat_seconds
        while not self._closed:
            changed = self._changed  # before looking: what changes from here on is not missed
            line = self.for_controller(engine, desired()).model_dump_json().encode() + b"\n"
            if line != last or loop.time() >= beat_at:
                yield line if line != last else b"\n"
                last, beat_at = line, loop.time() + beat_seconds
            with suppress(TimeoutError):
                async with asyncio.timeout_at(beat_at):
                    await changed.wait()

    def wake(self) -> None:
        """Have those who follow look whether what they are told has changed; those who come later wait for the next time."""
        self._changed.set()
        self._changed = asyncio.Event()
        self._bell.ring()

    def close(self) -> None:
        """End the streams of those who follow: they must not hold up the end of the service."""
        self._closed = True
        self._change()

    def _in_order(self) -> Iterable[Verdict]:
        return sorted(self._held.values(), key=lambda held: (held.subject.name, held.subject.id, held.source))

    def _change(self) -> None:
        self._revision += 1
        self.wake()
