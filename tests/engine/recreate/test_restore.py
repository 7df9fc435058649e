"""An original whose name another container has taken gets its place back, or the other one keeps it: never neither."""

from __future__ import annotations

import contextlib
import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from ..kit.host import LABEL, LIVE, Container, Host, parse_time, run_command
from ..kit.waiting import wait_until
from .equality import compare

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from ..kit.pair import Pair
    from ..kit.private_engine import PrivateEngine

PORT = 18120
SUBNET = ("--subnet", "172.31.230.0/24")
# The same configuration, spelled in two ways.
SPELLINGS = (
    (
        "--cap-add NET_ADMIN --cap-add SYS_TIME --network default --volume spelled-{mark}:/data//sub"
        " --security-opt no-new-privileges --tmpfs /scratch:size=1m"
    ),
    (
        "--cap-add CAP_SYS_TIME --cap-add net_admin --network bridge --volume spelled-{mark}:/data/sub/:rw"
        " --security-opt no-new-privileges:true --tmpfs /scratch/:rw,size=1024k --pids-limit 0"
    ),
)
# Each of the tests has an original of its own.
PLAIN = ("plain", "self-deleting", "twice", "protected-impostor", "stopped-impostor", "two-names", "displaced")


def names_now(host: Host, stem: str) -> dict[str, str]:
    """The names that begin like this, with the states of their containers."""
    return {
        container.name: container.status for container in host.find(f"{LABEL}={host.mark}") if stem in container.name
    }


def replace(host: Host, original: Container, *options: str, image: str = "") -> Container:
    """Removes the original and runs another container under its name: made on purpose before, so that nothing is between."""
    name = original.name
    label = ("--label", f"{LABEL}={host.mark}")
    temporary = f"{secrets.token_hex(4)}-for-{name}"
    made = run_command("docker", "create", "--name", temporary, *label, *options, image or host.image, *LIVE).strip()
    run_command("docker", "rm", "--force", original.id)
    run_command("docker", "rename", made, name)
    run_command("docker", "start", made)
    return Container(made, name)


def spelling(host: Host, number: int) -> tuple[str, ...]:
    """One of the ways to ask for the same container."""
    return tuple(SPELLINGS[number].format(mark=host.mark).split())


def begin_of(container: Container) -> float:
    """The moment after which nobody but the controller has touched a container: its start."""
    return parse_time(container.started_at)


@contextlib.contextmanager
def held(pair: Pair) -> Generator[None]:
    """Keeps the controller from looking while the stage is set."""
    pair.controller.docker("pause")
    try:
        yield
    finally:
        pair.controller.docker("unpause")


def find_holder(name: str) -> Container:
    """The container that has the name."""
    return Container(json.loads(run_command("docker", "container", "inspect", name))[0]["Id"], name)


@pytest.fixture(scope="module")
def lost_image(module_host: Host) -> str:
    """An image that nobody but the test has: it can be deleted."""
    name = f"lost-image:{module_host.mark}"
    made = module_host.create("model")
    run_command("docker", "commit", "--change", "LABEL of=lost", made.id, name)
    made.docker("rm", "--force")
    return name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the host that an original uses."""
    return tmp_path_factory.mktemp("bound")


@pytest.fixture(scope="module")
def originals(module_host: Host, lost_image: str, folder: Path) -> dict[str, Container]:
    """What runs before the pair comes."""
    host = module_host
    made = {name: host.run(name) for name in PLAIN}
    made["volume"] = host.run("volume", options=("--volume", "/data", "--env", "COLOUR=green"))
    run_command("docker", "network", "create", *SUBNET, f"wide-{host.mark}")
    made["networks"] = host.run("networks", options=("--network", f"wide-{host.mark}"))
    made["volumes"] = host.run("volumes", options=("--volume", f"kept-{host.mark}:/data"))
    made["create"] = host.run("create", options=("--mount", f"type=bind,source={folder},target=/data"))
    made["port-of-a-self-deleting"] = host.run("selfish", options=("--publish", f"127.0.0.1:{PORT + 1}:80"))
    made["port"] = host.run("port", options=("--publish", f"127.0.0.1:{PORT}:80"))
    made["spelled"] = host.run("spelled", options=spelling(host, 0))
    name = host.make_name("imageless")
    labels = ("--label", f"{LABEL}={host.mark}")
    id_ = run_command("docker", "run", "--detach", "--name", name, *labels, lost_image, *LIVE).strip()
    made["imageless"] = Container(id_, name)
    return made


def wait_for_original(name: str, other: Container, seconds: float = 30) -> Container:
    """The container that runs under the name in place of the other one."""

    def found() -> Container | None:
        holder = find_holder(name)
        return holder if holder.id != other.id and holder.status == "running" else None

    holder = wait_until(found, f"an original under the name {name}", seconds)
    assert holder
    return holder


def find_failure(pair: Pair, original: Container) -> dict[str, Any]:
    """The first failure of a restore of this original, once the journal tells of one: a report may be past it by then."""

    def entries() -> list[dict[str, Any]]:
        return pair.get(f"/journal?container={original.name}&kind=action").json()["entries"]

    def told() -> dict[str, Any] | None:
        failures = [one for one in entries() if (one["what"], one["result"]) == ("restore", "failed")]
        return failures[-1] if failures else None

    failure = wait_until(told, f"the failure of the restore of {original.name}", 30, entries)
    assert failure
    return failure


@pytest.mark.smoke
def test_the_original_gets_its_place_back_and_the_other_one_is_kept_stopped(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    original = originals["volume"]
    before = original.inspect()
    [volume] = before["Mounts"]
    impostor = replace(module_host, original, "--env", "COLOUR=red")
    again = wait_for_original(original.name, impostor)
    after = again.inspect()
    assert compare(before, after, {before["Id"]: original.name, after["Id"]: original.name}) == []
    assert after["Mounts"][0]["Name"] == volume["Name"]
    aside = impostor.inspect()
    assert aside["State"]["Status"] == "exited"
    assert aside["Name"].removeprefix("/") != original.name
    assert original.name in aside["Name"], "people should see whose place it had"
    pair.wait_for_checks(3)
    assert names_now(module_host, original.name) == {original.name: "running", aside["Name"][1:]: "exited"}
    assert impostor.inspect()["State"]["ExitCode"] == 0, "it was not asked to end"


def test_an_original_is_restored_as_often_as_it_is_replaced(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    del pair
    original = originals["twice"]
    first = replace(module_host, original, "--env", "TURN=1")
    again = wait_for_original(original.name, first)
    second = replace(module_host, again, "--env", "TURN=2")
    wait_for_original(original.name, second, 40)  # its back-off of ten seconds has begun
    assert [first.status, second.status] == ["exited", "exited"]


def test_an_original_that_was_renamed_and_stopped_gets_its_own_name_back_and_is_not_made_again(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    original = originals["displaced"]
    with held(pair):
        other_name = module_host.make_name("elsewhere")
        run_command("docker", "rename", original.id, other_name)
        original.docker("stop")
        impostor = module_host.run("", options=("--name", original.name, "--env", "OTHER=yes"))
    wait_until(lambda: find_holder(original.name).id == original.id, f"{original.name} to have its name back", 30)
    original.wait_for("running")
    assert impostor.status == "exited"


def test_an_impostor_that_is_down_makes_room_as_well(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    del pair
    original = originals["stopped-impostor"]
    original.docker("rm", "--force")
    impostor = module_host.create("", *LIVE, options=("--name", original.name, "--env", "OTHER=yes"))
    wait_for_original(original.name, impostor)
    assert impostor.status == "created"


def test_a_protected_impostor_is_only_reported(pair: Pair, module_host: Host, originals: dict[str, Container]) -> None:
    original = originals["protected-impostor"]
    impostor = replace(module_host, original, "--label", "status-state.ignore=true", "--env", "COLOUR=s3cret")
    report = pair.wait_for_finding(original, "replaced")
    [reason] = [found["reason"] for found in report["findings"] if found["container"]["id"] == original.id]
    assert "(env.COLOUR: none → set, label.status-state.ignore: none → true)" in reason
    pair.wait_for_checks(2)
    assert names_now(module_host, original.name) == {original.name: "running"}
    assert not module_host.events(impostor, "kill", "rename", "die", since=begin_of(impostor))


@pytest.mark.smoke
def test_the_same_configuration_in_another_spelling_is_a_successor(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    original = originals["spelled"]
    with held(pair):
        successor = replace(module_host, original, *spelling(module_host, 1))
    pair.wait_for_checks(2)
    assert names_now(module_host, original.name) == {original.name: "running"}
    assert not module_host.events(successor, "kill", "die", "rename", since=begin_of(successor))
    # It has the original's place: down, it is started.
    successor.docker("kill")
    successor.wait_for("running")


def test_an_original_under_another_ones_name_is_only_reported(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    gone, other = originals["two-names"], originals["plain"]
    before = other.started_at
    with held(pair):
        gone.docker("rm", "--force")
        run_command("docker", "rename", other.id, gone.name)
    pair.wait_for_finding(gone, "replaced")
    pair.wait_for_checks(2)
    assert (other.status, other.started_at) == ("running", before)
    assert names_now(module_host, gone.name) == {gone.name: "running"}
    run_command("docker", "rename", other.id, other.name)


def test_the_impostor_runs_again_when_the_original_cannot_be_started(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    original = originals["port"]
    ignored = ("--label", "status-state.ignore=true", "--publish", f"127.0.0.1:{PORT}:80")
    with held(pair):
        impostor = replace(module_host, original, "--env", "OTHER=yes")
        made = module_host.run("holder-of-the-port", options=ignored)  # it may not be touched
    failure = find_failure(pair, original)
    assert str(PORT) in failure["detail"]
    impostor.wait_for("running")
    pair.wait_for_checks(3)
    assert impostor.inspect()["Name"] == f"/{original.name}"
    assert names_now(module_host, original.name) == {original.name: "running"}
    assert made.status == "running"
    starts = len(module_host.events(impostor, "start"))
    pair.wait_for_checks(12)  # longer than the first back-off
    assert len(module_host.events(impostor, "start")) == starts, "it was stopped again although nothing has changed"


def test_an_original_whose_image_is_gone_leaves_the_impostor_untouched_until_the_image_is_back(
    pair: Pair, module_host: Host, originals: dict[str, Container], lost_image: str, engine: PrivateEngine
) -> None:
    original = originals["imageless"]
    archive = engine.state / "lost-image.tar"
    run_command("docker", "save", "--output", str(archive), lost_image)
    with held(pair):
        impostor = replace(module_host, original, "--env", "OTHER=yes")
        run_command("docker", "image", "rm", "--force", lost_image)
    failure = find_failure(pair, original)
    assert lost_image in failure["detail"]
    assert impostor.status == "running"
    assert not module_host.events(impostor, "kill", "die", "rename", since=begin_of(impostor))
    run_command("docker", "load", "--input", str(archive))
    wait_for_original(original.name, impostor, 40)
    assert impostor.status == "exited"


@pytest.mark.parametrize("step", ["volumes", "networks", "create"])
def test_an_impostor_is_untouched_when_the_original_cannot_even_be_made(
    pair: Pair, module_host: Host, originals: dict[str, Container], folder: Path, step: str
) -> None:
    original = originals[step]
    with held(pair):
        impostor = replace(module_host, original, "--env", "OTHER=yes")
        spoil(step, module_host.mark, folder)
    failure = find_failure(pair, original)
    assert failure["detail"]
    pair.wait_for_checks(2)
    assert impostor.status == "running"
    assert not module_host.events(impostor, "kill", "die", "rename", since=begin_of(impostor))
    assert names_now(module_host, original.name) == {original.name: "running"}


def spoil(step: str, mark: str, folder: Path) -> None:
    """Makes that step fail: a volume without its driver's device, a network whose addresses are taken, no bind source."""
    if step == "create":
        folder.rmdir()
    elif step == "networks":
        run_command("docker", "network", "rm", f"wide-{mark}")
        run_command("docker", "network", "create", *SUBNET, f"in-the-way-of-wide-{mark}")
    else:
        run_command("docker", "volume", "rm", f"kept-{mark}")
        run_command(
            "docker",
            "volume",
            "create",
            "--opt",
            "type=none",
            "--opt",
            "device=/nowhere",
            "--opt",
            "o=bind",
            f"kept-{mark}",
        )


def test_an_impostor_that_deletes_itself_is_made_again_when_the_original_cannot_be_started(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    original = originals["port-of-a-self-deleting"]
    ignored = ("--label", "status-state.ignore=true", "--publish", f"127.0.0.1:{PORT + 1}:80")
    with held(pair):
        impostor = replace(module_host, original, "--rm", "--env", "OTHER=yes")
        module_host.run("holder-of-the-port", options=ignored)
    find_failure(pair, original)
    again = wait_for_original(original.name, impostor)
    assert "OTHER=yes" in again.inspect()["Config"]["Env"]
    pair.wait_for_checks(3)
    assert names_now(module_host, original.name) == {original.name: "running"}


def test_an_impostor_that_deletes_itself_makes_room_as_well(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    del pair
    original = originals["self-deleting"]
    impostor = replace(module_host, original, "--rm", "--env", "OTHER=yes")
    again = wait_for_original(original.name, impostor)
    assert "OTHER=yes" not in again.inspect()["Config"]["Env"]
    assert impostor.status == "gone"
