"""The bills of materials: valid CycloneDX, everything that is locked and nothing else, and no word about where it is from."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]
FOLDERS = ("status-state-api", "status-state-controller", "tests")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make sbom` writes."""
    folder = tmp_path_factory.mktemp("sbom")
    subprocess.run([sys.executable, str(ROOT / "scripts" / "sbom.py"), str(folder)], check=True, capture_output=True)
    return folder


def test_it_is_what_make_sbom_runs() -> None:
    assert "scripts/sbom.py" in (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nsbom:")[2].split("\n\n")[0]


@pytest.mark.parametrize("folder", FOLDERS)
def test_it_is_valid_and_holds_what_is_locked(written: Path, folder: str) -> None:
    text = (written / f"{folder}.cdx.json").read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components: list[dict[str, Any]] = json.loads(text)["components"]
    lock = (ROOT / folder / "requirements.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w.-]+)(?:\[.*?\])?==([^ ;]+)", lock, re.MULTILINE)
    assert [(one["name"], one["version"]) for one in components] == pins
    assert len({one["purl"] for one in components}) == len(pins)
    hashes = [found["content"] for one in components for found in one["hashes"]]
    assert all(one["hashes"] for one in components)
    assert hashes == re.findall(r"--hash=sha256:([0-9a-f]{64})", lock)


@pytest.mark.parametrize("folder", FOLDERS)
def test_it_names_no_host_and_is_the_same_each_time(written: Path, folder: str, tmp_path: Path) -> None:
    text = (written / f"{folder}.cdx.json").read_text(encoding="utf-8")
    assert re.findall(r"\w+://[^\s\"]+", text) == ["http://cyclonedx.org/schema/bom-1.6.schema.json"]
    subprocess.run([sys.executable, str(ROOT / "scripts" / "sbom.py"), str(tmp_path)], check=True, capture_output=True)
    assert (tmp_path / f"{folder}.cdx.json").read_text(encoding="utf-8") == text
