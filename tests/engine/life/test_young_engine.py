"""A fresh snapshot is never taken of an engine that is itself just starting."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from ..kit.host import Host, parse_time
from ..kit.pair import API, Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from ..kit.private_engine import PrivateEngine

UNCHANGED_SECONDS = 20


def test_a_fresh_snapshot_of_an_engine_that_has_just_started_waits_for_what_boots_late(
    engine: PrivateEngine, host: Host
) -> None:
    engine.restart(signal.SIGTERM)
    early = host.run("early")
    pair = Pair(host)
    try:
        pair.run_compose("up", "--detach", "--no-deps", API)
        api = pair.api
        wait_until(lambda: api.logs, "the first line of the SSA")
        assert not pair.is_ready()
        late = host.run("late")
        pair.wait_until_ready()
        assert pair.original_names() == {early.name, late.name}
        waited = parse_time(pair.status()["snapshot"]["taken_at"]) - parse_time(late.started_at)
        assert waited >= UNCHANGED_SECONDS - 1
    finally:
        pair.remove()
