"""The `/status` document as bytes: built once per listing and shared by the requests that waited for it.

Parts that do not change are kept as bytes; `schemas.StatusDocument` describes the whole, and a test holds the two
together.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
from pydantic import TypeAdapter

from ...engine.shared import SharedCall
from ...engine.view import EngineView, Listing
from ...engine.watch import EngineWatch
from ...errors import EngineUnavailable
from ...health.verdicts import Verdicts
from ...journal.controller import ControllerRecord
from ...masking import mask, mask_labels
from ...model import RunningContainer, Verdict
from ...pauses.keeper import PauseKeeper
from ...snapshot.capture import labels_given
from ...snapshot.holder import ACCEPT_COMMAND, SnapshotHolder
from .desired import describe_pauses
from .standings import Standings

_RUNNING = TypeAdapter(tuple[RunningContainer, ...])
_VERDICTS = TypeAdapter(list[Verdict])


class Status:
    """Answers `/status`."""

    def __init__(
        self,
        engine: EngineView,
        watch: EngineWatch,
        holder: SnapshotHolder,
        controller: ControllerRecord,
        verdicts: Verdicts,
        *,
        pauses: PauseKeeper,
        standings: Standings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._watch = watch
        self._holder = holder
        self._controller = controller
        self._verdicts = verdicts
        self._pauses = pauses
        self._standings = standings
        self._now = now
        self._shared = SharedCall(self._observe)
        self._shown: Listing | None = None
        self._shown_bytes = b"[]"
        self._judged = Listing(b"", ())
        self._masked: dict[str, RunningContainer] = {}
        self._given: dict[str, RunningContainer] = {}
        self._told_revision = -1
        self._told_bytes = b"[]"

    async def document(self) -> bytes:
        """The document, with a listing begun at or after this call; without one while the engine can't be asked."""
        if self._watch.error is None:
            try:
                return await self._shared.get()
            except EngineUnavailable:
                pass
        return self._render(None)

    async def document_within(self, seconds: float) -> bytes:
        """The same, without a listing when the engine takes longer than that."""
        try:
            async with asyncio.timeout(seconds):
                return await self.document()
        except TimeoutError:
            return self._render(None)

    async def _observe(self) -> bytes:
        try:
            listing = await self._engine.running()
            if listing is not self._shown:
                self._judged = Listing(listing.digest, await self._with_given_labels(listing))
        except EngineUnavailable as error:
            self._watch.failed(error)
            raise
        self._watch.answered()
        if listing is not self._shown:
            self._shown_bytes = _RUNNING.dump_json(self._mask(listing))
            self._shown = listing
        return self._render(self._shown_bytes, self._standings.document(self._judged))

    async def _with_given_labels(self, listing: Listing) -> tuple[RunningContainer, ...]:
        """The containers with the labels that count; they stay while a container lives, so each is asked for once."""
        given: dict[str, RunningContainer] = {}
        for one in listing.containers:
            known = self._given.get(one.id)
            labels = dict(await labels_given(self._engine, one)) if known is None else known.labels
            given[one.id] = one.model_copy(update={"labels": labels})
        self._given = given
        return tuple(given.values())

    def _mask(self, listing: Listing) -> tuple[RunningContainer, ...]:
        """Mask secrets. Command and labels of a container stay as they were made, so this is done once for each."""
        masked: dict[str, RunningContainer] = {}
        for one in listing.containers:
            known = self._masked.get(one.id)
            command, labels = (
                (mask(one.command), mask_labels(one.labels)) if known is None else (known.command, known.labels)
            )
            masked[one.id] = one.model_copy(update={"command": command, "labels": labels})
        self._masked = masked
        return tuple(masked.values())

    def _render(self, running: bytes | None, standings: bytes | None = None) -> bytes:
        now = self._now()
        held = self._holder.held
        return orjson.dumps(
            {
                "at": _text(now),
                "engine": self._describe_engine(),
                "snapshot": _fragment(held and held.public),
                "running": _fragment(running),
                "standings": _fragment(standings),
                "verdicts": orjson.Fragment(self._render_verdicts()),
                "controller": self._describe_controller(now),
                "pauses": describe_pauses(self._pauses.book.in_force()),
                "warnings": self._warnings(),
            }
        )

    def _warnings(self) -> list[str]:
        held, warnings = self._holder.held, list[str]()
        if held is not None and not held.snapshot.originals:
            warnings.append(
                "The snapshot is empty: whatever runs from now on is a newcomer, and will be stopped. "
                f"Start what shall run, then accept it: {ACCEPT_COMMAND}"
            )
        if self._pauses.delayed is not None:
            warnings.append(f"A pause whose time is over can't be ended yet: {self._pauses.delayed}")
        return warnings

    def _describe_engine(self) -> dict[str, object]:
        look = self._watch.engine_look
        error = self._watch.error
        return {
            "reachable": error is None,
            "error": None if error is None else mask(str(error)),
            "id": look and look.identity.id,
            "name": look and look.identity.name,
            "none_network_id": look and look.identity.none_network_id,
            "version": look and look.version,
        }

    def _render_verdicts(self) -> bytes:
        if self._told_revision != self._verdicts.revision:
            self._told_revision = self._verdicts.revision
            self._told_bytes = _VERDICTS.dump_json(self._verdicts.told())
        return self._told_bytes

    def _describe_controller(self, now: datetime) -> dict[str, object]:
        seen = self._controller.last_seen_at
        report = self._controller.report
        return {
            "last_seen_at": seen and _text(seen),
            "last_seen_seconds_ago": seen and _age(now, seen),
            "report": _fragment(report and report.document),
            "report_age_seconds": report and _age(now, report.received_at),
        }


def _fragment(document: bytes | str | None) -> orjson.Fragment | None:
    return None if document is None else orjson.Fragment(document)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _age(now: datetime, then: datetime) -> float:
    return max(0.0, round((now - then).total_seconds(), 1))
