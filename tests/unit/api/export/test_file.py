"""The compose file of recipes, as text: what compose can say, what it can't, and what is kept secret."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
import yaml
from status_state_api.export.file import make_compose
from status_state_api.model import EngineIdentity, OriginalRecipe, Recipes, SnapshotHead

IMAGE = "sha256:1b"
OF_IMAGE: dict[str, Any] = {
    "Env": ["PATH=/bin"],
    "Cmd": ["nginx"],
    "Entrypoint": ["/start"],
    "Labels": {"of.image": "yes"},
    "Volumes": {"/of-image": {}},
    "ExposedPorts": {"80/tcp": {}},
    "StopSignal": "SIGQUIT",
    "Healthcheck": {"Test": ["CMD", "true"]},
}


def recipe(name: str, config: dict[str, Any], host_config: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A recipe as engines tell it, with what the image says in it."""
    id_ = name.encode().hex().ljust(64, "0")
    own: dict[str, Any] = {
        key: OF_IMAGE[key] for key in ("Env", "Cmd", "Entrypoint", "Labels", "StopSignal", "Healthcheck")
    }
    own |= {"Image": "nginx:1.27", "Hostname": id_[:12], "Volumes": {"/of-image": {}}, "ExposedPorts": {"80/tcp": {}}}
    networks: dict[str, Any] = {"NetworkSettings": {"Networks": {"bridge": {}}}}
    told: dict[str, Any] = {
        "Id": id_, "Name": f"/{name}", "Image": IMAGE, "Mounts": [], "Config": own | config,
        "HostConfig": {"NetworkMode": "default", "LogConfig": {"Type": "json-file"}} | host_config,
    }  # fmt: skip
    return told | networks | more


def recipes(*inspects: dict[str, Any], **definitions: Any) -> Recipes:
    """A snapshot of these."""
    engine = EngineIdentity(id="T7KA", name="kiosk", none_network_id=None)
    head = SnapshotHead(id="5" * 32, taken_at=datetime(2026, 11, 23, tzinfo=UTC), reason="startup", engine=engine)
    originals = [
        OriginalRecipe(id=one["Id"], name=one["Name"][1:], image="nginx:1.27", image_id=IMAGE, inspect=one)
        for one in inspects
    ]
    image = {"Id": IMAGE, "RepoDigests": ["nginx@sha256:d1"], "Config": OF_IMAGE}
    known: dict[str, Any] = {"networks": [], "volumes": [], **definitions}
    return Recipes(snapshot=head, count=len(originals), originals=originals, images=[image], **known)


def made(*inspects: dict[str, Any], with_secrets: bool = True, **definitions: Any) -> tuple[dict[str, Any], str]:
    """The file as a reader of YAML understands it, and its head."""
    text = make_compose(recipes(*inspects, **definitions), "1.0", with_secrets=with_secrets)
    head = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    return yaml.safe_load(text), head


def service(config: dict[str, Any], host_config: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The one service, without what every one has."""
    document, _ = made(recipe("web", config, host_config or {}, **more))
    usual = ("image", "container_name", "network_mode", "logging")
    return {key: value for key, value in document["services"]["web"].items() if key not in usual}


def test_the_whole_file_as_text() -> None:
    config = {"Env": ["PATH=/bin", "SECRET=a$b", "FLOAT=1e3"], "Labels": {"of.image": "yes", "team": "on"}}
    shown = make_compose(recipes(recipe("web", config, {})), "1.0", with_secrets=False)
    assert (
        shown
        == """\
# The originals (1) of the engine kiosk, as Status State 1.0 has them in the
# snapshot 55555555555555555555555555555555 of 2026-11-23 00:00:00 UTC (startup).
# For an engine that has none of them: docker compose --file FILE up --detach
# Data in volumes and images that no registry has are not in here.
# Without secrets: each value of an environment that is not the image's own, and what looks like a secret
# elsewhere, is a variable. Compose refuses this file until all are given, by --env-file or its environment
# (`docker compose config --no-interpolate` reads it as it is). All of them:
#   WEB_SECRET=
#   WEB_FLOAT=

name: originals
services:
  web:
    image: "nginx:1.27@sha256:d1"
    container_name: web
    environment:
      SECRET: "${WEB_SECRET:?}"
      FLOAT: "${WEB_FLOAT:?}"
    labels:
      team: 'on'
    network_mode: bridge
    logging:
      driver: json-file
"""
    )
    with_secrets = make_compose(recipes(recipe("web", config, {})), "1.0", with_secrets=True)
    assert '      SECRET: "a$$b"\n      FLOAT: "1e3"\n' in with_secrets
    assert "# THIS FILE HOLDS SECRETS." in with_secrets


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {}),
        ({"Cmd": ["sh"]}, {"command": ["sh"]}),
        ({"Cmd": None}, {"entrypoint": ["/start"]}),
        ({"Entrypoint": None, "Cmd": ["sh"]}, {"entrypoint": [""], "command": ["sh"]}),
        ({"Entrypoint": ["sh"], "Cmd": None}, {"entrypoint": ["sh"]}),
        ({"Healthcheck": {"Test": ["NONE"]}}, {"healthcheck": {"disable": True}}),
        ({"StopTimeout": 0}, {"stop_grace_period": "0s"}),
        ({"ExposedPorts": {"80/tcp": {}, "90/udp": {}}}, {"expose": ["90/udp"]}),
        ({"Labels": {"com.docker.compose.config-hash": "x"}}, {}),
        (
            {"Healthcheck": {"Test": ["CMD", "x"], "Interval": 1_500_000_000, "Retries": 4}},
            {"healthcheck": {"test": ["CMD", "x"], "interval": "1500000us", "retries": 4}},
        ),
    ],
)
def test_what_the_image_says_by_itself_is_not_repeated(config: dict[str, Any], expected: dict[str, Any]) -> None:
    assert service(config) == expected


def test_a_host_name_is_reported_where_it_was_asked_for() -> None:
    assert service({"Hostname": "sea"}) == {"hostname": "sea"}
    assert service({"Hostname": "kiosk"}, {"NetworkMode": "host"}) == {}
    assert service({"Hostname": "ship"}, {"NetworkMode": "host"}) == {"hostname": "ship"}


def test_namespaces_links_and_volumes_are_those_of_services() -> None:
    db = recipe("db", {}, {})
    sidecar = recipe("sidecar", {}, {"NetworkMode": f"container:{db['Id']}", "VolumesFrom": ["db:ro"]})
    web = recipe("web", {}, {"Links": ["/db:/web/store"], "PidMode": "container:gone"})
    document, head = made(db, sidecar, web)
    services = document["services"]
    assert services["sidecar"]["network_mode"] == "service:db"
    assert services["sidecar"]["volumes_from"] == ["db:ro"]
    assert "sidecar: the volumes of db are read-only to it, which compose ignores" in head
    assert services["web"]["depends_on"] == {"db": {"condition": "service_started"}}
    assert services["web"]["external_links"] == ["db:store"]
    assert "web: it uses a namespace of the container gone, which is no original" in head


def test_a_project_of_compose_keeps_its_name_its_services_and_what_they_wait_for() -> None:
    def of_shop(service: str, **labels: str) -> dict[str, Any]:
        ours = {
            f"com.docker.compose.{key}": value
            for key, value in ({"project": "shop", "service": service} | labels).items()
        }
        ends = {"shop_default": {"Aliases": [service, f"shop-{service}-1"]}}
        own = {"Networks": ends}
        return recipe(f"shop-{service}-1", {"Labels": ours}, {"NetworkMode": "shop_default"}, NetworkSettings=own)

    network = {"Name": "shop_default", "Driver": "bridge", "Labels": {"com.docker.compose.network": "default"}}
    web = of_shop("web", depends_on="db:service_healthy:true,gone:service_completed_successfully:false")
    document, _ = made(of_shop("db"), web, networks=[network])
    assert (document["name"], list(document["services"])) == ("shop", ["db", "web"])
    assert document["services"]["web"]["depends_on"] == {"db": {"condition": "service_healthy", "restart": True}}
    assert document["services"]["web"]["networks"] == {"shop_default": {"aliases": ["web"]}}
    assert document["networks"] == {"shop_default": {"name": "shop_default", "driver": "bridge"}}


def test_what_newer_engines_know_of_networks_is_kept_or_said_to_be_lost() -> None:
    six = recipe("six", {}, {"NetworkMode": "six"}, NetworkSettings={"Networks": {"six": {"GwPriority": 3}}})
    usual = recipe("usual", {}, {}, NetworkSettings={"Networks": {"bridge": {"GwPriority": 7}}})
    network = {"Name": "six", "Driver": "bridge", "EnableIPv4": False, "EnableIPv6": True}
    document, head = made(six, usual, networks=[network])
    assert document["networks"]["six"] == {
        "name": "six",
        "driver": "bridge",
        "enable_ipv4": False,
        "enable_ipv6": True,
    }
    assert document["services"]["six"]["networks"] == {"six": {"gw_priority": 3}}
    assert "usual: compose has no driver options and no priority for the default network" in head


@pytest.mark.parametrize(
    ("config", "host_config"),
    [
        ({"Env": ["COLOUR=canary"]}, {}),
        ({"Labels": {"api-key": "canary"}}, {}),
        ({"Labels": {"note": "https://me:canary@example.test"}}, {}),
        ({"Cmd": ["serve", "--password", "canary"]}, {}),
        ({"Cmd": ["sh", "-c", "serve --token=canary"]}, {}),
        ({"Entrypoint": ["mysql"], "Cmd": ["-pcanary"]}, {}),
        ({"Cmd": ["redis-cli", "-h", "db", "-p", "1", "-a", "canary"]}, {}),
        ({"Healthcheck": {"Test": ["CMD", "curl", "-u", "me:canary", "x"]}}, {}),
        ({}, {"LogConfig": {"Type": "splunk", "Config": {"splunk-token": "canary"}}}),
    ],
)
def test_no_secret_is_shown_and_a_variable_stands_in_its_place(
    config: dict[str, Any], host_config: dict[str, Any]
) -> None:
    original = recipes(recipe("web", config, host_config))
    assert "canary" in make_compose(original, "1.0", with_secrets=True)
    hidden = make_compose(original, "1.0", with_secrets=False)
    assert "canary" not in hidden
    assert ":?}" in hidden
    assert "***" not in hidden, "a container would be started with it"


def test_secrets_of_definitions_are_hidden_as_well_and_each_has_a_variable_of_its_own() -> None:
    share = {"Name": "share", "Driver": "local", "Options": {"o": "username=me,password=canary"}}
    mounted = {"HostConfig": {"NetworkMode": "default", "Binds": ["share:/data"]}}
    first, second = (recipe(name, {"Env": ["A=1"]}, {}, **mounted) for name in ("a-b", "a_b"))
    document, head = made(first, second, volumes=[share], with_secrets=False)
    assert document["volumes"]["share"]["driver_opts"] == {"o": "${SHARE_DRIVER_OPTS_O:?}"}
    assert "canary" not in head
    values = [one["environment"]["A"] for one in document["services"].values()]
    assert values == ["${A_B_A:?}", "${A_B_A_2:?}"]


def test_what_is_unknown_or_has_no_word_is_named_in_the_head() -> None:
    host_config = {"AutoRemove": True, "FromALaterEngine": 7, "SecurityOpt": ['seccomp={"a": 1}']}
    ends = {"Networks": {"net": {"DriverOpts": {"mtu": "1400"}}}}
    mode = {"NetworkMode": "net"}
    document, head = made(recipe("web", {"Env": ["A=1", "A=2"]}, host_config | mode, NetworkSettings=ends))
    assert "security_opt" not in cast("dict[str, Any]", document["services"]["web"])
    for said in ("it is removed when it stops", "FromALaterEngine", "seccomp profile", "its variable A is there twice"):
        assert said in head
    assert "ignores the driver options" in head


@pytest.mark.parametrize(
    ("request_", "devices", "lost"),
    [
        ({"Driver": "cdi", "DeviceIDs": ["v.com/gpu=0"], "Capabilities": None}, ["v.com/gpu=0"], ""),
        (
            {"Driver": "cdi", "DeviceIDs": ["v.com/gpu=0:1"]},
            [{"source": "v.com/gpu=0:1", "target": "v.com/gpu=0:1"}],
            "",
        ),
        ({"Driver": "nvidia", "Count": -1}, None, "devices of the driver nvidia, with no capability named"),
        (
            {"Count": 1, "Capabilities": [["gpu"], ["tpu"]]},
            None,
            "(none named), with one of several sets of capabilities",
        ),
    ],
)
def test_devices_that_are_asked_for_by_name_or_by_capability_are_kept_or_said_to_be_lost(
    request_: dict[str, Any], devices: list[Any] | None, lost: str
) -> None:
    document, head = made(recipe("web", {}, {"DeviceRequests": [request_]}))
    assert document["services"]["web"].get("devices") == devices
    assert "deploy" not in document["services"]["web"]
    assert lost in head
    assert ("devices of" in head) is bool(lost)
