"""From the engine's own JSON to the values of model.py. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from ..errors import EngineError, ImplausibleListing
from ..model import Container, Event, Image
from ..plan.dependencies import PROJECT_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_listing(answer: Any) -> list[Container]:
    """Read the engine's list of containers.

    Raises:
        ImplausibleListing: it is none.
    """
    if not isinstance(answer, list):
        raise ImplausibleListing("what the engine sends is no list of containers: nothing is done")
    try:
        return [_read_container(entry) for entry in cast("list[dict[str, Any]]", answer)]
    except (KeyError, TypeError, AttributeError) as error:
        raise ImplausibleListing("the engine's list of containers is malformed: nothing is done") from error


def _read_container(entry: Mapping[str, Any]) -> Container:
    container_id, state = entry["Id"], entry["State"]
    if not isinstance(container_id, str) or not isinstance(state, str) or not container_id:
        raise TypeError("an id and a state were expected")
    # Links show as further names with a second slash ("/web/db"); while it is being removed it may have none.
    names: list[str] = entry.get("Names") or []
    own_names = [name[1:] for name in names if name.count("/") == 1]
    ports: list[dict[str, Any]] = entry.get("Ports") or []
    network_settings: dict[str, Any] = entry.get("NetworkSettings") or {}
    networks: dict[str, dict[str, Any]] = network_settings.get("Networks") or {}
    mounts: list[dict[str, Any]] = entry.get("Mounts") or []
    return Container(
        id=container_id,
        name=own_names[0] if own_names else container_id[:12],
        state=state,
        status=str(entry.get("Status") or ""),
        labels=entry.get("Labels") or {},
        ports=frozenset((p.get("IP") or "", p["PublicPort"], p["Type"]) for p in ports if p.get("PublicPort")),
        image_id=str(entry.get("ImageID") or ""),
        created_at=float(entry.get("Created") or 0),
        addresses=frozenset((name, end["IPAddress"]) for name, end in networks.items() if end.get("IPAddress")),
        networks=frozenset((name, str(end.get("NetworkID") or "")) for name, end in networks.items()),
        volumes=frozenset(
            str(mount["Name"]) for mount in mounts if mount.get("Type") == "volume" and mount.get("Name")
        ),
    )


def read_none_network_id(networks: Any) -> str | None:
    """Find the id of the network `none` in the engine's list of networks; None where there is no such network.

    Raises:
        EngineError: it is no such list.
    """
    try:
        return next((str(one["Id"]) for one in networks if one["Name"] == "none"), None)  # parts of names match, too
    except (KeyError, TypeError) as error:
        raise EngineError("what the engine sends is no list of networks: is it a Docker engine?") from error


def read_event(entry: Mapping[str, Any]) -> Event:
    """Read one entry of the engine's stream of events."""
    nanoseconds = int(entry["timeNano"])
    attributes: dict[str, str] = entry["Actor"].get("Attributes") or {}  # holds the container's labels, too
    action, _, detail = str(entry["Action"]).partition(": ")  # "health_status: healthy"
    return Event(
        container_id=str(entry["Actor"]["ID"]),
        action=action,
        signal=attributes.get("signal", ""),
        project=attributes.get(PROJECT_LABEL, ""),
        cursor=f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09d}",
        detail=detail,
    )


def read_image(entry: Mapping[str, Any]) -> Image:
    """Read the engine's `inspect` answer about an image."""
    digests: list[str] = entry.get("RepoDigests") or []
    filesystem: dict[str, Any] = entry.get("RootFS") or {}
    layers: list[str] = filesystem.get("Layers") or []
    return Image(entry["Id"], tuple(digests), tuple(layers), entry.get("Config") or {})


def pull_error(told: str) -> str | None:
    """Return the engine's sentence for a pull that failed after its answer had begun with 200; None where it worked.

    Args:
        told: the lines of JSON that the engine sends while it pulls.
    """
    for line in told.splitlines():
        try:
            entry: Any = json.loads(line)
        except ValueError:
            continue  # progress that is cut off: what counts is whether the image is there in the end
        if isinstance(entry, dict) and (error := cast("dict[str, Any]", entry).get("error")):
            return str(error)
    return None
