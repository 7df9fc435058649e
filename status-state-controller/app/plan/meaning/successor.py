"""Is this container made from the same image and the same configuration as that original, and if not, what differs? Pure.

Compose and plain `docker run` make a new container where an old one stood; when nothing but the container's identity
has changed it is a *successor* and takes the original's place. Two `inspect` answers are reduced to what a person
configured (the room meaning) and compared field by field.

The difference is told to people, in the log and by the SSA, and an `inspect` answer holds secrets: values of the
environment are never shown, nor what stands beside a word that looks like the name of a secret.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ...masking import is_secret, mask
from ...model import Image
from .configuration import configuration, network_name
from .images import image_difference, same_image
from .mounts import inner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Difference", "differences", "is_successor", "network_name", "tell"]

MOST_TOLD = 5
"""How many fields a sentence names before it counts the rest."""

LONGEST_VALUE = 40
LONGEST_FIELD = 60
_LONGEST_LOOKED_AT = 500
"""Characters: what is searched for secrets before it is cut down to what is shown."""

_LONG_ID = re.compile(r"\b[0-9a-f]{64}\b")
_UNKNOWN_MODES = frozenset({"private", "shareable"})
"""Either may be the default of a daemon: where the other side names no mode, it may be the same."""

_COMPOSE_LABEL = "label.com.docker.compose."
"""What compose adds to an original that it has not made doesn't count: the originals' export is brought up by it."""

_NOT_ALWAYS_TOLD = frozenset({"CgroupnsMode", "KernelMemory", "KernelMemoryTCP"})
"""The first is not known to engines before 20.10, the others to those from 24 on, which don't do it either."""


class Difference(NamedTuple):
    """A field, and what it was and is, as text for people: shortened, secrets masked."""

    field: str
    old: str
    new: str


def is_successor(
    recipe: Mapping[str, Any],
    candidate: Mapping[str, Any],
    names: Mapping[str, str],
    images: Mapping[str, Image] = MappingProxyType({}),
) -> bool:
    """Tell whether two `inspect` answers mean the same; the arguments are those of `differences`."""
    return not differences(recipe, candidate, names, images)


def differences(
    recipe: Mapping[str, Any],
    candidate: Mapping[str, Any],
    names: Mapping[str, str],
    images: Mapping[str, Image] = MappingProxyType({}),
) -> list[Difference]:
    """Compare two `inspect` answers, and return what differs, the image first, the rest by name.

    Args:
        recipe: the one kept for an original.
        candidate: that of the container which holds its name.
        names: from ids to names of originals and of what is on the engine: who shares another container's namespaces
            shares those of its successor as well.
        images: what is known of their images, by id; one that is not known is the same as that of its id alone.
    """
    found: list[Difference] = []
    old_image, new_image = (_image(inspect, images) for inspect in (recipe, candidate))
    if not same_image(old_image, new_image):
        found.append(_image_difference(recipe, candidate, old_image, new_image))
    old, new = configuration(recipe, names), configuration(candidate, names)
    for field in sorted(old.fields.keys() | new.fields.keys()):
        was, is_now = old.fields.get(field), new.fields.get(field)
        if field.endswith(".MacAddress"):
            # One that is not surely asked for may be: it is the same where it is the same, or is not known yet.
            was, is_now = old.macs.get(field), new.macs.get(field)
            if not was or not is_now:
                continue
        if field == "IpcMode" and {was, is_now} & {None} and {was, is_now} & _UNKNOWN_MODES:
            continue
        if field in _NOT_ALWAYS_TOLD and None in {was, is_now}:
            continue
        if was is None and field.startswith(_COMPOSE_LABEL):
            continue
        if was != is_now:
            found.append(Difference(_cut(field, LONGEST_FIELD), *_told(field, was, is_now)))
    return found


def tell(found: Sequence[Difference]) -> str:
    """Tell of differences in one bounded line: `env.COLOUR: set → other, image: a → b`."""
    parts = [f"{one.field}: {one.old} → {one.new}" for one in found[:MOST_TOLD]]
    rest = len(found) - MOST_TOLD
    return ", ".join(parts) + (f", and {rest} more" if rest > 0 else "")


def _image(inspect: Mapping[str, Any], images: Mapping[str, Image]) -> Image:
    image_id = str(inspect.get("Image") or "")
    return images.get(image_id) or Image(image_id)


def _image_difference(recipe: Mapping[str, Any], candidate: Mapping[str, Any], old: Image, new: Image) -> Difference:
    """Tell two images apart by their names, or by their ids and what differs where the names are the same."""
    one, other = (inner(inspect, "Config").get("Image") for inspect in (recipe, candidate))
    if one and other and one != other:
        return Difference("image", _cut(str(one)), _cut(str(other)))
    short, other_short = ((image.id or "none")[: len("sha256:") + 12] for image in (old, new))
    parts = image_difference(old, new)
    return Difference(f"image ({parts})" if parts else "image", short, other_short)


def _told(field: str, was: Any, is_now: Any) -> tuple[str, str]:
    if field.startswith("env.") or is_secret(field):
        old, new = ("none" if value is None else "set" for value in (was, is_now))
    else:
        old, new = _text(was), _text(is_now)
    return old, "other" if old == new else new


def _text(value: Any) -> str:
    if value is None:
        return "none"
    words = [str(word) for word in value] if isinstance(value, tuple) else [str(value)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # JSON
    # Of a command, `--password` and its value are two words, and the value may have blanks.
    for place, word in enumerate(words[:-1]):
        if word.startswith("-") and "=" not in word and is_secret(word):
            words[place + 1] = "***"
    text = _LONG_ID.sub(lambda found: found[0][:12], " ".join(words)[:_LONGEST_LOOKED_AT])
    return _cut("".join(letter if letter.isprintable() else " " for letter in mask(text))) or "empty"


def _cut(text: str, longest: int = LONGEST_VALUE) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
