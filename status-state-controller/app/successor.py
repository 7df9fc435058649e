"""Is this container made from the same image and the same configuration as that original? Pure.

Compose and plain `docker run` make a new container where an old one stood; when nothing but the container's identity
has changed it is a *successor* and takes the original's place. Two `inspect` answers are reduced to what a person
configured and compared. What compose and the engine add of their own does not count, and of volumes only what is
mounted where counts, because compose v1, v2 and `docker run` spell the same mount in different fields.
"""

from __future__ import annotations

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
_ANONYMOUS_VOLUME = re.compile(r"[0-9a-f]{64}")
_CONFIG_LEFT_OUT = frozenset({"Image", "Hostname", "Env", "Labels", "Volumes", "MacAddress"})
_HOST_CONFIG_LEFT_OUT = frozenset({"Binds", "Mounts", "ContainerIDFile", "ConsoleSize"})


def is_successor(recipe: Mapping[str, Any], candidate: Mapping[str, Any]) -> bool:
    """Compare two `inspect` answers: the one kept for an original, and that of the container which holds its name."""
    return recipe.get("Image") == candidate.get("Image") and _configured(recipe) == _configured(candidate)


def _configured(inspect: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce an `inspect` answer to what a person configured."""
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
        "host_config": _filled(inspect.get("HostConfig") or {}, _HOST_CONFIG_LEFT_OUT),
        "hostname": None if hostname == short_id else hostname,
        "environment": sorted(line for line in environment if not line.startswith(_AFFINITY)),
        "labels": {k: v for k, v in labels.items() if k not in _COMPOSE_BOOKKEEPING},
        "mounts": sorted(_mount(mount) for mount in mounts),
        "networks": {
            name: _endpoint(endpoint, short_id, str(inspect.get("Name", "")).removeprefix("/"))
            for name, endpoint in networks.items()
        },
    }


def _filled(fields: Mapping[str, Any], left_out: frozenset[str]) -> dict[str, Any]:
    """Leave out fields that are empty: null, [], {} and "" are the same to the engine, and each client picks one."""
    return {key: value for key, value in fields.items() if key not in left_out and value not in (None, [], {}, "")}


def _mount(mount: Mapping[str, Any]) -> tuple[str, str, str, bool]:
    """Reduce a mount to kind, place, source and writability; an anonymous volume's name is nobody's choice."""
    name = str(mount.get("Name") or "")
    if mount.get("Type") == "volume":
        source = "" if _ANONYMOUS_VOLUME.fullmatch(name) else name
    else:
        source = str(mount.get("Source") or "")
    return str(mount.get("Type")), str(mount.get("Destination")), source, bool(mount.get("RW", True))


def _endpoint(endpoint: Mapping[str, Any] | None, short_id: str, name: str) -> dict[str, Any]:
    """Reduce a network attachment to what was asked for: a static address, links, and aliases of one's own."""
    endpoint = endpoint or {}
    return {
        "addresses": _filled(endpoint.get("IPAMConfig") or {}, frozenset()),
        "links": sorted(endpoint.get("Links") or []),
        "aliases": sorted(set(endpoint.get("Aliases") or []) - {short_id, name}),
    }
