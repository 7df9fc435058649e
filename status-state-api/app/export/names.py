"""What the services of the compose file are called, and which of them a container refers to. Pure.

Compose gives each container its service's name as an alias. So a service has the name of its container, which the engine lets
resolve anyway; or that which it had in the compose project of all originals, if it has that alias already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model import OriginalRecipe, Recipes

COMPOSE = "com.docker.compose."
_SHORT_ID = 12
PROJECT = "originals"
"""The name of the project where the originals have none, or more than one."""


@dataclass(frozen=True, slots=True)
class Names:
    """The project, the service of each original by the container's name, and the name of each original by its id."""

    project: str
    services: Mapping[str, str]
    ids: Mapping[str, str]
    host: str
    """The name of the engine's host."""
    merged: tuple[str, ...] = ()
    """The compose projects that become one."""

    @classmethod
    def of(cls, recipes: Recipes) -> "Names":
        """Name the services of all originals."""
        projects = sorted({project for one in recipes.originals if (project := label(one.inspect, "project"))})
        names = {one.name for one in recipes.originals}
        services = {one.name: one.name for one in recipes.originals}
        for service, replicas in _replicas(recipes.originals).items():
            if len(projects) == 1 and len(replicas) == 1 and service not in names - {replicas[0].name}:
                services[replicas[0].name] = service
        return cls(
            project=projects[0] if len(projects) == 1 else PROJECT,
            services=services,
            ids={one.id: one.name for one in recipes.originals},
            host=recipes.snapshot.engine.name,
            merged=tuple(projects) if len(projects) > 1 else (),
        )

    def service(self, reference: str) -> str | None:
        """Return the service of the original with this id, beginning of an id, or name; None for none of them."""
        return self.services.get(self.container(reference))

    def container(self, reference: str) -> str:
        """Return the name of the original with this id, beginning of an id, or name; else what was given."""
        name = reference.removeprefix("/")
        if name in self.services or len(name) < _SHORT_ID:
            return name
        return next((one for id_, one in self.ids.items() if id_.startswith(name)), name)


def label(inspect: Mapping[str, Any], name: str) -> str:
    """Return what compose has written on a container; empty for nothing."""
    labels: dict[str, str] = inspect["Config"].get("Labels") or {}
    return labels.get(f"{COMPOSE}{name}", "")


def _replicas(originals: Sequence[OriginalRecipe]) -> dict[str, list[OriginalRecipe]]:
    """Return the containers of each service that resolve by its name in all their networks."""
    found: dict[str, list[OriginalRecipe]] = {}
    for one in originals:
        service = label(one.inspect, "service")
        networks: dict[str, dict[str, Any] | None] = one.inspect["NetworkSettings"].get("Networks") or {}
        ends = [end or {} for name, end in networks.items() if name not in {"bridge", "host", "none"}]
        if service and all(service in (end.get("Aliases") or []) for end in ends):
            found.setdefault(service, []).append(one)
    return found
