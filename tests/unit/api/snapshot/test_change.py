"""What becomes of the snapshot: the table of docs/architecture.md, row by row, and what it does not tell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from status_state_api.health.rules.policy import Policy
from status_state_api.health.rules.policy_yaml import read_policy
from status_state_api.model import OriginalRecipe, Recipes, RunningContainer
from status_state_api.snapshot.change import (
    Captured,
    Change,
    Content,
    NotAllowed,
    UnknownName,
    Wish,
    accept_everything,
    accept_some,
    choose,
    compare,
    differing_fields,
    go_back,
    share_of,
    told,
)
from status_state_api.snapshot.definitions import Definitions

from ..world import container_id, entry, inspect, listing, recipes_of

DOCUMENT = Path(__file__).parents[4] / "docs" / "architecture.md"
RUNS = {"running", "paused", "restarting"}


def rows() -> list[Any]:
    """The rows of the table."""
    section = (
        DOCUMENT.read_text(encoding="utf-8")
        .partition("## The operator's side: what becomes")[2]
        .partition("\nThe share is")[0]
    )
    lines = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in line] for line in lines]
    return [pytest.param(*row, id=f"{row[2]} of {row[1]} beside {row[0]}") for row in cells]


class One:
    """A container as the table writes it."""

    def __init__(self, text: str) -> None:
        text, _, self.state = text.partition(":")
        self.state = self.state or "running"
        self.protected = text.startswith("!")
        aside = text.startswith("aside ")
        self.place, _, self.variant = text.removeprefix("!").removeprefix("aside ").partition("/")
        self.id = container_id(self.place if self.variant in {"", "u"} else f"{self.variant}{self.place}")
        self.name = f"{self.place}-replaced-{self.id[:12]}" if aside else self.place

    def listed(self) -> dict[str, Any]:
        """As the engine lists it."""
        labels = {"status-state.ignore": "true"} if self.protected else {}
        return {**entry(self.name, **labels), "Id": self.id, "State": self.state}

    def captured(self) -> OriginalRecipe:
        """As it is captured."""
        told = inspect(self.name, Id=self.id, HostConfig={"Memory": 7 if self.variant == "u" else 0})
        return OriginalRecipe(id=self.id, name=self.name, image="nginx:1.27", image_id="sha256:1b0a", inspect=told)


def ones(text: str) -> list[One]:
    """Containers as the table writes them."""
    return [One(word) for word in re.split(r", ", text) if word]


def held_of(text: str) -> Recipes:
    """The snapshot in force."""
    words = [word for word in text.split(", ") if word]
    released = [word.removeprefix("released ") for word in words if word.startswith("released ")]
    originals = [One(word).captured() for word in words if not word.startswith("released ")]
    return recipes_of().model_copy(update={"originals": originals, "count": len(originals), "released": released})


def content_after(held: Recipes, there: list[One], asked: str) -> Content:
    """What becomes of the snapshot."""
    containers = listing(*(one.listed() for one in there)).containers
    if asked == "everything":
        seen = [one.captured() for one in there if one.state in RUNS and not one.protected]
        return accept_everything(held, Captured(seen, Definitions()))
    wish = share_of(asked.removeprefix("the share of ").split(", "), containers, Policy())
    if not asked.startswith("the share of "):
        parts = dict(part.split(" ", 1) for part in asked.split("; "))
        names = {verb: tuple(one.name for one in ones(text)) for verb, text in parts.items()}
        wish = Wish(**names)
    chosen = choose(wish, held, containers, Policy())
    ids = {choice.id for choice in chosen.accept}
    return accept_some(held, chosen, Captured([one.captured() for one in there if one.id in ids], Definitions()))


def text_of(change: Change) -> str:
    """What is different, as the table writes it."""
    words = {
        "added": change.added,
        "removed": change.removed,
        "replaced": [one.name for one in change.replaced if one.id != one.before_id],
        "updated": [one.name for one in change.replaced if one.id == one.before_id],
        "released": change.released,
    }
    said = [f"{word} {', '.join(names)}" for word, names in words.items() if names]
    said += [f"{name} is released no longer" for name in change.released_no_longer]
    assert change.is_change is bool(said)
    return f"`{', '.join(said)}`" if said else "nothing"


@pytest.mark.parametrize(("in_force", "there_is", "asked", "different"), rows())
def test_what_becomes_of_the_snapshot_is_what_the_table_says(
    in_force: str, there_is: str, asked: str, different: str
) -> None:
    held = held_of(in_force)
    if different.startswith("refused: "):
        with pytest.raises((UnknownName, NotAllowed)) as refused:
            content_after(held, ones(there_is), asked)
        assert f"refused: `{refused.value}`" == different
        return
    content = content_after(held, ones(there_is), asked)
    assert text_of(compare(held, content)) == different
    again = held.model_copy(update={"originals": content.originals, "released": content.released})
    assert not compare(again, content).is_change
    assert not compare(again, content_after(again, ones(there_is), asked)).is_change, "asked twice"


def test_the_table_is_read() -> None:
    assert len(rows()) > 40


def test_a_container_that_was_put_aside_becomes_the_original_whose_name_it_had() -> None:
    content = content_after(held_of("web"), ones("web, aside web/2:exited"), "accept aside web/2")
    (original,) = content.originals
    assert (original.id, original.name, original.inspect["Name"]) == (One("web/2").id, "web", "/web")


def test_a_name_that_only_looks_put_aside_is_a_name() -> None:
    odd = {**entry("web-replaced-0123456789ab"), "Id": container_id("x")}
    containers = listing(odd).containers
    assert choose(Wish(accept=("web-replaced-0123456789ab",)), held_of("web"), containers, Policy()).accept[0].name == (
        "web-replaced-0123456789ab"
    )


def test_a_container_is_found_by_its_full_id_and_never_by_the_beginning_of_one() -> None:
    containers = listing(entry("web")).containers
    assert choose(Wish(accept=(container_id("web"),)), held_of("db"), containers, Policy()).accept[0].name == "web"
    with pytest.raises(UnknownName):
        choose(Wish(accept=(container_id("web")[:12],)), held_of("db"), containers, Policy())
    assert choose(Wish(release=(container_id("db"),)), held_of("db"), (), Policy()).release == {"db"}


@pytest.mark.parametrize("name", ["web", "web-replaced"])
def test_what_the_policy_protects_can_not_be_accepted_whichever_of_its_names_it_means(name: str) -> None:
    one = One("aside web/2")
    policy = read_policy(f"- match: {name}*\n  ignore: true\n", "policy.yaml")
    with pytest.raises(NotAllowed, match="protected"):
        choose(Wish(accept=(one.name,)), held_of("web"), listing(one.listed()).containers, policy)


def test_a_renamed_original_has_its_new_name_and_not_both() -> None:
    renamed = {**entry("new"), "Id": container_id("web")}
    held = held_of("web, db")
    chosen = choose(Wish(accept=("new",)), held, listing(renamed).containers, Policy())
    seen = OriginalRecipe(
        id=container_id("web"), name="new", image="", image_id="", inspect=inspect("new", Id=container_id("web"))
    )
    change = compare(held, accept_some(held, chosen, Captured([seen], Definitions())))
    assert (change.added, change.removed) == (["new"], ["web"])


def test_one_that_was_named_and_vanished_since_is_unknown() -> None:
    held = held_of("web")
    chosen = choose(Wish(accept=("miner",)), held, listing(entry("miner")).containers, Policy())
    with pytest.raises(UnknownName, match="just been removed"):
        accept_some(held, chosen, Captured([], Definitions()))


def networked(name: str, network_id: str, network: str, volume: str, image: str) -> OriginalRecipe:
    """An original on a network, with a volume, of an image."""
    told = inspect(
        name,
        NetworkSettings={"Networks": {network: {"NetworkID": network_id}, "bridge": {"NetworkID": "n0"}}},
        Mounts=[{"Type": "volume", "Name": volume}],
        Image=image,
    )
    return OriginalRecipe(id=container_id(name), name=name, image="nginx", image_id=image, inspect=told)


def test_definitions_are_kept_for_those_that_stay_read_for_the_new_and_dropped_with_the_last() -> None:
    web = networked("web", "n1", "shop", "pages", "i1")
    old = networked("old", "n2", "legacy", "junk", "i2")
    new = networked("new", "n3", "shop", "data", "i3")
    held = recipes_of().model_copy(
        update={
            "originals": [web, old],
            "networks": [
                {"Name": "shop", "Id": "n1", "ConfigFrom": {"Network": "cfg"}},
                {"Name": "legacy", "Id": "n2"},
                {"Name": "cfg", "Id": "n4", "ConfigOnly": True},
            ],
            "volumes": [{"Name": "pages"}, {"Name": "junk"}],
            "images": [{"Id": "i1"}, {"Id": "i2"}],
        }
    )
    captured = Captured(
        [new],
        Definitions(
            [{"Name": "shop", "Id": "n3", "ConfigFrom": {"Network": "cfg"}}], [{"Name": "data"}], [{"Id": "i3"}]
        ),
    )
    chosen = choose(Wish(accept=("new",), release=("old",)), held, listing(entry("new")).containers, Policy())
    found = accept_some(held, chosen, captured).definitions
    # The network was made anew under its name: it is one to the controller, which finds networks by name.
    assert [(one["Name"], one["Id"]) for one in found.networks] == [("cfg", "n4"), ("shop", "n3")]
    assert ([one["Name"] for one in found.volumes], [one["Id"] for one in found.images]) == (
        ["data", "pages"],
        ["i1", "i3"],
    )


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"State": {"Running": False}}, ()),
        ({"RestartCount": 4, "LogPath": "/x"}, ()),
        ({"NetworkSettings": {"Networks": {"shop": {"NetworkID": "n1", "IPAddress": "10.0.0.9"}}}}, ()),
        ({"Mounts": [{"Destination": "/b"}, {"Destination": "/a"}]}, ()),
        ({"HostConfig": {"Memory": 0, "Links": ["/db:/web/db", "/c:/web/c"]}}, ()),
        ({"HostConfig": {"Memory": 7, "Links": ["/c:/web/c", "/db:/web/db"]}}, ("Memory",)),
        ({"HostConfig": {}}, ("Links", "Memory")),
        ({"Config": {"Image": "nginx:1.27", "Env": ["PASSWORD=other"]}}, ("Env",)),
        ({"NetworkSettings": {"Networks": {}}}, ("network shop",)),
        ({"NetworkSettings": {"Networks": {"shop": {"NetworkID": "n2"}}}}, ("network shop",)),
        ({"Mounts": [{"Destination": "/a"}]}, ("mounts",)),
        ({"Name": "/other", "Image": "sha256:2c1b"}, ("image", "name")),
    ],
    ids=str,
)
def test_what_changes_while_it_merely_runs_is_no_update(changes: dict[str, Any], fields: tuple[str, ...]) -> None:
    before = inspect(
        "web",
        Config={"Image": "nginx:1.27", "Env": ["PASSWORD=hunter2"]},
        HostConfig={"Memory": 0, "Links": ["/c:/web/c", "/db:/web/db"]},
        NetworkSettings={"Networks": {"shop": {"NetworkID": "n1", "IPAddress": "10.0.0.2"}}},
        Mounts=[{"Destination": "/a"}, {"Destination": "/b"}],
    )
    assert differing_fields(before, {**before, **changes}) == fields


def test_an_update_names_five_fields_at_most_and_no_values() -> None:
    assert told(()) is None
    assert told(("Memory",)) == "updated: Memory"
    assert told(tuple("abcdefg")) == "updated: a, b, c, d, e and 2 more"


def test_what_is_held_is_kept_where_only_its_state_has_changed() -> None:
    held = held_of("web")
    seen = One("web").captured()
    seen.inspect["State"] = {"Running": False}
    assert accept_everything(held, Captured([seen], Definitions())).originals == held.originals


def test_going_back_takes_all_that_the_older_one_held() -> None:
    older, held = held_of("web, db, released old"), held_of("web/2, cache")
    change = compare(held, go_back(older))
    assert (change.added, change.removed, [one.name for one in change.replaced], change.released) == (
        ["db"],
        ["cache"],
        ["web"],
        ["old"],
    )


def test_a_listing_of_all_is_read_whatever_the_state() -> None:
    states = [one.state for one in listing(One("x:dead").listed()).containers]
    assert states == ["dead"]
    assert isinstance(listing(entry("web")).containers[0], RunningContainer)
