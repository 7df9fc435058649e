"""The engine is replaced under the pair, on the same data: by a newer version, and by one with the other image store."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..kit.compose import ROOT
from ..kit.host import Container, Host, run_command
from ..kit.images import provide_images
from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from ..kit.private_engine import PrivateEngine

OLD, NEW = "20.10", "28"
CONTAINERD_STORE = {"features": {"containerd-snapshotter": True}}
BACK_SECONDS = 60


def programs_of(version: str) -> Path:
    """The folder of an engine's programs; where they can't be had, the test is skipped, or has failed under CI."""
    script = ROOT / "scripts" / "engine" / "debian_engine.sh"
    done = subprocess.run([str(script), version], capture_output=True, text=True, check=False)
    told = (done.stdout.strip().splitlines() or [done.stderr])[-1]
    if done.returncode != 0:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
    return Path(told)


def engine_id() -> str:
    """The id of the engine that answers."""
    return run_command("docker", "info", "--format", "{{.ID}}").strip()


def none_network_id() -> str:
    """The id of its network `none`."""
    return run_command("docker", "network", "inspect", "--format", "{{.Id}}", "none").strip()


def all_names() -> set[str]:
    """The names of all containers, whatever their state."""
    return set(run_command("docker", "ps", "--all", "--format", "{{.Names}}").split())


def named(name: str) -> Container:
    """The container that has exactly this name, once it runs."""

    def find() -> str:
        return run_command("docker", "ps", "--quiet", "--no-trunc", "--filter", f"name=^/{name}$").strip()

    return Container(wait_until(find, f"a container called {name} to run", BACK_SECONDS), name)


def test_an_upgraded_engine_is_the_same_one_and_everything_is_as_it_was(host: Host, engine: PrivateEngine) -> None:
    old, new = programs_of(OLD), programs_of(NEW)
    with engine.set_aside(old):
        provide_images()
        originals = [host.run(policy, options=("--restart", policy)) for policy in ("always", "no", "no")]
        with Pair(host).running() as pair:
            remade, removed = originals[1:]
            run_command("docker", "rm", "--force", remade.id)
            remade = named(remade.name)
            assert remade.id != originals[1].id
            pair.wait_for_checks(2)
            snapshot_id, names, before = pair.snapshot_id(), all_names(), (engine_id(), none_network_id())

            engine.replace(new)
            replaced_at = time.time()

            assert run_command("docker", "version", "--format", "{{.Server.Version}}").startswith(f"{NEW}.")
            assert engine_id() != before[0], "or there is nothing to be recognised"
            assert none_network_id() == before[1]
            pair.wait_until_at_work(replaced_at)
            for original in (originals[0], remade, removed):
                original.wait_for("running", seconds=BACK_SECONDS)
            pair.wait_for_checks(2)
            status = pair.status()
            assert status["snapshot"]["id"] == snapshot_id
            assert status["snapshot"]["engine"]["id"] == engine_id()
            assert all_names() == names, "nothing was put aside"
            wait_until(lambda: pair.report()["findings"] == [], "the host to be as it was", 30, pair.report)
            assert not host.events(None, "create", "rename", since=replaced_at), "nobody was taken for an impostor"
            wait_until(lambda: pair.report()["findings"] == [], "the host to be as it was", 30, pair.report)
            assert "event=engine_recognised" in pair.api.logs

            run_command("docker", "rm", "--force", removed.id)
            recreated = named(removed.name).inspect()
            assert recreated["Id"] != removed.id
            assert recreated["Config"]["Labels"] == remade.inspect()["Config"]["Labels"]
            assert all_names() == names


def test_with_the_other_image_store_nothing_is_touched_and_with_the_former_one_everything_is_back(
    host: Host, engine: PrivateEngine
) -> None:
    new = programs_of(NEW)
    with engine.set_aside(new):
        provide_images()
        original = host.run("original", options=("--restart", "always"))
        pair = Pair(host)
        try:
            pair.up()
            snapshot_id, names, identity = pair.snapshot_id(), all_names(), (engine_id(), none_network_id())

            engine.replace(new, CONTAINERD_STORE)
            assert all_names() == set(), "the other store shows nothing, the pair neither"
            assert (engine_id(), none_network_id()) == identity
            provide_images()
            other = host.run("other", options=("--name", original.name))
            pair.up()
            assert pair.snapshot_id() != snapshot_id
            assert {one["id"] for one in pair.status()["snapshot"]["originals"]} == {other.id}
            pair.wait_for_checks(2)
            assert other.status == "running"

            engine.replace(new, {})
            back_at = time.time()
            pair.wait_until_at_work(back_at)
            pair.wait_for_checks(2)
            assert pair.snapshot_id() == snapshot_id
            assert original.status == "running"
            assert all_names() == names
            assert not host.events(None, "create", "rename", "kill", since=back_at)
        finally:
            pair.remove()
