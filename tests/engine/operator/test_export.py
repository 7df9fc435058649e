"""The export, brought up by compose on an engine that has none of them, gives successors of the originals."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from status_state_api.export.file import make_compose
from status_state_api.model import EngineIdentity, OriginalRecipe, Recipes, SnapshotHead
from status_state_api.snapshot.definitions import Definitions
from status_state_controller.plan.meaning.successor import differences, tell

from ..kit.compose import run_compose
from ..kit.host import run_command
from ..recreate.recreate_table import CASES, Case
from ..recreate.table_world import World, prepared

__all__ = ["prepared"]

NOT_SUCCESSORS = {
    "rm", "terminal", "kernel-memory", "ports-all", "cpus", "seccomp-profile", "disconnected-from-its-first-network",
    "disconnected-from-all", "disconnected-from-the-default-network-alone", "disconnected-from-the-default-network",
    "default-and-another-network", "default-network-with-a-gateway-priority", "several-networks", "mac", "mac-on-the-default-network",
    "sysctls-of-a-network", "device-by-cdi", "volumes-from-read-only", "named-volume-by-mount-with-options",
}  # fmt: skip
"""What compose can't say, or can't say to each engine."""


def inspect_all(kind: str, *names: str) -> list[dict[str, Any]]:
    """What the engine tells of all of a kind."""
    found = names or run_command("docker", kind, "ls", "--quiet", "--no-trunc").split()
    return json.loads(run_command("docker", kind, "inspect", *found)) if found else []


def take(world: World) -> Recipes:
    """The snapshot of what the table has made."""
    originals = [
        OriginalRecipe(id=one["Id"], name=name, image=one["Config"]["Image"], image_id=one["Image"], inspect=one)
        for name, one in sorted(world.before.items())
    ]
    volumes = run_command("docker", "volume", "ls", "--quiet").split()
    images = sorted({one.image_id for one in originals})
    known = Definitions(inspect_all("network"), inspect_all("volume", *volumes), inspect_all("image", *images)).of(
        originals
    )
    host = run_command("docker", "info", "--format", "{{.Name}}").strip()
    head = SnapshotHead(
        id="5" * 32,
        taken_at=datetime(2026, 11, 23, tzinfo=UTC),
        reason="startup",
        engine=EngineIdentity(id="T7KA", name=host, none_network_id=None),
    )
    return Recipes(
        snapshot=head,
        count=len(originals),
        originals=originals,
        networks=known.networks,
        volumes=known.volumes,
        images=known.images,
    )


@pytest.fixture(scope="module")
def exported(prepared: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The containers of the table, exported, removed with all that they need, and brought up from the file."""
    world = prepared
    world.make_all()
    world.before = world.look()
    recipes = take(world)
    file = tmp_path_factory.mktemp("export") / "compose.yaml"
    file.write_text(make_compose(recipes, "0", with_secrets=True))
    hidden = make_compose(recipes, "0", with_secrets=False)
    file.with_name("hidden.yaml").write_text(hidden)
    world.places["file"] = str(file)
    with pytest.raises(AssertionError, match="required variable"):
        run_compose("config", "--quiet", file=file.with_name("hidden.yaml"), project="originals")
    variables = dict.fromkeys(re.findall(r"^#   ([A-Z0-9_]+)=$", hidden, re.MULTILINE), "x")
    assert variables
    run_compose("config", "--quiet", file=file.with_name("hidden.yaml"), project="originals", environment=variables)
    run_command("docker", "rm", "--force", "--volumes", *(one["Id"] for one in world.before.values()))
    for name in world.networks:
        if not name.startswith("config"):  # one that is configured by another compose can't make
            run_command("docker", "network", "rm", name)
    for volume in run_command("docker", "volume", "ls", "--quiet", "--filter", "dangling=true").split():
        run_command("docker", "volume", "rm", volume)
    run_compose("up", "--detach", file=file, project="originals")
    world.after = world.look()
    return world


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_what_compose_makes_of_the_export_is_a_successor(exported: World, case: Case) -> None:
    if case.about in exported.refused:
        pytest.skip(f"this machine can't do it: {exported.refused[case.about]}")
    name = exported.name(case)
    found = tell(differences(exported.before[name], exported.after[name], exported.names()))
    lines = Path(exported.places["file"]).read_text().splitlines()
    said = [line for line in lines if line.startswith(f"#   {name}: ")]
    if case.about in NOT_SUCCESSORS:
        assert said or not found, f"the head doesn't say what will differ: {found}"
    else:
        assert (found, said) == ("", [])
