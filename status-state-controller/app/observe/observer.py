"""Looking at the engine: which one it is, what it lists, and who has taken whose place.

Whatever can't be the truth raises, so that a check that goes on has something to go on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from ..errors import EngineError, ImplausibleListing
from ..model import RUNNING_STATES
from ..plan.successor import is_successor
from ..plan.table import RESTART_LABEL, misread_restart_rule, name_holders
from ..protection import IGNORE_LABEL, ROLE_LABEL, misread

if TYPE_CHECKING:
    from collections.abc import Collection

    from structlog.typing import FilteringBoundLogger

    from ..engine.client import Engine
    from ..model import Container, EngineIdentity, Original, Snapshot
    from ..report.troubles import Troubles

log: FilteringBoundLogger = structlog.get_logger(__name__)


LONGEST_EXIT_SECONDS = 2.0
"""How long a look at an exit waits for the engine; the settled check that follows sees what comes later."""

LONGEST_REMOVING_SECONDS = 60.0
"""A removal that takes longer is taken to last for ever, as some do."""


class Observer:
    """The controller's own eyes.

    Args:
        engine: what is looked at.
        own_id: the id of the container this runs in, None when unknown.
        troubles: where it is told that the engine doesn't know that container.
    """

    def __init__(self, engine: Engine, own_id: str | None, troubles: Troubles) -> None:
        self._engine = engine
        self._own_id = own_id
        self._troubles = troubles
        self._identity: EngineIdentity | None = None
        self._own_id_is_known_here = False
        self._known_at: EngineIdentity | None = None
        self._judged: dict[tuple[str, str], bool] = {}
        self._judged_against: str | None = None
        self._removing_since: dict[str, float] = {}
        self._labels_told: set[tuple[str, str]] = set()

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
                self._troubles.begins(
                    "own id",
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
        """The engine was away: whoever answers next may be another one."""
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

    async def containers(self) -> list[Container]:
        """List every container of the engine.

        Raises:
            EngineError: it can't be asked.
            ImplausibleListing: the list lacks the container that this controller runs in.
        """
        observed = await self._engine.containers()
        if self._own_id_is_known_here and all(container.id != self._own_id for container in observed):
            raise ImplausibleListing(
                "the engine's list lacks the container this controller runs in, so it can't be complete: "
                "nothing is done"
            )
        self._tell_misread_labels(observed)
        return observed

    async def successors(
        self, snapshot: Snapshot, observed: list[Container], made: Collection[tuple[str, str]]
    ) -> frozenset[tuple[str, str]]:
        """Return the pairs (original, holder of its name) made from the same image and configuration.

        Each pair is asked about once, for as long as it stands and the snapshot is the same.

        Args:
            snapshot: the desired state.
            observed: every container of the engine.
            made: pairs that need no question, because the controller made the one in place of the other.
        """
        if self._judged_against != snapshot.id:
            self._judged_against, self._judged = snapshot.id, {}
        names = {container.id: container.name for container in observed}
        names |= {original.id: original.name for original in snapshot.originals}

        async def judge(original: Original, holder: Container) -> tuple[tuple[str, str], bool | None]:
            pair = (original.id, holder.id)
            verdict = True if pair in made else self._judged.get(pair)
            if verdict is None:
                inspected = await self._engine.inspect(holder.id)
                verdict = None if inspected is None else is_successor(original.inspect, inspected, names)
            return pair, verdict

        judged = await asyncio.gather(*(judge(*pair) for pair in name_holders(snapshot, observed)))
        self._judged = {pair: verdict for pair, verdict in judged if verdict is not None}
        return frozenset(pair for pair, verdict in judged if verdict)

    async def _knows_own_container(self) -> bool:
        inspected = await self._engine.inspect(self._own_id) if self._own_id else None
        # A Kubernetes pod and `network_mode: container:…` get the files that tell the id from another container.
        return inspected is not None and ROLE_LABEL in (inspected["Config"].get("Labels") or {})

    def stuck(self, observed: list[Container], now: float) -> frozenset[str]:
        """Return the containers that the engine has been removing for too long; `now` in seconds of a steady clock."""
        removing = {container.id for container in observed if container.state == "removing"}
        self._removing_since = {key: self._removing_since.get(key, now) for key in removing}
        return frozenset(key for key, since in self._removing_since.items() if now - since >= LONGEST_REMOVING_SECONDS)

    def _tell_misread_labels(self, observed: list[Container]) -> None:
        present = {container.id for container in observed}
        self._labels_told = {told for told in self._labels_told if told[0] in present}
        for container in observed:
            if container.state not in RUNNING_STATES:
                continue
            for label, value, reading in (
                (IGNORE_LABEL, misread(container.labels), "read as true: the container is left alone"),
                (RESTART_LABEL, misread_restart_rule(container.labels), "the default is used"),
            ):
                if value is not None and (container.id, label) not in self._labels_told:
                    self._labels_told.add((container.id, label))
                    log.warning(
                        "a label can't be read", container=container.name, label=label, value=value, reading=reading
                    )
