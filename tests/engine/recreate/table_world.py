"""The containers of the table, on a real engine: what they rely on, and how they are made and looked at."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..kit.host import LABEL, Host, run_command
from .recreate_table import CASES, IMAGES, NETWORKS, PARENTS, VOLUMES, Case

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..kit.private_engine import PrivateEngine

CLIENTS = 4
SAID = "ended with"  # of `run_command`: what follows is what the client and the engine say
MARKER = "what was here before"
CDI = Path("/run/cdi/status-state-test.json")  # /run is the private engine's own
CDI_DEVICE = ("status-state.test/device", "one")


@dataclass
class World:
    """What the table needs, and its containers before and after they were removed."""

    host: Host
    client: str
    places: dict[str, str]
    networks: list[str] = field(default_factory=list[str])
    missing: dict[str, str] = field(default_factory=dict[str, str])
    before: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    after: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    errors: dict[str, str] = field(default_factory=dict[str, str])

    def fill(self, text: str) -> str:
        """The text with the names of this run."""
        for place, value in self.places.items():
            text = text.replace(f"{{{place}}}", value)
        return text

    def name(self, case: Case) -> str:
        """Of the container of a case."""
        return self.fill(f"{case.about}-{{mark}}")

    def names(self) -> dict[str, str]:
        """From the ids of all containers of the table, then and now, to their names."""
        return {
            inspect["Id"]: inspect["Name"].removeprefix("/")
            for inspects in (self.before, self.after)
            for inspect in inspects.values()
        }

    def make_networks(self) -> None:
        """Makes those of the table; of some the client of an older engine knows nothing."""
        for name, options in NETWORKS.items():
            filled = [self.fill(option) for option in (*options, name)]
            # One that has its configuration from another may have no labels of its own.
            label = () if "--config-from" in options else ("--label", f"{LABEL}={self.host.mark}")
            try:
                made = run_command(self.client, "network", "create", *label, *filled)
            except AssertionError as error:
                self.missing[filled[-1]] = str(error)
            else:
                self.networks.append(filled[-1])
                self.places["network-id"] = made.strip()

    def remove_networks(self) -> None:
        """Removes those that are there, those first that have their configuration from another."""
        there = run_command("docker", "network", "ls", "--format", "{{.Name}}").split()
        for name in reversed(self.networks):
            if name in there:
                run_command("docker", "network", "rm", name)

    def make(self, case: Case) -> None:
        """Makes the container of a case, joins its networks, starts it and puts its data there."""
        name = self.name(case)
        options = tuple(self.fill(option) for option in case.options)
        image = self.fill(case.image) or self.host.image
        label = f"{LABEL}={self.host.mark}"
        asked = " ".join((*options, *(self.fill(part) for join in case.joins for part in join)))
        try:
            for network, error in self.missing.items():
                assert network not in asked, error
            run_command(self.client, "create", "--name", name, "--label", label, *options, image, *case.command)
            for join in case.joins:
                *ways, network = (self.fill(part) for part in join)
                run_command("docker", "network", "connect", *ways, network, name)
            told = json.dumps(json.loads(run_command("docker", "container", "inspect", name)))
            assert case.told in told, f"`{asked}` {SAID} 0: but {case.told} was left out"
            run_command("docker", "start", name)
            for network in case.leaves:
                run_command("docker", "network", "disconnect", self.fill(network), name)
            for folder in case.data:
                write = ("python3", "-c", f"open('{folder}/marker', 'w').write('{MARKER} {case.about}')")
                run_command("docker", "exec", "--user", "0", name, *write)
        except AssertionError as error:
            said = str(error).rpartition(SAID)[2]  # not what was asked for, in which the same words may be
            refused = any(part in said for part in (*case.refusal, *([case.told] if case.told else [])))
            (self.refused if refused else self.errors)[case.about] = str(error)
            subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)

    def make_all(self) -> None:
        """Makes all, those that others rest upon first."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            for cases in ([case for case in CASES if not case.after], [case for case in CASES if case.after]):
                list(pool.map(self.make, cases))

    def look(self) -> dict[str, dict[str, Any]]:
        """The inspects of the containers that the table has made, by name; those that aren't there are left out."""
        made = [self.name(case) for case in CASES if case.about not in self.refused | self.errors]
        command = ["docker", "container", "inspect", *made]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        return {inspect["Name"].removeprefix("/"): inspect for inspect in json.loads(answer.stdout)}


@pytest.fixture(scope="module")
def prepared(module_host: Host, engine: PrivateEngine, tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """The networks, volumes, images and files that the table relies on, and nothing left of them afterwards."""
    mark = module_host.mark
    folder = tmp_path_factory.mktemp("bind")
    profile = _write_profile(folder.with_name("seccomp.json"))
    places = {
        "mark": mark,
        "folder": str(folder),
        "seccomp": str(profile),
        "engine": engine.state.name,
        "cdi-device": "=".join(CDI_DEVICE),
        "block-device": next(
            (str(device) for device in sorted(Path("/dev").iterdir()) if device.is_block_device()), ""
        ),
    }
    world = World(module_host, _find_client(), places)
    label = ("--label", f"{LABEL}={mark}")
    _provide_devices()
    world.make_networks()
    for name, options in VOLUMES.items():
        run_command("docker", "volume", "create", *label, *options, world.fill(name))
    for name, instructions in IMAGES.items():
        _build(world.fill(name), (f"FROM {module_host.image}", *instructions))
    yield world
    module_host.remove_everything()
    for name in IMAGES:
        run_command("docker", "image", "rm", world.fill(name))
    world.remove_networks()
    run_command("ip", "link", "delete", PARENTS[0])
    CDI.unlink()


def _provide_devices() -> None:
    """The interfaces that some networks rest upon, and a device that an engine which knows CDI can give to containers."""
    run_command("ip", "link", "add", PARENTS[0], "type", "veth", "peer", "name", PARENTS[1])
    for parent in PARENTS:
        run_command("ip", "link", "set", parent, "up")
    kind, name = CDI_DEVICE
    device = {"name": name, "containerEdits": {"env": ["DEVICE=there"]}}
    CDI.parent.mkdir(exist_ok=True)
    CDI.write_text(json.dumps({"cdiVersion": "0.5.0", "kind": kind, "devices": [device]}))


def _write_profile(path: Path) -> Path:
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}))
    return path


def _find_client() -> str:
    """The `docker` command of the engine's own version where there are several: new ones refuse some old options."""
    version = run_command("docker", "version", "--format", "{{.Server.Version}}").split(".")[0]
    for folder in os.get_exec_path():
        client = Path(folder) / "docker"
        if client.is_file() and run_command(str(client), "version", "--format", "{{.Client.Version}}").startswith(
            version
        ):
            return str(client)
    return "docker"


def _build(name: str, instructions: tuple[str, ...]) -> None:
    """An image made of metadata alone, by the builder that needs no plug-in."""
    subprocess.run(
        ["docker", "build", "--tag", name, "-"],
        input="\n".join(instructions),
        text=True,
        capture_output=True,
        check=True,
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
    )
