"""The periodic job and the loop: observe, plan, act, report; every interval, until told to stop.

One check is `Controller.check`; the loop only repeats it. A check never overlaps the next, never waits for an action,
and whatever goes wrong in it ends that check alone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from .act.acting import Acting
from .act.executor import Clocks, Executor
from .act.slots import SLOT_SECONDS
from .engine.client import Engine
from .errors import EngineError, ImplausibleListing
from .func import Reading
from .logs import set_up_logs
from .notify.notifier import notifying
from .observe.following import Following
from .observe.loss import EngineLoss, EngineLostError
from .observe.observer import INSPECT_SECONDS, Observer
from .observe.triggers import Triggers
from .plan.plan import make_plan
from .plan.timing import timing_for
from .process.heartbeat import write_heartbeat
from .process.lasting import Lasting
from .process.own_id import own_container_id
from .process.watchdog import Watchdog, patience_seconds
from .report.outbox import Outbox
from .report.reporter import Reporter
from .report.reporter import Timing as ReportTiming
from .settings import SettingsError, read_settings, unknown_variables
from .ssa.checks import CheckCount
from .ssa.client import send_report, ssa_client
from .ssa.link import Ssa
from .ssa.link import Timing as SsaTiming
from .ssa.memory import KeptMemory

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from structlog.typing import FilteringBoundLogger

    from .func import Ping
    from .model import Action, Observed, Snapshot
    from .notify.notifier import Notifier
    from .plan.plan import Plan
    from .settings import Settings

log: FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """The periods of the loop, in seconds.

    `engine_retry` is not shorter, since with systemd's socket activation a connection made while the engine goes down
    starts it again. `slow_ssa` is how long a check waits for the SSA when it has a snapshot to go on with.
    `engine_given_up`: a socket that was mounted as a file refuses for ever once its engine was replaced; a restart mounts
    the new one. `last_actions` is how long running actions may take to finish at the end: less than the 10 s that Docker
    grants a container to stop. `slot` is for how long an action counts among those that may be under way at once.
    """

    first_snapshot_retry: float = 2.0
    engine_retry: float = 5.0
    slow_ssa: float = 1.0
    inspect: float = INSPECT_SECONDS
    engine_given_up: float = 120.0
    last_actions: float = 7.0
    slot: float = SLOT_SECONDS
    reports: ReportTiming = field(default_factory=ReportTiming)
    ssa: SsaTiming = field(default_factory=SsaTiming)


class Controller:
    """The hands: keeps the originals running, stops newcomers.

    Args:
        settings: how.
        engine: where.
        client: leads to the SSA.
        own_id: the id of the container this runs in, None when unknown.
        completed: called after each completed check.
        notifier: hears what people may be notified of; None: nobody is.
        clocks: steady seconds, and seconds since 1970.
        timing: the periods of the loop.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        engine: Engine,
        client: httpx.AsyncClient,
        own_id: str | None,
        completed: Callable[[], None],
        notifier: Notifier | None = None,
        clocks: Clocks = Clocks(time.monotonic, time.time),  # noqa: B008 # frozen
        timing: Timing = Timing(),  # frozen
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._completed = completed
        self._notifier = notifier
        self._clocks = clocks
        self._timing = timing
        empty, dry_run = settings.empty_snapshot_grace, settings.dry_run
        self._plan_timing = timing_for(
            settings.interval, settings.new_container_grace, empty_snapshot_grace=empty, dry_run=dry_run
        )
        self._lasting = Lasting(notifier and notifier.hear_lasting)
        self._memory = KeptMemory()
        self._checks = CheckCount()
        self._ssa = Ssa(
            client, engine, settings.token_file, self._memory, self._lasting, timing=timing.ssa, checks=self._checks
        )
        self._observer = Observer(engine, own_id, self._lasting, clocks.utc, inspect_seconds=timing.inspect)
        self._triggers = Triggers(settings.settle)
        self._wake = asyncio.Event()
        wake, retry = self._wake, timing.engine_retry
        self._following = Following(
            engine, self._triggers, self._ssa, self._memory, steady=clocks.steady, wake=wake, again_seconds=retry
        )
        self._reading = Reading(self._ssa, self._lasting, clocks.steady, self._read, timing.slow_ssa)
        self._executor = self._make_executor()
        self._reporter = self._make_reporter(client)
        self._acting = Acting(self._executor, self._reporter, self._memory, clocks.utc, dry_run=settings.dry_run)
        self._engine_loss = EngineLoss(self._lasting, timing.engine_given_up)
        self._last_bug: str | None = None

    def _make_executor(self) -> Executor:
        return Executor(
            self._engine,
            self._ssa,
            self._reading,
            self._memory,
            self._clocks,
            happening=self._triggers,
            concurrency=self._settings.concurrency,
            ended=self._look_at_waiting,
            slot_seconds=self._timing.slot,
        )

    def _make_reporter(self, client: httpx.AsyncClient) -> Reporter:
        outbox = Outbox(partial(send_report, client, self._settings.token_file), self._lasting)
        heard, utc, timing = self._notifier and self._notifier.hear_finding, self._clocks.utc, self._timing.reports
        dry_run, seconds = self._settings.dry_run, self._settings.interval
        kept = (outbox, self._memory, self._lasting, utc)
        return Reporter(*kept, dry_run=dry_run, interval_seconds=seconds, timing=timing, heard=heard)

    async def run(self, stop: asyncio.Event) -> None:
        """Check again and again until `stop` is set.

        Raises:
            EngineLostError: see there.
        """
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._wake.set())
        following = [asyncio.create_task(self._ssa.follow_verdicts(self._hear))]
        if self._settings.react_to_events:
            following.append(asyncio.create_task(self._following.follow()))
        periodic_at = self._clocks.steady()
        while not stop.is_set():
            turn = self._triggers.next_turn(self._clocks.steady(), periodic_at)
            if turn.seconds > 0:
                await self._sleep(turn.seconds)
                continue
            check = asyncio.create_task(self.check(turn.only))
            await asyncio.wait({check, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not check.done():
                check.cancel()  # nothing is lost: actions are tasks of their own, and the next start looks again
                break
            next_at = self._clocks.steady() + check.result()
            # A look at a few containers neither replaces nor delays the next look at all of them.
            periodic_at = next_at if turn.only is None else min(periodic_at, next_at)
        for task in following:
            task.cancel()
        await self._reporter.finish(self._timing.last_actions)

    async def check(self, only: frozenset[str] | None = None) -> float:
        """Make one turn: observe, plan, act. Reporting follows when the actions have ended.

        Args:
            only: act on these containers alone, because the rest of the host has not settled; None for all.

        Returns:
            The seconds until the next turn.

        Raises:
            EngineLostError: see there.
        """
        began = self._clocks.steady()
        try:
            pause = min(await self._check(only), self._settings.interval)
        except EngineError as error:
            if not isinstance(error, ImplausibleListing):
                self._observer.forget_engine()
            self._engine_loss.lost(error, self._clocks.steady())
            pause = self._timing.engine_retry
        except Exception as error:
            # Not a completed check: if it lasts, the watchdog brings a new process.
            if self._last_bug != repr(error):
                message = "a check failed in a way that was not foreseen: nothing was done; please report this"
                log.exception("bug", message=message)
            self._last_bug = repr(error)
            return self._settings.interval
        else:
            self._engine_loss.answered()
        self._last_bug = None
        self._tell_completed()
        took = self._clocks.steady() - began
        self._checks.add(took)
        return max(0.0, pause - took)

    async def _check(self, only: frozenset[str] | None) -> float:
        identity = await self._observer.identity()
        if self._notifier is not None:
            self._notifier.at_host(identity.name)
        await self._ssa.stay_with(identity)
        if only is not None and self._ssa.snapshot is not None:
            # An exit is looked at without asking the SSA: the check that follows, once the host has settled, does that.
            await self._observer.wait_for_exits(only)
            looked_at = self._clocks.steady()
            observed = await self._observer.containers()
        else:
            # Both questions at once. Who holds a snapshot does not wait long for the next: an SSA that is slow to
            # answer must not delay the healing.
            reading = self._reading.begin(identity)
            looked_at = self._clocks.steady()
            observed = await self._observer.containers()
            await asyncio.wait({reading}, timeout=self._timing.slow_ssa if self._ssa.snapshot else None)
        snapshot = self._ssa.snapshot
        if snapshot is None:
            return self._timing.first_snapshot_retry
        observed = replace(observed, activity=self._triggers.activity(self._clocks.steady()))
        observed = await self._observer.complete(observed, snapshot, self._ssa.verdicts, self._memory.value, only=only)
        plan = self._plan(snapshot, observed, looked_at, only)
        if plan.actions:
            await self._observer.confirm_identity()
            plan = self._plan(snapshot, observed, looked_at, only)  # actions may have ended meanwhile
        # From here to the begin of the actions nothing is awaited: what is remembered and at work is as it was planned.
        self._acting.act(snapshot, plan, only)
        return plan.wake_in

    def _plan(self, snapshot: Snapshot, observed: Observed, looked_at: float, only: frozenset[str] | None) -> Plan:
        observed = replace(observed, busy=self._executor.busy(looked_at))
        now = self._clocks.utc()
        return make_plan(
            snapshot, observed, self._ssa.verdicts, self._memory.value, now, timing=self._plan_timing, only=only
        )

    def _read(self, ping: Ping) -> None:
        if ping.is_new:
            self._reporter.expect_news()
        if ping.answered:
            self._reporter.deliver_kept()

    def _hear(self) -> None:
        """Something has changed at the SSA: what is desired by now is read at once, not when the host has settled."""
        snapshot = self._ssa.snapshot
        if snapshot is not None and not self._ssa.is_current:
            self._reading.begin(snapshot.engine)
        self._following.expect_check()

    async def _sleep(self, seconds: float) -> None:
        """Wait for that long, or until something has happened."""
        self._wake.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    def _look_at_waiting(self, ended: Action) -> None:
        """Look at once at those who have waited for the end of this action."""
        if waiting := self._acting.who_waits_for(ended):
            self._triggers.look_at(waiting)
            self._wake.set()

    def _tell_completed(self) -> None:
        try:
            self._completed()
        except OSError as error:
            message = f"the heartbeat can't be written: {error}; see SSC_HEARTBEAT_FILE"
            self._lasting.begins("heartbeat", "heartbeat_failed", message)
        else:
            self._lasting.ends("heartbeat", "heartbeat_back", "the heartbeat is written again")


async def _serve(settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Each start and each stop looks again before it acts; the rest is for the checks.
    engine = Engine(os.environ, threads=2 * settings.concurrency + 4)
    patience = patience_seconds(settings.interval)
    watchdog = Watchdog(patience)

    def completed() -> None:
        watchdog.completed()
        write_heartbeat(str(settings.heartbeat_file), time.monotonic(), patience)

    watchdog.start()
    async with ssa_client(settings.ssa_url) as client, notifying(settings.notify_targets) as notifier:
        own_id = own_container_id()
        controller = Controller(
            settings=settings, engine=engine, client=client, own_id=own_id, completed=completed, notifier=notifier
        )
        try:
            await controller.run(stop)
        except EngineLostError as error:
            log.error("engine_given_up", message=str(error))  # noqa: TRY400 # foreseen, so no traceback
            return 1
    log.info("stopped", message="the controller has stopped: nothing is healed until it is started again")
    return 0


def main() -> int:
    """Run the controller until it is told to stop; return the exit code."""
    try:
        settings = read_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # how to log is itself a setting
        return 2
    set_up_logs(settings.log_level, settings.log_format)
    for name in unknown_variables(os.environ):
        message = "this variable is no setting of the controller, is it misspelt?"
        log.warning("setting_unknown", message=message, variable=name)
    log.info("starting", message="the controller starts", **settings.model_dump(mode="json"))
    return asyncio.run(_serve(settings))


if __name__ == "__main__":
    exit_code = main()
    sys.stdout.flush()
    # Not sys.exit: that would wait for a name look-up that hangs in a thread of the event loop's own pool.
    os._exit(exit_code)
