"""The entry: reads the settings, wires everything together, serves.

Exit codes: 0 after an orderly stop, 1 when the service has to end of its own accord (its log says why), 2 when a
setting, the token file or the policy file can't be used.
"""

import os
import socket
import sys
from collections.abc import Mapping

import structlog
import uvicorn

from . import VERSION
from .engine.client import Engine
from .engine.watch import EngineWatch
from .errors import PolicyUnusable, SettingsUnusable, TokenUnusable
from .health.probe.proven import ProvenProbes
from .health.rules.policy_file import PolicyFile
from .health.supervisor import HealthSupervisor
from .health.verdicts import Verdicts
from .http.app import create_app
from .http.gate import KnownHosts
from .http.server import DRAIN_SECONDS, Server
from .http.status import Status
from .journal.controller import ControllerRecord
from .logs import configure_logs
from .process.own_id import read_boot_id, read_mountinfo
from .process.tokens import read_or_make_token
from .service import Service
from .settings import Settings, load_settings, unknown_variables
from .snapshot.holder import Memory
from .store.store import Store

EXIT_FAILED = 1
EXIT_UNUSABLE = 2

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


def run(environment: Mapping[str, str]) -> int:
    """Run the service with these settings; return the exit code."""
    try:
        settings = load_settings(environment)
    except SettingsUnusable as error:
        sys.stderr.write("".join(f"status-state-api: {problem}\n" for problem in error.problems))
        return EXIT_UNUSABLE
    configure_logs(settings.log_level, settings.log_format)
    for name, meant in unknown_variables(environment).items():
        log.warning("a variable looks like a setting and is none: it is left alone", variable=name, meant=meant)
    try:
        token = read_or_make_token(settings.token_file)
    except TokenUnusable as error:
        sys.stderr.write(f"status-state-api: {error}\n")
        return EXIT_UNUSABLE
    policy_file = PolicyFile(settings.policy_file, settings.data_dir / "policy.yaml")
    try:
        policy_file.load()
    except PolicyUnusable as error:
        sys.stderr.write(f"status-state-api: {error}\n")
        return EXIT_UNUSABLE
    return serve(settings, environment, token, policy_file)


def serve(settings: Settings, environment: Mapping[str, str], token: str, policy_file: PolicyFile) -> int:
    """Wire everything together and serve until the end; return the exit code."""
    engine = Engine(environment, settings.engine_timeout)
    store = Store(settings.store_url)
    log.info(
        "status-state-api starts",
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
        listener = _listen(settings.host, settings.port)
    except OSError as error:
        log.error(  # noqa: TRY400 - told in words
            "this service ends, because it can't listen",
            cause=f"{settings.host}:{settings.port}: {error.strerror or error}",
            remedy="See what else listens there, or set SSA_HOST or SSA_PORT",
        )
        return EXIT_FAILED
    server = _wire(settings, engine, store, token, policy_file)
    server.run([listener])
    return server.exit_code


def _wire(settings: Settings, engine: Engine, store: Store, token: str, policy_file: PolicyFile) -> Server:
    server: Server  # the parts can end it, and it serves the parts
    verdicts = Verdicts()

    def end() -> None:
        verdicts.close()
        server.end(EXIT_FAILED)

    watch = EngineWatch(engine, end)
    mountinfo = read_mountinfo()
    memory = Memory(
        engine,
        watch,
        store,
        on_start=settings.snapshot_on_start,
        mountinfo=mountinfo,
        boot_id=read_boot_id(),
        policy=lambda: policy_file.policy,
    )
    controller = ControllerRecord(store)
    health = HealthSupervisor(
        engine,
        watch,
        verdicts,
        policy_file,
        mountinfo=mountinfo,
        proven=ProvenProbes(settings.data_dir / "probes.json"),
    )
    service = Service(memory, watch, controller, store, health, end=end)
    app = create_app(
        status=Status(engine, watch, memory, controller, verdicts).document,
        ask_engine=watch.ask,
        memory=memory,
        controller=controller,
        policy=lambda: policy_file.policy,
        verdicts=verdicts,
        token=token,
        hosts=KnownHosts([socket.gethostname(), *settings.allowed_hosts], lambda: memory.own_names),
        lifespan=service.lifespan,
    )
    server = Server(
        uvicorn.Config(
            app,
            interface="asgi3",
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        ),
        service.stop_in_order,
    )
    return server


def _listen(host: str, port: int) -> socket.socket:
    """Listen at once: until there is a snapshot, requests are told what is waited for. Raises OSError."""
    if ":" not in host:
        return socket.create_server((host, port), backlog=2048)
    return socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=host == "::", backlog=2048)


def main() -> int:
    """Run the service with the settings of the environment."""
    os.umask(0o077)  # all that is written is the owner's alone: recipes and the token are secrets
    return run(os.environ)


if __name__ == "__main__":
    sys.exit(main())
