"""What is mounted where, by meaning: `-v`, `--mount`, `--tmpfs` and each compose spell it in fields of their own. Pure."""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANONYMOUS_VOLUME = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"(?P<number>\d+)(?P<unit>[kmg]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_TMPFS_DEFAULTS = frozenset({"rw", "nosuid", "nodev", "noexec"})  # the engine's own, moby pkg/mount
_TMPFS_FIELDS = {"SizeBytes": "size={}", "Mode": "mode={:o}"}  # of `--mount`, as `--tmpfs` spells them
_OPTIONS_IN_MODE = frozenset({"z", "Z", "nocopy"})  # the rest of it is told by RW and Propagation as well
_ASKED = ("TmpfsOptions", "VolumeOptions", "BindOptions", "ImageOptions", "ClusterOptions")
_TOLD_ELSEWHERE = frozenset({"Propagation", "CreateMountpoint", "NoCopy"})
"""Of these the first is told by the mount itself; the second matters only until it is made; the third is an option."""


def normalised(path: object) -> str:
    """Return a path as the kernel reads it: `//`, `.`, `..` and a slash at the end mean nothing."""
    text = str(path or "")
    return re.sub(r"^/+", "/", posixpath.normpath(text)) if text.startswith("/") else text


def inner(fields: Mapping[str, Any] | None, key: str) -> dict[str, Any]:
    """Return an object inside of another, empty where there is none."""
    return (fields or {}).get(key) or {}


def listed(fields: Mapping[str, Any], key: str) -> list[Any]:
    """Return a list inside of an object, empty where there is none."""
    return fields.get(key) or []


def mounts(inspect: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return by place what is mounted there: kind, source, and whatever is not the default."""
    host_config = inner(inspect, "HostConfig")
    requests: list[dict[str, Any]] = host_config.get("Mounts") or []
    asked = {normalised(request.get("Target")): request for request in requests}
    binds: list[str] = host_config.get("Binds") or []
    modes = {normalised(parts[1]): parts[2] for parts in (bind.split(":") for bind in binds) if len(parts) > 2}
    found: list[dict[str, Any]] = inspect.get("Mounts") or []
    result: dict[str, tuple[str, ...]] = {}
    for mount in found:
        place = normalised(mount.get("Destination"))
        result[place] = _mount(mount, asked.get(place) or {}, modes.get(place, ""))
    # What is asked for and not there (yet) counts by its options only, as the engine tells of it in no other field.
    for place in asked.keys() - result.keys():
        options = _options(asked[place])
        if options:
            result[place] = (str(asked[place].get("Type")), *options)
    tmpfs: dict[str, str] = host_config.get("Tmpfs") or {}
    return result | {normalised(place): ("tmpfs", *_tmpfs_options(options)) for place, options in tmpfs.items()}


def _mount(mount: Mapping[str, Any], request: Mapping[str, Any], mode: str) -> tuple[str, ...]:
    kind = str(mount.get("Type"))
    name, source = str(mount.get("Name") or ""), normalised(mount.get("Source"))
    if kind == "volume":
        source = "" if _ANONYMOUS_VOLUME.fullmatch(name) else name  # an anonymous volume's name is nobody's choice
    elif kind == "image":
        source = str(request.get("Source") or name)  # the engine's own source is a folder of this container alone
    words = {*mode.split(","), *str(mount.get("Mode") or "").split(",")} & _OPTIONS_IN_MODE
    if inner(request, "VolumeOptions").get("NoCopy"):
        words.add("nocopy")
    # The engine itself says z of volumes for which nobody said anything.
    words -= {"z"} if kind == "volume" else set()
    # An image is mounted read-only, whatever is said.
    writable = kind == "image" or bool(mount.get("RW", True))
    propagation = str(mount.get("Propagation") or "rprivate")
    told = [kind, source, "" if writable else "read-only", "" if propagation == "rprivate" else propagation]
    return tuple(word for word in (*told, *sorted(words), *_options(request)) if word)


def _options(request: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options that a mount was asked for with, as text that can be sorted."""
    found: list[str] = []
    for name, value in (pair for kind in _ASKED for pair in inner(request, kind).items()):
        if name in _TOLD_ELSEWHERE or not value or (name == "DriverConfig" and _is_local(value)):
            continue
        if name == "Options":
            found += ["=".join(option) for option in value]
        elif name in _TMPFS_FIELDS:
            found.append(_TMPFS_FIELDS[name].format(value))
        else:
            plain = normalised(f"/{value}").removeprefix("/") if name == "Subpath" else value
            found.append(f"{name}={json.dumps(plain, sort_keys=True)}")
    return tuple(sorted(set(found) - _TMPFS_DEFAULTS))


def _is_local(driver: Mapping[str, Any]) -> bool:
    return driver.get("Name") in {None, "", "local"} and not driver.get("Options")


def _tmpfs_options(text: str) -> tuple[str, ...]:
    """Return the options of `--tmpfs` that are not the default; of two for one thing the last is in force."""
    options: dict[str, str] = {}
    for word in filter(None, text.split(",")):
        key, _, value = word.partition("=")
        size = _SIZE.fullmatch(value) if key == "size" else None
        if size is not None:
            value = str(int(size["number"]) * _UNITS[size["unit"].lower()])
        options[key] = value.lstrip("0") if key == "mode" else value
    return tuple(
        sorted(f"{key}={value}" if value else key for key, value in options.items() if key not in _TMPFS_DEFAULTS)
    )
