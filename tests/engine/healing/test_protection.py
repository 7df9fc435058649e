"""The pair itself, what people exempt and what an orchestrator owns are never touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..kit.host import run_command
from ..kit.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..kit.host import Container, Host

PROTECTING = {
    "ignored": "status-state.ignore=true",
    "another pair": "status-state.role=api",
    "kubernetes": "io.kubernetes.pod.namespace=shop",
    "swarm": "com.docker.swarm.service.name=shop_web",
}


@pytest.fixture(scope="module")
def protected_before(module_host: Host) -> dict[str, Container]:
    """Protected containers that ran before the pair came."""
    return {
        kind: module_host.run(kind.replace(" ", "-"), options=("--label", label)) for kind, label in PROTECTING.items()
    }


@pytest.fixture(scope="module")
def pair(module_host: Host, protected_before: dict[str, Container]) -> Generator[Pair]:
    """The pair, with one original; nothing protected is in the snapshot."""
    original = module_host.run("original")
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {original.name}
        assert all(container.status == "running" for container in protected_before.values())
        yield pair


def test_protected_containers_that_are_new_are_left_running(pair: Pair, host: Host) -> None:
    protected = {kind: host.run("protected", options=("--label", label)) for kind, label in PROTECTING.items()}
    newcomer = host.run("newcomer")
    newcomer.wait_for("exited")
    pair.wait_for_checks(2)
    assert {kind: container.status for kind, container in protected.items()} == dict.fromkeys(PROTECTING, "running")
    assert [kind for kind in protected if host.events(protected[kind], "kill", "stop", "die")] == []


def test_protected_containers_that_went_down_are_left_down(pair: Pair, protected_before: dict[str, Container]) -> None:
    before = {kind: container.started_at for kind, container in protected_before.items()}
    for container in protected_before.values():
        container.docker("kill")
    pair.wait_for_checks(3)
    assert {kind: container.started_at for kind, container in protected_before.items()} == before
    assert {container.status for container in protected_before.values()} == {"exited"}


def test_a_label_that_says_false_protects_nothing(pair: Pair, host: Host) -> None:
    newcomer = host.run("newcomer", options=("--label", "status-state.ignore=false"))
    newcomer.wait_for("exited")
    assert pair.is_ready()


def test_the_pair_leaves_itself_running(pair: Pair, host: Host) -> None:
    both = (pair.api, pair.controller)
    before = [container.started_at for container in both]
    newcomer = host.run("newcomer")
    newcomer.wait_for("exited")
    pair.wait_for_checks(3)
    assert [container.started_at for container in both] == before
    assert [container.status for container in both] == ["running", "running"]
    assert not [event for container in both for event in host.events(container, "kill", "stop", "die")]


def test_the_pair_is_no_original_and_is_shown_as_running(pair: Pair) -> None:
    status = pair.status()
    ids = {pair.api.id, pair.controller.id}
    assert ids <= {container["id"] for container in status["running"]}
    assert not ids & {original["id"] for original in status["snapshot"]["originals"]}


BY_IMAGE = {"ignored": "status-state.ignore=true", "api": "status-state.role=api", "swarm": "com.docker.swarm.task=x"}


@pytest.fixture(scope="module")
def opting_out(module_host: Host) -> dict[str, str]:
    """Images whose authors would have their containers left alone."""
    images: dict[str, str] = {}
    for kind, label in BY_IMAGE.items():
        container = module_host.run(f"author-{kind}")
        images[kind] = f"status-state-test-{kind}"
        run_command("docker", "commit", "--change", f"LABEL {label}", container.id, images[kind])
        container.docker("rm", "--force")
    return images


@pytest.mark.parametrize("kind", BY_IMAGE)
def test_the_labels_of_an_image_do_not_protect_its_containers(
    pair: Pair, host: Host, opting_out: dict[str, str], kind: str
) -> None:
    newcomer = host.run_image(opting_out[kind])
    given = host.run_image(opting_out[kind], ("--label", "status-state.ignore=yes"))
    newcomer.wait_for("exited")
    pair.wait_for_checks(2)
    assert given.status == "running"


def test_whoever_is_given_an_engine_is_part_of_status_state_by_his_image(
    pair: Pair, host: Host, opting_out: dict[str, str]
) -> None:
    other = host.run_image(opting_out["api"], ("--env", "DOCKER_HOST=tcp://127.0.0.1:1"))
    newcomer = host.run("newcomer")
    newcomer.wait_for("exited")
    pair.wait_for_checks(2)
    assert other.status == "running"
