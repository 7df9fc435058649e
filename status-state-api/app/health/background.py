"""What runs in the background for the health of the originals: the overseer, and the look at the policy file."""

import asyncio
from collections.abc import Sequence

import structlog

from .rules.policy_file import PolicyFile
from .supervisor import Overseer, Watched
from .verdicts import Verdicts

AGAIN_SECONDS = 5.0

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Care:
    """Cares for the originals. A defect in here must not take the snapshot along: it is told, and begun anew."""

    def __init__(self, overseer: Overseer, policy_file: PolicyFile, verdicts: Verdicts) -> None:
        self._overseer = overseer
        self._policy_file = policy_file
        self._verdicts = verdicts

    async def run(self, originals: Sequence[Watched]) -> None:
        """Care for these originals for ever."""

        async def oversee() -> None:
            await self._overseer.oversee(originals, self._policy_file.policy)

        while True:
            try:
                await oversee()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._overseer.run())
                    group.create_task(self._policy_file.watch(oversee))
            except Exception:
                log.exception("observing the originals failed in a way that was not foreseen; please report this")
            await asyncio.sleep(AGAIN_SECONDS)

    def close(self) -> None:
        """Let nobody wait any longer for verdicts."""
        self._verdicts.close()
