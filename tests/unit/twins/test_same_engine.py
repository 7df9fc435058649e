"""Which engine is it? Every way in which what it is known by can change, alone and together."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from status_state_api.same_engine import compare_engines, needs_containers


@dataclass(frozen=True)
class Engine:
    """What an engine is known by."""

    id: str = "T7KA:ZLBD"
    none_network_id: str | None = "5d6f"


KEPT = Engine()
UPGRADED = Engine(id="f0cd0b59")  # 20.10 to 23 or later
REMADE = Engine(none_network_id="0000")  # its network database was deleted; or it is a clone
BOTH = Engine("f0cd0b59", "0000")
PODMAN, OTHER_PODMAN = Engine(none_network_id=None), Engine("f0cd0b59", None)
WEB, DB, CACHE, MINER = "web", "db", "cache", "miner"
ALL = (WEB, DB, CACHE)

CASES = {
    "nothing has changed": (KEPT, KEPT, ALL, (), True),
    "nothing has changed, and nothing was held": (KEPT, KEPT, (), (), True),
    "another id: an upgrade": (KEPT, UPGRADED, ALL, (), True),
    "another network, all originals there": (KEPT, REMADE, ALL, (*ALL, MINER), True),
    "another network, most originals there": (KEPT, REMADE, ALL, (WEB, DB), True),
    "another network, half of the originals there": (KEPT, REMADE, (WEB, DB), (WEB, MINER), False),
    "another network, no original there: a clone": (KEPT, REMADE, ALL, (MINER,), False),
    "another network, and nothing was held: a clone": (KEPT, REMADE, (), (MINER,), False),
    "both others, most originals there": (KEPT, BOTH, ALL, (CACHE, DB), True),
    "both others, one original there": (KEPT, BOTH, ALL, (CACHE, MINER), False),
    "both others": (KEPT, BOTH, ALL, (), False),
    "no network before and now, the same id": (PODMAN, PODMAN, ALL, (), True),
    "no network before and now, another id": (PODMAN, OTHER_PODMAN, ALL, (), False),
    "no network before and now, another id, most originals there": (PODMAN, OTHER_PODMAN, ALL, ALL, True),
    "the network is no longer told, the same id": (KEPT, PODMAN, ALL, (), True),
    "the network is told by now, the same id": (PODMAN, KEPT, ALL, (), True),
    "the network is no longer told, another id": (KEPT, OTHER_PODMAN, ALL, (WEB,), False),
    "the network is no longer told, another id, most originals there": (KEPT, OTHER_PODMAN, ALL, (WEB, DB), True),
}


@pytest.mark.parametrize(("kept", "seen", "originals", "present", "expected"), CASES.values(), ids=list(CASES))
def test_an_engine_is_known_by_its_id_its_network_and_its_containers(
    kept: Engine, seen: Engine, originals: tuple[str, ...], present: tuple[str, ...], *, expected: bool
) -> None:
    relation = compare_engines(kept, seen, originals, present)
    assert relation.is_same is expected
    assert (relation.why == "") is (kept == seen), "a change is told"
    if not needs_containers(kept, seen):
        assert compare_engines(kept, seen) == relation


ENGINES = st.builds(Engine, st.sampled_from(["a", "b"]), st.sampled_from(["n", "m", None]))
NAMES = st.sets(st.sampled_from([WEB, DB, CACHE, MINER]))


@given(ENGINES, ENGINES, NAMES, NAMES)
def test_the_verdict_is_the_same_seen_from_either_side(
    one: Engine, other: Engine, originals: set[str], present: set[str]
) -> None:
    assert compare_engines(one, other, originals, present) == compare_engines(other, one, originals, present)
