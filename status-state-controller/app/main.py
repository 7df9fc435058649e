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
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from .act.executor import Actions
from .engine.client import Engine
from .errors import EngineError, EngineRefused, ImplausibleListing
from .func import ping_ssa
from .logs import set_up_logs
from .model import Outcome, Result, StopManners, Verb
from .observe.health import Health
from .observe.observer import Observer
from .observe.triggers import Changes
from .plan.backoff import Backoff
from .plan.dependencies import PROJECT_LABEL
from .plan.health import ILLNESS_SETTLES_SECONDS, Illnesses
from .plan.status_text import up_seconds
from .plan.table import make_plan
from .process.heartbeat import write_heartbeat
from .process.own_id import own_container_id
from .process.watchdog import Watchdog, patience_seconds
from .report.reporter import Reporter
from .report.troubles import Troubles
from .settings import SettingsError, read_settings, unknown_variables
from .ssa.client import send_report, ssa_client
from .ssa.link import Ssa

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from structlog.typing import FilteringBoundLogger

    from .model import Action, Container, EngineIdentity, Event, Plan, Snapshot
    from .settings import Settings

log: FilteringBoundLogger = structlog.get_logger(__name__)

FIRST_SNAPSHOT_RETRY_SECONDS = 2.0
ENGINE_RETRY_SECONDS = 5.0
"""Not faster: with systemd's socket activation a connection made while the engine goes down starts it again."""

SLOW_SSA_SECONDS = 1.0
"""How long a check waits for the SSA when it has a snapshot to go on with."""

OTHERS_AT_WORK_SECONDS = 1.0
"""When to look again whether compose has finished, or the one that is restarted before; events tell it sooner."""

ONE_BY_ONE = "one after the other"

ENGINE_GIVEN_UP_AFTER_SECONDS = 120.0
"""A socket that was mounted as a file refuses for ever once its engine was replaced; a restart mounts the new one."""

LAST_ACTIONS_SECONDS = 7.0
"""How long running actions may take to finish at the end: less than the 10 s that Docker grants a container to stop."""


class EngineLostError(Exception):
    """Nobody has listened at the engine's socket for so long that only a restart of this container can help."""


class Controller:
    """The hands: keeps the originals running, stops newcomers.

    Args:
        settings: how.
        engine: where.
        client: leads to the SSA.
        own_id: the id of the container this runs in, None when unknown.
        completed: called after each completed check.
        clock: steady seconds.
        utc_now: the time that people read.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        engine: Engine,
        client: httpx.AsyncClient,
        own_id: str | None,
        completed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._completed = completed
        self._clock = clock
        self._utc_now = utc_now
        self._refused_since: float | None = None
        self._last_bug: str | None = None
        self._reading: asyncio.Task[None] | None = None
        self._troubles = Troubles()
        self._ssa = Ssa(client, settings.token_file, self._troubles)
        self._backoff = Backoff()
        self._actions = Actions(
            engine,
            lambda: self._ssa.snapshot,
            self._backoff,
            clock,
            concurrency=settings.concurrency,
            verdicts=lambda: self._ssa.verdicts,
            many_are_ill=lambda: self._health.many_are_ill,
        )
        self._observer = Observer(engine, own_id, self._troubles)
        self._reporter = Reporter(
            partial(send_report, client, settings.token_file),
            dry_run=settings.dry_run,
            troubles=self._troubles,
            utc_now=utc_now,
        )
        self._health = Health(engine, lambda: self._ssa.verdicts, self._troubles, clock)
        self._changes = Changes(settings.settle)
        self._wake = asyncio.Event()
        self._cursor: str | None = None
        self._newcomers_since: dict[str, float] = {}
        self._place_of: dict[str, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Check again and again until `stop` is set.

        Raises:
            EngineLostError: see there.
        """
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._wake.set())
        following = [asyncio.create_task(self._ssa.follow_verdicts(self._expect_check))]
        if self._settings.react_to_events:
            following.append(asyncio.create_task(self._watch()))
        periodic_at = self._clock()
        while not stop.is_set():
            turn = self._changes.next_turn(self._clock(), periodic_at)
            if turn.seconds > 0:
                await self._sleep(turn.seconds)
                continue
            check = asyncio.create_task(self.check(turn.only))
            await asyncio.wait({check, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not check.done():
                check.cancel()  # nothing is lost: actions are tasks of their own, and the next start looks again
                break
            next_at = self._clock() + check.result()
            # A look at a few containers neither replaces nor delays the next look at all of them.
            periodic_at = next_at if turn.only is None else min(periodic_at, next_at)
        for task in following:
            task.cancel()
        await self._reporter.finish(LAST_ACTIONS_SECONDS)

    async def _sleep(self, seconds: float) -> None:
        """Wait for that long, or until something has happened."""
        self._wake.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def _watch(self) -> None:
        """Follow the engine's events for ever; after a break, from where it broke."""
        while True:
            try:
                await self._engine.watch(self._cursor, self._expect_check, self._note)
            except EngineError:
                pass  # the checks tell of it
            except Exception:
                log.exception("following the engine's events failed in a way that was not foreseen; please report this")
            await asyncio.sleep(ENGINE_RETRY_SECONDS)

    def _expect_check(self) -> None:
        self._changes.expect(self._clock())
        self._wake.set()

    def _note(self, event: Event) -> None:
        self._cursor = event.cursor
        original_id = self._place_of.get(event.container_id, event.container_id)
        original = self._ssa.snapshot.by_id.get(original_id) if self._ssa.snapshot else None
        if event.detail == "healthy":
            self._health.saw_healthy(event.container_id, float(event.cursor))
        self._changes.note(event, self._clock(), original.stop_manners if original else StopManners())
        self._wake.set()

    async def check(self, only: frozenset[str] | None = None) -> float:
        """Make one turn: observe, plan, act. Reporting follows when the actions have ended.

        Args:
            only: act on these containers alone, because the rest of the host has not settled; None for all.

        Returns:
            The seconds until the next turn.

        Raises:
            EngineLostError: see there.
        """
        began = self._clock()
        try:
            pause = min(await self._check(only), self._settings.interval)
        except EngineError as error:
            self._lose_engine(error)
            pause = ENGINE_RETRY_SECONDS
        except Exception as error:
            # Not a completed check: if it lasts, the watchdog brings a new process.
            self._refused_since = None
            if self._last_bug != repr(error):
                log.exception("a check failed in a way that was not foreseen: nothing was done; please report this")
            self._last_bug = repr(error)
            return self._settings.interval
        else:
            self._refused_since = None
            self._troubles.ends("engine", "the engine answers again")
        self._last_bug = None
        try:
            self._completed()
        except OSError as error:
            self._troubles.begins("heartbeat", f"the sign of life can't be written: {error}; see SSC_HEARTBEAT_FILE")
        else:
            self._troubles.ends("heartbeat", "the sign of life is written again")
        return max(0.0, pause - (self._clock() - began))

    async def _check(self, only: frozenset[str] | None) -> float:
        identity = await self._observer.identity()
        if self._ssa.snapshot is not None and self._ssa.snapshot.engine != identity:
            log.error("this is another engine than before: the snapshot in use is dropped", engine=identity.name)
            self._ssa.snapshot = None
        if only is not None and self._ssa.snapshot is not None:
            # An exit is looked at without asking the SSA: the check that follows, once the host has settled, does that.
            await self._observer.wait_for_exits(only)
            looked_at = self._clock()
            observed = await self._observer.containers()
        else:
            # Both questions at once. Who holds a snapshot does not wait long for the next: an SSA that is slow to
            # answer must not delay the healing.
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read_snapshot(identity))
            looked_at = self._clock()
            observed = await self._observer.containers()
            await asyncio.wait({self._reading}, timeout=SLOW_SSA_SECONDS if self._ssa.snapshot else None)
        snapshot = self._ssa.snapshot
        if snapshot is None:
            return FIRST_SNAPSHOT_RETRY_SECONDS
        observed = snapshot.policy.apply(observed)
        successors = await self._observer.successors(snapshot, observed, self._actions.made)
        self._note_places(snapshot, observed, successors)
        settles_in, illnesses = 0.0, Illnesses()
        if only is None:
            settles_in, illnesses = await self._health.look(snapshot, observed, self._place_of, looked_at)
        stuck, unfinished = self._observer.stuck(observed, self._clock()), frozenset(self._actions.unfinished)
        plan = make_plan(snapshot, observed, successors, stuck, illnesses=illnesses, unfinished=unfinished)
        if plan.actions:
            await self._observer.confirm_identity()
        plan = plan if only is None else plan.of(only)
        pause = self._act(snapshot, plan, looked_at, partial_look=only is not None)
        return min(pause, settles_in) if settles_in > 0 else pause

    async def _read_snapshot(self, identity: EngineIdentity) -> None:
        answered, is_new = await ping_ssa(self._ssa, identity)
        if is_new and self._ssa.snapshot is not None:
            self._backoff.keep_only(self._ssa.snapshot.by_id)
            self._actions.made.clear()
            self._reporter.expect_news()
        if answered:
            self._reporter.deliver_kept()

    def _note_places(
        self, snapshot: Snapshot, observed: list[Container], successors: frozenset[tuple[str, str]]
    ) -> None:
        self._place_of = {original.id: original.id for original in snapshot.originals}
        self._place_of |= {holder_id: original_id for original_id, holder_id in successors}
        for container in observed:
            if container.state == "running" and container.id in self._place_of:
                self._actions.unfinished.discard(self._place_of[container.id])
                self._backoff.ran(self._place_of[container.id], up_seconds(container.status))

    def _act(self, snapshot: Snapshot, plan: Plan, looked_at: float, *, partial_look: bool) -> float:
        now = self._clock()
        pause = self._settings.interval
        # What an action is at work on is told of by the check that began it.
        at_work = {action.container.id for action in plan.actions if self._actions.occupies(action, looked_at)}
        findings = [finding for finding in plan.findings if finding.container.id not in at_work]
        settled: list[Outcome] = []
        begun: list[tuple[Action, asyncio.Task[Outcome]]] = []
        for action in plan.actions:
            wait, why = self._wait_for(action, snapshot, now)
            if action.container.id in at_work:
                continue
            if self._settings.dry_run:
                settled.append(Outcome(action, Result.DRY_RUN))
            elif wait > 0:
                pause = min(pause, wait)
                until = self._utc_now() + timedelta(seconds=wait)
                until = None if why in {ONE_BY_ONE, action.hold} else until.replace(microsecond=0)
                settled.append(Outcome(action, Result.WAITING, why, until))
            else:
                begun.append((action, self._actions.begin(action)))
        if not partial_look:
            found = {finding.container.id for finding in plan.findings}
            self._newcomers_since = {key: since for key, since in self._newcomers_since.items() if key in found}
        if findings or not (partial_look or self._actions.any_running):
            self._reporter.conclude(snapshot, findings, settled, begun)
        return pause

    def _wait_for(self, action: Action, snapshot: Snapshot, now: float) -> tuple[float, str]:
        """Return how many seconds an action has to wait, and why."""
        if action.original_id is None:
            seen_at = self._newcomers_since.setdefault(action.container.id, now)
            return seen_at + self._settings.new_container_grace - now, "newcomers may live that long"
        if action.hold is not None:
            return ILLNESS_SETTLES_SECONDS, action.hold
        if action.verb == Verb.RESTART and self._actions.is_restarting:
            return OTHERS_AT_WORK_SECONDS, ONE_BY_ONE
        project = snapshot.by_id[action.original_id].labels.get(PROJECT_LABEL)
        compose_may_have_done_it = action.verb != Verb.START or self._changes.was_asked_for(action.container.id)
        if compose_may_have_done_it and project in self._changes.projects_at_work(now):
            return OTHERS_AT_WORK_SECONDS, f"compose is stopping containers of {project}"
        attempts = self._backoff.attempts(action.original_id)
        due = self._backoff.due_at(action.original_id) or now
        return due - now, f"after {attempts} attempt{'s' if attempts > 1 else ''}"

    def _lose_engine(self, error: EngineError) -> None:
        self._troubles.begins("engine", str(error))
        if not isinstance(error, EngineRefused):
            self._refused_since = None
        if not isinstance(error, ImplausibleListing):
            self._observer.forget_engine()
        if not isinstance(error, EngineRefused):
            return
        now = self._clock()
        self._refused_since = now if self._refused_since is None else self._refused_since
        if now - self._refused_since >= ENGINE_GIVEN_UP_AFTER_SECONDS:
            raise EngineLostError(
                f"{error} Nobody has listened there for {ENGINE_GIVEN_UP_AFTER_SECONDS:g} s: ending, because only a "
                "restart of this container can mount a new socket"
            )


async def _serve(settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Starts and stops have `concurrency` threads each; the rest is for looking.
    engine = Engine(os.environ, threads=2 * settings.concurrency + 4)
    patience = patience_seconds(settings.interval)
    watchdog = Watchdog(patience)

    def completed() -> None:
        watchdog.completed()
        write_heartbeat(str(settings.heartbeat_file), time.monotonic(), patience)

    watchdog.start()
    async with ssa_client(settings.ssa_url) as client:
        controller = Controller(
            settings=settings, engine=engine, client=client, own_id=own_container_id(), completed=completed
        )
        try:
            await controller.run(stop)
        except EngineLostError as error:
            log.error(str(error))  # noqa: TRY400 # foreseen, so no traceback
            return 1
    log.info("the controller has stopped: nothing is healed until it is started again")
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
        log.warning("this variable is no setting of the controller, is it misspelt?", variable=name)
    log.info("the controller starts", **settings.model_dump(mode="json"))
    return asyncio.run(_serve(settings))


if __name__ == "__main__":
    exit_code = main()
    sys.stdout.flush()
    # Not sys.exit: that would wait for a name look-up that hangs in a thread of the event loop's own pool.
    os._exit(exit_code)
