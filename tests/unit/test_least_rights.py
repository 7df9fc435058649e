"""The filter of docker-compose.least-rights.yaml allows what docs/engine-requests.md lists, and no more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from status_state_api.protection import given_labels, protection

ROOT = Path(__file__).parents[2]
ID = "0123456789ab" * 5 + "cdef"
FORBIDDEN = [
    "/", "/images/json", "/images/get", "/volumes", "/containers/create", "/system/df", "/session", "/info/x",
    f"/containers/{ID}/archive", f"/containers/{ID}/export", f"/containers/{ID}/attach/ws", f"/containers/{ID}/top",
    f"/containers/{ID}%2Fexport", f"/containers/{ID}/../export", f"/images/{ID}/get", f"/x/containers/{ID}/json",
    "/images/../x/json", "/images/name/json", "/containers/../json", "/networks/..", "/volumes/a%2Fb", "/v1.41/v1.41/info", "/info#",
]  # fmt: skip


@pytest.fixture(scope="module")
def allowed() -> list[re.Pattern[str]]:
    """The paths that the filter allows."""
    configuration = (ROOT / "deploy" / "least-rights" / "haproxy.cfg").read_text(encoding="utf-8")
    found = re.findall(r"^ *acl allowed path -m reg (\S+)$", configuration, re.MULTILINE)
    assert found
    return [re.compile(one) for one in found]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of the override."""
    text = (ROOT / "docker-compose.least-rights.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["services"]


def test_the_filter_allows_exactly_what_is_listed(allowed: list[re.Pattern[str]]) -> None:
    document = (ROOT / "docs" / "engine-requests.md").read_text(encoding="utf-8")
    part = document.partition("\n## status-state-api")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| (\w+) \| `(\S+)` \|$", part, re.MULTILINE)
    assert {method for method, _ in listed} == {"GET"}
    paths = [f"{version}{path.replace('{id}', ID)}" for _, path in listed for version in ("", "/v1.41")]
    assert [path for path in paths if not any(one.search(path) for one in allowed)] == []
    assert [one.pattern for one in allowed if not any(one.search(path) for path in paths)] == []


@pytest.mark.parametrize("path", FORBIDDEN)
def test_the_filter_allows_nothing_else(allowed: list[re.Pattern[str]], path: str) -> None:
    assert [one.pattern for one in allowed for version in ("", "/v1.41") if one.search(version + path)] == []


def test_the_ssa_gives_up_the_socket_and_is_protected_all_the_same(services: dict[str, Any]) -> None:
    pair = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))["services"]
    [socket] = [one.rpartition(":")[2] for one in pair["status-state-api"]["volumes"] if "docker.sock" in one]
    api = services["status-state-api"]
    assert [one.rpartition(":")[2] for one in api["volumes"]] == [socket], "the folder must take the socket's place"
    labels = {"status-state.role": "api"}
    variables = [f"{name}={value}" for name, value in api["environment"].items()]
    seen: dict[str, Any] = {"Config": {"Env": variables}, "Mounts": []}
    assert given_labels(labels, {"Labels": labels}, seen) == labels


def test_the_filter_is_protected_and_can_do_little_else(services: dict[str, Any]) -> None:
    filter_ = services["status-state-filter"]
    assert protection(filter_["labels"])
    assert (filter_["read_only"], filter_["cap_drop"], filter_["network_mode"]) == (True, ["ALL"], "none")
    assert filter_["security_opt"] == ["no-new-privileges:true"]
    assert filter_["ulimits"]["core"] == 0
