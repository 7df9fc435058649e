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


def told(process: Process) -> dict[str, str]:
    """What shows the token."""
    return {"Authorization": f"Bearer {Path(process.environment['SSA_TOKEN_FILE']).read_text().strip()}"}


# The description is a file of the repository: another test holds it against the code.
openapi: Any = schemathesis.openapi
interface: Any = openapi.from_path(Path(__file__).parents[3] / "docs" / "openapi.json")
# A wrong body may be too long as well.
interface.config.checks.negative_data_rejection.expected_statuses.append("413")
bounded = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@interface.exclude(path="/verdicts").parametrize()  # with the token it has no end
@bounded
def test_with_the_token_everything_is_as_described(case: Any, process: Process) -> None:
    case.call_and_validate(base_url=f"http://127.0.0.1:{process.port}", headers=told(process), timeout=20)


@interface.parametrize()
@bounded
def test_without_the_token_everything_is_as_described(case: Any, process: Process) -> None:
    sent: dict[str, str] = case.headers or {}
    case.headers = {name: value for name, value in sent.items() if name.lower() != "authorization"}
    case.call_and_validate(base_url=f"http://127.0.0.1:{process.port}", timeout=20)
