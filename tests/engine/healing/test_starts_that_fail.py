"""A start that can't work ends with all its reasons and the remedy."""

from __future__ import annotations

import pytest

from ..kit.host import Container, Host, parse_time

RETRY_SECONDS = 60
WRONG = {
    "status-state-api": ("SSA_SNAPSHOT_ON_START=sometimes", "SSA_LOG_LEVEL=shouting", "SSA_LOG_FORMAT=poem"),
    "status-state-controller": ("SSC_INTERVAL=soon", "SSC_CONCURRENCY=none", "SSC_DRY_RUN=perhaps"),
}


@pytest.fixture(scope="module", autouse=True)
def without_socket(module_host: Host) -> Container:
    """An SSA without the engine's socket: it takes a minute, beside which the other tests run."""
    return module_host.run_image("status-state-api", ("--tmpfs", "/data", "--tmpfs", "/run/status-state"))


@pytest.mark.parametrize("service", WRONG)
def test_wrong_settings_end_the_start_with_code_2_and_all_problems_at_once(host: Host, service: str) -> None:
    wrong = WRONG[service]
    options = tuple(part for setting in wrong for part in ("--env", setting))
    container = host.run_image(service, options)
    container.wait_for("exited")
    assert container.state["ExitCode"] == 2
    logs = container.logs
    assert [setting for setting in wrong if setting.partition("=")[0] not in logs] == []
    assert "Traceback" not in logs


def test_an_ssa_without_the_socket_says_the_remedy_and_gives_up_after_a_minute(without_socket: Container) -> None:
    without_socket.wait_for("exited", seconds=RETRY_SECONDS + 30)
    state = without_socket.state
    lived = parse_time(state["FinishedAt"]) - parse_time(state["StartedAt"])
    assert RETRY_SECONDS - 5 < lived < RETRY_SECONDS + 20
    assert state["ExitCode"] not in (0, 2)
    logs = without_socket.logs
    assert "/var/run/docker.sock" in logs
    assert "mount" in logs
    assert "Traceback" not in logs
