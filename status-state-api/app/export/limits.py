"""What a service may use and do: `HostConfig` in the words of compose. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from .json_fields import inner, listed

SECOND = 1_000_000_000
"""In nanoseconds, as the engine counts; and so are parts of a processor."""
_DEFAULT_SHM = 64 << 20

_SAME = {
    "UTSMode": "uts", "UsernsMode": "userns_mode", "CgroupParent": "cgroup_parent", "CgroupnsMode": "cgroup",
    "Privileged": "privileged", "ReadonlyRootfs": "read_only", "CapAdd": "cap_add", "CapDrop": "cap_drop",
    "GroupAdd": "group_add", "DeviceCgroupRules": "device_cgroup_rules", "Sysctls": "sysctls",
    "Dns": "dns", "DnsSearch": "dns_search", "DnsOptions": "dns_opt", "ExtraHosts": "extra_hosts",
    "CpuShares": "cpu_shares", "CpuPeriod": "cpu_period", "CpuQuota": "cpu_quota", "CpusetCpus": "cpuset",
    "CpuRealtimePeriod": "cpu_rt_period", "CpuRealtimeRuntime": "cpu_rt_runtime", "CpuCount": "cpu_count",
    "CpuPercent": "cpu_percent", "Memory": "mem_limit", "MemoryReservation": "mem_reservation",
    "OomKillDisable": "oom_kill_disable", "OomScoreAdj": "oom_score_adj", "StorageOpt": "storage_opt",
    "Annotations": "annotations",
}  # fmt: skip
"""What is spelt alike."""

HANDLED_LIMITS = frozenset(_SAME) | {
    *("Runtime", "Isolation", "SecurityOpt", "MaskedPaths", "ReadonlyPaths", "Devices", "DeviceRequests", "LogConfig"),
    *("Ulimits", "ShmSize", "PidsLimit", "NanoCpus", "MemorySwap", "MemorySwappiness", "VolumeDriver"),
    *("BlkioWeight", "BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps"),
    *("BlkioDeviceReadIOps", "BlkioDeviceWriteIOps"),
}
_OWN_PATHS = {"MaskedPaths": {"/proc/kcore", "/sys/firmware"}, "ReadonlyPaths": {"/proc/sys"}}
"""What every engine hides or protects by itself (moby, oci/defaults.go): a list without these is a person's."""


def add_limits(fields: dict[str, Any], lost: list[str], host_config: Mapping[str, Any]) -> None:
    """Add to a service what it may use and do."""
    fields |= {word: value for key, word in _SAME.items() if (value := host_config.get(key))}
    runtime, isolation = host_config.get("Runtime"), host_config.get("Isolation")
    fields["runtime"] = None if runtime in {"runc", "io.containerd.runc.v2"} else runtime
    fields["isolation"] = None if isolation == "default" else isolation
    fields["devices"] = [
        f"{one['PathOnHost']}:{one['PathInContainer']}:{one.get('CgroupPermissions') or 'rwm'}"
        for one in listed(host_config, "Devices")
    ]
    log: dict[str, Any] = inner(host_config, "LogConfig")
    if log.get("Type"):
        options: dict[str, str] = inner(log, "Config")
        fields["logging"] = {"driver": log["Type"], **({"options": options} if options else {})}
    if host_config.get("VolumeDriver") not in {None, "", "local"}:
        lost.append("its volumes are made by a driver of its own")
    _add_security(fields, lost, host_config)
    _add_amounts(fields, lost, host_config)
    _add_block_io(fields, host_config)
    _add_gpus(fields, lost, listed(host_config, "DeviceRequests"))


def seconds(nanoseconds: int) -> str:
    """Write a duration as compose reads it: `7s`, `1500000us`."""
    return f"{nanoseconds // SECOND}s" if nanoseconds % SECOND == 0 else f"{nanoseconds / 1000:.0f}us"


def _add_amounts(fields: dict[str, Any], lost: list[str], host_config: Mapping[str, Any]) -> None:
    if cpus := host_config.get("NanoCpus"):
        fields["cpus"] = cpus / SECOND
    memory, swap = host_config.get("Memory") or 0, host_config.get("MemorySwap") or 0
    fields["memswap_limit"] = None if swap == 2 * memory else swap  # the engine's default
    swappiness = host_config.get("MemorySwappiness")
    if swappiness == 0:  # which compose takes for nothing said
        lost.append("its memory is not swapped (MemorySwappiness 0)")
    elif swappiness not in {None, -1}:
        fields["mem_swappiness"] = swappiness
    pids, shm = host_config.get("PidsLimit") or 0, host_config.get("ShmSize") or 0
    fields["pids_limit"] = pids if pids > 0 else None
    fields["shm_size"] = shm if shm not in {0, _DEFAULT_SHM} else None
    ulimits: list[dict[str, Any]] = listed(host_config, "Ulimits")
    fields["ulimits"] = {one["Name"]: {"soft": one.get("Soft") or 0, "hard": one.get("Hard") or 0} for one in ulimits}


def _add_security(fields: dict[str, Any], lost: list[str], host_config: Mapping[str, Any]) -> None:
    """Add the security options; a profile that was read from a file is in the recipe itself, and has no file here."""
    options: list[str] = listed(host_config, "SecurityOpt")
    kept = [one for one in options if "{" not in one]
    if len(kept) < len(options):
        lost.append("its seccomp profile, which was a file: security_opt names the file")
    opened = [key for key, always in _OWN_PATHS.items() if not always <= set(host_config.get(key) or always)]
    emptied = [key for key in _OWN_PATHS if host_config.get(key) == []]
    if emptied == list(_OWN_PATHS):
        kept = [*(one for one in kept if not one.startswith("systempaths")), "systempaths=unconfined"]
    else:
        lost += [f"its own {key}" for key in dict.fromkeys([*opened, *emptied])]
    fields["security_opt"] = kept


def _add_block_io(fields: dict[str, Any], host_config: Mapping[str, Any]) -> None:
    rates = {
        "device_read_bps": "BlkioDeviceReadBps",
        "device_write_bps": "BlkioDeviceWriteBps",
        "device_read_iops": "BlkioDeviceReadIOps",
        "device_write_iops": "BlkioDeviceWriteIOps",
    }
    found: dict[str, Any] = {"weight": host_config.get("BlkioWeight")}
    found["weight_device"] = [
        {"path": one["Path"], "weight": one["Weight"]} for one in listed(host_config, "BlkioWeightDevice")
    ]
    for word, key in rates.items():
        found[word] = [{"path": one["Path"], "rate": one["Rate"]} for one in listed(host_config, key)]
    fields["blkio_config"] = {key: value for key, value in found.items() if value}


def _cdi_device(name: str) -> str | dict[str, str]:
    """Return a device that a CDI specification on the host names; a colon would end the short form."""
    return {"source": name, "target": name} if ":" in name else name


def _add_gpus(fields: dict[str, Any], lost: list[str], requests: Sequence[Mapping[str, Any]]) -> None:
    devices: list[dict[str, Any]] = []
    for request in requests:
        capabilities: list[list[str]] = listed(request, "Capabilities")
        ids, count = listed(request, "DeviceIDs"), request.get("Count")
        if request.get("Driver") == "cdi" and not capabilities:  # `--device vendor.com/class=name`
            fields["devices"] += [_cdi_device(name) for name in ids]
            continue
        if len(capabilities) != 1:
            which = "one of several sets of capabilities" if capabilities else "no capability named"
            lost.append(f"devices of the driver {request.get('Driver') or '(none named)'}, with {which}")
            continue
        device: dict[str, Any] = {"driver": request.get("Driver"), "capabilities": capabilities[0]}
        device |= {"device_ids": ids} if ids else {"count": "all" if count == -1 else count}
        device["options"] = request.get("Options")
        devices.append({key: value for key, value in device.items() if value})
    if devices:
        fields["deploy"] = {"resources": {"reservations": {"devices": devices}}}
