"""Networks and volumes that were removed together with an original come back with all that they were made with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..kit.host import Host, run_command
from ..kit.pair import Pair
from .equality import compare
from .test_recreate import OF_A_NEW_NETWORK, wait_for_another

MAY_DIFFER = ("Id", "Created", "Containers", "CreatedAt")
PLAIN = (
    "--subnet", "172.31.232.0/24", "--gateway", "172.31.232.1", "--ip-range", "172.31.232.64/26",
    "--aux-address", "kept=172.31.232.70", "--internal", "--attachable", "--label", "a=b",
    "--opt", "com.docker.network.bridge.enable_icc=false", "--ipam-opt", "c=d",
    "--ipv6", "--subnet", "fd00:31:232::/64", "--gateway", "fd00:31:232::1",
)  # fmt: skip


def _definition(kind: str, name: str) -> dict[str, Any]:
    [told] = json.loads(run_command("docker", kind, "inspect", name))
    return {key: value for key, value in told.items() if key not in MAY_DIFFER}


@pytest.fixture
def definitions(host: Host) -> tuple[tuple[str, str], ...]:
    """What the original uses: one network with everything, one that has its configuration from another, a volume."""
    plain, config, configured, volume = (f"{stem}-{host.mark}" for stem in ("plain", "config", "configured", "tuned"))
    run_command("docker", "network", "create", *PLAIN, plain)
    subnet = ("--subnet", "172.31.233.0/24", "--label", "e=f", "--opt", "com.docker.network.bridge.enable_icc=false")
    run_command("docker", "network", "create", "--config-only", *subnet, config)
    run_command("docker", "network", "create", "--driver", "bridge", "--config-from", config, configured)
    tuned = ("--label", "g=h", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=4m")
    run_command("docker", "volume", "create", *tuned, volume)
    return ("network", plain), ("network", configured), ("network", config), ("volume", volume)


def test_definitions_come_back_whole(host: Host, definitions: tuple[tuple[str, str], ...]) -> None:
    (_, plain), (_, configured), _, (_, volume) = definitions
    options = ("--network", configured, "--ip", "172.31.233.7", "--volume", f"{volume}:/data")
    original = host.run("defined", options=options)
    run_command("docker", "network", "connect", "--ip", "172.31.232.80", "--ip6", "fd00:31:232::80", plain, original.id)
    before, defined = original.inspect(), [_definition(*one) for one in definitions]
    with Pair(host).running() as pair:
        assert pair.original_names() == {original.name}
        pair.controller.docker("pause")  # so that all is gone before anything is done
        original.docker("rm", "--force")
        for kind, name in definitions:
            run_command("docker", kind, "rm", name)
        pair.controller.docker("unpause")
        again = wait_for_another(original)
        assert [_definition(*one) for one in definitions] == defined
        names = {original.id: original.name, again.id: original.name}
        assert compare(before, again.inspect(), names, OF_A_NEW_NETWORK) == []
