"""Writes what the images and the tests are made of, as CycloneDX 1.6, from the lock files: `make sbom`.

One file per lock file. Everything in it comes from there: names, versions, hashes, and for which systems a package is; so the
same lock files give the same bytes, and no index or machine is named. What the base image holds is not in it: scan the
image for that.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKED = ("status-state-api", "status-state-controller", "tests")
_PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)(?: ; (.*?))? \\")
_HASH = re.compile(r" +--hash=sha256:([0-9a-f]{64})(?: \\)?")
_NAMESPACE = uuid.UUID("6d8f1f39-1f0e-5c1b-9a55-6f1a5d2f6c11")
"""Made once, at random: serial numbers are made of it and of the lock file."""


def read_components(lock: str) -> list[dict[str, Any]]:
    """Read the components of a lock file; raises ValueError for a line that is none of its kinds."""
    components: list[dict[str, Any]] = []
    for line in lock.splitlines():
        if (pin := _PIN.fullmatch(line)) is not None:
            components.append(_component(*pin.groups()))
        elif (digest := _HASH.fullmatch(line)) is not None and components:
            components[-1]["hashes"].append({"alg": "SHA-256", "content": digest[1]})
        elif line.strip() and not line.startswith("#"):
            raise ValueError(f"this is neither a pin nor a hash: {line}")
    return components


def make_sbom(folder: str, lock: str) -> dict[str, Any]:
    """Make the document about the lock file of a folder."""
    components = read_components(lock)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{folder} {lock}')}",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": folder, "name": folder}},
        "components": components,
        "dependencies": [{"ref": folder, "dependsOn": [component["bom-ref"] for component in components]}],
    }


def _component(name: str, version: str, marker: str | None) -> dict[str, Any]:
    purl = f"pkg:pypi/{re.sub('[-_.]+', '-', name).lower()}@{version.replace('+', '%2B')}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "hashes": [],
    }
    if marker is not None:
        component["properties"] = [{"name": "status-state:marker", "value": marker}]
    return component


def main(target: Path) -> None:
    """Write the documents into this folder."""
    target.mkdir(parents=True, exist_ok=True)
    for folder in LOCKED:
        document = make_sbom(folder, (ROOT / folder / "requirements.txt").read_text(encoding="utf-8"))
        file = target / f"{folder}.cdx.json"
        file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        print(f"{file} lists {len(document['components'])} packages")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
