"""The same image under another id: another store, or another way by which it came here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from status_state_controller.model import Image, Snapshot
from status_state_controller.plan.meaning.images import image_difference, pull_sources, same_image

from ..world import IMAGE_ID, container, snapshot
from .host import OTHER_IMAGE_ID, Host, host

LAYERS = ("sha256:l1", "sha256:l2")
# What engines before 28 tell besides, and what they spell differently.
OLD: dict[str, Any] = {"Hostname": "", "Tty": False, "Cmd": ["a"], "Env": ["A=b"], "Entrypoint": None, "WorkingDir": ""}
NEW: dict[str, Any] = {"Cmd": ["a"], "Env": ["A=b"], "WorkingDir": "/", "ExposedPorts": {}, "Labels": None}


def image(word: str, *digests: str, config: dict[str, Any] | None = None, layers: tuple[str, ...] = LAYERS) -> Image:
    """An image with that as its id."""
    return Image(f"sha256:{word}", digests, layers, config or {})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (image("a", layers=()), image("a", config={"Env": ["X=y"]})),
        (image("a", config=OLD), image("b", config=NEW)),
        (image("a", "web@sha256:7", config=OLD), image("b", "hub.test/web@sha256:7", layers=())),
        (image("a", "web@sha256:7", layers=()), image("7", "web@sha256:7", layers=())),
        (image("a", "web@sha256:7", config={"Env": ["A=told otherwise"]}), image("7", config=NEW)),
    ],
    ids=["id", "content", "digest", "the digest is the id", "layers and digest"],
)
def test_the_same_image_is_known_again_under_another_id(one: Image, other: Image) -> None:
    assert same_image(one, other)
    assert same_image(other, one)


@pytest.mark.parametrize(
    ("other", "parts"),
    [
        (image("b", config=NEW | {"Env": ["A=c"]}), "Env"),
        (image("b", config=NEW | {"Env": ["A=b", "B=c"], "Labels": {"empty": ""}}), "Env, Labels"),
        (image("b", config=NEW | {"ExposedPorts": {"80/tcp": {}}, "User": "1"}), "ExposedPorts, User"),
        (image("b", config=NEW | {"Volumes": {"/data": {}}, "Cmd": ["a", "b"]}), "Cmd, Volumes"),
        (image("b", layers=LAYERS[:1], config=NEW), "layers"),
        (image("b", layers=LAYERS[::-1], config=NEW), "layers"),
        (image("b", "web@sha256:7", layers=("sha256:of another platform",), config=NEW), "layers"),
        (image("b", layers=(), config=NEW), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_image_is_told_by_what_differs(other: Image, parts: str) -> None:
    old = image("a", "web@sha256:7", config=OLD)
    assert not same_image(old, other)
    assert image_difference(old, other) == parts


def test_what_no_registry_can_have_is_not_asked_for_there() -> None:
    pulled = ("nginx@sha256:7", "hub.test/shop/web@sha256:7", "localhost/web@sha256:7", "registry:5000/web@sha256:7")
    assert pull_sources(image("a", *pulled)) == pulled, "in the older store only registries give digests"
    assert pull_sources(image("7", *pulled, "shop/web@sha256:7")) == pulled[1:]
    assert pull_sources(image("7", "nginx@sha256:8")) == ("nginx@sha256:8",)


def held(known: Image) -> Snapshot:
    """A snapshot with `web`, of whose image this is known."""
    return replace(snapshot("web"), images={IMAGE_ID: replace(known, id=IMAGE_ID)})


def replaced(known: Image, other: Image | None) -> Host:
    """A host on which another container has the name of `web`; its image has another id."""
    h = host(held(known), contents={IMAGE_ID: replace(known, id=IMAGE_ID)})
    h.impostor("web")
    if other is not None:
        h.images[OTHER_IMAGE_ID] = OTHER_IMAGE_ID
        h.contents[OTHER_IMAGE_ID] = replace(other, id=OTHER_IMAGE_ID)
    return h


def test_a_container_made_from_the_same_image_under_another_id_is_a_successor() -> None:
    h = replaced(image("a", config=OLD), image("b", config=NEW))
    assert str(h.look()) == ""
    assert h.asked == {"web", OTHER_IMAGE_ID}
    assert str(h.look(30)) == ""
    assert h.asked == set(), "it is known by now"


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (image("b", config={"Env": ["A=c"], "Cmd": ["a"]}), "image (Env)"),
        (image("b", layers=("x",), config=NEW), "image (layers)"),
        (None, "image"),
    ],
    ids=["configuration", "layers", "deleted"],
)
def test_one_made_from_another_image_is_an_impostor_and_told_by_what_differs(other: Image | None, field: str) -> None:
    reason = f"was replaced by a different container of the same name ({field}: sha256:1b0a → sha256:2c1b)"
    assert str(replaced(image("a", config=OLD), other).look()) == f"restore web: {reason}"


def test_what_the_controller_made_itself_is_its_own_work_under_another_id_of_the_image_as_well() -> None:
    for other, plan in ((image("b", config=NEW), ""), (image("b", layers=("x",), config=NEW), "image (layers)")):
        h = host(held(image("a", config=OLD)), contents={IMAGE_ID: replace(image("a", config=OLD), id=IMAGE_ID)})
        h.begin(h.look())
        again = replace(container("web", word="web again"), created_at=h.now + 5)
        h.put(again)
        h.changes[again.id] = {"Image": OTHER_IMAGE_ID, "HostConfig": {"NetworkMode": "host"}}
        h.images[OTHER_IMAGE_ID], h.contents[OTHER_IMAGE_ID] = OTHER_IMAGE_ID, replace(other, id=OTHER_IMAGE_ID)
        h.busy = frozenset()
        told = str(h.look(1))
        assert (plan in told) if plan else not told
