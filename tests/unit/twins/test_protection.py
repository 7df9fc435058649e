"""Which labels protect a container."""

from __future__ import annotations

from typing import Any

import pytest
from status_state_api.protection import given_labels, misread, protection

PROTECTING: list[tuple[dict[str, str], str]] = [
    ({"status-state.role": "controller"}, "is part of Status State"),
    ({"status-state.role": ""}, "is part of Status State"),
    ({"status-state.ignore": "false", "status-state.role": "api"}, "is part of Status State"),
    *[
        ({"status-state.ignore": word}, f"carries status-state.ignore={word}")
        for word in ("true", "True", " yes ", "1")
    ],
    *[({"status-state.ignore": word}, f"carries status-state.ignore={word}") for word in ("on", "", "fasle", "null")],
    *[
        ({"status-state.ignore": "false", label: value}, f"belongs to an orchestrator (label {label})")
        for label, value in {
            "com.docker.swarm.task.id": "",
            "io.kubernetes.container.name": "POD",
            "com.hashicorp.nomad.alloc_id": "5a1c",
            "com.amazonaws.ecs.task-arn": "arn:aws:ecs:…",
            "net.azure-devices.edge.owner": "Microsoft.Azure.Devices.Edge.Agent",
            "io.balena.supervised": "true",
            "supervisor_managed": "",
        }.items()
    ],
]
UNPROTECTING = [
    {},
    *[{"status-state.ignore": word} for word in ("false", "False", " no ", "0", "OFF")],
    {"status-state.restart": "never", "com.docker.compose.project": "swarm"},
    {"status-state.role.of": "x", "com.docker.swarmish": "x", "org.io.kubernetes.x": "x", "io.kubernetesque": "x"},
    {"com.hashicorp.nomad.alloc_id.x": "x", "supervisor_managed.by": "x", "io.balena.features.dbus": "1"},
]


@pytest.mark.parametrize(("labels", "why"), PROTECTING, ids=str)
def test_these_labels_protect_and_the_reason_is_reported(labels: dict[str, str], why: str) -> None:
    assert protection(labels) == why


@pytest.mark.parametrize("labels", UNPROTECTING, ids=str)
def test_these_labels_do_not_protect(labels: dict[str, str]) -> None:
    assert protection(labels) is None


@pytest.mark.parametrize(
    ("value", "told"), [("true", None), ("False", None), (" YES ", None), ("fasle", "fasle"), ("", ""), (None, None)]
)
def test_an_ignore_label_that_can_not_be_read_is_reported(value: str | None, told: str | None) -> None:
    assert misread({} if value is None else {"status-state.ignore": value}) == told


SOCKET = {"Mounts": [{"Source": "/var/run/docker.sock", "Destination": "/engine"}]}
GIVEN_BY_IMAGE: list[tuple[dict[str, str], dict[str, Any], bool]] = [
    ({"status-state.ignore": "true"}, {}, False),
    ({"io.kubernetes.pod.name": "x", "com.docker.swarm.task.id": ""}, {}, False),
    ({"status-state.role": "api"}, {}, False),
    ({"status-state.role": "api"}, {"Mounts": [{"Source": "/srv", "Destination": "/data"}]}, False),
    ({"status-state.role": "api"}, {"Config": {"Env": ["DOCKER_HOST=tcp://of-the-image"]}}, False),
    ({"status-state.role": "api"}, {"Config": {"Env": ["DOCKER_HOST=tcp://engine"]}}, True),
    ({"status-state.role": "api"}, SOCKET, True),
    ({"status-state.role": "api"}, {"HostConfig": {"Binds": ["/run/user/1000/docker.sock:/x"]}}, True),
    ({"status-state.role": "api"}, {"Mounts": [{"Source": "/", "Destination": "/host"}]}, True),
]
IMAGE_ENV = ["DOCKER_HOST=tcp://of-the-image"]


@pytest.mark.parametrize(("labels", "inspect", "stays"), GIVEN_BY_IMAGE, ids=str)
def test_what_protects_must_have_been_given_to_the_container(
    labels: dict[str, str], inspect: dict[str, Any], stays: bool
) -> None:
    config = {"Labels": {**labels, "app": "x"}, "Env": IMAGE_ENV}
    given = given_labels({**labels, "app": "x"}, config, inspect)
    assert (given["app"], protection(given) is not None) == ("x", stays)
    other = {"Labels": dict.fromkeys(labels, "another value")}
    for kept in (None, {}, {"Labels": None}, other):
        assert given_labels(labels, kept, {}) == labels, "an image that is not known, or that says otherwise"


def test_a_role_counts_while_its_container_is_not_known() -> None:
    labels = {"status-state.role": "api"}
    assert given_labels(labels, {"Labels": labels}) == labels
