"""The JSON Schema of the policy, for editors: made from the rules themselves. Pure.

`policy/schema.json` is its committed form; a test holds the two together.
"""

from typing import Any

from .policy_yaml import NESTED
from .rules import MODELS

TITLE = "Status State policy"


def policy_schema() -> dict[str, Any]:
    """Return the schema."""
    rules = {prefix: model.model_json_schema()["properties"] for prefix, (model, _) in MODELS.items()}
    properties: dict[str, Any] = {
        "match": {
            "description": "Globs on names of containers: `web-*`, or a list of them.",
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ],
        }
    }
    for prefix, fields in rules.items():
        properties |= {f"{prefix}{name}": _of_field(schema) for name, schema in fields.items()}
    for name in NESTED:
        properties[name] = {
            "description": f"The keys {name}.…, as a mapping.",
            "type": "object",
            "properties": {field: _of_field(schema) for field, schema in rules[f"{name}."].items()},
            "additionalProperties": False,
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "description": "All entries that match a name apply; where two set the same key, the later one counts.",
        "type": ["array", "null"],
        "items": {"type": "object", "properties": properties, "required": ["match"], "additionalProperties": False},
    }


def _of_field(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop what is about Python, and the null that stands for a key that isn't there."""
    kept = {key: value for key, value in schema.items() if key not in {"title", "anyOf", "default"}}
    alternatives = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if schema.get("default") is not None:
        kept["default"] = schema["default"]
    return kept | (alternatives[0] if alternatives else {})
