"""Which labels keep the controller's hands off a container."""

from __future__ import annotations

import pytest
from status_state_controller.protection import misread, protection


@pytest.mark.parametrize(
    "labels",
    [
        {"status-state.role": "controller"},
        {"status-state.role": ""},
        {"status-state.ignore": "true"},
        {"status-state.ignore": "True"},
        {"status-state.ignore": " yes "},
        {"status-state.ignore": "1"},
        {"status-state.ignore": "on"},
        {"status-state.ignore": ""},
        {"status-state.ignore": "fasle"},
        {"com.docker.swarm.task.id": ""},
        {"io.kubernetes.container.name": "POD"},
        {"status-state.ignore": "false", "status-state.role": "api"},
        {"status-state.ignore": "false", "io.kubernetes.pod.name": "web"},
    ],
    ids=str,
)
def test_these_labels_protect_and_the_reason_is_told(labels: dict[str, str]) -> None:
    assert protection(labels)


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"status-state.ignore": "false"},
        {"status-state.ignore": "False"},
        {"status-state.ignore": " no "},
        {"status-state.ignore": "0"},
        {"status-state.ignore": "OFF"},
        {"status-state.restart": "never"},
        {"status-state.role.of": "x"},
        {"com.docker.compose.project": "swarm"},
        {"com.docker.swarmish": "x"},
        {"org.io.kubernetes.x": "x"},
        {"io.kubernetesque": "x"},
    ],
    ids=str,
)
def test_these_labels_do_not_protect(labels: dict[str, str]) -> None:
    assert protection(labels) is None


@pytest.mark.parametrize(
    ("value", "told"), [("true", None), ("False", None), (" YES ", None), ("fasle", "fasle"), ("", ""), (None, None)]
)
def test_an_ignore_label_that_can_not_be_read_is_told(value: str | None, told: str | None) -> None:
    assert misread({} if value is None else {"status-state.ignore": value}) == told
