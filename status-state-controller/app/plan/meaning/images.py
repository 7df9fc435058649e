"""Is this the same image, and where may it be pulled from? Pure.

The id of an image depends on how the engine stores images: it is the digest of its configuration, or, with containerd's
store (the default of new installations from engine 29 on), that of its manifest or index. After a change of the store,
or of the way by which an image came here, the same image has another id.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .rules import is_absent, reduce_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...model import Image, Original

_TOLD = ("Cmd", "Entrypoint", "Env", "Healthcheck", "OnBuild", "Shell", "StopSignal", "User", "WorkingDir")
_KEYED = ("ExposedPorts", "Labels", "Volumes")
"""The configuration of an image (OCI image-spec, config.md, and Docker's additions); engines before 28 tell more fields,
which are a container's and empty here."""


_WANTS_CREDENTIALS = "unauthorized|authentication required|denied|no basic auth|may require 'docker login'"
"""What registries and the engine say of one who may not pull (distribution, errcode; moby, errdefs)."""


def same_image(one: Image, other: Image) -> bool:
    """Tell whether two images have the same content, whatever their ids: the same layers, and the same configuration.

    The same digest does as well, but one of an index stands for an image of each platform: the layers count first.
    """
    if one.id == other.id:
        return True
    share_digest = bool(_digests(one) & _digests(other))
    if one.layers and other.layers:
        return one.layers == other.layers and (share_digest or not _differing_fields(one, other))
    return share_digest


def image_difference(one: Image, other: Image) -> str:
    """Name the parts in which two images differ: `Env, layers`; empty where it isn't known."""
    if not one.layers or not other.layers:
        return ""
    layers = ["layers"] if one.layers != other.layers else []
    return ", ".join([*_differing_fields(one, other), *layers])


def pull_sources(image: Image) -> tuple[str, ...]:
    """Return the names with digest under which an image may be asked for at a registry.

    With containerd's store an image that was made here has such a name as well, made up from its own id. Without a
    registry in it that name would be asked for at Docker Hub, which would be told the name and can't have the image.
    """
    return tuple(name for name in image.digests if name.partition("@")[2] != image.id or _names_registry(name))


def image_lost(original: Original, image: Image, by_name: Image | None, failures: Sequence[str]) -> str:
    """Tell that an original's image is gone, and what a person can do.

    Args:
        original: whose image it is.
        image: what is known of it.
        by_name: the image that its name stands for now.
        failures: what registries answered.
    """
    why = "; ".join(failures) or "it came from no registry"
    if not failures and image.digests:
        why = "its name tells no registry, so that it was pulled from one is not known"
    if re.search(_WANTS_CREDENTIALS, why, re.IGNORECASE):
        why += f": on the host, `docker login` and `docker pull {pull_sources(image)[0]}`"
    moved = "" if by_name is None else f"; its name stands for another image now{_in_brackets(image, by_name)}"
    return (
        f"its image {original.image} ({original.image_id}) was deleted and can't be pulled ({why}){moved}: "
        "load, build or pull it again"
    )


def _in_brackets(image: Image, by_name: Image) -> str:
    parts = image_difference(image, by_name)
    return f" ({parts} differ)" if parts else ""


def _names_registry(name: str) -> bool:
    """Tell whether the first part of a name is a registry's (distribution/reference, splitDockerDomain)."""
    first, slash, _ = name.partition("@")[0].partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def _digests(image: Image) -> frozenset[str]:
    return frozenset({image.id, *(name.partition("@")[2] for name in image.digests)})


def _differing_fields(one: Image, other: Image) -> list[str]:
    old, new = _configuration(one), _configuration(other)
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def _configuration(image: Image) -> dict[str, Any]:
    told = {key: reduce_field(key, image.config.get(key)) for key in _TOLD}
    keyed = {key: json.dumps(image.config.get(key) or {}, sort_keys=True) for key in _KEYED}
    return {key: value for key, value in told.items() if not is_absent(value)} | keyed
