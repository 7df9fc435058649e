"""The interface is what `openapi.json` says: generated requests, right and wrong, are sent to the program itself."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from .recorded import RecordedEngine
from .test_hostile import limit_megabytes, peak
from .test_process import Process

if TYPE_CHECKING:
    from collections.abc import Generator

EXAMPLES = 25
"""Of each operation: some ten seconds in all."""


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Generator[Process]:
    """The service beside an engine."""
    folder = tmp_path_factory.mktemp("described")
    with RecordedEngine(folder), closing(Process(folder)) as process:
        process.read_until("snapshot_captured")
        yield process
        assert peak(process) < limit_megabytes()


@pytest.fixture(scope="module")
def interface(process: Process) -> Any:
    """Its description, as it serves it."""
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{process.port}/openapi.json")


described = schemathesis.pytest.from_fixture("interface")


@described.exclude(path="/verdicts").parametrize()
@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
def test_with_the_token_everything_is_as_described(case: Any, process: Process) -> None:
    token = Path(process.environment["SSA_TOKEN_FILE"]).read_text().strip()
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, timeout=20)


@described.parametrize()
@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
def test_without_the_token_everything_is_as_described(case: Any) -> None:
    case.headers = {name: value for name, value in (case.headers or {}).items() if name.lower() != "authorization"}
    case.call_and_validate(timeout=20)
