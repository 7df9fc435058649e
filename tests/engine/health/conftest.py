"""What the tests of health share: a network between servers and SSA, and what hears what happens to the originals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .health import Recorder, make_network

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..kit.host import Container, Host


@pytest.fixture(scope="module")
def network(module_host: Host) -> Generator[str]:
    """What the servers share with the SSA."""
    with make_network(module_host) as name:
        yield name


@pytest.fixture(scope="module")
def recorder(module_host: Host, originals: dict[str, Container] | list[Container]) -> Generator[Recorder]:
    """Hears what happens once all originals run."""
    all_of_them = originals if isinstance(originals, list) else originals.values()
    assert {container.status for container in all_of_them} == {"running"}
    with Recorder().hearing(module_host) as recorder:
        yield recorder
