"""Reads what may be null or missing in the engine's JSON. Pure."""

from collections.abc import Mapping
from typing import Any


def listed(fields: Mapping[str, Any], key: str) -> list[Any]:
    """Return a list inside of an object, empty where there is none."""
    return fields.get(key) or []


def inner(fields: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return an object inside of an object, empty where there is none."""
    return fields.get(key) or {}
