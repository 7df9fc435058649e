"""What is mounted in a service, and the definitions of named volumes. Pure."""

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .json_fields import inner, listed
from .names import COMPOSE, Names

_NAMELESS = re.compile(r"[0-9a-f]{64}")
_SELINUX = ("z", "Z")


def add_mounts(fields: dict[str, Any], lost: list[str], inspect: Mapping[str, Any], image: Mapping[str, Any]) -> None:
    """Add `volumes` and `tmpfs` to a service.

    What is asked for counts, not what is mounted: that includes the volumes of other containers (`volumes_from`). Volumes
    without a name are asked for without one: their data are of this engine alone.
    """
    host_config: dict[str, Any] = inspect["HostConfig"]
    mounted = {_place(mount["Destination"]): mount for mount in listed(inspect, "Mounts")}
    of_image = {_place(place) for place in inner(image, "Volumes")}
    mounts: dict[str, dict[str, Any] | None] = {}
    for bind in listed(host_config, "Binds"):
        parts = str(bind).split(":")
        place = _place(parts[1] if len(parts) > 1 else parts[0])
        words = parts[2].split(",") if len(parts) > 2 else []
        mounts[place] = _bound(parts[0], place, words, mounted.get(place) or {})
    for request in listed(host_config, "Mounts"):
        mounts[_place(request["Target"])] = _requested(request, lost)
    tmpfs: dict[str, str] = inner(host_config, "Tmpfs")
    for place in inner(inspect["Config"], "Volumes"):
        if _place(place) not in of_image | {_place(one) for one in tmpfs}:
            mounts.setdefault(_place(place), {"type": "volume", "target": _place(place)})
    plain = [{"type": "volume", "target": place} for place in of_image]
    if kept := [mount for _, mount in sorted(mounts.items()) if mount and mount not in plain]:
        fields["volumes"] = kept
    if tmpfs:
        fields["tmpfs"] = [f"{place}:{options}" if options else place for place, options in sorted(tmpfs.items())]


def add_volumes_from(fields: dict[str, Any], lost: list[str], sources: Sequence[str], names: Names) -> None:
    """Add `volumes_from`."""
    found: list[str] = []
    for source in sources:
        container, colon, mode = source.partition(":")
        service = names.service(container)
        if service is None:
            lost.append(f"it uses the volumes of {container}, which is no original")
        else:
            found.append(f"{service}{colon}{mode}")
            if mode.split(",").count("ro"):
                lost.append(f"the volumes of {names.container(container)} are read-only to it, which compose ignores")
    if found:
        fields["volumes_from"] = found


def volume_definitions(volumes: Sequence[Mapping[str, Any]], services: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the definitions of the named volumes that services mount."""
    known = {str(volume["Name"]): volume for volume in volumes}
    used = {mount["source"] for service in services for mount in listed(service, "volumes") if _is_named(mount)}
    return {name: _definition(name, inner(known, name)) for name in sorted(used)}


def _definition(name: str, volume: Mapping[str, Any]) -> dict[str, Any]:
    if volume.get("ClusterVolume"):
        return {"name": name, "external": True}
    labels: dict[str, str] = inner(volume, "Labels")
    fields = {
        "driver": None if volume.get("Driver") == "local" else volume.get("Driver"),
        "driver_opts": volume.get("Options"),
        "labels": {key: value for key, value in sorted(labels.items()) if not key.startswith(COMPOSE)},
    }
    return {"name": name, **{key: value for key, value in fields.items() if value}}


def _is_named(mount: Mapping[str, Any]) -> bool:
    return mount["type"] == "volume" and "source" in mount


def _bound(source: str, place: str, words: list[str], mounted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked for by `--volume`; a folder that is gone is not made anew, as an empty one."""
    is_path = source.startswith("/")
    mount: dict[str, Any] = {"type": "bind" if is_path else "volume"}
    if is_path or not _NAMELESS.fullmatch(source):
        mount |= {"source": source}
    mount["target"] = place
    if "ro" in words or mounted.get("RW") is False:
        mount["read_only"] = True
    if is_path:
        propagation = mounted.get("Propagation") or ""
        selinux = next((word for word in words if word in _SELINUX), None)
        mount["bind"] = {"create_host_path": False}
        mount["bind"] |= {"propagation": propagation} if propagation not in {"", "rprivate"} else {}
        mount["bind"] |= {"selinux": selinux} if selinux else {}
    elif "nocopy" in words:
        mount["volume"] = {"nocopy": True}
    return mount


def _requested(request: Mapping[str, Any], lost: list[str]) -> dict[str, Any]:
    """Return what was asked for by `--mount`."""
    kind, place = str(request["Type"]), _place(request["Target"])
    mount: dict[str, Any] = {"type": kind}
    source = str(request.get("Source") or "")
    if source and not (kind == "volume" and _NAMELESS.fullmatch(source)):
        mount["source"] = source
    mount["target"] = place
    if request.get("ReadOnly"):
        mount["read_only"] = True
    options: dict[str, Any] = {
        key: value
        for name in ("BindOptions", "VolumeOptions", "TmpfsOptions", "ImageOptions")
        for key, value in inner(request, name).items()
        if value
    }
    words = {
        "bind": {"create_host_path": bool(options.pop("CreateMountpoint", False))},
        "volume": {"nocopy": options.pop("NoCopy", None)},
        "tmpfs": {"size": options.pop("SizeBytes", None), "mode": options.pop("Mode", None)},
    }.get(kind, {})
    words |= {"propagation": options.pop("Propagation", None), "subpath": options.pop("Subpath", None)}
    if known := {key: value for key, value in words.items() if value is not None}:
        mount[kind] = known
    if options:
        lost.append(f"of the mount at {place}: {', '.join(sorted(options))}")
    return mount


def _place(path: object) -> str:
    """Spell a place in the container as the engine itself does."""
    return posixpath.normpath(f"/{str(path).lstrip('/')}")
