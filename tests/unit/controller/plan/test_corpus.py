"""The same containers as different engines tell of them: the same configuration, and each another one than the rest.

The answers are of real engines, written down by scripts/corpus/corpus.py. Those of 29 are made from 28's here.
"""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from status_state_controller.act.recipe import Creation, creation
from status_state_controller.engine.definitions import network_request, with_endpoint_sysctls
from status_state_controller.model import Image
from status_state_controller.plan.meaning.images import same_image
from status_state_controller.plan.meaning.successor import differences, tell

FOLDER = Path(__file__).parents[1] / "corpus"
ENGINES = ("20", "26", "28", "29")


def as_29(document: dict[str, Any]) -> dict[str, Any]:
    """What 29 changes: it tells no kernel memory, MAC addresses with the networks only, and other ids of images.

    With containerd's store, its default, the id is the digest of an image's manifest.
    """
    text = json.dumps(document)
    for number, image in enumerate(document["images"].values()):
        text = text.replace(image["Id"], f"sha256:{number:064x}")
    changed = json.loads(text)
    for name, image in changed["images"].items():
        image["RepoDigests"] = [f"{name}@{image['Id']}"]
    for inspect in changed["containers"].values():
        inspect["Config"].pop("MacAddress", None)
        for key in [key for key in inspect["HostConfig"] if key.startswith("KernelMemory")]:
            del inspect["HostConfig"][key]
    return changed


@cache
def corpus(engine: str) -> dict[str, Any]:
    """What an engine tells."""
    document = json.loads((FOLDER / f"engine-{'28' if engine == '29' else engine}.json").read_text())
    return as_29(document) if engine == "29" else document


def image_of(told: dict[str, Any]) -> Image:
    """An image as the controller knows it."""
    return Image(told["Id"], tuple(told["RepoDigests"] or ()), tuple(told["RootFS"]["Layers"]), told["Config"])


def difference(engine: str, name: str, other: str, other_name: str) -> str:
    """What differs between two containers, as it is told."""
    pairs = ((engine, name), (other, other_name))
    old, new = (corpus(at)["containers"][called] for at, called in pairs)
    images = [image_of(one) for at in (engine, other) for one in corpus(at)["images"].values()]
    names = {one["Id"]: key for at in (engine, other) for key, one in corpus(at)["containers"].items()}
    return tell(differences(old, new, names, {one.id: one for one in images}))


PAIRS = [*permutations(ENGINES, 2), *zip(ENGINES, ENGINES, strict=True)]


def shared(engine: str, other: str) -> list[str]:
    """The containers that both engines could make."""
    return sorted(corpus(engine)["containers"].keys() & corpus(other)["containers"].keys())


@pytest.mark.parametrize(("engine", "other"), PAIRS)
def test_the_same_container_on_another_engine_is_a_successor(engine: str, other: str) -> None:
    assert len(shared(engine, other)) >= 36
    assert {name: told for name in shared(engine, other) if (told := difference(engine, name, other, name))} == {}


@pytest.mark.parametrize(("engine", "other"), PAIRS)
def test_each_container_is_another_one_than_the_plain_one_and_than_the_next_on_any_engine(
    engine: str, other: str
) -> None:
    names = shared(engine, other)
    others = [*zip(names, [*names[1:], names[0]], strict=True), *((name, "plain") for name in names if name != "plain")]
    assert [pair for pair in others if not difference(engine, pair[0], other, pair[1])] == []
    assert [pair for pair in others if not difference(engine, pair[1], other, pair[0])] == []


def test_an_image_is_known_again_on_every_engine_and_reported_from_others() -> None:
    for engine, other in PAIRS:
        for name, other_name in product(corpus(engine)["images"], corpus(other)["images"]):
            one, another = image_of(corpus(engine)["images"][name]), image_of(corpus(other)["images"][other_name])
            assert same_image(one, another) == (name == other_name), (engine, other, name, other_name)


def as_told(request: Creation, recipe: dict[str, Any]) -> dict[str, Any]:
    """What an engine would tell of a container made by this request."""
    body = with_endpoint_sysctls(request.body)
    config = {key: value for key, value in body.items() if key not in {"HostConfig", "NetworkingConfig"}}
    mode = body["HostConfig"]["NetworkMode"]
    networks: dict[str, Any] = {} if mode.startswith("container:") else {"bridge" if mode == "default" else mode: {}}
    asked = body["NetworkingConfig"]["EndpointsConfig"]
    networks |= {"bridge" if name == "default" else name: endpoint for name, endpoint in asked.items()}
    return {
        "Id": "f" * 64,
        "Name": recipe["Name"],
        "Image": recipe["Image"],
        "Config": config,
        "HostConfig": body["HostConfig"],
        "NetworkSettings": {"Networks": networks | request.further_networks},
        "Mounts": recipe["Mounts"],
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_the_request_for_each_container_means_what_its_recipe_does(engine: str) -> None:
    names = {one["Id"]: name for name, one in corpus(engine)["containers"].items()}
    found: dict[str, str] = {}
    for name, recipe in corpus(engine)["containers"].items():
        before = deepcopy(recipe)
        request = creation(recipe, recipe["Config"]["Image"], {}, frozenset())
        assert recipe == before, "a recipe is used many times"
        found[name] = tell(differences(recipe, as_told(request, recipe), names))
    assert {name: told for name, told in found.items() if told} == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_each_network_is_asked_for_with_its_addresses_and_nothing_that_the_engine_gave_it(engine: str) -> None:
    for name, network in corpus(engine)["networks"].items():
        request = network_request(network)
        assert "Id" not in request
        assert (request["Name"], request["Internal"]) == (name, name == "inner")
        assert request["EnableIPv6"] == (name == "six")
        assert [one["Subnet"] for one in request["IPAM"]["Config"]] == [
            one["Subnet"] for one in network["IPAM"]["Config"]
        ]
