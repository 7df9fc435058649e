"""Which networks, volumes and images originals refer to, and what is kept of their definitions. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..engine.view import Inspection
from ..model import OriginalRecipe

PREDEFINED_NETWORKS = {"bridge", "host", "none"}


@dataclass(frozen=True, slots=True)
class Definitions:
    """The `inspect` of networks and volumes, by name, and the ids and digests of images."""

    networks: list[Inspection] = field(default_factory=list[Inspection])
    volumes: list[Inspection] = field(default_factory=list[Inspection])
    images: list[Inspection] = field(default_factory=list[Inspection])

    def updated(self, newer: "Definitions") -> "Definitions":
        """Return both together: where both tell of the same, the newer one counts."""
        return Definitions(
            _by(self.networks, newer.networks, "Name"),
            _by(self.volumes, newer.volumes, "Name"),
            _by(self.images, newer.images, "Id"),
        )

    def of(self, originals: Sequence[OriginalRecipe]) -> "Definitions":
        """Return those that these originals refer to."""
        ends = {name for original in originals for name in _ends_of(original.inspect)}
        networks = [one for one in self.networks if ends & {one.get("Id"), one["Name"]}]
        # A container is attached to a network that has its configuration from another one, never to that one itself.
        sources = {config_source(one) for one in networks}
        volumes = {name for original in originals for name in volumes_of(original.inspect)}
        images = {original.image_id for original in originals}
        return Definitions(
            [one for one in self.networks if one in networks or one["Name"] in sources],
            [one for one in self.volumes if one["Name"] in volumes],
            [one for one in self.images if one["Id"] in images],
        )


def networks_of(inspect: Inspection) -> list[str]:
    """The ids of the user-defined networks that a container is attached to, or their names where it has no id yet."""
    return [str(end.get("NetworkID") or name) for name, end in _user_defined(inspect).items()]


def volumes_of(inspect: Inspection) -> list[str]:
    """The names of the volumes that a container mounts, named and anonymous."""
    mounts: list[Inspection] = inspect.get("Mounts") or []
    return [str(mount["Name"]) for mount in mounts if mount.get("Type") == "volume" and mount.get("Name")]


def config_source(network: Inspection) -> str:
    """The name of the config-only network that this one has its configuration from; empty for none."""
    origin: Inspection = network.get("ConfigFrom") or {}
    return str(origin.get("Network") or "")


def _ends_of(inspect: Inspection) -> set[str]:
    """The networks by id and by name: one that was made anew under its name meanwhile is the same to the controller."""
    return {*networks_of(inspect), *_user_defined(inspect)}


def _user_defined(inspect: Inspection) -> dict[str, Inspection]:
    networks: dict[str, Inspection] = inspect["NetworkSettings"].get("Networks") or {}
    return {name: end or {} for name, end in networks.items() if name not in PREDEFINED_NETWORKS}


def _by(older: list[Inspection], newer: list[Inspection], key: str) -> list[Inspection]:
    merged = {str(one[key]): one for one in (*older, *newer)}
    return [merged[name] for name in sorted(merged)]
