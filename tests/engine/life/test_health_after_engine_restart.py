"""After a restart of the engine the logs are followed again: nothing from before it counts, everything after it does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from ..health.health import RESTART, Recorder, make_labels, make_lively, speak, wait_for_verdict
from ..kit.host import LIVE, Container, Host
from ..kit.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..kit.private_engine import PrivateEngine

BAD = b"CRITICAL:root:boom\n"
RULED = ("always", "no")


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """Two that may write one bad line, one of which the engine starts again by itself, and one that may write none."""

    def run(stem: str, count: int, policy: str) -> Container:
        labels = make_labels({"logs.severity": "critical", "logs.count": f"{count}", "logs.within": "10m"})
        return module_host.run(stem, *LIVE, options=(*labels, "--restart", policy))

    made = {policy: run(policy, 2, policy) for policy in RULED}
    return made | {"signal": run("signal", 1, "no")} | make_lively(module_host, ("plain-1", "plain-2", "plain-3"))


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container]) -> Generator[Pair]:
    """The pair, which has nothing to find fault with at first."""
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {container.name for container in originals.values()}
        for stem in (*RULED, "signal"):
            wait_for_verdict(pair, originals[stem], "logs", "ok")
        yield pair


def test_a_log_rule_goes_on_after_a_restart_of_the_engine(
    pair: Pair, engine: PrivateEngine, originals: dict[str, Container]
) -> None:
    before = {stem: original.started_at for stem, original in originals.items()}
    for stem in RULED:
        speak(originals[stem], BAD)
    down_at = time.time()
    engine.restart()
    pair.wait_until_at_work(down_at)
    for stem, original in originals.items():
        original.wait_for_start_after(before[stem], seconds=60)
    for stem in (*RULED, "signal"):
        wait_for_verdict(pair, originals[stem], "logs", "ok")

    with Recorder().hearing(pair.host) as recorder:
        for stem in (*RULED, "signal"):
            speak(originals[stem], BAD)
        recorder.wait_for_starts(originals["signal"])
        for stem in RULED:
            wait_for_verdict(pair, originals[stem], "logs", "ok")
            assert recorder.actions(originals[stem]) == [], "a line from before the restart was counted"
        for stem in RULED:
            speak(originals[stem], BAD)
        for stem in RULED:
            recorder.wait_for_starts(originals[stem])
        for stem in (*RULED, "signal"):
            wait_for_verdict(pair, originals[stem], "logs", "ok")
        pair.wait_for_checks(3)
        assert [recorder.actions(originals[stem]) for stem in (*RULED, "signal")] == [RESTART] * 3
