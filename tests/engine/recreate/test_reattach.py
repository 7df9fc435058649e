"""Originals whose networks or volumes were pruned while they were down get them back, and run, by one action."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from ..kit.host import Container, Host, run_command, volume_path
from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..kit.private_engine import PrivateEngine

SECONDS = 40


def heal_what_happens_while_the_controller_is_away(
    host: Host, *originals: Container, meanwhile: Callable[[], object]
) -> list[str]:
    """Stops the originals, lets that happen, and returns what the controller has done about it, once all run."""
    with Pair(host).running() as pair:
        assert pair.original_names() == {original.name for original in originals}
        pair.controller.docker("stop")
        for original in originals:
            original.docker("stop")
        meanwhile()
        pair.controller.docker("start")
        for original in originals:
            original.wait_for("running", seconds=SECONDS)

        def told() -> list[str]:
            """Verb and result of each line about an action, once there is one for each original."""
            found = re.findall(r" container=(\S+) .* action=(\w+) result=(\w+)", pair.controller.logs)
            done = [f"{action} {result}" for name, action, result in found if name in {one.name for one in originals}]
            return sorted(done) if len(done) >= len(originals) else []

        wait_until(told, "the log to tell of all", SECONDS, lambda: pair.controller.logs)
        return told()


def endpoint(container: Container, network: str) -> dict[str, Any]:
    """How a container is attached to a network; an AssertionError when it isn't, or by an id of the past."""
    found: dict[str, Any] = container.inspect()["NetworkSettings"]["Networks"][network]
    assert found["NetworkID"] in ids_of(network)
    return found


def ids_of(network: str) -> list[str]:
    """The ids of the networks of exactly this name."""
    lines = run_command("docker", "network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}").splitlines()
    return [line.split()[0] for line in lines if line.split()[1] == network]


def test_pruned_networks_are_made_again_and_attached_as_they_were_in_one_action(host: Host) -> None:
    main, kept, later = (f"{stem}-{host.mark}" for stem in ("main", "kept", "later"))
    longer = f"{main}-longer"
    labels = ("--label", "of=main", "--subnet", "172.31.247.0/24")
    run_command("docker", "network", "create", *labels, main)
    for name in (kept, later, longer):
        run_command("docker", "network", "create", name)
    options = ("--network", main, "--ip", "172.31.247.7", "--network-alias", "known")
    original = host.run("pruned", options=options)
    for name in (kept, later):
        run_command("docker", "network", "connect", "--alias", f"on-{name}", name, original.id)
    original.execute("sh", "-c", "echo kept >/a-file")
    kept_id = ids_of(kept)

    def prune() -> None:
        run_command("docker", "network", "rm", main, later)

    done = heal_what_happens_while_the_controller_is_away(host, original, meanwhile=prune)
    assert done == ["reattach done"]
    at_main = endpoint(original, main)
    assert at_main["IPAddress"] == "172.31.247.7"
    assert "known" in at_main["Aliases"]
    assert f"on-{later}" in endpoint(original, later)["Aliases"]
    assert (ids_of(kept), len(ids_of(longer))) == (kept_id, 1)
    assert set(original.inspect()["NetworkSettings"]["Networks"]) == {main, kept, later}
    assert json.loads(run_command("docker", "network", "inspect", main))[0]["Labels"] == {"of": "main"}
    assert original.execute("cat", "/a-file").strip() == "kept", "it is not the same container"


def test_a_network_that_was_made_again_by_somebody_is_used_as_it_is(host: Host) -> None:
    network = f"again-{host.mark}"
    run_command("docker", "network", "create", network)
    original = host.run("another", options=("--network", network, "--network-alias", "known"))

    def make_again() -> None:
        run_command("docker", "network", "rm", network)
        run_command("docker", "network", "create", "--label", "by=somebody", network)

    done = heal_what_happens_while_the_controller_is_away(host, original, meanwhile=make_again)
    assert done == ["reattach done"]
    assert "known" in endpoint(original, network)["Aliases"]
    assert json.loads(run_command("docker", "network", "inspect", network))[0]["Labels"] == {"by": "somebody"}


def test_a_network_that_several_originals_need_at_once_is_made_once(host: Host) -> None:
    network = f"shared-{host.mark}"
    run_command("docker", "network", "create", network)
    originals = [host.run("sharing", options=("--network", network)) for _ in range(5)]
    done = heal_what_happens_while_the_controller_is_away(
        host, *originals, meanwhile=lambda: run_command("docker", "network", "rm", network)
    )
    assert done == ["reattach done"] * 5
    assert len(ids_of(network)) == 1
    assert {endpoint(original, network)["NetworkID"] for original in originals} == set(ids_of(network))


def test_a_network_joined_since_the_snapshot_that_is_gone_keeps_nobody_down(host: Host) -> None:
    network = f"visited-{host.mark}"
    original = host.run("visitor")

    def visit() -> None:
        run_command("docker", "network", "create", network)
        run_command("docker", "network", "connect", network, original.id)
        run_command("docker", "network", "rm", network)

    done = heal_what_happens_while_the_controller_is_away(host, original, meanwhile=visit)
    assert done == ["reattach done"]
    assert set(original.inspect()["NetworkSettings"]["Networks"]) == {"bridge"}


def test_a_volume_whose_folder_was_deleted_while_the_engine_was_down_is_made_again(
    host: Host, engine: PrivateEngine
) -> None:
    volume = f"data-{host.mark}"
    run_command(
        "docker", "volume", "create", "--label", "of=data", "--opt", "type=tmpfs", "--opt", "device=tmpfs", volume
    )
    original = host.run("mounting", options=("--volume", f"{volume}:/data"))

    def delete() -> None:
        folder = volume_path(volume).parent
        engine.stop()
        shutil.rmtree(folder)
        engine.start()

    done = heal_what_happens_while_the_controller_is_away(host, original, meanwhile=delete)
    assert done == ["reattach done"]
    [made] = json.loads(run_command("docker", "volume", "inspect", volume))
    assert (made["Labels"], made["Options"]) == ({"of": "data"}, {"type": "tmpfs", "device": "tmpfs"})
    assert "tmpfs" in original.execute("grep", " /data ", "/proc/mounts")
