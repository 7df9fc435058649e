"""Which containers a snapshot leaves out."""

from __future__ import annotations

import pytest
from status_state_api.snapshot.protection import Protection, protection_of


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, Protection.NONE),
        ({"com.docker.compose.project": "shop"}, Protection.NONE),
        ({"status-state.role": "api"}, Protection.ROLE),
        ({"status-state.role": ""}, Protection.ROLE),
        ({"com.docker.swarm.task.id": "x"}, Protection.ORCHESTRATOR),
        ({"io.kubernetes.pod.name": "x"}, Protection.ORCHESTRATOR),
        ({"io.kubernetesque": "x"}, Protection.NONE),
        *[({"status-state.ignore": yes}, Protection.IGNORED) for yes in ("true", "True", "1", "YES", " on ")],
        *[({"status-state.ignore": no}, Protection.NONE) for no in ("false", "False", "0", "no", "OFF")],
        *[({"status-state.ignore": odd}, Protection.UNREADABLE) for odd in ("", "ture", "2", "null")],
    ],
    ids=str,
)
def test_labels_protect(labels: dict[str, str], expected: Protection) -> None:
    assert protection_of(labels) is expected
