"""From a recipe to the request: what a person asked for is kept, what the engine made up is not."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from status_state_controller.act.recipe import Creation, creation

from ..world import IMAGE, id_of

OWN = id_of("web")
SHORT = OWN[:12]
ANONYMOUS = "a" * 64
VPN, VPN_NOW = id_of("vpn"), id_of("vpn again")


def recipe(
    config: dict[str, Any] | None = None,
    host_config: dict[str, Any] | None = None,
    networks: dict[str, Any] | None = None,
    mounts: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """The engine's `inspect` of `web`."""
    return {
        "Id": OWN,
        "Name": "/web",
        "Image": "sha256:1b0a",
        "Config": {"Hostname": SHORT, "Image": "nginx", "Env": ["A=1"], "ExposedPorts": {"80/tcp": {}}}
        | (config or {}),
        "HostConfig": {"NetworkMode": "default", "Memory": 1 << 28} | (host_config or {}),
        "NetworkSettings": {"Networks": {"bridge": {"IPAMConfig": None}} if networks is None else networks},
        "Mounts": mounts or [],
    }


def made(recipe: dict[str, Any], present: dict[str, str] | None = None, *borrowed: str) -> Creation:
    """The request, with the image's name; the volumes that are `borrowed` come along with another container."""
    return creation(recipe, IMAGE, present or {}, frozenset(borrowed))


def endpoint(**asked_for: Any) -> dict[str, Any]:
    """An attachment as the engine tells of it, with all that it assigned."""
    return {
        "IPAMConfig": None,
        "Links": None,
        "Aliases": [SHORT],
        "DriverOpts": None,
        "NetworkID": "n",
        "EndpointID": "e",
        "Gateway": "172.18.0.1",
        "IPAddress": "172.18.0.5",
        "IPPrefixLen": 16,
        "MacAddress": "02:42:ac:12:00:05",
    } | asked_for


def test_what_was_asked_for_is_asked_for_again() -> None:
    body = made(recipe({"User": "101", "Cmd": ["x"]}, {"CapAdd": ["NET_ADMIN"], "AutoRemove": True})).body
    assert (body["Image"], body["Env"], body["User"], body["Cmd"]) == (IMAGE, ["A=1"], "101", ["x"])
    assert body["ExposedPorts"] == {"80/tcp": {}}
    wanted = {"CapAdd": ["NET_ADMIN"], "AutoRemove": True, "Memory": 1 << 28}
    assert wanted.items() <= body["HostConfig"].items()


def test_fields_that_this_controller_does_not_know_travel_along() -> None:
    body = made(recipe({"Novelty": 1}, {"Invention": {"a": [2]}})).body
    assert (body["Novelty"], body["HostConfig"]["Invention"]) == (1, {"a": [2]})


def test_a_recipe_is_not_changed_by_reading_it() -> None:
    given = recipe(mounts=[{"Type": "volume", "Name": ANONYMOUS, "Destination": "/data"}], networks={"n": endpoint()})
    before = deepcopy(given)
    made(given)
    assert given == before


def test_the_hostname_that_the_engine_made_up_is_not_asked_for() -> None:
    assert not made(recipe()).body["Hostname"]


@pytest.mark.parametrize("mode", ["default", "bridge", "shop", "host", "none"])
def test_a_hostname_of_ones_own_is_kept(mode: str) -> None:
    body = made(recipe({"Hostname": "kiosk", "Domainname": "example"}, {"NetworkMode": mode}, {mode: {}})).body
    assert (body["Hostname"], body["Domainname"]) == ("kiosk", "example")


@pytest.mark.parametrize("borrowed", [{"NetworkMode": f"container:{VPN}"}, {"UTSMode": "host"}], ids=str)
def test_a_borrowed_hostname_is_not_asked_for(borrowed: dict[str, str]) -> None:
    # The engine refuses a hostname together with another container's network or the host's names.
    assert not made(recipe({"Hostname": "borrowed"}, borrowed)).body["Hostname"]


def test_with_another_containers_network_no_port_is_exposed_and_no_network_joined() -> None:
    made_again = made(recipe({"Domainname": "d"}, {"NetworkMode": f"container:{VPN}"}, {}))
    assert not made_again.body["ExposedPorts"]
    assert not made_again.body["Domainname"]
    assert (made_again.body["NetworkingConfig"]["EndpointsConfig"], made_again.further_networks) == ({}, {})


def test_the_alias_that_is_the_short_id_is_dropped_and_others_are_kept() -> None:
    networks = {"shop": endpoint(Aliases=["www", SHORT, "web"])}
    body = made(recipe({}, {"NetworkMode": "shop"}, networks)).body
    assert body["NetworkingConfig"]["EndpointsConfig"]["shop"]["Aliases"] == ["www", "web"]


def test_a_mac_address_that_the_engine_generated_is_never_pinned() -> None:
    request = made(recipe({}, {"NetworkMode": "shop"}, {"shop": endpoint(), "back": endpoint()}))
    assert "02:42:ac:12:00:05" not in str(request)


def test_a_mac_address_of_ones_own_is_kept() -> None:
    body = made(recipe({"MacAddress": "02:aa:bb:cc:dd:ee"}, {"NetworkMode": "shop"}, {"shop": endpoint()})).body
    assert body["MacAddress"] == "02:aa:bb:cc:dd:ee"


def test_static_addresses_are_kept_and_assigned_ones_are_not() -> None:
    static = {"IPv4Address": "172.18.0.99"}
    networks = {"shop": endpoint(IPAMConfig=static, IPAddress="172.18.0.99"), "back": endpoint()}
    request = made(recipe({}, {"NetworkMode": "shop"}, networks))
    assert request.body["NetworkingConfig"]["EndpointsConfig"]["shop"]["IPAMConfig"] == static
    assert not request.further_networks["back"]["IPAMConfig"]
    assert "172.18.0.5" not in str(request)


def test_the_first_network_is_that_of_the_network_mode_and_the_others_are_joined_afterwards() -> None:
    networks = {"back": endpoint(Aliases=["b"]), "shop": endpoint(Aliases=["s"]), "front": endpoint()}
    request = made(recipe({}, {"NetworkMode": "shop"}, networks))
    assert list(request.body["NetworkingConfig"]["EndpointsConfig"]) == ["shop"]
    assert request.further_networks.keys() == {"back", "front"}
    assert request.further_networks["back"]["Aliases"] == ["b"]


def test_a_further_network_beside_the_default_one_is_joined() -> None:
    request = made(recipe(networks={"bridge": endpoint(Aliases=None), "shop": endpoint()}))
    assert request.body["NetworkingConfig"]["EndpointsConfig"] == {}
    assert request.further_networks.keys() == {"shop"}


def test_the_default_network_beside_one_of_ones_own_is_joined_as_well() -> None:
    networks = {"shop": endpoint(), "bridge": endpoint(Aliases=None)}
    request = made(recipe({}, {"NetworkMode": "shop"}, networks))
    assert request.further_networks.keys() == {"bridge"}


@pytest.mark.parametrize("mode", ["default", "bridge", "host", "none"])
def test_a_default_network_is_said_by_the_mode_alone(mode: str) -> None:
    name = "bridge" if mode == "default" else mode
    request = made(recipe({}, {"NetworkMode": mode}, {name: endpoint(Aliases=None)}))
    assert request.body["NetworkingConfig"]["EndpointsConfig"] == {}
    assert request.further_networks == {}
    assert request.body["HostConfig"]["NetworkMode"] == mode


@pytest.mark.parametrize(("mode", "name"), [("default", "bridge"), ("bridge", "bridge"), ("shop", "shop")])
@pytest.mark.parametrize("networks", [{"back": endpoint()}, {}], ids=["another one", "none"])
def test_a_network_that_it_was_disconnected_from_is_left_before_it_starts(
    mode: str, name: str, networks: dict[str, Any]
) -> None:
    request = creation(recipe({}, {"NetworkMode": mode}, networks), IMAGE, {}, frozenset(), {"shop": id_of("shop")})
    assert request.body["HostConfig"]["NetworkMode"] == mode
    assert request.further_networks.keys() == networks.keys()
    assert request.left_networks == (name,)


@pytest.mark.parametrize("mode", ["default", "bridge", "host", "none", "shop", f"container:{VPN}"])
def test_no_network_is_left_that_it_is_attached_to_or_never_was(mode: str) -> None:
    networks = {} if ":" in mode else {"bridge" if mode == "default" else mode: endpoint(), "back": endpoint()}
    assert made(recipe({}, {"NetworkMode": mode}, networks)).left_networks == ()


def test_a_container_without_networking_leaves_none() -> None:
    assert made(recipe({"NetworkDisabled": True}, {}, {})).left_networks == ()


def test_one_that_was_disconnected_from_a_network_that_is_gone_is_made_with_another_of_its_own() -> None:
    # Engine 28 starts nothing whose network mode names a network that is gone, unless it is attached to none.
    request = made(recipe({}, {"NetworkMode": "gone"}, {"back": endpoint(Aliases=["b"]), "front": endpoint()}))
    assert request.body["HostConfig"]["NetworkMode"] == "back"
    assert request.body["NetworkingConfig"]["EndpointsConfig"]["back"]["Aliases"] == ["b"]
    assert (request.further_networks.keys(), request.left_networks) == ({"front"}, ())


def test_which_network_has_the_default_route_is_kept() -> None:
    networks = {"shop": endpoint(GwPriority=0), "back": endpoint(GwPriority=100)}
    request = made(recipe({}, {"NetworkMode": "shop"}, networks))
    assert request.further_networks["back"]["GwPriority"] == 100


MASKED = ["/proc/asound", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"]


@pytest.mark.parametrize(
    ("told", "asked"), [(MASKED, None), (None, None), ([], []), (["/proc/kcore"], ["/proc/kcore"])]
)
def test_what_the_engine_hides_by_default_is_left_to_it_and_what_a_person_asked_for_is_kept(
    told: list[str] | None, asked: list[str] | None
) -> None:
    assert made(recipe({}, {"MaskedPaths": told})).body["HostConfig"].get("MaskedPaths") == asked


def test_links_and_driver_options_are_kept() -> None:
    networks = {"shop": endpoint(Links=["db:database"], DriverOpts={"a": "b"})}
    body = made(recipe({}, {"NetworkMode": "shop", "Links": ["/db:/web/db"]}, networks)).body
    kept = body["NetworkingConfig"]["EndpointsConfig"]["shop"]
    assert (kept["Links"], kept["DriverOpts"]) == (["db:database"], {"a": "b"})


def test_links_of_the_default_network_are_asked_for_as_the_engine_keeps_them() -> None:
    # It takes "/db:/web/database" as well as "db:database" (moby, opts/links.go).
    links = ["/db:/web/database", "/cache:/web/cache"]
    assert made(recipe({}, {"Links": links})).body["HostConfig"]["Links"] == links


def test_an_anonymous_volume_is_asked_for_by_its_name() -> None:
    mounts = [
        {"Type": "volume", "Name": ANONYMOUS, "Destination": "/data", "RW": True},
        {"Type": "volume", "Name": "b" * 64, "Destination": "/cache", "RW": False},
    ]
    body = made(recipe({"Volumes": {"/data": {}, "/cache": {}}}, {"Binds": None}, mounts=mounts)).body
    assert body["HostConfig"]["Binds"] == [f"{ANONYMOUS}:/data", f"{'b' * 64}:/cache:ro"]


def test_an_anonymous_volume_that_was_asked_for_as_a_mount_is_asked_for_by_its_name_and_once() -> None:
    mounts = [{"Type": "volume", "Name": ANONYMOUS, "Destination": "/data", "RW": True}]
    asked = {"Mounts": [{"Type": "volume", "Target": "/data"}]}
    host_config: dict[str, Any] = made(recipe({}, asked, mounts=mounts)).body["HostConfig"]
    binds: list[str] = host_config["Binds"] or []
    further: list[dict[str, Any]] = host_config.get("Mounts") or []
    named = [bind for bind in binds if bind.startswith(ANONYMOUS)]
    named += [mount["Target"] for mount in further if mount.get("Source") == ANONYMOUS]
    assert len(named) == 1
    places = [bind.split(":")[1] for bind in binds] + [mount["Target"] for mount in further]
    assert places == ["/data"], "the engine refuses two mounts on one place"


@pytest.mark.parametrize(
    "asked",
    [{"Binds": ["data:/data:rw"]}, {"Binds": ["data:/data/"]}, {"Mounts": [{"Type": "volume", "Source": "data", "Target": "/data"}]}],
    ids=["bind", "bind with a slash", "mount"],
)  # fmt: skip
def test_a_named_volume_is_not_asked_for_twice(asked: dict[str, Any]) -> None:
    mounts = [{"Type": "volume", "Name": "data", "Destination": "/data", "RW": True}]
    host_config = made(recipe({}, asked, mounts=mounts)).body["HostConfig"]
    assert host_config["Binds"] == asked.get("Binds")
    assert host_config.get("Mounts") == asked.get("Mounts")


@pytest.mark.parametrize("place", ["/data//sub", "/data/sub/", "//data/./sub", "/data/x/../sub//."])
@pytest.mark.parametrize("asked", ["Binds", "Mounts"])
def test_a_path_that_is_not_normalised_is_mounted_once(asked: str, place: str) -> None:
    mounts = [{"Type": "volume", "Name": ANONYMOUS, "Destination": "/data/sub", "RW": True}]
    by_bind, by_mount = [f"data:{place}"], [{"Type": "volume", "Target": place}]
    given = {"Binds": by_bind} if asked == "Binds" else {"Mounts": by_mount}
    host_config = made(recipe({}, given, mounts=mounts)).body["HostConfig"]
    assert host_config["Binds"] == given.get("Binds")
    assert host_config["Mounts"] == (None if asked == "Binds" else [{**by_mount[0], "Source": ANONYMOUS}])


def test_binds_and_tmpfs_are_kept_as_they_are() -> None:
    asked = {"Binds": ["/srv:/srv:ro,rshared"], "Tmpfs": {"/run": "size=1m"}}
    mounts = [
        {"Type": "bind", "Source": "/srv", "Destination": "/srv", "RW": False},
        {"Type": "tmpfs", "Source": "", "Destination": "/run", "RW": True},
    ]
    host_config = made(recipe({}, asked, mounts=mounts)).body["HostConfig"]
    assert host_config["Binds"] == ["/srv:/srv:ro,rshared"]
    assert host_config["Tmpfs"] == {"/run": "size=1m"}


def test_volumes_from_another_container_follow_it_and_keep_their_mode() -> None:
    asked = {"VolumesFrom": [f"{VPN}:ro", "stranger"]}
    mounts = [{"Type": "volume", "Name": "data", "Destination": "/data", "RW": False}]
    body = made(recipe({}, asked, mounts=mounts), {VPN: VPN_NOW}, "data").body
    assert body["HostConfig"]["VolumesFrom"] == [f"{VPN_NOW}:ro", "stranger"]
    assert not body["HostConfig"]["Binds"], "what comes from there is not asked for again"


def test_an_anonymous_volume_of_ones_own_is_kept_beside_those_of_another_container() -> None:
    mounts = [
        {"Type": "volume", "Name": "data", "Destination": "/data", "RW": True},
        {"Type": "volume", "Name": ANONYMOUS, "Destination": "/own", "RW": True},
    ]
    body = made(recipe({"Volumes": {"/own": {}}}, {"VolumesFrom": [VPN]}, mounts=mounts), {}, "data").body
    assert body["HostConfig"]["Binds"] == [f"{ANONYMOUS}:/own"]


@pytest.mark.parametrize("mode", ["NetworkMode", "PidMode", "IpcMode"])
def test_who_shares_a_namespace_follows_a_container_that_was_made_again(mode: str) -> None:
    given = recipe({}, {mode: f"container:{VPN}"}, {})
    assert made(given, {VPN: VPN_NOW}).body["HostConfig"][mode] == f"container:{VPN_NOW}"
    assert made(given).body["HostConfig"][mode] == f"container:{VPN}"


@pytest.mark.parametrize(("mode", "value"), [("PidMode", "host"), ("IpcMode", "shareable"), ("IpcMode", "private")])
def test_other_modes_are_kept(mode: str, value: str) -> None:
    assert made(recipe({}, {mode: value})).body["HostConfig"][mode] == value


def test_no_entrypoint_at_all_is_asked_for_as_such() -> None:
    # Null would bring back that of the image.
    assert made(recipe({"Entrypoint": None, "Cmd": ["sh"]})).body["Entrypoint"] == [""]
    assert made(recipe({"Entrypoint": ["tini"], "Cmd": None})).body["Entrypoint"] == ["tini"]


@pytest.mark.parametrize("present", [{"shop": id_of("shop again")}, {}], ids=["recreated", "not told"])
def test_a_network_that_was_given_by_its_id_is_joined_by_name_once_it_has_another_id(present: dict[str, str]) -> None:
    given = recipe({}, {"NetworkMode": id_of("shop")}, {"shop": endpoint(NetworkID=id_of("shop"), Aliases=["www"])})
    request = creation(given, IMAGE, {}, frozenset(), present)
    assert request.body["HostConfig"]["NetworkMode"] == "shop"
    assert request.body["NetworkingConfig"]["EndpointsConfig"]["shop"]["Aliases"] == ["www"]
    assert request.further_networks == {}


def test_a_network_that_was_given_by_its_id_is_joined_by_it_while_it_has_it() -> None:
    given = recipe({}, {"NetworkMode": id_of("shop")}, {"shop": endpoint(NetworkID=id_of("shop"), Aliases=["www"])})
    request = creation(given, IMAGE, {}, frozenset(), {"shop": id_of("shop")})
    assert request.body["HostConfig"]["NetworkMode"] == id_of("shop")
    assert [end["Aliases"] for end in request.body["NetworkingConfig"]["EndpointsConfig"].values()] == [["www"]]
    assert request.further_networks == {}


def test_a_file_for_the_containers_id_is_not_written_again() -> None:
    assert not made(recipe({}, {"ContainerIDFile": "/run/web.cid"})).body["HostConfig"]["ContainerIDFile"]


def test_a_sparse_recipe_is_read_without_stumbling() -> None:
    sparse: dict[str, Any] = {"Id": OWN, "Config": {}, "HostConfig": {}}
    assert made(sparse).body["Image"] == IMAGE


@pytest.mark.parametrize("mode", ["default", "bridge"])
def test_driver_options_and_priority_of_the_default_network_are_asked_for_again(mode: str) -> None:
    asked = {"DriverOpts": {"o": "1"}, "GwPriority": 7}
    body = made(recipe(host_config={"NetworkMode": mode}, networks={"bridge": endpoint(**asked)})).body
    assert body["NetworkingConfig"]["EndpointsConfig"] == {mode: asked}
    plain = made(recipe(host_config={"NetworkMode": mode}, networks={"bridge": endpoint(GwPriority=0)})).body
    assert plain["NetworkingConfig"]["EndpointsConfig"] == {}
