"""The standing of a container: the table of docs/architecture.md, row by row."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from status_state_api.http.schemas import ContainerStanding
from status_state_api.model import Original
from status_state_api.snapshot.standing import Desired, Standing, standings

from ..world import entry, listing

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[4]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| (.+?) \| (.*?) ?\| (.+?) \|$", TEXT.split("## The standing of")[1].split("\n## ")[0], re.MULTILINE
)[1:]
SAME, OTHER = "sha256:1b0a", "sha256:2c1b"
WEB = Original(id="0" * 64, name="web", image="nginx:1.27", image_id=SAME)


def containers(what: str, given: set[str]) -> list[dict[str, Any]]:
    """The containers that a row tells of, as the engine lists them."""
    labels = {"status-state.role": "api"} if "it is protected" in given else {}
    image = OTHER if "another image" in given else SAME
    made = {
        "none": [],
        "the original": [entry("web") | {"Id": WEB.id}],
        "the original under another name": [entry("web-old") | {"Id": WEB.id}],
        "another of its name": [entry("web", **labels) | {"ImageID": image}],
        "another one": [entry("miner", **labels)],
    }
    return [one for part in what.split(", and ") for one in made[part]]


@pytest.mark.parametrize(("what", "given", "told"), ROWS, ids=[f"{what}: {given}" for what, given, _ in ROWS])
def test_each_row_of_the_table(what: str, given: str, told: str) -> None:
    said = set(filter(None, given.split(", ")))
    labels: dict[str, str] = {}
    for word in said:
        if word.startswith("rule "):
            labels["status-state.restart"] = word.split("`")[1]
    if "it is a one-off of compose" in said:
        labels["com.docker.compose.oneoff"] = "True"
    of_policy: dict[str, str] = {}
    if "the policy says `never`" in said:
        of_policy["status-state.restart"] = "never"
    if "the policy ignores it" in said:
        of_policy["status-state.ignore"] = "true"

    def apply(name: str, labels: Mapping[str, str]) -> Mapping[str, str]:
        return {**labels, **of_policy} if name == ("miner" if what == "another one" else "web") else labels

    replaced = {WEB.id} if "the controller reports it as replaced" in said else set[str]()
    found = {WEB.name} if "the controller reports it" in said else replaced
    released = {"miner"} if "an operator has released its name" in said else set[str]()
    desired = Desired([WEB], {WEB.id: labels}, released, apply, found, replaced)
    running = listing(*containers(what, said)).containers
    shown = sorted(f"`{name} {standing}`" for _, name, standing in standings(desired, running))
    assert shown == sorted(told.split(", "))


def test_the_table_and_the_description_have_every_standing() -> None:
    described = get_args(ContainerStanding.model_fields["standing"].annotation)
    assert set(described) == {str(one) for one in Standing}
    assert {standing for _, _, told in ROWS for standing in re.findall(r" (\w+)`", told)} == set(described)
