"""Looking at the engine: which one it is, what it lists, and what the plan wants to see besides.

Whatever can't be the truth raises, so that a check that goes on has something to go on.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import EngineError, ImplausibleListing
from ..model import Observed, labels_of
from ..plan.plan import questions
from ..protection import ROLE_LABEL, given_labels, protection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..engine.client import Engine
    from ..model import Container, EngineIdentity, Inspect, Snapshot, Verdicts
    from ..plan.memory import Memory
    from ..process.lasting import Lasting

INSPECT_SECONDS = 2.0
"""Design, section 4: one container that doesn't answer must not delay the others."""

LONGEST_EXIT_SECONDS = 2.0
"""How long a look at an exit waits for the engine; the settled check that follows sees what comes later."""


class Observer:
    """The controller's own eyes.

    Args:
        engine: what is looked at.
        own_id: the id of the container this runs in, None when unknown.
        lasting: logs that the engine doesn't know that container.
        utc_seconds: the time, in seconds since 1970.
        inspect_seconds: how long the engine may take to answer about one container.
    """

    def __init__(
        self,
        engine: Engine,
        own_id: str | None,
        lasting: Lasting,
        utc_seconds: Callable[[], float],
        *,
        inspect_seconds: float = INSPECT_SECONDS,
    ) -> None:
        self._engine = engine
        self._own_id = own_id
        self._lasting = lasting
        self._utc_seconds = utc_seconds
        self._identity: EngineIdentity | None = None
        self._own_id_is_known_here = False
        self._known_at: EngineIdentity | None = None
        self._inspect_seconds = inspect_seconds
        self._given: dict[str, Mapping[str, str]] = {}
        self._unanswered: dict[str, asyncio.Task[Inspect | None]] = {}

    async def identity(self) -> EngineIdentity:
        """Return which engine this is; asked at the start and whenever it was away.

        Raises:
            EngineError: it can't be asked.
        """
        if self._identity is None:
            identity = await self._engine.identity()
            # Once confirmed it stays so: an engine that has not loaded all its containers yet must not unlearn it.
            known = self._known_at == identity or await self._knows_own_container()
            self._known_at = identity if known else None
            if not known:
                self._lasting.begins(
                    "own id",
                    "own_container_unknown",
                    "the engine doesn't know the container this controller runs in: a list that lacks it can't be "
                    "told from a faulty one",
                )
            self._own_id_is_known_here = known
            self._identity = identity
        return self._identity

    async def confirm_identity(self) -> None:
        """Make sure, by one cheap question, that the engine is still the same: connections are renewed silently.

        Raises:
            EngineError: it is another one, or can't be asked.
        """
        identity = await self.identity()
        if await self._engine.none_network_id() != identity.none_network_id:
            raise EngineError("another engine answers than a moment ago: nothing is done before it is looked at anew")

    def forget_engine(self) -> None:
        """The engine was away: the one that answers next may be another one."""
        self._identity = None

    async def wait_for_exits(self, container_ids: frozenset[str]) -> None:
        """Wait until the engine has finished with containers that it reported to have died.

        It reports `die` before its list says so, up to a quarter of a second before. An `inspect` takes the
        container's lock, and so is answered when the exit is complete. One that hangs is not waited for.
        """
        looks = [asyncio.create_task(self._engine.inspect(container_id)) for container_id in container_ids]
        _, hanging = await asyncio.wait(looks, timeout=LONGEST_EXIT_SECONDS)
        for look in looks:
            if look not in hanging and (error := look.exception()) is not None:
                raise error

    async def containers(self) -> Observed:
        """List every container of the engine.

        Raises:
            EngineError: it can't be asked.
            ImplausibleListing: the list lacks the container that this controller runs in.
        """
        at = self._utc_seconds()
        observed = await self._engine.containers()
        if self._own_id_is_known_here and all(container.id != self._own_id for container in observed):
            raise ImplausibleListing(
                "the engine's list lacks the container this controller runs in, so it can't be complete: "
                "nothing is done"
            )
        return Observed(tuple(observed), at)

    async def complete(
        self,
        observed: Observed,
        snapshot: Snapshot,
        verdicts: Verdicts,
        memory: Memory,
        *,
        only: frozenset[str] | None,
    ) -> Observed:
        """Add what the plan needs to see besides the list: nothing, while nothing has drifted.

        Raises:
            EngineError: the engine can't be asked.
        """
        given = await self._with_given_labels(observed.containers)
        observed = replace(observed, containers=tuple(snapshot.policy.apply(given)))
        while wanted := questions(snapshot, observed, verdicts, memory, only=only):
            containers, images = sorted(wanted.containers), sorted(wanted.images)
            inspects = await self._inspect_all(containers)
            found = await asyncio.gather(*(self._engine.image(one) for one in images))
            volumes = sorted(wanted.volumes)
            there = await asyncio.gather(*(self._engine.has_volume(one) for one in volumes))
            observed = replace(
                observed,
                inspects={**observed.inspects, **inspects},
                silent=observed.silent.union(wanted.containers - inspects.keys()),
                images={**observed.images, **dict(zip(images, found, strict=True))},
                volumes={**observed.volumes, **dict(zip(volumes, there, strict=True))},
                networks=await self._engine.networks() if wanted.networks else observed.networks,
            )
        return observed

    async def _with_given_labels(self, containers: Sequence[Container]) -> list[Container]:
        """Take away the labels that would protect and are the image's own; asked once for each container.

        Neither changes while a container lives. Where the engine has no answer, the labels stay as they are.
        """
        protected = [one for one in containers if protection(one.labels) is not None and one.id != self._own_id]
        self._given = {one.id: self._given[one.id] for one in protected if one.id in self._given}
        unknown = {one.id: one for one in protected if one.id not in self._given}
        if unknown:
            inspects = await self._inspect_all(one.id for one in unknown.values() if ROLE_LABEL in one.labels)
            for one in unknown.values():
                inspect = inspects.get(one.id)
                image = await self._engine.image(one.image_id) if one.image_id else None
                if image is not None and (inspect is not None or ROLE_LABEL not in one.labels):
                    self._given[one.id] = given_labels(one.labels, image.config, inspect)
        return [replace(one, labels=self._given[one.id]) if one.id in self._given else one for one in containers]

    async def _inspect_all(self, container_ids: Iterable[str]) -> dict[str, Inspect | None]:
        """Inspect containers, without those that don't answer in time.

        A question that has no answer yet is not asked once more, and not waited for again: a lock that the engine never
        gives back would otherwise hold ever more threads, and every check.
        """
        self._unanswered = {one: task for one, task in self._unanswered.items() if not task.done()}
        tasks = {
            one: asyncio.create_task(self._engine.inspect(one)) for one in container_ids if one not in self._unanswered
        }
        if tasks:
            await asyncio.wait(tasks.values(), timeout=self._inspect_seconds)
        for one, task in tasks.items():
            if not task.done():
                task.add_done_callback(_take_note)
                self._unanswered[one] = task
        # An answer that comes late is old: a later check asks anew. An answer that is an error ends this check.
        return {one: task.result() for one, task in tasks.items() if task.done()}

    async def _knows_own_container(self) -> bool:
        inspected = await self._engine.inspect(self._own_id) if self._own_id else None
        # A Kubernetes pod and `network_mode: container:…` get the files that tell the id from another container.
        return inspected is not None and ROLE_LABEL in labels_of(inspected)


def _take_note(late: asyncio.Task[Inspect | None]) -> None:
    """See how a question ended that nobody waits for any more, so that an error is not reported as forgotten."""
    if not late.cancelled():
        late.exception()
