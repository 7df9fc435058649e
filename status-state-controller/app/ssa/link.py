"""What the SSA says: the snapshot in force, asked for at each check, and the verdicts, which it sends as they change.

Whatever goes wrong, the snapshot that is held stays in force. Verdicts don't: what is not known to be failing now
is not restarted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from ..errors import SsaError
from ..plan.health import Verdicts
from .client import follow_verdicts, read_recipes
from .wire import read_verdicts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx
    from structlog.typing import FilteringBoundLogger

    from ..model import EngineIdentity, Snapshot
    from ..report.troubles import Troubles

log: FilteringBoundLogger = structlog.get_logger(__name__)

VERDICTS_AGAIN_SECONDS = 2.0


class Ssa:
    """What is known from the SSA.

    Args:
        client: leads to it.
        token_file: what it asks for.
        troubles: where it is told that it gives no usable answer.
    """

    def __init__(self, client: httpx.AsyncClient, token_file: Path, troubles: Troubles) -> None:
        self._client = client
        self._token_file = token_file
        self._troubles = troubles
        self.snapshot: Snapshot | None = None
        self.verdicts = Verdicts()

    async def read_snapshot(self, engine: EngineIdentity) -> tuple[bool, bool]:
        """Take over its snapshot, and the policy with it.

        Returns:
            Whether it gave a usable answer, and whether the snapshot is another one than before.
        """
        try:
            snapshot = await read_recipes(self._client, self._token_file, engine, self.snapshot)
        except SsaError as error:
            going_on = "healing goes on from the last one" if self.snapshot else "nothing is done until there is one"
            self._troubles.begins("ssa", f"no snapshot from the SSA: {error}; {going_on}")
            return False, False
        self._troubles.ends("ssa", "the SSA serves its snapshot")
        if snapshot is None:
            return True, False
        before, self.snapshot = self.snapshot, snapshot
        if before is not None and before.id == snapshot.id:
            log.info("the policy's ignore and restart are in force", entries=len(snapshot.policy.entries))
            return True, False
        log.info("the snapshot is in force", snapshot=snapshot.id, originals=len(snapshot.originals))
        return True, True

    async def follow_verdicts(self, changed: Callable[[], None]) -> None:
        """Follow the verdicts for ever; `changed` is called when others are failing than before."""
        while True:
            try:
                async for line in follow_verdicts(self._client, self._token_file):
                    self._take(line, changed)
                    self._troubles.ends("verdicts", "the SSA tells its verdicts again")
            except SsaError as error:
                if self.snapshot is not None:
                    self._troubles.begins(
                        "verdicts",
                        f"no verdicts from the SSA: {error}; nothing is restarted because of a probe or a log",
                    )
            except Exception:
                log.exception("following the verdicts failed in a way that was not foreseen; please report this")
            self.verdicts = Verdicts()
            await asyncio.sleep(VERDICTS_AGAIN_SECONDS)

    def _take(self, line: bytes, changed: Callable[[], None]) -> None:
        if self.snapshot is None:
            raise SsaError("its snapshot is not known yet")
        verdicts = read_verdicts(line, self.snapshot.engine)
        before, self.verdicts = self.verdicts, verdicts
        if verdicts.failing.keys() != before.failing.keys():
            changed()
