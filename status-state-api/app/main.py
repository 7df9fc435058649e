"""The entry: reads the settings, wires everything together, serves.

Exit codes: 0 after an orderly stop, 1 when the service has to end of its own accord (its log says why), 2 when a
setting, the token file or the policy file can't be used.
"""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from . import VERSION
from .engine.client import Engine
from .engine.events import EventFollower
from .engine.watch import EngineWatch
from .errors import PolicyUnusable, SettingsUnusable, TokenUnusable
from .health.probe.proven import ProvenProbes
from .health.rules.policy_file import PolicyFile
from .health.supervisor import HealthSupervisor
from .health.verdicts import Verdicts
from .http.answers.standings import Standings
from .http.answers.status import Status
from .http.app import create_app
from .http.gate import KnownHosts
from .http.routes.parts import Parts
from .http.server import Server, listen, make_config
from .journal.controller import ControllerRecord
from .journal.journal import Journal, Retention
from .journal.notes import PauseNotes, VerdictNotes
from .journal.uptime import Uptime
from .logs import set_up_logs
from .masking import mask
from .metrics.metrics import Metrics
from .pauses.book import PauseBook
from .pauses.keeper import PauseKeeper
from .process.bell import Bell
from .process.boot import read_boot_id
from .process.ending import EXIT_FAILED, Ending
from .process.own_id import own_container_id
from .process.tokens import read_or_make_token
from .service import Service
from .settings import Settings, load_settings, unknown_variables
from .snapshot.changes import SnapshotChanges
from .snapshot.holder import SnapshotHolder
from .store.store import Store

EXIT_UNUSABLE = 2

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


def run(environment: Mapping[str, str]) -> int:
    """Run the service with these settings; return the exit code."""
    try:
        settings = load_settings(environment)
    except SettingsUnusable as error:
        sys.stderr.write("".join(f"status-state-api: {problem}\n" for problem in error.problems))
        return EXIT_UNUSABLE
    set_up_logs(settings.log_level, settings.log_format)
    for name, meant in unknown_variables(environment).items():
        log.warning(
            "setting_unknown",
            message="A variable looks like a setting and is none: it is left alone.",
            variable=name,
            meant=meant,
        )
    try:
        token, first_start = read_or_make_token(settings.token_file)
    except TokenUnusable as error:
        sys.stderr.write(f"status-state-api: {error}\n")
        return EXIT_UNUSABLE
    policy_file = PolicyFile(settings.policy_file, settings.data_dir / "policy.yaml")
    try:
        policy_file.load()
    except PolicyUnusable as error:
        sys.stderr.write(f"status-state-api: {mask(str(error))}\n")
        return EXIT_UNUSABLE
    return serve(settings, environment, token, policy_file, first_start=first_start)


def serve(
    settings: Settings, environment: Mapping[str, str], token: str, policy_file: PolicyFile, *, first_start: bool
) -> int:
    """Wire everything together and serve until the end; return the exit code."""
    engine = Engine(environment, settings.engine_timeout)
    store = Store(settings.store_url)
    log.info(
        "starting",
        message="The status-state-api starts.",
        version=VERSION,
        engine=engine.address,
        engine_timeout_seconds=settings.engine_timeout,
        snapshot_on_start=settings.snapshot_on_start,
        store=store.address,
        token_file=str(settings.token_file),
        policy_file=str(settings.policy_file),
        policy_entries=len(policy_file.policy.entries),
        allowed_hosts=settings.allowed_hosts,
        listen=f"{settings.host}:{settings.port}",
    )
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        log.error(  # noqa: TRY400 - told in words
            "listen_failed",
            message="This service ends, because it can't listen.",
            cause=f"{settings.host}:{settings.port}: {error.strerror or error}",
            remedy="See what else listens there, or set SSA_HOST or SSA_PORT",
        )
        return EXIT_FAILED
    ending = Ending()
    _wire(Means(settings, engine, store, token, policy_file, ending, first_start)).run([listener])
    return ending.exit_code


@dataclass(frozen=True, slots=True)
class Means:
    """What the parts are made of."""

    settings: Settings
    engine: Engine
    store: Store
    token: str
    policy_file: PolicyFile
    ending: Ending
    first_start: bool


def _wire(means: Means) -> Server:
    settings, engine, store, policy_file = means.settings, means.engine, means.store, means.policy_file
    own_id = own_container_id()
    bell = Bell()
    verdicts, controller = Verdicts(bell=bell), ControllerRecord(store, bell=bell)
    watch = EngineWatch(engine, means.ending, bell=bell)
    journal = Journal(store, Retention(settings.journal_days, settings.journal_entries), bell=bell)
    events = EventFollower(engine, watch)
    uptime = Uptime(engine, watch, events, journal, bell=bell)
    book = PauseBook(store, verdicts, PauseNotes(journal))
    holder = SnapshotHolder(
        engine,
        watch,
        store,
        policy_file,
        kept=(controller, book, journal),
        on_start=settings.snapshot_on_start,
        own_id=own_id,
        boot_id=read_boot_id(),
        first_start=means.first_start,
    )
    proven, notes = ProvenProbes(settings.data_dir / "probes.json"), VerdictNotes(journal)
    health = HealthSupervisor(
        engine, watch, verdicts, policy_file, events=events, own_id=own_id, proven=proven, notes=notes
    )
    followers = (uptime, health)
    changes = SnapshotChanges(engine, watch, holder, store, policy_file, controller=controller, followers=followers)
    pauses, standings = PauseKeeper(book, changes), Standings(holder, controller, policy_file)
    status = Status(engine, watch, holder, controller, verdicts, pauses=pauses, standings=standings)
    metrics = Metrics(VERSION, uptime)
    parts = Parts(
        status, watch, holder, controller, policy_file, verdicts, changes, pauses, journal, uptime, metrics, bell
    )
    service = Service(
        holder,
        watch,
        store=store,
        health=health,
        pauses=pauses,
        journal=journal,
        uptime=uptime,
        ending=means.ending,
    )
    return _serve_with(means, parts, service)


def _serve_with(means: Means, parts: Parts, service: Service) -> Server:
    settings = means.settings
    app = create_app(
        parts,
        means.token,
        KnownHosts([socket.gethostname(), *settings.allowed_hosts], parts.holder),
        lifespan=service.lifespan,
        read_token=settings.read_token,
    )
    return Server(make_config(app), means.ending, service)


def main() -> int:
    """Run the service with the settings of the environment."""
    os.umask(0o077)  # all that is written is the owner's alone: recipes and the token are secrets
    return run(os.environ)


if __name__ == "__main__":
    sys.exit(main())
