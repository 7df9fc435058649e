"""What a person configured, by its meaning: an `inspect` answer as flat fields that can be compared and named. Pure.

Clients and engines spell the same thing in many ways, and an engine fills in what nobody asked for, each version
something else. A field is left out here when it says no more than the engine does by itself. What is not known here,
because a later engine brought it, is compared as it stands, unless it is empty, zero or false.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from .mounts import inner, listed, mounts
from .rules import SECOND, as_set, is_absent, reduce_field

if TYPE_CHECKING:
    from collections.abc import Mapping

Fields = dict[str, Any]
"""By a name that people can read: text, numbers, or tuples of them."""

_COMPOSE_BOOKKEEPING = frozenset(
    {
        "com.docker.compose.replace",  # v2: which container this one replaces
        "com.docker.compose.config-hash",  # how compose sees the configuration that is compared here itself
        "com.docker.compose.version",
        "com.docker.compose.image",  # the image, which is compared itself
        "com.docker.compose.project.config_files",  # where the compose file lies: it may be moved, or be an export
        "com.docker.compose.project.working_dir",
        "com.docker.compose.project.environment_file",
    }
)
_AFFINITY = "affinity:container=="  # compose v1 adds it to the environment of what it recreates
_ID = re.compile(r"[0-9a-f]{12,64}")
_CONFIG_LEFT_OUT = frozenset(
    {
        *("Image", "Volumes", "OnBuild", "ArgsEscaped", "Shell"),  # the image's, which is compared by its id
        *("AttachStdin", "AttachStdout", "AttachStderr"),  # whether the client that made it stayed to listen
        *("Hostname", "Env", "Labels", "MacAddress", "ExposedPorts"),  # reduced in functions of their own
    }
)
_HOST_CONFIG_LEFT_OUT = frozenset(
    {
        *("ContainerIDFile", "ConsoleSize"),  # of the client, too
        *("Binds", "Mounts", "Tmpfs", "VolumesFrom", "NetworkMode", "PortBindings", "Sysctls", "Links"),
        *("CpuPeriod", "CpuQuota", "NanoCpus", "MaskedPaths", "ReadonlyPaths", "LogConfig", "Ulimits"),
    }
)
_MASKED = re.compile(
    r"/proc/(acpi|asound|interrupts|kcore|keys|latency_stats|scsi|sched_debug|timer_list|timer_stats)|/sys/firmware"
    r"|/sys/devices/virtual/powercap|/sys/devices/system/cpu/cpu\d+/thermal_throttle"
)
"""All that engines from 17.06 to 29 mask by themselves (moby oci/defaults.go)."""
_READ_ONLY = re.compile(r"/proc/(asound|bus|fs|irq|sys|sysrq-trigger)")
_ALWAYS = {"MaskedPaths": {"/proc/kcore", "/proc/timer_list", "/sys/firmware"}, "ReadonlyPaths": {"/proc/sys"}}
"""What is in the default of every version: a list without these is a person's."""
INTERFACE_SYSCTL = re.compile(r"net\.[^.]+\.[^.]+\.(eth0|IFNAME)\..+")
ENDPOINT_SYSCTLS = "com.docker.network.endpoint.sysctls"
"""Kernel settings of an interface, as a container has them, and the driver option by which its network has them."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The fields, and the MAC addresses in use by the field that names the one asked for: not told from those made up."""

    fields: Fields
    macs: Mapping[str, str]


def configuration(inspect: Mapping[str, Any], names: Mapping[str, str]) -> Configuration:
    """Reduce an `inspect` answer to what a person configured.

    Args:
        inspect: the engine's JSON about one container.
        names: of containers by their ids: who joins another's namespaces joins those of its successor as well.
    """
    config, host_config = inner(inspect, "Config"), inner(inspect, "HostConfig")
    own_name, short_id = str(inspect.get("Name", "")).removeprefix("/"), str(inspect.get("Id", ""))[:12]
    main = network_name(inspect) or _joined(str(host_config.get("NetworkMode") or ""), names)
    main = "bridge" if main in {"", "default"} else main
    network_fields, macs = _networks(inspect, main, names, {short_id, own_name})
    fields: Fields = {"NetworkMode": main, "Hostname": _hostname(config, host_config, short_id)}
    fields |= {key: reduce_field(key, value) for key, value in config.items() if key not in _CONFIG_LEFT_OUT}
    fields |= {key: reduce_field(key, value) for key, value in host_config.items() if key not in _HOST_CONFIG_LEFT_OUT}
    fields |= {mode: _joined(str(host_config.get(mode) or ""), names) for mode in ("IpcMode", "PidMode")}
    fields |= _environment(config) | _ports(config, host_config) | network_fields | _resources(host_config)
    fields |= _security(host_config)
    labels: dict[str, str] = config.get("Labels") or {}
    fields |= {f"label.{key}": (value,) for key, value in labels.items() if key not in _COMPOSE_BOOKKEEPING}
    fields |= {f"mount.{place}": mount for place, mount in mounts(inspect).items()}
    sources = (str(reference).partition(":") for reference in listed(host_config, "VolumesFrom"))
    fields["VolumesFrom"] = as_set(
        names.get(source, source) + (":ro" if "ro" in mode.split(",") else "") for source, _, mode in sources
    )
    log = inner(host_config, "LogConfig")
    fields["log.driver"] = log.get("Type") or ""
    fields |= {f"log.{key}": value for key, value in inner(log, "Config").items()}
    return Configuration({key: value for key, value in fields.items() if not is_absent(value)}, macs)


def network_name(recipe: Mapping[str, Any]) -> str | None:
    """Return the name of the network that a container was given by its id; None where it was given by name."""
    mode = str(recipe["HostConfig"].get("NetworkMode") or "")
    settings: dict[str, Any] = recipe.get("NetworkSettings") or {}
    networks: dict[str, dict[str, Any] | None] = settings.get("Networks") or {}
    if mode in networks or not _ID.fullmatch(mode):
        return None
    return next((name for name, end in networks.items() if str((end or {}).get("NetworkID")).startswith(mode)), None)


def _joined(mode: str, names: Mapping[str, str]) -> str:
    kind, colon, reference = mode.partition(":")
    return f"{kind}:{names.get(reference, reference)}" if kind == "container" and colon else mode


def _hostname(config: Mapping[str, Any], host_config: Mapping[str, Any], short_id: str) -> str | None:
    """Return the hostname that was asked for; who shares another's is told that one's."""
    borrowed = str(host_config.get("NetworkMode")).startswith("container:") or host_config.get("UTSMode") == "host"
    return None if borrowed or config.get("Hostname") == short_id else config.get("Hostname")


def _environment(config: Mapping[str, Any]) -> Fields:
    """Return the variables; of one that is there twice the order counts, as programs take the first or the last."""
    found: dict[str, tuple[str, ...]] = {}
    lines: list[str] = config.get("Env") or []
    for line in lines:
        name, equals, value = line.partition("=")
        if not line.startswith(_AFFINITY):
            found[name] = (*found.get(name, ()), equals + value)
    return {f"env.{name}": values for name, values in found.items()}


def _ports(config: Mapping[str, Any], host_config: Mapping[str, Any]) -> Fields:
    """Return the exposed and published ports; what is published is exposed, whether the client says so or not."""
    bindings: dict[str, Any] = host_config.get("PortBindings") or {}
    ports = {_port(port): as_set(_binding(one) for one in ends) for port, ends in bindings.items() if ends}
    exposed = {_port(port) for port in inner(config, "ExposedPorts")} - ports.keys()
    return {f"port.{port}": ("exposed",) for port in exposed} | {f"port.{port}": ends for port, ends in ports.items()}


def _port(port: str) -> str:
    return port.lower() if "/" in port else f"{port}/tcp"


def _binding(binding: Mapping[str, Any]) -> str:
    port = str(binding.get("HostPort") or "")
    return f"{binding.get('HostIp') or ''}:{'' if port == '0' else port}"


def _resources(host_config: Mapping[str, Any]) -> Fields:
    """Return limits that may be asked for in two ways."""
    period = host_config.get("CpuPeriod") or 100_000
    quota = max(host_config.get("CpuQuota") or 0, 0) or (host_config.get("NanoCpus") or 0) * period // SECOND
    memory, swap = host_config.get("Memory") or 0, host_config.get("MemorySwap") or 0
    ulimits: list[dict[str, Any]] = host_config.get("Ulimits") or []
    return {
        "cpus": f"{quota} of {period} us" if quota or period != 100_000 else None,
        "MemorySwap": None if swap == 2 * memory else swap,  # the engine's default
        **{f"ulimit.{one.get('Name')}": (one.get("Soft") or 0, one.get("Hard") or 0) for one in ulimits},
    }


def _security(host_config: Mapping[str, Any]) -> Fields:
    """Return the security options, and the paths that are hidden or read-only by a person's wish."""
    privileged = bool(host_config.get("Privileged"))
    host_namespace = "host" in {host_config.get("IpcMode"), host_config.get("PidMode")}
    options = {_security_option(str(option)) for option in listed(host_config, "SecurityOpt")} - {""}
    if privileged or host_namespace:
        options -= {"label=disable"}  # which the engine adds to these
    paths = {key: _paths(key, host_config.get(key)) for key in ("MaskedPaths", "ReadonlyPaths")}
    return {"SecurityOpt": as_set(options)} | ({} if privileged else paths)


def _security_option(option: str) -> str:
    name, _, value = option.replace(":", "=", 1).partition("=") if "=" not in option else option.partition("=")
    if name in {"no-new-privileges", "writable-cgroups"}:
        return "" if value == "false" else name
    if name == "seccomp" and value.startswith("{"):  # the client sends the whole profile, in its own layout
        try:
            value = json.dumps(json.loads(value), sort_keys=True)
        except ValueError:
            return option
    return f"{name}={value}"


def _paths(key: str, paths: list[str] | None) -> tuple[str, ...] | None:
    """Return the paths that a person chose: none at all, or more or less than the engine's own, which grow."""
    if paths is None:
        return None
    if not _ALWAYS[key] <= set(paths):
        return as_set(paths) or ("none",)
    defaults = _MASKED if key == "MaskedPaths" else _READ_ONLY
    return as_set(path for path in paths if not defaults.fullmatch(path))


def _networks(
    inspect: Mapping[str, Any], main: str, names: Mapping[str, str], own: set[str]
) -> tuple[Fields, dict[str, str]]:
    """Return what was asked for of each network, legacy links and kernel settings; and all MAC addresses in use."""
    config, host_config = inner(inspect, "Config"), inner(inspect, "HostConfig")
    networks: dict[str, dict[str, Any] | None] = inner(inner(inspect, "NetworkSettings"), "Networks")
    fields: Fields = {"Links": as_set(_link(link, names) for link in listed(host_config, "Links"))}
    macs: dict[str, str] = {}
    sysctls: dict[str, str] = host_config.get("Sysctls") or {}
    for name, value in sysctls.items():
        # Engines from 27 on keep those of an interface with its network.
        field = f"network.{main}.sysctl." if INTERFACE_SYSCTL.fullmatch(name) else "sysctl."
        fields[field + name.replace(".eth0.", ".IFNAME.")] = (str(value),)
    for name, kept in networks.items():
        endpoint, field = kept or {}, f"network.{name}"
        options: dict[str, str] = dict(endpoint.get("DriverOpts") or {})
        for setting in filter(None, options.pop(ENDPOINT_SYSCTLS, "").split(",")):
            key, _, value = setting.partition("=")
            fields[f"{field}.sysctl.{key.replace('.ifname.', '.IFNAME.')}"] = (
                value,
            )  # as the `docker` client spells it
        mac = str(config.get("MacAddress") or "") if name == main else ""
        macs[f"{field}.MacAddress"] = (mac or str(endpoint.get("MacAddress") or "")).lower().replace("-", ":")
        if mac or _is_asked_mac(endpoint):
            fields[f"{field}.MacAddress"] = macs[f"{field}.MacAddress"]
        fields[field] = "attached"
        fields |= {f"{field}.{key}": _address(value) for key, value in inner(endpoint, "IPAMConfig").items()}
        fields |= {f"{field}.option.{key}": (value,) for key, value in options.items()}
        fields[f"{field}.Links"] = as_set(_link(link, names) for link in listed(endpoint, "Links"))
        fields[f"{field}.Aliases"] = as_set(set(listed(endpoint, "Aliases")) - own)
        fields[f"{field}.GwPriority"] = endpoint.get("GwPriority")
    return fields, macs


def _is_asked_mac(endpoint: Mapping[str, Any]) -> bool:
    """Tell whether a MAC address was surely asked for.

    Engines give local addresses only. Up to 27 theirs follows from the IPv4 address; from 28 on (which tell of a
    priority) theirs is random, so that a local one may be anybody's.
    """
    mac, address = str(endpoint.get("MacAddress") or "").lower().replace("-", ":"), endpoint.get("IPAddress")
    if not re.fullmatch("([0-9a-f]{2}:){5}[0-9a-f]{2}", mac):
        return False
    if not int(mac[:2], 16) & 2:
        return True
    if "GwPriority" in endpoint or not address:
        return False
    return mac != ":".join(f"{byte:02x}" for byte in (0x02, 0x42, *ip_address(str(address)).packed[-4:]))


def _link(link: str, names: Mapping[str, str]) -> str:
    """Return a link as name and alias; the engine stores `/db:/web/database`, and links may name an id."""
    source, _, alias = link.partition(":")
    source = names.get(source, source).removeprefix("/")
    return f"{source}:{alias.rpartition('/')[2] or source}"


def _address(value: Any) -> Any:
    """Return an address in its one canonical form."""
    if isinstance(value, list):
        return as_set(_address(one) for one in value)  # pyright: ignore[reportUnknownVariableType] # JSON
    try:
        return str(ip_address(value))
    except ValueError:
        return value
