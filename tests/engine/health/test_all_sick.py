"""When all originals are sick at once none is restarted, and that is said; once half are well, the others are healed.

Their HEALTHCHECKs are what tells, and the controller looks by itself once a minute only: the events have to do.
"""

from __future__ import annotations

import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from ..kit.host import LIVE, Container, Host, run_command
from ..kit.pair import API, CONTROLLER, Pair
from ..kit.waiting import wait_until
from .health import RESTART, Recorder, find_sentences

if TYPE_CHECKING:
    from collections.abc import Generator


ORIGINALS = 10
INTERVAL = "60s"
CHECKED = ("--health-cmd", "test ! -e /sick", "--health-interval", "2s", "--health-retries", "1")
HEALED = ("sh", "-c", f"rm -f /sick; {LIVE[-1]}")
SAID = re.compile(r"(\d+) of (\d+) originals are unhealthy at once")


@pytest.fixture(scope="module")
def originals(module_host: Host) -> list[Container]:
    """What runs before the pair comes: a restart heals each of them."""

    def run(stem: str) -> Container:
        return module_host.run(stem, *HEALED, options=CHECKED)

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(run, [f"original-{number}" for number in range(ORIGINALS)]))


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: list[Container], recorder: Recorder) -> Generator[Pair]:
    """The pair, which finds all of them healthy."""
    del recorder
    with Pair(module_host, SSC_INTERVAL=INTERVAL).running() as pair:
        assert pair.original_names() == {container.name for container in originals}
        wait_for_verdicts(pair, originals, "ok")
        yield pair


def wait_for_verdicts(pair: Pair, originals: list[Container], verdict: str, seconds: float = 30) -> None:
    """Until the SSA judges all of these so by their HEALTHCHECKs."""

    def reached() -> bool:
        told: list[dict[str, Any]] = pair.status()["verdicts"]
        so = {one["container"]["id"] for one in told if (one["source"], one["verdict"]) == ("engine", verdict)}
        return {original.id for original in originals} <= so

    wait_until(reached, f"{len(originals)} verdicts to be {verdict}", seconds, lambda: pair.status()["verdicts"])


def do_to_all(originals: list[Container], *command: str) -> None:
    """Executes the command in all of them at the same time."""
    processes = [subprocess.Popen(["docker", "exec", original.id, *command]) for original in originals]
    assert [process.wait() for process in processes] == [0] * len(originals)


@pytest.fixture(scope="module")
def all_sick(pair: Pair, originals: list[Container]) -> None:
    """All have turned, and the controller has said so."""
    do_to_all(originals, "touch", "/sick")
    wait_for_verdicts(pair, originals, "failing")
    wait_until(lambda: find_sentences(pair, "originals are unhealthy at once"), "the controller to say so")


@pytest.mark.usefixtures("all_sick")
def test_none_of_ten_that_are_sick_at_once_is_restarted_and_that_is_said_once(
    pair: Pair, originals: list[Container], recorder: Recorder
) -> None:
    # A newcomer is dealt with all the same, which also tells that checks are made.
    newcomer = pair.host.run("newcomer")
    newcomer.wait_for("exited")
    [sentence] = find_sentences(pair, "originals are unhealthy at once")
    found = SAID.search(sentence)
    assert found
    assert int(found[1]) > ORIGINALS / 2
    assert int(found[2]) == ORIGINALS
    wait_for_verdicts(pair, originals, "failing")
    assert [recorder.actions(original) for original in originals] == [[]] * ORIGINALS


@pytest.mark.usefixtures("all_sick")
def test_once_half_of_them_are_well_the_others_are_restarted_one_after_the_other(
    pair: Pair, originals: list[Container], recorder: Recorder
) -> None:
    well, sick = originals[: ORIGINALS // 2], originals[ORIGINALS // 2 :]
    do_to_all(well, "rm", "/sick")
    for original in sick:
        recorder.wait_for_starts(original)
    wait_for_verdicts(pair, originals, "ok")
    assert [recorder.actions(original) for original in well] == [[]] * len(well)
    assert [recorder.actions(original) for original in sick] == [RESTART] * len(sick)
    spans = sorted((recorder.events(one, "kill")[0].at, recorder.events(one, "restart")[0].at) for one in sick)
    for (_, ended), (begun, _) in pairwise(spans):
        assert ended <= begun, f"two at the same moment: {spans}"
    assert len(find_sentences(pair, "originals are unhealthy at once")) == 1


@pytest.mark.usefixtures("all_sick")
def test_two_of_three_are_restarted_because_three_are_too_few_to_blame_the_host(
    pair: Pair, originals: list[Container], recorder: Recorder
) -> None:
    # Three that were never restarted, on a host that has no others; a fresh snapshot, as the README has it.
    three, others = originals[:3], originals[3:]
    pair.run_compose("stop", CONTROLLER)
    run_command("docker", "rm", "--force", *(original.id for original in others))
    pair.run_compose("restart", API)
    pair.wait_until_ready()
    begun = time.time()
    pair.run_compose("start", CONTROLLER)
    pair.wait_until_at_work(begun)
    wait_until(lambda: pair.original_names() == {original.name for original in three}, "a snapshot of three")
    wait_for_verdicts(pair, three, "ok")
    before = [recorder.count_starts(original) for original in three]

    do_to_all(three[:2], "touch", "/sick")
    for original, starts in zip(three[:2], before[:2], strict=True):
        recorder.wait_for_starts(original, starts + 1)
    wait_for_verdicts(pair, three, "ok")
    after = [recorder.count_starts(original) for original in three]
    assert [end - begin for begin, end in zip(before, after, strict=True)] == [1, 1, 0]
