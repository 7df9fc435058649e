"""docs/openapi.json is what the SSA describes itself as, and everything in it is described.

To bring the file up to date: `UPDATE_OPENAPI=1 pytest tests/contract/test_api_openapi.py`.
"""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator
from status_state_api.http.app import create_api
from status_state_api.http.routes.parts import Parts

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The description as the service serves it. Making it asks no part of the service for anything."""
    nothing: Any = None
    return create_api(Parts(*[nothing] * len(fields(Parts))), "x").openapi()


def test_the_committed_description_is_current(described: dict[str, Any]) -> None:
    current = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_OPENAPI"):
        FILE.write_text(current, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == current, "it has changed: UPDATE_OPENAPI=1 pytest " + __file__


def test_the_interface_is_that_of_the_design(described: dict[str, Any]) -> None:
    assert {path: sorted(operations) for path, operations in described["paths"].items()} == {
        "/status": ["get"],
        "/overview": ["get"],
        "/events": ["get"],
        "/snapshot": ["get", "post"],
        "/healthz": ["get"],
        "/readyz": ["get"],
        "/snapshot/compose": ["get"],
        "/snapshot/recipes": ["get"],
        "/verdicts": ["get"],
        "/reports": ["post"],
        "/snapshots": ["get"],
        "/snapshots/{before_id}/changes/{after_id}": ["get"],
        "/snapshots/{snapshot_id}/rollback": ["post"],
        "/pause": ["post"],
        "/resume": ["post"],
        "/journal": ["get"],
        "/availability": ["get"],
        "/metrics": ["get"],
    }


def test_the_token_is_asked_for_where_the_design_says(described: dict[str, Any]) -> None:
    guarded = {
        f"{method} {path}"
        for path, operations in described["paths"].items()
        for method, one in operations.items()
        if "security" in one
    }
    changes = {"post /snapshot", "post /snapshots/{snapshot_id}/rollback", "post /pause", "post /resume"}
    between = "get /snapshots/{before_id}/changes/{after_id}"
    assert guarded == {
        between,
        "get /snapshot/compose",
        "get /snapshot/recipes",
        "get /verdicts",
        "post /reports",
        *changes,
    }


def test_every_model_and_field_is_described_with_an_example(described: dict[str, Any]) -> None:
    lacking: list[str] = []
    for name, model in described["components"]["schemas"].items():
        if not model.get("description"):
            lacking.append(name)
        for field, schema in model["properties"].items():
            refers = "$ref" in json.dumps(schema)  # then the example is that of the model
            if not schema.get("description"):
                lacking.append(f"{name}.{field}: description")
            if (
                not refers
                and not schema.get("examples")
                and "const" not in schema
                and schema.get("default") != "about:blank"
            ):
                lacking.append(f"{name}.{field}: example")
    assert lacking == []


def test_every_operation_is_described_and_tells_its_errors_as_problems(described: dict[str, Any]) -> None:
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert operation["description"], path
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], (path, status)
    assert not {"HTTPValidationError", "ValidationError"} & set(described["components"]["schemas"])


def test_the_examples_are_what_the_models_accept(described: dict[str, Any]) -> None:
    seen = 0
    for name, model in described["components"]["schemas"].items():
        for field, schema in cast("dict[str, dict[str, Any]]", model["properties"]).items():
            validator = cast("Any", Draft202012Validator({**schema, "components": described["components"]}))
            for example in schema.get("examples", []):
                seen += 1
                assert list(validator.iter_errors(example)) == [], (name, field, example)
    assert seen > 50
