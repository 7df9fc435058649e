"""Are two `inspect` answers equal, but for what the engine makes up itself each time?

What may differ is listed here, once, and nothing else may. A container may be made again; what a person asked for may not
change by that.
"""

from __future__ import annotations

import fnmatch
import json
import posixpath
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# Ids in any place, also within paths, hostnames and aliases, are replaced by the names of their containers beforehand.
MAY_DIFFER = (
    "Created",
    "State.Pid",
    "State.StartedAt",
    "State.FinishedAt",
    "State.Health.*",  # it begins anew
    "ExecIDs",  # what runs in it at this moment, as its health check does
    "GraphDriver.Data.*",  # the layers of the container itself
    "NetworkSettings.SandboxID",
    "NetworkSettings.SandboxKey",
    "NetworkSettings.EndpointID",
    "NetworkSettings.Networks.*.EndpointID",
)
# Maps whose keys a person chose: a key tells something even without a value.
KEYS_TELL = ("Volumes", "ExposedPorts", "Ports", "PortBindings", "Tmpfs", "Labels", "Options", "DriverOpts")
# Assigned by the engine, unless it was asked for.
ASSIGNED_ADDRESSES = {"IPAddress": "IPv4Address", "GlobalIPv6Address": "IPv6Address"}


def compare(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str], may_differ: Iterable[str] = ()
) -> list[str]:
    """The differences, each as one line; none for a container that is what it was.

    Args:
        before: the engine's `inspect` of the one.
        after: that of the other.
        names: from ids to names, for all containers that either of them may refer to.
        may_differ: what else may differ, as patterns like those of `MAY_DIFFER`.
    """
    patterns = (*MAY_DIFFER, *may_differ)
    old, new = (
        dict(_flatten(_prepare(inspect, names), "")) for inspect in (before, _name_volumes_as_asked(before, after))
    )
    return [
        f"{path}: {old.get(path, '(nothing)')!r} became {new.get(path, '(nothing)')!r}"
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path) and not any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)
    ]


def anonymous_volumes(inspect: Mapping[str, Any]) -> dict[str, str]:
    """Names of the volumes that nobody has named, by their places."""
    return {
        mount["Destination"]: mount["Name"]
        for mount in inspect["Mounts"]
        if mount["Type"] == "volume" and len(mount["Name"]) == 64
    }


def _name_volumes_as_asked(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Takes out of `after` the way in which an anonymous volume of `before` is mounted again: by its name."""
    changed: dict[str, Any] = json.loads(json.dumps(after))
    ours = anonymous_volumes(before)
    asked_before = set(before["HostConfig"].get("Binds") or [])
    binds: list[str] = changed["HostConfig"].get("Binds") or []
    again = {f"{name}:{place}{mode}" for place, name in ours.items() for mode in ("", ":ro", ":rw", ":z")}
    changed["HostConfig"]["Binds"] = [bind for bind in binds if bind in asked_before or bind not in again]
    mounts_before: list[dict[str, Any]] = before["HostConfig"].get("Mounts") or []
    mounts_after: list[dict[str, Any]] = changed["HostConfig"].get("Mounts") or []
    for request in mounts_after:
        if request not in mounts_before and ours.get(posixpath.normpath(request["Target"])) == request.get("Source"):
            del request["Source"]
    places_before = {mount["Destination"]: mount for mount in before["Mounts"]}
    for mount in changed["Mounts"]:
        if ours.get(mount["Destination"]) == mount.get("Name"):
            mount["Mode"] = places_before[mount["Destination"]]["Mode"]
    return changed


def _prepare(inspect: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    text = json.dumps(inspect)
    for id_, name in names.items():
        text = text.replace(id_, f"<id of {name}>").replace(id_[:12], f"<short id of {name}>")
    found: dict[str, Any] = json.loads(text)
    found["Mounts"] = {mount["Destination"]: mount for mount in found["Mounts"]}
    for mount in found["Mounts"].values():
        if mount["Type"] == "image":  # a folder of the container itself
            mount["Source"] = _told(mount["Source"])
    found["HostConfig"]["Links"] = sorted(found["HostConfig"].get("Links") or [])  # the engine itself keeps no order
    settings: dict[str, Any] = found["NetworkSettings"]
    # A MAC can be asked for in the first network only.
    first = found["HostConfig"]["NetworkMode"]
    first = "bridge" if first == "default" else first
    networks: dict[str, dict[str, Any]] = settings["Networks"] or {}
    for name, endpoint in {"bridge": settings, **{f"{name} itself": e for name, e in networks.items()}}.items():
        if not found["Config"].get("MacAddress") or name.removesuffix(" itself") != first:
            endpoint["MacAddress"] = _told(endpoint.get("MacAddress"))
        endpoint["Aliases"] = sorted(endpoint.get("Aliases") or [])  # Compose asks for them in no order
        asked_for: dict[str, Any] = endpoint.get("IPAMConfig") or {}
        for field, asked in ASSIGNED_ADDRESSES.items():
            if not asked_for.get(asked):
                endpoint[field] = _told(endpoint.get(field))
    bindings: dict[str, list[dict[str, str]] | None] = found["HostConfig"].get("PortBindings") or {}
    ports: dict[str, list[dict[str, str]] | None] = settings.get("Ports") or {}
    for container_port, places in ports.items():
        wanted = [place.get("HostPort", "") for place in bindings.get(container_port) or []]
        if places and not all(port.isdigit() for port in wanted or [""]):
            for place in places:
                place["HostPort"] = _told(place["HostPort"])
    return found


def _told(value: str | None) -> str:
    return "(assigned)" if value else ""


def _flatten(items: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """Every leaf with its path; null, "" and empty collections are the same to the engine, so they are left out."""
    keys_tell = path.rpartition(".")[2] in KEYS_TELL
    for key, inner in items.items():
        inner_path = f"{path}.{key}" if path else key
        if isinstance(inner, dict) and inner:
            yield from _flatten(cast("dict[str, Any]", inner), inner_path)
        elif inner not in (None, "", [], {}):
            yield inner_path, inner
        elif keys_tell:
            yield inner_path, "(there)"
