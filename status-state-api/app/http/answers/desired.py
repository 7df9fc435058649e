"""The desired state as the controller reads it: the recipes, the policy, the pauses, and its own memory."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ...model import Pause
from ...snapshot.held import Held


def make_desired_state(
    held: Held, policy: Sequence[Mapping[str, Any]], pauses: Sequence[Pause], memory: str | None
) -> bytes:
    """Make `schemas.DesiredState` as JSON. Holds secrets."""
    added = orjson.dumps(
        {
            "policy": policy,
            "pauses": describe_pauses(pauses),
            "memory": None if memory is None else orjson.Fragment(memory),
        }
    )
    return held.recipes[:-1] + b"," + added[1:]  # one object of two: the recipes are large, and kept as bytes


def make_etag(held: Held, policy: Sequence[Mapping[str, Any]], pauses: Sequence[Pause]) -> str:
    """Make what tells the desired state apart from others: the snapshot's id, and all else that the controller obeys."""
    tag = held.snapshot.id
    if policy or pauses:
        tag += f".{hashlib.sha256(orjson.dumps([policy, describe_pauses(pauses)])).hexdigest()[:16]}"
    return f'"{tag}"'


def describe_pauses(pauses: Sequence[Pause]) -> list[dict[str, Any]]:
    """Make the pauses as they travel."""
    return [pause.model_dump(mode="json") for pause in pauses]


def matches(if_none_match: str, etag: str) -> bool:
    """Tell whether the header `If-None-Match` names this ETag."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags
