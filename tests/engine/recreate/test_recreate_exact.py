"""A removed original comes back exactly as it was, whatever options it had been made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..kit.host import Container, run_command
from ..kit.pair import Pair
from ..kit.waiting import wait_until
from .equality import anonymous_volumes, compare
from .recreate_table import CASES, Case
from .table_world import MARKER, World, prepared

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["prepared"]

HEALED_SECONDS = 120


@pytest.fixture(scope="module")
def world(prepared: World) -> Generator[World]:
    """The containers of the table: seen by the pair, removed all at once, and back again (or waited for in vain)."""
    world = prepared
    world.make_all()
    with Pair(world.host).running() as pair:
        world.before = world.look()
        assert pair.original_names() == world.before.keys()
        ids = {inspect["Id"] for inspect in world.before.values()}
        run_command("docker", "rm", "--force", *ids)

        def all_back() -> bool:
            world.after = world.look()
            return len(world.after) == len(world.before) and all(
                inspect["State"]["Running"] for inspect in world.after.values()
            )

        try:
            wait_until(all_back, "all to run again", HEALED_SECONDS)
        except AssertionError:  # each test tells of its own
            log = pair.controller.logs
            for case in CASES:
                name = world.name(case)
                said = [line for line in log.splitlines() if name in line]
                if said and not world.after.get(name, {"State": {"Running": False}})["State"]["Running"]:
                    world.errors[case.about] = f"it did not come back: {said[-1]}"
        yield world


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_a_removed_original_comes_back_as_it_was(world: World, case: Case) -> None:
    if case.about in world.refused:
        pytest.skip(f"this machine can't do it: {world.refused[case.about]}")
    assert case.about not in world.errors, world.errors[case.about]
    before, after = (inspects[world.name(case)] for inspects in (world.before, world.after))
    assert before["Id"] != after["Id"], "it was not even removed"
    assert compare(before, after, world.names()) == []
    if not before["HostConfig"]["AutoRemove"]:  # of such the engine deletes the nameless volumes as well
        assert anonymous_volumes(after) == anonymous_volumes(before)
    container = Container(after["Id"], world.name(case))
    for place in case.data:
        read = ("python3", "-c", f"print(open('{place}/marker').read())")
        assert container.execute(*read).strip() == f"{MARKER} {case.about}"
