"""Fixtures of the engine tests, and the guard: they run in a private, disposable engine or not at all.

The controller stops every container that it doesn't know. So nothing here may ever touch an engine that lacks the
label `status-state.disposable=true`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from .compose import ROOT, VERSIONS, Compose, NoComposeError, find_compose
from .host import Container, Host, run_command
from .pair import FILE
from .private_engine import NoPrivateEngineError, PrivateEngine
from .traces import leave_traces

if TYPE_CHECKING:
    from collections.abc import Generator

HERE = Path(__file__).parent
# An engine restarted makes it young again, and the SSA waits for a young one: so these come last.
LAST = (
    "test_young_engine.py",
    "test_engine_restarts.py",
    "test_events_after_restart.py",
    "test_health_after_engine_restart.py",
)
BEGUN = pytest.StashKey[float]()


def _give_up(reason: str) -> NoReturn:
    """Where continuous integration runs, a test that can't run has failed; elsewhere it is skipped."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of this folder, and puts those that restart the engine behind the others."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.engine)
    items.sort(key=lambda item: HERE in item.path.parents and item.path.name in LAST)


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
        return PrivateEngine()
    except NoPrivateEngineError as reason:
        _give_up(str(reason))


@pytest.fixture(scope="session")
def image(engine: PrivateEngine) -> str:
    """The base image, in the engine."""
    del engine
    return run_command(str(ROOT / "scripts" / "base_image.sh")).strip()


def _find_compose(version: str) -> Compose:
    try:
        return find_compose(version)
    except NoComposeError as reason:
        _give_up(str(reason))


@pytest.fixture(scope="session")
def compose(engine: PrivateEngine) -> Compose:
    """Some Compose: v1 where it is installed."""
    del engine
    try:
        return find_compose("v1")
    except NoComposeError:
        return _find_compose("v2")


@pytest.fixture(scope="module", params=VERSIONS)
def each_compose(request: pytest.FixtureRequest, engine: PrivateEngine) -> Compose:
    """Every Compose that is in the field, one after the other."""
    del engine
    return _find_compose(request.param)


@pytest.fixture(scope="session")
def session_host(image: str) -> Generator[Host]:
    """The Docker host, for what lives as long as all the tests."""
    host = Host(image)
    yield host
    host.remove_everything()


@pytest.fixture(scope="session")
def images(image: str, compose: Compose, request: pytest.FixtureRequest) -> str:
    """The images of both services, built once from the real compose file; returns the base image's name."""
    compose.run("build", file=FILE, project="pair", extra={"STATUS_STATE_BASE_IMAGE": image}, seconds=500)
    if any("without_socket" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("without_socket")  # it takes a minute, beside which the other tests run
    return image


@pytest.fixture(scope="session")
def without_socket(session_host: Host) -> Container:
    """An SSA without the engine's socket. It is protected by the label of its image, so it disturbs no test."""
    return session_host.run_image("status-state-api", ("--tmpfs", "/data", "--tmpfs", "/run/status-state"))


@pytest.fixture
def host(image: str) -> Generator[Host]:
    """The Docker host, for what one test makes on it."""
    host = Host(image)
    yield host
    host.remove_everything()


@pytest.fixture(scope="module")
def module_host(image: str) -> Generator[Host]:
    """The Docker host, for what the tests of one module share: mostly the originals, made before the pair."""
    host = Host(image)
    yield host
    host.remove_everything()
