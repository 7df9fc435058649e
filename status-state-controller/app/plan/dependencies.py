"""What an original depends on before it is started or recreated. Pure.

It waits for what it depends on, as compose and the engine know it, and for newcomers that hold something it needs: a
port of the host, or its address. For nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model import Container, Original, Snapshot

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
DEPENDS_ON_LABEL = "com.docker.compose.depends_on"


class Condition(StrEnum):
    """What must be true of another original before an action begins."""

    STARTED = "started"
    HEALTHY = "healthy"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class After:
    """Another original that an action waits for, by its name: ids change when a container is recreated."""

    name: str
    condition: Condition


_CONDITIONS = {
    "service_started": Condition.STARTED,
    "service_healthy": Condition.HEALTHY,
    "service_completed_successfully": Condition.COMPLETED,
}
_JOINED = "container:"
_ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 # compared with, not bound to


def dependencies(original: Original, snapshot: Snapshot) -> list[After]:
    """Return the originals that this one depends on, with what must be true of each, by name."""
    found: dict[str, Condition] = {}
    project = original.labels.get(PROJECT_LABEL)
    for service, condition in _depends_on(original.labels).items():
        for other in snapshot.originals:
            if other.labels.get(PROJECT_LABEL) == project and other.labels.get(SERVICE_LABEL) == service:
                found[other.name] = condition
    for reference in joined(original.inspect):
        if (joins := snapshot.meant_by(reference)) is not None:
            found.setdefault(joins.name, Condition.STARTED)
    found.pop(original.name, None)
    return [After(name, found[name]) for name in sorted(found)]


def namespaces(recipe: Mapping[str, Any]) -> list[str]:
    """Return the ids or names of the containers whose network, IPC or PID namespace a container is in."""
    host_config: dict[str, Any] = recipe.get("HostConfig") or {}
    modes = (str(host_config.get(mode) or "") for mode in ("NetworkMode", "IpcMode", "PidMode"))
    return [mode.removeprefix(_JOINED) for mode in modes if mode.startswith(_JOINED) and mode != _JOINED]


def joined(recipe: Mapping[str, Any]) -> list[str]:
    """Return the ids or names of the containers whose namespaces, volumes or links a container uses."""
    host_config: dict[str, Any] = recipe.get("HostConfig") or {}
    volumes_from: list[str] = host_config.get("VolumesFrom") or []
    links: list[str] = host_config.get("Links") or []
    sources = [source.partition(":")[0] for source in volumes_from]
    return namespaces(recipe) + sources + [link.partition(":")[0].removeprefix("/") for link in links]


def ids_told(snapshot: Snapshot) -> dict[str, str]:
    """Return the names of originals by the ids by which recipes of others tell of them: another snapshot may have other ids."""
    references = {reference for original in snapshot.originals for reference in joined(original.inspect)}
    return {one: meant.name for one in references if (meant := snapshot.meant_by_id(one)) is not None}


def blocks(newcomer: Container, original: Original) -> bool:
    """Tell whether a newcomer holds a port of the host or an address that the original needs."""
    host_config: dict[str, Any] = original.inspect.get("HostConfig") or {}
    bindings: dict[str, list[dict[str, str]] | None] = host_config.get("PortBindings") or {}
    for container_port, places in bindings.items():
        protocol = container_port.partition("/")[2] or "tcp"
        for place in places or []:
            if any(
                _same_port(taken, (place.get("HostIp") or "", place.get("HostPort") or "", protocol))
                for taken in newcomer.ports
            ):
                return True
    settings: dict[str, Any] = original.inspect.get("NetworkSettings") or {}
    networks: dict[str, dict[str, Any]] = settings.get("Networks") or {}
    for name, endpoint in networks.items():
        asked_for: dict[str, str] = endpoint.get("IPAMConfig") or {}
        if (name, asked_for.get("IPv4Address", "-")) in newcomer.addresses:
            return True
    return False


def _depends_on(labels: Mapping[str, str]) -> dict[str, Condition]:
    """Read `db:service_healthy:false,cache:service_started:true`."""
    entries = [entry.split(":") for entry in labels.get(DEPENDS_ON_LABEL, "").split(",") if entry.strip()]
    return {
        entry[0].strip(): _CONDITIONS.get(entry[1] if len(entry) > 1 else "", Condition.STARTED) for entry in entries
    }


def _same_port(taken: tuple[str, int, str], wanted: tuple[str, str, str]) -> bool:
    first, _, last = wanted[1].partition("-")
    if not first.isdigit() or int(first) == 0 or taken[2] != wanted[2]:
        return False  # an ephemeral port: any will do
    if not int(first) <= taken[1] <= int(last or first):
        return False
    return taken[0] == wanted[0] or taken[0] in _ANY_ADDRESS or wanted[0] in _ANY_ADDRESS
