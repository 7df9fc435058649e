"""Waits until an engine that is just starting has started what it starts: a snapshot taken before would lack the rest."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from ...engine.view import EngineLook, EngineView
from ...engine.watch import EngineWatch
from .decide import SettleTiming, Settling, engine_age_seconds

LOOK_SECONDS = 1.0

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How it is waited.

    `clock` is steady seconds, `sleep` waits for as many of these.
    """

    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    times: SettleTiming = field(default_factory=SettleTiming)
    look_seconds: float = LOOK_SECONDS


async def wait_until_settled(
    engine: EngineView, watch: EngineWatch, look: EngineLook, patience: Patience, say: Callable[[str], None]
) -> None:
    """Wait until what runs has come to rest, or for as long as `patience` has it; `say` hears what is waited for.

    Raises `EngineUnavailable`.
    """
    age, times = engine_age_seconds(look) or 0.0, patience.times
    say(
        f"the engine started {age:.0f} s ago: the snapshot is captured once what runs has not changed for "
        f"{times.quiet_seconds:.0f} s, after {times.limit_seconds:.0f} s at the latest"
    )
    log.info(
        "engine_settling",
        message="The snapshot waits until the engine has started what it starts.",
        engine_age_seconds=round(age),
    )
    settling = Settling.begin(times, patience.clock(), await _running_ids(engine, watch))
    while settling.done is None:
        await patience.sleep(patience.look_seconds)
        settling = settling.observe(patience.clock(), await _running_ids(engine, watch))
    log.info(
        "engine_settled",
        message="The engine has started what it starts.",
        why=settling.done,
        running=len(settling.running),
    )


async def _running_ids(engine: EngineView, watch: EngineWatch) -> frozenset[str]:
    listing = await engine.running()
    watch.answered()
    return frozenset(container.id for container in listing.containers)
