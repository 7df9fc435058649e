"""From a recipe to the engine's own request for making that container again. Pure.

The recipe is the engine's `inspect` answer, and the request is the engine's JSON as well, so nothing is lost in
translation. What must not be copied is what the engine made up when the container was made: the hostname and the
alias that are its short id, addresses that were not asked for, the names under which links are stored. Of the mounts,
the anonymous volumes are asked for by name, or the data in them would be lost.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..plan.meaning.successor import network_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_JOINED = re.compile(r"container:(?P<id>.+)")
_DEFAULT_NETWORKS = frozenset({"default", "bridge", "host", "none"})


# What every engine hides or protects by default. A list without all of these is a person's wish, such as the empty one of
# `systempaths=unconfined` (moby, oci/defaults.go).
_ENGINES_OWN_PATHS: dict[str, frozenset[str]] = {
    "MaskedPaths": frozenset({"/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"}),
    "ReadonlyPaths": frozenset({"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}),
}


@dataclass(frozen=True, slots=True)
class Creation:
    """The request for making a container, and the networks that it joins and leaves before it starts."""

    body: dict[str, Any]
    further_networks: dict[str, dict[str, Any]]  # the request of the older engines has room for one network only
    left_networks: tuple[str, ...] = ()  # the engine attaches it to that of its network mode, asked or not


def creation(
    recipe: Mapping[str, Any],
    image: str,
    present_ids: Mapping[str, str],
    borrowed_volumes: frozenset[str],
    network_ids: Mapping[str, str] | None = None,
) -> Creation:
    """Turn a recipe into requests.

    Args:
        recipe: the `inspect` answer kept for the original.
        image: the name of its image, where that still means the same image, else the image's id.
        present_ids: from the ids of originals that have been recreated to the ids they have now; who shares their
            namespaces or volumes has to follow them.
        borrowed_volumes: names of the volumes that come along with `VolumesFrom`.
        network_ids: the ids that networks have now, by name: one may have been asked for by an id it no longer has, and
            one that the container was disconnected from may be gone.
    """
    host_config: dict[str, Any] = dict(recipe["HostConfig"])
    short_id = str(recipe["Id"])[:12]
    network_mode = str(host_config.get("NetworkMode") or "default")
    config = _config(recipe, image, network_mode, short_id)
    network_mode, by_name, left = _main_network(recipe, network_mode, network_ids or {})
    host_config["NetworkMode"] = network_mode
    for mode in ("NetworkMode", "PidMode", "IpcMode"):
        host_config[mode] = _follow(str(host_config.get(mode) or ""), present_ids)
    volumes_from: list[str] = host_config.get("VolumesFrom") or []
    host_config["VolumesFrom"] = [_follow_volumes(source, present_ids) for source in volumes_from] or None
    host_config["Mounts"] = _named_mounts(recipe) or None
    host_config["Binds"] = [*(host_config.get("Binds") or []), *_anonymous_volumes(recipe, borrowed_volumes)] or None
    host_config["ContainerIDFile"] = ""
    for field, always in _ENGINES_OWN_PATHS.items():
        if always <= set(host_config.get(field) or ()):
            host_config[field] = None  # a newer engine hides more than the one that made the original did

    endpoints = _endpoints(recipe, network_mode, short_id)
    main_network = by_name or ("bridge" if network_mode == "default" else network_mode)
    first = {network_mode: endpoints[main_network]} if main_network in endpoints else {}
    further = {name: endpoint for name, endpoint in endpoints.items() if name != main_network}
    body = {**config, "HostConfig": host_config, "NetworkingConfig": {"EndpointsConfig": first}}
    return Creation(body, further, () if left is None else (left,))


def _config(recipe: Mapping[str, Any], image: str, network_mode: str, short_id: str) -> dict[str, Any]:
    config: dict[str, Any] = {**recipe["Config"], "Image": image}
    if not config.get("Entrypoint") and config.get("Cmd"):
        config["Entrypoint"] = [""]  # none at all; null would bring back the image's own
    if not _owns_hostname(config, recipe["HostConfig"], short_id):
        config["Hostname"] = ""
    if _JOINED.fullmatch(network_mode):
        config["Domainname"] = ""
        config["ExposedPorts"] = None
    return config


def _main_network(
    recipe: Mapping[str, Any], network_mode: str, network_ids: Mapping[str, str]
) -> tuple[str, str | None, str | None]:
    """Return the network mode to ask for, the name of the network where that is an id, and the network to leave again."""
    by_name = network_name(recipe)
    if by_name is not None and not network_ids.get(by_name, "").startswith(network_mode):
        network_mode, by_name = by_name, None  # the network has been recreated, with another id
    left = _left_network(recipe, by_name or network_mode)
    if left is not None and left not in _DEFAULT_NETWORKS and left not in network_ids:
        attached = sorted(recipe["NetworkSettings"]["Networks"])
        if attached:  # newer engines start nothing on other networks whose network mode names one that is gone
            network_mode, left = attached[0], None
    return network_mode, by_name, left


def mode_network(recipe: Mapping[str, Any]) -> str | None:
    """Return the network that the engine attaches a container to because of its network mode, if there is one."""
    mode = str(recipe["HostConfig"].get("NetworkMode") or "default")
    if _JOINED.fullmatch(mode) or mode in {"host", "none"}:
        return None
    return network_name(recipe) or ("bridge" if mode == "default" else mode)


def _left_network(recipe: Mapping[str, Any], main_network: str) -> str | None:
    """Return the network that a container was made with and was disconnected from since."""
    settings: dict[str, Any] = recipe.get("NetworkSettings") or {}
    networks: dict[str, Any] | None = settings.get("Networks")
    if networks is None or recipe["Config"].get("NetworkDisabled") or mode_network(recipe) is None:
        return None
    name = "bridge" if main_network == "default" else main_network
    return None if name in networks else name


def _owns_hostname(config: Mapping[str, Any], host_config: Mapping[str, Any], short_id: str) -> bool:
    """Tell whether the hostname was asked for: not the short id, not that of the host or of another container."""
    borrowed = _JOINED.fullmatch(str(host_config.get("NetworkMode") or "")) or host_config.get("UTSMode") == "host"
    if host_config.get("NetworkMode") == "host" and not borrowed:
        # With the host's network the engine writes the host's name here, unless another one was asked for;
        # which of the two it is can't be known, and asking for the host's own name makes no difference.
        return config.get("Hostname") != short_id
    return not borrowed and config.get("Hostname") != short_id


def _follow(mode: str, present_ids: Mapping[str, str]) -> str:
    joined = _JOINED.fullmatch(mode)
    return mode if joined is None else f"container:{present_ids.get(joined['id'], joined['id'])}"


def _follow_volumes(source: str, present_ids: Mapping[str, str]) -> str:
    container, colon, mode = source.partition(":")
    return present_ids.get(container, container) + colon + mode


def _named_mounts(recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the mounts asked for, with the names of the volumes that the engine chose for those without one."""
    found: list[dict[str, Any]] = recipe.get("Mounts") or []
    names = {_place(mount["Destination"]): mount.get("Name") for mount in found if mount.get("Type") == "volume"}
    asked_for: list[dict[str, Any]] = recipe["HostConfig"].get("Mounts") or []
    return [
        {**mount, "Source": names[_place(mount["Target"])]}
        if mount.get("Type") == "volume" and not mount.get("Source") and _place(mount["Target"]) in names
        else mount
        for mount in asked_for
    ]


def _anonymous_volumes(recipe: Mapping[str, Any], borrowed: frozenset[str]) -> list[str]:
    """Name the volumes that were mounted without a name of their own, so that the same ones are mounted again."""
    host_config: dict[str, Any] = recipe["HostConfig"]
    binds: list[str] = host_config.get("Binds") or []
    mounts: list[dict[str, Any]] = host_config.get("Mounts") or []
    asked_for = {_destination(bind) for bind in binds} | {_place(mount.get("Target")) for mount in mounts}
    found: list[dict[str, Any]] = recipe.get("Mounts") or []
    return [
        f"{mount['Name']}:{mount['Destination']}" + ("" if mount.get("RW", True) else ":ro")
        for mount in found
        if mount.get("Type") == "volume"
        and _place(mount["Destination"]) not in asked_for
        and mount.get("Name") not in borrowed
    ]


def _destination(bind: str) -> str:
    parts = bind.split(":")
    return _place(parts[1] if len(parts) > 1 else parts[0])


def _place(path: object) -> str:
    """Spell a place in the container as the engine itself does: `/data//sub/.` is `/data/sub` to it."""
    return posixpath.normpath(f"/{str(path).lstrip('/')}")


def endpoints(inspect: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what was asked for of each network that a container is attached to, as requests for attaching it."""
    mode = str(inspect["HostConfig"].get("NetworkMode") or "default")
    return _endpoints(inspect, mode, str(inspect["Id"])[:12])


def _endpoints(recipe: Mapping[str, Any], network_mode: str, short_id: str) -> dict[str, dict[str, Any]]:
    """Return what was asked for of each network: addresses, aliases, links, driver options; nothing assigned."""
    settings: dict[str, Any] = recipe.get("NetworkSettings") or {}
    networks: dict[str, dict[str, Any] | None] = settings.get("Networks") or {}
    endpoints: dict[str, dict[str, Any]] = {}
    for name, kept in networks.items():
        endpoint = kept or {}
        if name in _DEFAULT_NETWORKS and name in {network_mode, "bridge" if network_mode == "default" else ""}:
            # The network mode alone says it, and these take no aliases; but driver options and a priority they do.
            if asked := {key: endpoint[key] for key in ("DriverOpts", "GwPriority") if endpoint.get(key)}:
                endpoints[name] = asked
            continue
        aliases: list[str] = endpoint.get("Aliases") or []
        endpoints[name] = {
            "IPAMConfig": endpoint.get("IPAMConfig"),
            "Links": endpoint.get("Links"),
            "Aliases": [alias for alias in aliases if alias != short_id] or None,
            "DriverOpts": endpoint.get("DriverOpts"),
        }
        if endpoint.get("GwPriority"):  # which network has the default route; engine 28 and later
            endpoints[name]["GwPriority"] = endpoint["GwPriority"]
    return endpoints
