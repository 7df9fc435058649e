"""One original as a service of a compose file: what it runs, and who it is. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .json_fields import inner, listed
from .limits import HANDLED_LIMITS, add_limits, seconds
from .names import COMPOSE, Names, label
from .networks import add_networking, joined
from .volumes import add_mounts, add_volumes_from

_HANDLED_CONFIG = frozenset(
    {
        *("Image", "Cmd", "Entrypoint", "Env", "Labels", "User", "WorkingDir", "Hostname", "Domainname", "StopSignal"),
        *("StopTimeout", "Healthcheck", "Tty", "OpenStdin", "Volumes", "ExposedPorts", "MacAddress"),
        *(
            "AttachStdin",
            "AttachStdout",
            "AttachStderr",
            "OnBuild",
            "ArgsEscaped",
            "Shell",
        ),  # of the client, of the image
    }
)
_HANDLED_HOST = HANDLED_LIMITS | {
    *("Binds", "Mounts", "Tmpfs", "VolumesFrom", "NetworkMode", "PortBindings", "Links", "RestartPolicy", "Init"),
    *("IpcMode", "PidMode", "ContainerIDFile", "ConsoleSize"),
}
_WORDS = {"AutoRemove": "it is removed when it stops", "PublishAllPorts": "all its exposed ports are published"}
_CONDITIONS = frozenset({"service_started", "service_healthy"})


@dataclass(frozen=True, slots=True)
class Service:
    """The fields of a service, and what of the container compose can't express."""

    fields: dict[str, Any]
    lost: list[str]


def make_service(inspect: Mapping[str, Any], image: Mapping[str, Any], names: Names) -> Service:
    """Make a service.

    Args:
        inspect: the recipe.
        image: what is kept of its image: what it says by itself is not repeated.
        names: of the services.
    """
    config: dict[str, Any] = inspect["Config"]
    host_config: dict[str, Any] = inspect["HostConfig"]
    of_image: dict[str, Any] = inner(image, "Config")
    fields: dict[str, Any] = {
        "image": _image(str(config.get("Image") or inspect.get("Image")), image),
        "container_name": str(inspect["Name"]).removeprefix("/"),
    }
    lost: list[str] = []
    fields |= _command(config, of_image)
    _add_environment(fields, lost, listed(config, "Env"), listed(of_image, "Env"))
    _add_labels(fields, config, of_image)
    _add_identity(fields, inspect, of_image, names)
    _add_life(fields, config, host_config, of_image)
    _add_depends_on(fields, inspect, names)
    add_mounts(fields, lost, inspect, of_image)
    add_volumes_from(fields, lost, listed(host_config, "VolumesFrom"), names)
    add_networking(fields, lost, inspect, names)
    ports = inner(of_image, "ExposedPorts")
    fields["expose"] = [port for port in listed(fields, "expose") if port not in ports]
    for key, word in (("IpcMode", "ipc"), ("PidMode", "pid")):
        mode = joined(str(host_config.get(key) or ""), names, lost)
        fields[word] = None if mode == "private" else mode
    add_limits(fields, lost, host_config)
    lost += _unknown(config, _HANDLED_CONFIG) + _unknown(host_config, _HANDLED_HOST)
    return Service({key: value for key, value in fields.items() if value not in (None, "", [], {}, False)}, lost)


def _image(name: str, image: Mapping[str, Any]) -> str:
    """Return the image by its name and the digest that a registry has it by: the name alone may mean another one by now."""
    digests: list[str] = listed(image, "RepoDigests")
    if "@" in name or not digests:
        return name
    if name.startswith("sha256:"):
        return digests[0]
    head, slash, tail = name.rpartition("/")
    repository = f"{head}{slash}{tail.partition(':')[0]}"
    found = next((one for one in digests if one.partition("@")[0] == repository), None)
    return name if found is None else f"{name}@{found.partition('@')[2]}"


def _command(config: Mapping[str, Any], of_image: Mapping[str, Any]) -> dict[str, Any]:
    """Return entrypoint and command, where they are not the image's.

    An entrypoint that is given takes the image's command away, so it has to be given where the command was taken away.
    """
    entrypoint, command = listed(config, "Entrypoint"), listed(config, "Cmd")
    own_entrypoint, own_command = listed(of_image, "Entrypoint"), listed(of_image, "Cmd")
    if entrypoint == own_entrypoint and (command or not own_command):
        return {} if command == own_command else {"command": command}
    return {"entrypoint": entrypoint or [""], "command": command}


def _add_environment(fields: dict[str, Any], lost: list[str], lines: Sequence[str], of_image: Sequence[str]) -> None:
    found: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if line in of_image or line.startswith("affinity:container=="):  # which compose v1 adds
            continue
        if name in found or not equals:
            lost.append(f"its variable {name} is there {'twice' if equals else 'without a value'}")
        if equals:
            found[name] = value
    fields["environment"] = found


def _add_labels(fields: dict[str, Any], config: Mapping[str, Any], of_image: Mapping[str, Any]) -> None:
    labels: dict[str, str] = inner(config, "Labels")
    own: dict[str, str] = inner(of_image, "Labels")
    fields["labels"] = {
        key: value for key, value in sorted(labels.items()) if own.get(key) != value and not key.startswith(COMPOSE)
    }


def _add_identity(
    fields: dict[str, Any], inspect: Mapping[str, Any], of_image: Mapping[str, Any], names: Names
) -> None:
    """Add who it is: the hostname only where it was asked for, as far as can be known."""
    config, host_config = inspect["Config"], inspect["HostConfig"]
    mode = str(host_config.get("NetworkMode") or "")
    borrowed = mode.startswith("container:") or host_config.get("UTSMode") == "host"
    hostname = config.get("Hostname")
    of_host = mode == "host" and hostname == names.host
    if not borrowed:
        fields["hostname"] = None if of_host or hostname == str(inspect["Id"])[:12] else hostname
        fields["domainname"] = config.get("Domainname")
    for key, word in (("User", "user"), ("WorkingDir", "working_dir"), ("StopSignal", "stop_signal")):
        fields[word] = None if config.get(key) == of_image.get(key) else config.get(key)
    fields["tty"], fields["stdin_open"] = config.get("Tty"), config.get("OpenStdin")


def _add_life(
    fields: dict[str, Any], config: Mapping[str, Any], host_config: Mapping[str, Any], of_image: Mapping[str, Any]
) -> None:
    """Add how it is started, stopped and judged."""
    policy: dict[str, Any] = inner(host_config, "RestartPolicy")
    name, most = policy.get("Name") or "no", policy.get("MaximumRetryCount")
    fields["restart"] = None if name == "no" else f"{name}:{most}" if name == "on-failure" and most else name
    fields["init"] = host_config.get("Init")
    if config.get("StopTimeout") is not None:
        fields["stop_grace_period"] = f"{config['StopTimeout']}s"
    check: dict[str, Any] = inner(config, "Healthcheck")
    if not check or check == of_image.get("Healthcheck"):
        return
    if check.get("Test") == ["NONE"]:
        fields["healthcheck"] = {"disable": True}
        return
    times = {
        "interval": "Interval",
        "timeout": "Timeout",
        "start_period": "StartPeriod",
        "start_interval": "StartInterval",
    }
    fields["healthcheck"] = {
        **({"test": check["Test"]} if check.get("Test") else {}),
        **{word: seconds(check[key]) for word, key in times.items() if check.get(key)},
        **({"retries": check["Retries"]} if check.get("Retries") else {}),
    }


def _add_depends_on(fields: dict[str, Any], inspect: Mapping[str, Any], names: Names) -> None:
    """Add the other originals of its compose project that it waits for, as compose has written them down."""
    found: dict[str, Any] = {}
    for one in filter(None, label(inspect, "depends_on").split(",")):
        service, condition, restart = (*one.split(":"), "", "")[:3]
        if service in names.services.values() and service != names.service(str(inspect["Name"])):
            found[service] = {"condition": condition if condition in _CONDITIONS else "service_started"}
            found[service] |= {"restart": True} if restart == "true" else {}
    if found:
        fields["depends_on"] = found


def _unknown(fields: Mapping[str, Any], handled: frozenset[str]) -> list[str]:
    """Name what says something and is known to no part of this room."""
    told = sorted(
        key for key, value in fields.items() if key not in handled and value not in (None, "", [], {}, False, 0)
    )
    return [_WORDS.get(key, f"{key} can't be asked for") for key in told]
