"""Whether two looks at an engine were looks at the same one. Pure; the same file in both services, so that they agree.

An engine is known by its id and the id of its network `none`, which it makes once, at its first start. Neither suffices:
the id is shared by cloned machines and is another one after an upgrade from 20.10 (moby keeps it in another file since
23), the network is made anew when its database is deleted, and Podman has none. The containers settle what these leave
open. The engine's name changes with the host's: it decides nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol


class Identity(Protocol):
    """What an engine is known by."""

    @property
    def id(self) -> str:
        """The engine's id."""
        ...

    @property
    def none_network_id(self) -> str | None:
        """The id of its network `none`; None where it has none."""
        ...


@dataclass(frozen=True, slots=True)
class Relation:
    """Whether it is the same engine, and why, in words; the words are empty where nothing has changed."""

    is_same: bool
    why: str


def needs_containers(kept: Identity, seen: Identity) -> bool:
    """Tell whether the two can be judged only by the containers that are there."""
    return not _unchanged(kept, seen) and not _same_network(kept, seen)


def compare_engines(
    kept: Identity, seen: Identity, originals: Collection[str] = (), present: Collection[str] = ()
) -> Relation:
    """Judge whether the engine seen is the one that is remembered.

    Args:
        kept: what is remembered.
        seen: what answers.
        originals: the ids of the containers that were remembered with it.
        present: the ids of all the containers that are there, whatever their state; not needed unless
            `needs_containers` says so.
    """
    if _unchanged(kept, seen):
        return Relation(is_same=True, why="")
    if _same_network(kept, seen):
        return Relation(
            is_same=True, why="its id is another one, as after an upgrade, but its network none is the same"
        )
    there = len(set(originals) & set(present))
    if 2 * there > len(set(originals)):
        return Relation(is_same=True, why=f"{there} of the {len(set(originals))} originals are there")
    if kept.id == seen.id and None in {kept.none_network_id, seen.none_network_id}:
        return Relation(is_same=True, why="its id is the same, and its network none is not always told")
    others = "its network none is another one" if kept.id == seen.id else "its id and its network none are other ones"
    return Relation(is_same=False, why=f"{others}, and {there} of the {len(set(originals))} originals are there")


def _unchanged(kept: Identity, seen: Identity) -> bool:
    return kept.id == seen.id and kept.none_network_id == seen.none_network_id


def _same_network(kept: Identity, seen: Identity) -> bool:
    return kept.none_network_id is not None and kept.none_network_id == seen.none_network_id
