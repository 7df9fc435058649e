"""Fixtures of the engine tests, and the guard: they run in a private, disposable engine or not at all.

The controller stops every container that it doesn't know. So nothing here may ever touch an engine that lacks the
label `status-state.disposable=true`.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from .kit.compose import ROOT
from .kit.host import Host
from .kit.images import provide_images
from .kit.pair import Pair
from .kit.private_engine import NoPrivateEngineError, PrivateEngine
from .kit.traces import leave_traces

if TYPE_CHECKING:
    from collections.abc import Generator

    from .kit.host import Container

HERE = Path(__file__).parent
# The order of the files, which are run side by side. One that needs images comes first of all: they are made while the
# tests that need no engine run. Long ones follow, so that no worker ends long after the others.
FIRST = "test_starts_that_fail.py"
LONG = (
    "test_lifecycle.py",
    "test_least_rights.py",
    "test_page.py",
    "test_all_sick.py",
    "test_restore.py",
    "test_policy.py",
    "test_rubbish.py",
    "test_recreate.py",
    "test_events.py",
    "test_storm.py",
    "test_log_streams.py",
    "test_engine_health.py",
    "test_probe_routes.py",
    "test_recreate_exact.py",
    "test_ssa_away.py",
    "test_probes.py",
)
# An engine restarted makes it young again, and the SSA waits for a young one: so these come last.
LAST = (
    "test_health_after_engine_restart.py",
    "test_engine_restarts.py",
    "test_events_after_restart.py",
    "test_young_engine.py",
    "test_engine_upgrade.py",
)
BEGUN = pytest.StashKey[float]()


def give_up(reason: str) -> NoReturn:
    """Where continuous integration runs, a test that can't run has failed; elsewhere it is skipped."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _rank(item: pytest.Item) -> tuple[int, int]:
    """The place of a test's file in the order."""
    name = item.path.name
    if HERE not in item.path.parents:
        return 1, 0
    if name in LAST:
        return 4, LAST.index(name)
    if name in LONG:
        return 2, LONG.index(name)
    return (0, 0) if name == FIRST else (3, 0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of this folder, and puts all tests in order."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.engine)
    items.sort(key=_rank)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Notes when the test began."""
    item.stash[BEGUN] = time.time()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leaves the traces of a failure while its containers are still there."""
    report = yield
    ours = HERE in item.path.parents
    if ours and report.failed and call.when != "teardown" and "STATUS_STATE_PRIVATE_ENGINE" in os.environ:
        folder = leave_traces(item.nodeid, item.stash.get(BEGUN, time.time()), report.longreprtext)
        report.sections.append(("Traces", f"inspects, events and logs are in {folder.relative_to(ROOT)}"))
    return report


@pytest.fixture(scope="session", autouse=True)
def engine() -> PrivateEngine:
    """The private engine; without one no test runs."""
    try:
        engine = PrivateEngine()
    except NoPrivateEngineError as reason:
        give_up(str(reason))
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0:
        give_up("there is no `docker compose` here: as root, scripts/setup/compose_v2.sh installs it")
    return engine


@pytest.fixture(scope="session")
def image(engine: PrivateEngine) -> str:
    """The base image's name; it and the images of both services are in the engine."""
    del engine
    return provide_images()


@pytest.fixture
def host(image: str, engine: PrivateEngine) -> Generator[Host]:
    """The Docker host, for what one test makes on it."""
    host = Host(image, engine)
    yield host
    host.remove_everything()


@pytest.fixture(scope="module")
def module_host(image: str, engine: PrivateEngine) -> Generator[Host]:
    """The Docker host, for what the tests of one module share: mostly the originals, made before the pair."""
    host = Host(image, engine)
    yield host
    host.remove_everything()


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container]) -> Generator[Pair]:
    """The pair with the originals of a module; one that needs more has its own."""
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {container.name for container in originals.values()}
        yield pair
