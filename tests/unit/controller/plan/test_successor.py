"""Who is a successor: made from the same image and the same configuration, whoever made it, and however it is spelt."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.plan.meaning.successor import is_successor

from ..world import id_of
from .answers import ANONYMOUS, inspected

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER_ANONYMOUS = "b" * 64


def is_still_one(
    change: Callable[[dict[str, Any]], object], *, was: Callable[[dict[str, Any]], object] | None = None
) -> bool:
    """Whether a container is a successor after the change; `was` changes the recipe, too."""
    recipe, candidate = inspected("original"), inspected("again")
    if was is not None:
        was(recipe)
    change(candidate)
    return is_successor(recipe, candidate, {})


def unchanged(_: dict[str, Any]) -> None:
    """Leave everything as it is."""


def spell_as_mounts(web: dict[str, Any]) -> None:
    """Say by `Mounts` what was said by `Binds`."""
    web["HostConfig"]["Binds"] = None
    web["HostConfig"]["Mounts"] = [{"Type": "bind", "Source": "/srv/pages", "Target": "/pages", "ReadOnly": True}]


def rename_anonymous_volume(web: dict[str, Any]) -> None:
    """Give it the anonymous volume that a new container gets."""
    web["Mounts"][2]["Name"] = OTHER_ANONYMOUS


def pass_on_anonymous_volume(web: dict[str, Any]) -> None:
    """Name the anonymous volume of the predecessor, as compose v1 does."""
    web["HostConfig"]["Binds"].append(f"{ANONYMOUS}:/cache:rw")


def list_its_short_id_first(web: dict[str, Any]) -> None:
    """The same aliases in another order."""
    web["NetworkSettings"]["Networks"]["shop_default"]["Aliases"] = [id_of("again")[:12], "web"]


NOT_COUNTED: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing but the identity": unchanged,
    "compose v1's affinity": lambda web: web["Config"]["Env"].append(f"affinity:container=={id_of('original')}"),
    "the order of the environment": lambda web: web["Config"]["Env"].reverse(),
    "compose v2's replace label": lambda web: web["Config"]["Labels"].update({"com.docker.compose.replace": "x"}),
    "the version of compose": lambda web: web["Config"]["Labels"].update({"com.docker.compose.version": "2.40"}),
    "the folder of the compose file": lambda web: web["Config"]["Labels"].update(
        {"com.docker.compose.project.working_dir": "/srv", "com.docker.compose.project.config_files": "/srv/c.yaml"}
    ),
    "what compose adds to what it has not made": lambda web: web["Config"]["Labels"].update(
        {"com.docker.compose.container-number": "1", "com.docker.compose.oneoff": "False"}
    ),
    "volumes spelt as Mounts": spell_as_mounts,
    "another anonymous volume": rename_anonymous_volume,
    "the anonymous volume passed on": pass_on_anonymous_volume,
    "the order of the aliases": list_its_short_id_first,
    "no alias but the name": lambda web: web["NetworkSettings"]["Networks"]["shop_default"].update(Aliases=None),
    "an empty list for null": lambda web: web["HostConfig"].update(CapAdd=[], Mounts=[]),
    "the order of the mounts": lambda web: web["Mounts"].reverse(),
}


@pytest.mark.parametrize("change", NOT_COUNTED.values(), ids=NOT_COUNTED.keys())
def test_what_compose_and_the_engine_add_does_not_count(change: Callable[[dict[str, Any]], object]) -> None:
    assert is_still_one(change)


def endpoint(web: dict[str, Any]) -> dict[str, Any]:
    """The attachment to its network."""
    return web["NetworkSettings"]["Networks"]["shop_default"]


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "image": lambda web: web.update(Image="sha256:2c1b"),
    "a variable's value": lambda web: web["Config"].update(Env=["A=2", "PASSWORD=hunter2"]),
    "one variable more": lambda web: web["Config"]["Env"].append("B=1"),
    "one variable less": lambda web: web["Config"]["Env"].pop(),
    "no environment": lambda web: web["Config"].update(Env=None),
    "command": lambda web: web["Config"].update(Cmd=["sh"]),
    "entrypoint": lambda web: web["Config"].update(Entrypoint=["tini"]),
    "user": lambda web: web["Config"].update(User="0"),
    "a label's value": lambda web: web["Config"]["Labels"].update(team="b"),
    "one label more": lambda web: web["Config"]["Labels"].update({"status-state.ignore": "true"}),
    "project of compose": lambda web: web["Config"]["Labels"].update({"com.docker.compose.project": "other"}),
    "stop signal": lambda web: web["Config"].update(StopSignal="SIGTERM"),
    "published port": lambda web: web["HostConfig"].update(
        PortBindings={"80/tcp": [{"HostIp": "", "HostPort": "8081"}]}
    ),
    "no published port": lambda web: web["HostConfig"].update(PortBindings={}),
    "restart policy": lambda web: web["HostConfig"].update(RestartPolicy={"Name": "no", "MaximumRetryCount": 0}),
    "capability": lambda web: web["HostConfig"].update(CapAdd=["NET_ADMIN"]),
    "memory limit": lambda web: web["HostConfig"].update(Memory=1 << 28),
    "privileged": lambda web: web["HostConfig"].update(Privileged=True),
    "named volume": lambda web: web["Mounts"][1].update(Name="shop_data2"),
    "anonymous for named volume": lambda web: web["Mounts"][1].update(Name=OTHER_ANONYMOUS),
    "bind source": lambda web: web["Mounts"][0].update(Source="/srv/other"),
    "bind writable": lambda web: web["Mounts"][0].update(RW=True, Mode=""),
    "bind propagation": lambda web: web["Mounts"][0].update(Propagation="rshared"),
    "mount place": lambda web: web["Mounts"][1].update(Destination="/data2"),
    "one mount less": lambda web: web["Mounts"].pop(),
    "hostname": lambda web: web["Config"].update(Hostname="kiosk"),
    "network mode": lambda web: web["HostConfig"].update(NetworkMode="host"),
    "one network more": lambda web: web["NetworkSettings"]["Networks"].update(other={}),
    "static address": lambda web: endpoint(web).update(IPAMConfig={"IPv4Address": "172.18.0.99"}),
    "one alias more": lambda web: endpoint(web).update(Aliases=["web", "www"]),
    "link": lambda web: endpoint(web).update(Links=["db:database"]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_configuration_makes_no_successor(change: Callable[[dict[str, Any]], object]) -> None:
    assert not is_still_one(change)
    assert not is_still_one(unchanged, was=change)


def test_a_changed_option_of_a_tmpfs_mount_makes_no_successor() -> None:
    def with_tmpfs(size: int) -> Callable[[dict[str, Any]], None]:
        def change(web: dict[str, Any]) -> None:
            web["HostConfig"]["Mounts"] = [{"Type": "tmpfs", "Target": "/tmp", "TmpfsOptions": {"SizeBytes": size}}]  # noqa: S108 # a place inside of a container
            web["Mounts"].append({"Type": "tmpfs", "Source": "", "Destination": "/tmp", "Mode": "", "RW": True})  # noqa: S108 # as above

        return change

    assert is_still_one(with_tmpfs(1 << 20), was=with_tmpfs(1 << 20))
    assert not is_still_one(with_tmpfs(1 << 30), was=with_tmpfs(1 << 20))


def test_a_hostname_that_a_person_chose_counts_even_when_it_is_the_same() -> None:
    def name_it(web: dict[str, Any]) -> None:
        web["Config"]["Hostname"] = "kiosk"

    assert is_still_one(name_it, was=name_it)
    assert not is_still_one(unchanged, was=name_it)


def test_the_answers_are_not_changed_by_comparing_them() -> None:
    recipe, candidate = inspected("original"), inspected("again")
    before = deepcopy((recipe, candidate))
    is_successor(recipe, candidate, {})
    assert (recipe, candidate) == before


def test_sparse_answers_are_compared_without_stumbling() -> None:
    sparse: dict[str, Any] = {"Id": id_of("original"), "Image": "sha256:1b0a", "Config": {}, "HostConfig": {}}
    assert is_successor(sparse, sparse | {"Id": id_of("again")}, {})
    assert not is_successor(sparse, inspected("again"), {})
