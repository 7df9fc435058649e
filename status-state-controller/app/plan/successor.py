"""Is this container made from the same image and the same configuration as that original? Pure.

Compose and plain `docker run` make a new container where an old one stood; when nothing but the container's identity
has changed it is a *successor* and takes the original's place. Two `inspect` answers are reduced to what a person
configured and compared. What compose and the engine add of their own does not count, and of volumes only what is
mounted where counts, because compose v1, v2 and `docker run` spell the same mount in different fields.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMPOSE_BOOKKEEPING = frozenset(
    {
        "com.docker.compose.replace",  # v2: which container this one replaces
        "com.docker.compose.config-hash",  # how compose sees the configuration that is compared here itself
        "com.docker.compose.version",
    }
)
_AFFINITY = "affinity:container=="  # compose v1 adds it to the environment of what it recreates
_ID = re.compile(r"[0-9a-f]{12,64}")
_ANONYMOUS_VOLUME = re.compile(r"[0-9a-f]{64}")
_CONFIG_LEFT_OUT = frozenset({"Image", "Hostname", "Env", "Labels", "Volumes"})
_JOINING = ("IpcMode", "PidMode")
_HOST_CONFIG_LEFT_OUT = frozenset(
    {"Binds", "Mounts", "VolumesFrom", "ContainerIDFile", "ConsoleSize", "NetworkMode", *_JOINING}
)


def is_successor(recipe: Mapping[str, Any], candidate: Mapping[str, Any], names: Mapping[str, str]) -> bool:
    """Compare two `inspect` answers.

    Args:
        recipe: the one kept for an original.
        candidate: that of the container which holds its name.
        names: from ids to names of originals and of what is on the engine: who shares another container's namespaces
            shares those of its successor as well.
    """
    return recipe.get("Image") == candidate.get("Image") and _configured(recipe, names) == _configured(candidate, names)


def _configured(inspect: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Reduce an `inspect` answer to what a person configured."""
    host_config: dict[str, Any] = inspect.get("HostConfig") or {}
    mount_requests: list[dict[str, Any]] = host_config.get("Mounts") or []
    volumes_from: list[str] = host_config.get("VolumesFrom") or []
    config: dict[str, Any] = inspect.get("Config") or {}
    environment: list[str] = config.get("Env") or []
    labels: dict[str, str] = config.get("Labels") or {}
    mounts: list[dict[str, Any]] = inspect.get("Mounts") or []
    network_settings: dict[str, Any] = inspect.get("NetworkSettings") or {}
    networks: dict[str, Any] = network_settings.get("Networks") or {}
    short_id = str(inspect.get("Id", ""))[:12]
    hostname = config.get("Hostname")
    return {
        "config": _filled(config, _CONFIG_LEFT_OUT),
        "host_config": _filled(host_config, _HOST_CONFIG_LEFT_OUT),
        "joined": {mode: _by_name(str(host_config.get(mode) or ""), names) for mode in _JOINING},
        "main_network": network_name(inspect) or _by_name(str(host_config.get("NetworkMode") or ""), names),
        "volumes_from": sorted(names.get(ref.partition(":")[0], ref) for ref in volumes_from),
        "mount_options": sorted(_options(request) for request in mount_requests if _options(request)[1]),
        "hostname": None if hostname == short_id else hostname,
        "environment": sorted(line for line in environment if not line.startswith(_AFFINITY)),
        "labels": {k: v for k, v in labels.items() if k not in _COMPOSE_BOOKKEEPING},
        "mounts": sorted(_mount(mount) for mount in mounts),
        "networks": {
            name: _endpoint(endpoint, short_id, str(inspect.get("Name", "")).removeprefix("/"))
            for name, endpoint in networks.items()
        },
    }


def network_name(recipe: Mapping[str, Any]) -> str | None:
    """Return the name of the network that a container was given by its id; None where it was given by name."""
    mode = str(recipe["HostConfig"].get("NetworkMode") or "")
    settings: dict[str, Any] = recipe.get("NetworkSettings") or {}
    networks: dict[str, dict[str, Any] | None] = settings.get("Networks") or {}
    if mode in networks or not _ID.fullmatch(mode):
        return None
    return next((name for name, end in networks.items() if str((end or {}).get("NetworkID")).startswith(mode)), None)


def _filled(fields: Mapping[str, Any], left_out: frozenset[str]) -> dict[str, Any]:
    """Leave out fields that are empty: null, [], {} and "" are the same to the engine, and each client picks one."""
    return {key: value for key, value in fields.items() if key not in left_out and value not in (None, [], {}, "")}


def _by_name(mode: str, names: Mapping[str, str]) -> str:
    kind, colon, reference = mode.partition(":")
    return f"{kind}:{names.get(reference, reference)}" if kind == "container" and colon else mode


def _options(request: Mapping[str, Any]) -> tuple[str, str]:
    """Return the place of a mount and the options it was asked for with, as text that can be sorted."""
    kinds = ("TmpfsOptions", "VolumeOptions", "BindOptions")
    options = {kind: request[kind] for kind in kinds if request.get(kind)}
    return str(request.get("Target")), json.dumps(options, sort_keys=True) if options else ""


def _mount(mount: Mapping[str, Any]) -> tuple[str, str, str, bool, str]:
    """Reduce a mount to what was asked for; an anonymous volume's name is nobody's choice."""
    name = str(mount.get("Name") or "")
    if mount.get("Type") == "volume":
        source = "" if _ANONYMOUS_VOLUME.fullmatch(name) else name
    else:
        source = str(mount.get("Source") or "")
    kind, place = str(mount.get("Type")), str(mount.get("Destination"))
    return kind, place, source, bool(mount.get("RW", True)), str(mount.get("Propagation") or "")


def _endpoint(endpoint: Mapping[str, Any] | None, short_id: str, name: str) -> dict[str, Any]:
    """Reduce a network attachment to what was asked for: a static address, links, and aliases of one's own."""
    endpoint = endpoint or {}
    return {
        "addresses": _filled(endpoint.get("IPAMConfig") or {}, frozenset()),
        "links": sorted(endpoint.get("Links") or []),
        "driver_options": _filled(endpoint.get("DriverOpts") or {}, frozenset()),
        "aliases": sorted(set(endpoint.get("Aliases") or []) - {short_id, name}),
    }
