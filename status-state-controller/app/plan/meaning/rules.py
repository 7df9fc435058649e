"""The rules by which single fields of `Config` and `HostConfig` are reduced to their meaning. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from .mounts import normalised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SECOND = 1_000_000_000
"""In nanoseconds, as the engine counts; and so are parts of a processor."""


def is_absent(value: Any) -> bool:
    """Tell whether a value is what the engine takes a missing field for."""
    return value is None or value is False or value == 0 or (isinstance(value, (str, tuple, list, dict)) and not value)


def as_set(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return values of which neither the order nor the number counts, in an order of their own."""
    return tuple(sorted(set(values), key=str))


def _plain(value: Any) -> Any:
    """Return JSON without what is empty, as text where it is nested: that can be compared, sorted and shown."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        kept = {key: one for key, one in fields.items() if not is_absent(one)}
        return json.dumps(kept, sort_keys=True) if kept else None
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return tuple(one if isinstance(one, str) else json.dumps(one, sort_keys=True) for one in items)
    return value


def reduce_field(key: str, value: Any) -> Any:
    """Reduce one field of `Config` or `HostConfig` that stands for itself."""
    rule = _RULES.get(key)
    return _plain(value) if rule is None else rule(value)


def _capabilities(value: list[str] | None) -> tuple[str, ...]:
    found = {name.upper().removeprefix("CAP_") for name in value or []}
    return ("ALL",) if "ALL" in found else as_set(found)


def _default(*defaults: Any) -> Callable[[Any], Any]:
    """Leave a field out when it says what the engine does anyway; zero is kept, unless it is among these."""
    return lambda value: None if value in defaults else (value,)


def _command(value: list[str] | None) -> tuple[str, ...]:
    return () if value == [""] else tuple(value or [])


def _signal(value: str | None) -> str | None:
    name = str(value or "").upper().removeprefix("SIG")
    return None if name in {"", "TERM", "15"} else name


def _healthcheck(value: Mapping[str, Any] | None) -> tuple[Any, ...]:
    check = value or {}
    if not check.get("Test") or check["Test"] == ["NONE"]:
        return ()
    # The engine's own, moby daemon/health.go.
    defaults = {"Interval": 30 * SECOND, "Timeout": 30 * SECOND, "Retries": 3, "StartInterval": 5 * SECOND}
    timing = {key: check.get(key) or defaults.get(key, 0) for key in (*defaults, "StartPeriod")}
    told = (f"{key}={value}" for key, value in timing.items() if value != defaults.get(key, 0))
    return (*check["Test"], *told)


def _restart_policy(value: Mapping[str, Any] | None) -> str | None:
    policy = value or {}
    name, most = policy.get("Name"), policy.get("MaximumRetryCount")
    return None if name in {None, "", "no"} else f"{name}:{most}" if name == "on-failure" and most else str(name)


def _devices(value: list[dict[str, Any]] | None) -> tuple[str, ...]:
    found: list[str] = []
    for device in value or []:
        outside = normalised(device.get("PathOnHost"))
        rights = "".join(sorted(device.get("CgroupPermissions") or "rwm"))
        found.append(f"{outside}:{normalised(device.get('PathInContainer')) or outside}:{rights}")
    return as_set(found)


def _device_requests(value: list[dict[str, Any]] | None) -> tuple[str, ...]:
    found: list[str] = []
    for request in value or []:
        plain = {key: one for key, one in request.items() if not is_absent(one)}
        for key, one in plain.items():
            if isinstance(one, list):  # of ids, or of capabilities of which any will do
                plain[key] = sorted((sorted(x) if isinstance(x, list) else x for x in one), key=str)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # JSON
        found.append(json.dumps(plain, sort_keys=True))
    return as_set(found)


def _json_set(value: list[dict[str, Any]] | None) -> tuple[str, ...]:
    return as_set(json.dumps(one, sort_keys=True) for one in value or [])


def _set(value: list[str] | None) -> tuple[str, ...]:
    return as_set(" ".join(str(one).split()) for one in value or [])


def _cpus(value: str | None) -> str:
    """Return a list of processors, each by its number: `0-2` is `0,1,2`."""
    numbers: set[int] = set()
    for part in filter(None, str(value or "").replace(" ", "").split(",")):
        first, _, last = part.partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            return str(value)
        numbers |= set(range(int(first), min(int(last or first), 4096) + 1))
    return ",".join(map(str, sorted(numbers)))


def _extra_hosts(value: list[str] | None) -> tuple[str, ...]:
    """Return further hosts, sorted; several addresses of one keep their order."""
    return tuple(sorted(value or [], key=lambda line: line.partition(":")[0]))


_RULES: dict[str, Callable[[Any], Any]] = {
    "CapAdd": _capabilities,
    "CapDrop": _capabilities,
    "GroupAdd": _set,
    "DeviceCgroupRules": _set,
    "DnsOptions": _set,
    "Dns": lambda value: tuple(value or []),  # the order counts, as that of DnsSearch does
    "Devices": _devices,
    "DeviceRequests": _device_requests,
    **dict.fromkeys(("BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps"), _json_set),
    **dict.fromkeys(("BlkioDeviceReadIOps", "BlkioDeviceWriteIOps"), _json_set),
    "ExtraHosts": _extra_hosts,
    "Cmd": _command,
    "Entrypoint": _command,
    "Healthcheck": _healthcheck,
    "RestartPolicy": _restart_policy,
    "StopSignal": _signal,
    "StopTimeout": _default(None, 10),
    "WorkingDir": lambda value: None if normalised(value) == "/" else normalised(value),
    "MemorySwappiness": _default(None, -1),
    **dict.fromkeys(("KernelMemory", "KernelMemoryTCP"), _default(None)),  # zero is told by engines before 24 only
    "PidsLimit": _default(None, 0, -1),
    "ShmSize": _default(None, 0, 64 << 20),
    "VolumeDriver": _default(None, "", "local"),
    "Isolation": _default(None, "", "default"),
    "Runtime": _default(None, "", "runc", "io.containerd.runc.v2", "io.containerd.runtime.v1.linux"),
    "CpusetCpus": _cpus,
    "CpusetMems": _cpus,
}
