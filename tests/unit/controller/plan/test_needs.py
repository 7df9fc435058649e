"""Which networks of a container that is down are lost, and what is said of that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.model import Observed
from status_state_controller.plan.needs import lost_networks, tell_lost

from ..world import container, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

PRESENT = {"back": frozenset({"2", "3"}), "back-longer": frozenset({"backup"}), "bridge": frozenset({"9"})}
ATTACHED: dict[str, tuple[tuple[str, str], list[str]]] = {
    "as it was": (("back", "2"), []),
    "as it was, and its name is there twice": (("back", "3"), []),
    "another one by now": (("back", "1"), ["back"]),
    "not run there yet": (("back", ""), []),
    "gone, not run there yet": (("front", ""), ["front"]),
    "a part of another name": (("longer", "1"), ["longer"]),
    "the beginning of another id": (("back", "back"), ["back"]),
    "bridge": (("bridge", "8"), []),
    "of a swarm": (("overlay", "7"), []),
}


@pytest.mark.parametrize(("attached", "lost"), ATTACHED.values(), ids=ATTACHED.keys())
def test_a_network_is_lost_when_its_id_is_or_its_exact_name(attached: tuple[str, str], lost: list[str]) -> None:
    held = replace(snapshot(), networks={"overlay": {"Scope": "swarm"}})
    assert lost_networks([attached], held, PRESENT) == lost


def told(attached: Iterable[tuple[str, str]] = (), mounted: Iterable[str] = (), **seen: Any) -> str:
    """What is said of a container with these; `seen` are fields of what is observed."""
    volumes = {"a": {"Driver": "local"}, "b": {"Driver": "local"}, "remote": {"Driver": "nfs"}}
    place = replace(container("web", "exited"), networks=frozenset(attached), volumes=frozenset(mounted))
    return tell_lost(place, replace(snapshot(), volumes=volumes), Observed((place,), **seen))


def test_everything_that_is_gone_is_named_in_order() -> None:
    attached, mounted = [("z", "1"), ("y", "1"), ("back", "1")], ["b", "a", "remote", "unknown"]
    assert told(attached, networks=PRESENT) == ", its networks y, z are gone, its network back is another one by now"
    assert told(mounted=mounted, volumes=dict.fromkeys(mounted, False)) == ", its volumes a, b are gone"
    assert told(attached, mounted) == "", "nothing is known of them"
