"""A removed original is made from the image that it had, whatever has become of that image's name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from ..kit.host import LABEL, LIVE, Container, Host, run_command
from ..kit.pair import Pair
from ..kit.waiting import wait_until
from .registry import NoRegistryError, running_registry

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


STEMS = ("moved", "untagged", "lost", "remade", "crashing")
CRASHES = ("sh", "-c", "while [ ! -e /crash ]; do sleep 0.1; done; exit 1")
"""Lives until it is told to crash, and crashes at each start from then on."""


def make_image(host: Host, name: str, label: str) -> str:
    """An image of its own layer-free configuration; returns its id."""
    model = host.create("model")
    run_command("docker", "commit", "--change", f'LABEL turn="{label}"', model.id, name)
    model.docker("rm", "--force")
    return image_id(name)


def image_id(name: str) -> str:
    """The id that the name stands for."""
    return run_command("docker", "image", "inspect", "--format", "{{.Id}}", name).strip()


def run_with(host: Host, image: str, stem: str, command: tuple[str, ...] = LIVE) -> Container:
    """A container of that image."""
    name = host.make_name(stem)
    label = f"{LABEL}={host.mark}"
    return Container(
        run_command("docker", "run", "--detach", "--name", name, "--label", label, image, *command).strip(), name
    )


def original_image(pair: Pair, original: Container) -> str:
    """The id of the image that the snapshot tells of."""
    originals: list[dict[str, str]] = pair.status()["snapshot"]["originals"]
    return next(one["image_id"] for one in originals if one["name"] == original.name)


def delete(original: Container, image: str) -> None:
    """Deletes the container and, before anybody can make it again, its image."""
    run_command("docker", "rm", "--force", original.id)
    run_command("docker", "image", "rm", "--force", image)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The address of a registry."""
    try:
        with running_registry(tmp_path_factory.mktemp("registry")) as address:
            yield address
    except NoRegistryError as reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(reason))


@pytest.fixture(scope="module")
def image_names(module_host: Host) -> dict[str, str]:
    """The names of the images that the originals have."""
    return {stem: f"{stem}-image:{module_host.mark}" for stem in STEMS}


@pytest.fixture(scope="module")
def pushed(module_host: Host, registry: str) -> str:
    """An image that the registry has; the name under which it does."""
    name = f"{registry}/pushed:{module_host.mark}"
    make_image(module_host, name, "pushed")
    run_command("docker", "push", name)
    return name


@pytest.fixture(scope="module")
def originals(module_host: Host, image_names: dict[str, str]) -> dict[str, Container]:
    """What runs before the pair comes."""
    for stem, image in image_names.items():
        make_image(module_host, image, f"first of {stem}")
    commands = {"crashing": CRASHES}
    return {stem: run_with(module_host, image, stem, commands.get(stem, LIVE)) for stem, image in image_names.items()}


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container]) -> Generator[Pair]:
    """The pair, with the originals."""
    with Pair(module_host).running() as pair:
        assert pair.original_names() >= {original.name for original in originals.values()}
        yield pair


def wait_for_another(host: Host, original: Container, seconds: float = 30) -> Container:
    """The running container in the place of one that was removed."""

    def found() -> Container | None:
        running = host.find(f"{LABEL}={host.mark}", running_only=True)
        return next((c for c in running if c.name == original.name and c.id != original.id), None)

    again = wait_until(found, f"{original.name} to run again", seconds)
    assert again
    return again


@pytest.mark.usefixtures("pair")
def test_an_image_whose_tag_has_moved_is_used_by_its_id(
    module_host: Host, originals: dict[str, Container], image_names: dict[str, str]
) -> None:
    original, name = originals["moved"], image_names["moved"]
    before = original.inspect()
    assert make_image(module_host, name, "second") != before["Image"]
    original.docker("rm", "--force")
    after = wait_for_another(module_host, original).inspect()
    assert after["Image"] == before["Image"]
    assert after["Config"]["Labels"]["turn"] == "first of moved"


@pytest.mark.usefixtures("pair")
def test_an_image_without_any_name_is_used_by_its_id(
    module_host: Host, originals: dict[str, Container], image_names: dict[str, str]
) -> None:
    original, name = originals["untagged"], image_names["untagged"]
    before = original.inspect()
    make_image(module_host, name, "second")
    run_command("docker", "image", "rm", name)  # the first one has no name any more, the second one is gone
    original.docker("rm", "--force")
    after = wait_for_another(module_host, original).inspect()
    assert after["Image"] == before["Image"]


def test_the_same_image_under_another_id_is_used_and_who_is_made_from_it_is_a_successor(
    pair: Pair, module_host: Host, originals: dict[str, Container], image_names: dict[str, str]
) -> None:
    original, name = originals["remade"], image_names["remade"]
    pair.controller.docker("pause")
    delete(original, name)
    remade = make_image(module_host, name, "first of remade")
    pair.controller.docker("unpause")
    again = wait_for_another(module_host, original)
    assert again.inspect()["Image"] == remade != original_image(pair, original)
    pair.controller.docker("pause")
    again.docker("rm", "--force")
    label = f"{LABEL}={module_host.mark}"
    successor = run_command("docker", "run", "--detach", "--name", original.name, "--label", label, name, *LIVE).strip()
    pair.controller.docker("unpause")
    pair.wait_for_checks()
    assert wait_for_another(module_host, original).id == successor


def find_failure(pair: Pair, original: Container) -> dict[str, Any]:
    """The outcome of a failed attempt to make the original again."""

    def told() -> dict[str, Any] | None:
        outcomes: list[dict[str, Any]] = pair.report()["outcomes"]
        ours = (outcome for outcome in outcomes if outcome["container"]["name"] == original.name)
        return next((outcome for outcome in ours if outcome["result"] == "failed"), None)

    outcome = wait_until(told, "a failed outcome", 30, pair.report)
    assert outcome
    return outcome


def test_an_image_that_no_registry_has_is_named_by_the_outcome_and_used_once_it_is_there_again(
    pair: Pair, module_host: Host, originals: dict[str, Container], image_names: dict[str, str], tmp_path: Path
) -> None:
    original, name = originals["lost"], image_names["lost"]
    before = original.inspect()
    archive = str(tmp_path / "image.tar")
    run_command("docker", "save", "--output", archive, name)
    pair.controller.docker("pause")
    delete(original, name)
    pair.controller.docker("unpause")
    outcome = find_failure(pair, original)
    assert outcome["action"] == "recreate"
    assert name in outcome["detail"]
    run_command("docker", "load", "--input", archive)
    assert wait_for_another(module_host, original, 40).inspect()["Image"] == before["Image"]


def test_an_image_that_was_pruned_while_its_original_crashed_is_named_and_used_once_it_is_loaded(
    pair: Pair, module_host: Host, originals: dict[str, Container], image_names: dict[str, str], tmp_path: Path
) -> None:
    original, name, archive = originals["crashing"], image_names["crashing"], str(tmp_path / "image.tar")
    module_host.run(
        "keeper", options=("--label", "status-state.ignore=true")
    )  # of the base image, which other tests need
    run_command("docker", "save", "--output", archive, name)
    original.execute("touch", "/crash")
    wait_until(lambda: len(module_host.events(original, "die")) > 1, "it to have crashed again", 30)
    pair.controller.docker("pause")  # in its back-off it is down for longer and longer
    original.wait_for("exited")
    run_command("docker", "system", "prune", "--all", "--force")
    pair.controller.docker("unpause")
    assert original.status == "gone"
    detail = find_failure(pair, original)["detail"]
    assert name in detail
    assert "load, build or pull it again" in detail
    run_command("docker", "load", "--input", archive)
    assert wait_for_another(module_host, original, 90).inspect()["Config"]["Image"] == name


def test_an_image_that_was_deleted_is_pulled_by_its_digest(pair: Pair, module_host: Host, pushed: str) -> None:
    pair.remove()
    original = run_with(module_host, pushed, "pulled")
    before = original.inspect()
    with Pair(module_host).running() as other:
        assert original.name in other.original_names()
        # The name means another image by now, at the registry, too: only the digest leads to the first one.
        make_image(module_host, pushed, "another")
        run_command("docker", "push", pushed)
        other.controller.docker("pause")
        delete(original, pushed)
        run_command("docker", "image", "rm", "--force", before["Image"])
        other.controller.docker("unpause")
        after = wait_for_another(module_host, original, 60).inspect()
    assert after["Image"] == before["Image"]
