"""Begins pauses, and ends them at their time or on request.

What a pause is to accept at its end is accepted first; only then does it end. So whatever fails or dies in between, the
controller never heals by the old snapshot what was deployed during the pause.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Protocol

import structlog

from ..errors import StatusStateError
from ..model import Pause
from ..snapshot.answers import ChangeAnswer
from ..snapshot.change import NotAllowed, UnknownName, Wish
from .book import PauseBook
from .pause import share_at_end

RETRY_SECONDS = 5.0
"""As slowly as a lost engine is asked: see `engine.watch`."""
LONGEST_WAIT_SECONDS = 30.0
"""The clock may be set forward, and the machine sleep: the time is looked at so often while there is a pause."""
BY_ITSELF = "the end of a pause"

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Accepts(Protocol):
    """Who changes the snapshot."""

    async def accept(self, wish: Wish | None, by: str | None, *, dry_run: bool = False) -> ChangeAnswer:
        """Make the whole present the snapshot."""
        ...

    async def accept_share(self, names: Sequence[str], by: str | None, *, dry_run: bool = False) -> ChangeAnswer:
        """Make what is there of these names the snapshot."""
        ...


class PauseKeeper:
    """Begins and ends pauses, one change of them after the other.

    Args:
        book: holds them.
        changes: changes the snapshot.
        retry_seconds: how soon an end that failed is tried again.
    """

    def __init__(self, book: PauseBook, changes: Accepts, *, retry_seconds: float = RETRY_SECONDS) -> None:
        self.book = book
        self._changes = changes
        self._retry_seconds = retry_seconds
        self._one_at_a_time = asyncio.Lock()
        self.delayed: str | None = None
        """Why a pause whose time has passed could not be ended yet; None when none waits."""

    async def begin(
        self, scopes: Sequence[str | None], seconds: float, *, reason: str | None, accept_at_end: bool, by: str | None
    ) -> None:
        """Pause these from now on, names or None for all. Raises `StoreUnavailable`."""
        async with self._one_at_a_time:
            await self.book.begin(scopes, seconds, reason=reason, accept_at_end=accept_at_end, by=by)

    async def resume(
        self, scopes: Sequence[str] | None, by: str | None, *, dry_run: bool = False
    ) -> ChangeAnswer | None:
        """End the pauses of these names, without names all there are; tell what was, or would be, accepted by that.

        Raises what accepting raises, and `StoreUnavailable`: then they are in force as before.
        """
        async with self._one_at_a_time:
            ending = self.book.of_scopes(scopes)
            return await (self._accept(ending, by, dry_run=True) if dry_run else self._end(ending, by, "resumed"))

    async def run(self) -> None:
        """End each pause at its time, for ever."""
        while True:
            self.book.changed.clear()  # before looking: what changes from here on is not missed
            try:
                wait = await self._turn()
            except Exception:
                log.exception("pauses_failed", message="Ending a pause failed because of a bug; please report this.")
                wait = self._retry_seconds
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self.book.changed.wait()

    async def _turn(self) -> float | None:
        """End what is over; return after how many seconds to look again, None for not before there is a pause."""
        async with self._one_at_a_time:
            over = self.book.over()
            try:
                # What fails to be accepted must not hold up the others.
                for accepts in (False, True):
                    ending = [pause for pause in over if pause.accept_at_end is accepts]
                    await self._end(ending, BY_ITSELF, "its time is over")
            except (StatusStateError, UnknownName, NotAllowed) as error:
                self._delay(str(error))
                return self._retry_seconds
            self.delayed = None
            left = self.book.seconds_left()
        return None if left is None else min(left, LONGEST_WAIT_SECONDS)

    async def _end(self, ending: Sequence[Pause], by: str | None, why: str) -> ChangeAnswer | None:
        """Accept what they are to accept, then end them."""
        if not ending:
            return None
        accepted = await self._accept(ending, by, dry_run=False)
        await self.book.end(ending, why, by)
        return accepted

    async def _accept(self, ending: Sequence[Pause], by: str | None, *, dry_run: bool) -> ChangeAnswer | None:
        share = share_at_end(ending)
        if share is None:
            return None
        if share.everything:
            return await self._changes.accept(None, by, dry_run=dry_run)
        return await self._changes.accept_share(share.names, by, dry_run=dry_run)

    def _delay(self, cause: str) -> None:
        """Tell once why a pause can't be ended."""
        if self.delayed != cause:
            self.delayed = cause
            log.warning(
                "pause_end_delayed",
                message="The time of a pause is over, but it can't be ended yet: it stays in force, and that is tried again.",
                cause=cause,
            )
