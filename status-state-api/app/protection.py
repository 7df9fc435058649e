"""Which containers are protected: in no snapshot, never touched. Pure; the same file in both services.

The labels are the whole rule: who starts a container decides, and a container can't lose a label while it lives. The author
of an image doesn't decide: what protects must have been given to the container (`given_labels`).
"""

from collections.abc import Collection, Mapping
from typing import Any

ROLE_LABEL = "status-state.role"
IGNORE_LABEL = "status-state.ignore"

ORCHESTRATOR_LABELS = (
    "com.hashicorp.nomad.alloc_id",
    "net.azure-devices.edge.owner",
    "io.balena.supervised",
    "supervisor_managed",  # Home Assistant's
)
ORCHESTRATOR_PREFIXES = ("com.docker.swarm.", "io.kubernetes.", "com.amazonaws.ecs.")
"""Orchestrators start again what is stopped: to touch their containers begins a fight (design, section 4)."""

FOLDERS_OF_SOCKETS = frozenset({"", "/run", "/var/run", "/var"})

TRUE_WORDS = frozenset({"true", "1", "yes", "on"})
FALSE_WORDS = frozenset({"false", "0", "no", "off"})


def protection(labels: Mapping[str, str]) -> str | None:
    """Say why a container with these labels is protected, to be read after its name; None when it is not.

    An `ignore` label that can't be read protects: a container left alone by mistake can be dealt with later, one
    stopped by mistake has been stopped.
    """
    if ROLE_LABEL in labels:
        return "is part of Status State"
    ignore = labels.get(IGNORE_LABEL)
    if ignore is not None and ignore.strip().lower() not in FALSE_WORDS:
        return f"carries {IGNORE_LABEL}={ignore}"
    for label in sorted(labels):
        if label in ORCHESTRATOR_LABELS or label.startswith(ORCHESTRATOR_PREFIXES):
            return f"belongs to an orchestrator (label {label})"
    return None


def given_labels(
    labels: Mapping[str, str], image_config: Mapping[str, Any] | None, inspect: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Return a container's labels without those that would protect it and are its image's own.

    The images of Status State carry `status-state.role` themselves. So that one counts where the container was also given
    a way to an engine: without one it is no part of Status State, and who has one could do as he likes anyway.

    Args:
        labels: the container's, which the engine has merged with its image's.
        image_config: the `Config` of the image's `inspect`; None where it can't be asked (any more): all of them count then.
        inspect: that of the container; where it is not known, its role counts.
    """
    config: Mapping[str, Any] = image_config or {}
    own: Mapping[str, str] = config.get("Labels") or {}
    given: dict[str, str] = {}
    for label, value in labels.items():
        is_own = own.get(label) == value and protection({label: value}) is not None
        may_stay = label == ROLE_LABEL and (inspect is None or has_way_to_engine(inspect, config.get("Env") or ()))
        if not is_own or may_stay:
            given[label] = value
    return given


def has_way_to_engine(inspect: Mapping[str, Any], env_of_image: Collection[str]) -> bool:
    """Tell whether a container was given a socket, a folder of the host that may hold one, or the address of an engine."""
    host_config: Mapping[str, Any] = inspect.get("HostConfig") or {}
    config: Mapping[str, Any] = inspect.get("Config") or {}
    mounts: list[Mapping[str, Any]] = inspect.get("Mounts") or []
    places = [str(mount[key]) for mount in mounts for key in ("Source", "Destination") if mount.get(key)]
    places += [str(bind) for bind in host_config.get("Binds") or ()]
    if any(".sock" in place or place.rstrip("/") in FOLDERS_OF_SOCKETS for place in places):
        return True
    env: list[str] = config.get("Env") or []
    return any(one.startswith("DOCKER_HOST=") and one not in env_of_image for one in env)


def misread(labels: Mapping[str, str]) -> str | None:
    """Return the value of an `ignore` label that is neither true nor false, else None."""
    ignore = labels.get(IGNORE_LABEL)
    if ignore is None or ignore.strip().lower() in TRUE_WORDS | FALSE_WORDS:
        return None
    return ignore
