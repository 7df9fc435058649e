"""The schematics of the README are drawn from their present sources, and can be read there."""

import hashlib
import struct
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["compose_schematic", "kubernetes_schematic"]
SVG = "{http://www.w3.org/2000/svg}"
SHOWN_WIDTH = 900  # pixels, the width of a README


def svg_of(name: str) -> ET.Element:
    """The drawing's source."""
    return ET.parse(ROOT / "docs" / f"{name}.svg").getroot()  # noqa: S314  # a file of this repository


def hashes() -> dict[str, str]:
    """The hash of each source and drawing when it was last rendered, by its path."""
    lines = (ROOT / "docs" / "schematics.sha256").read_text(encoding="utf-8").splitlines()
    return {path: digest for digest, path in (line.split(maxsplit=1) for line in lines)}


@pytest.mark.parametrize("name", NAMES)
def test_a_schematic_is_drawn_from_its_present_source(name: str) -> None:
    for path in (f"docs/{name}.svg", f"{name}.png"):
        digest = hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
        assert hashes()[path] == digest, f"{path} has changed since `make schematics` was last run"


@pytest.mark.parametrize("name", NAMES)
def test_a_schematic_is_sharp_and_small(name: str) -> None:
    data = (ROOT / f"{name}.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert width == 2 * SHOWN_WIDTH
    assert width / 2 <= height <= width
    assert len(data) < 200_000


@pytest.mark.parametrize("name", NAMES)
def test_a_schematic_has_a_background_of_its_own_for_dark_pages(name: str) -> None:
    source = svg_of(name)
    background = source.find(f"{SVG}rect")
    assert background is not None
    assert [background.get(side) for side in ("width", "height")] == [source.get("width"), source.get("height")]
    assert background.get("fill") == "#f8fafc"


def test_the_kubernetes_schematic_says_what_the_example_deploys() -> None:
    example = (ROOT / "deployment-example.yaml").read_text(encoding="utf-8")
    texts = ["".join(element.itertext()) for element in svg_of("kubernetes_schematic").iter(f"{SVG}text")]
    for label in ("version: blue", "status-state-api", "status-state-controller", "/var/lib/status-state/blue"):
        assert label in texts
        assert label in example
    assert "label status-state.engine=first" in texts
    assert "status-state.engine: first" in example
