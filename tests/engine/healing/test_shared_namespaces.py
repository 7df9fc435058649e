"""Who shares the namespace of another container stays with the one that has that one's place, whatever takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from ..kit.host import Container, Host

FOLLOWS = ("--label", "status-state.on-replace=accept")


def wait_for_sharer(host: Host, name: str, parent: Container) -> Container:
    """The container of this name that runs in the network of the parent."""

    def found() -> Container | None:
        named = [one for one in host.find(f"status-state.test={host.mark}", running_only=True) if one.name == name]
        mode = f"container:{parent.id}"
        return next((one for one in named if one.inspect()["HostConfig"]["NetworkMode"] == mode), None)

    sharer = wait_until(found, f"{name} in the network of {parent.name}", 60)
    assert sharer
    return sharer


def test_who_shares_a_network_follows_to_an_accepted_replacement_and_comes_back_when_it_is_lost(host: Host) -> None:
    vpn = host.run("vpn", options=FOLLOWS)
    app = host.run("app", options=("--network", f"container:{vpn.id}"))
    with Pair(host).running() as pair:
        pair.wait_for_checks(1)
        vpn.docker("rm", "--force")
        deployed = host.run("vpn", options=("--name", vpn.name, "--env", "VERSION=2", *FOLLOWS))
        pair.wait_for_original(deployed)
        successor = wait_for_sharer(host, app.name, deployed)
        assert app.status == "exited", "it is kept aside"

        pair.controller.docker("restart")
        successor.docker("rm", "--force")
        again = wait_for_sharer(host, app.name, deployed)
        assert again.id not in {app.id, successor.id}
        assert app.status == "exited"
