"""The snapshot's originals as one compose file, which gives containers that are successors of them. Pure.

Compose has no word for some of what an engine can be asked for. Nothing of that is dropped in silence: the head of the file names
each container and what it will lack.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from ..model import OriginalRecipe, Recipes
from .hiding import double_dollars, hide
from .names import Names
from .networks import network_definitions
from .services import Service, make_service
from .volumes import volume_definitions

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
"""What every reader of YAML takes for text, beside the words that PyYAML quotes by itself. `1e3` is a number to some."""


def make_compose(recipes: Recipes, version: str, *, with_secrets: bool) -> str:
    """Make the file: YAML.

    Args:
        recipes: the snapshot.
        version: of this service, for the head.
        with_secrets: else every value of the environment that is not the image's own, and whatever else looks like a secret,
            becomes a variable without which compose refuses the file.
    """
    images = {str(image.get("Id")): image for image in recipes.images}
    names = Names.of(recipes)
    services = {names.services[one.name]: _service(one, images, names) for one in recipes.originals}
    document: dict[str, Any] = {"name": names.project}
    document["services"] = {name: service.fields for name, service in sorted(services.items())}
    if networks := network_definitions(recipes.networks, [service.fields for service in services.values()]):
        document["networks"] = networks
    if volumes := volume_definitions(recipes.volumes, [service.fields for service in services.values()]):
        document["volumes"] = volumes
    variables: list[str] = []
    document = double_dollars(document) if with_secrets else hide(document, variables)
    lost = {one.name: services[names.services[one.name]].lost for one in recipes.originals}
    head = _head(recipes, version, lost, None if with_secrets else variables, names)
    written = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=10_000
    )
    return f"{head}\n{written}"


def _service(original: OriginalRecipe, images: Mapping[str, dict[str, Any]], names: Names) -> Service:
    return make_service(original.inspect, images.get(original.image_id) or {}, names)


def _head(
    recipes: Recipes, version: str, lost: Mapping[str, list[str]], variables: list[str] | None, names: Names
) -> str:
    snapshot = recipes.snapshot
    lines = [
        f"The originals ({len(recipes.originals)}) of the engine {snapshot.engine.name}, as Status State {version} has them in the",
        f"snapshot {snapshot.id} of {snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC ({snapshot.reason}).",
        "For an engine that has none of them: docker compose --file FILE up --detach",
        "Data in volumes and images that no registry has are not in here.",
    ]
    if variables is None:
        lines.append("THIS FILE HOLDS SECRETS.")
    else:
        lines += [
            "Without secrets: each value of an environment that is not the image's own, and what looks like a secret",
            "elsewhere, is a variable. Compose refuses this file until all are given, by --env-file or its environment",
            "(`docker compose config --no-interpolate` reads it as it is). All of them:",
            *(f"  {variable}=" for variable in variables or ["(none)"]),
        ]
    if names.merged:
        lines.append(f"Compose projects that become one here: {', '.join(names.merged)}.")
    said = [f"  {name}: {what}" for name, whats in sorted(lost.items()) for what in whats]
    if said:
        lines += ["Compose has no way to say this, so that these containers will not be the same:", *said]
    return "".join(f"# {''.join(letter if letter.isprintable() else '?' for letter in line)}\n" for line in lines)


class _Dumper(yaml.SafeDumper):
    """Writes text so that it is text to every reader; the same value twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """Use no anchors."""
        del data
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists, as compose files of people have them."""
        del indentless
        super().increase_indent(flow, indentless=False)


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(  # pyright: ignore[reportUnknownMemberType] - PyYAML has no types of its own
        "tag:yaml.org,2002:str", text, style=None if _PLAIN.fullmatch(text) else '"'
    )


_Dumper.add_representer(str, _write_text)
