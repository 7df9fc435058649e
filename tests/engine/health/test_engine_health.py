"""Originals whose HEALTHCHECK turns are restarted once; those that never were healthy, or may not be, are left alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from ..kit.host import LIVE, Container, Host
from ..kit.pair import Pair
from ..kit.waiting import wait_until
from .health import RESTART, Recorder, make_labels, make_lively, wait_for_restart_told, wait_for_verdict

if TYPE_CHECKING:
    from collections.abc import Generator


# With them those that are unhealthy, for whatever reason, are fewer than half.
PLAIN = tuple(f"plain-{number}" for number in range(8))
CHECKED = ("--health-interval", "1s", "--health-retries", "1", "--health-cmd")
FLAGGED = (*CHECKED, "test ! -e /sick")
READY = (*CHECKED, "test -e /ready && test ! -e /sick")
# A restart heals these: the flag doesn't outlive it.
HEALED = ("sh", "-c", f"rm -f /sick; {LIVE[-1]}")
# Takes longer to end than the engine's 10 s, and has a signal and a code of its own.
SLOW_SECONDS = 12
SLOW = ("sh", "-c", f"rm -f /sick; trap 'sleep {SLOW_SECONDS}; exit 7' USR1; while :; do sleep 0.2; done")
SLOW_OPTIONS = ("--stop-signal", "SIGUSR1", "--stop-timeout", "40")
# Its health check fails once it is asked to end, which takes longer than its own stop time-out.
ENDING_SECONDS = 14
ENDING = (
    "sh",
    "-c",
    f"rm -f /sick; trap 'touch /sick; sleep {ENDING_SECONDS}; exit 0' TERM; while :; do sleep 0.2; done",
)
# Has to be killed, which its stop time-out of a second allows soon.
STUBBORN = ("sh", "-c", "rm -f /sick; trap '' TERM; while :; do sleep 0.2; done")
# The back-off after a first restart is 10 s, and an illness is looked at for 5 s before anything is done.
SECOND_RESTART_SECONDS = 25


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes."""

    def run(stem: str, command: tuple[str, ...], *options: str) -> Container:
        return module_host.run(stem, *command, options=options)

    never = make_labels({"restart": "never"})
    return make_lively(module_host, PLAIN) | {
        "flips": run("flips", HEALED, *FLAGGED),
        "slow": run("slow", SLOW, *SLOW_OPTIONS, *FLAGGED),
        "stubborn": run("stubborn", STUBBORN, "--stop-timeout", "1", *FLAGGED),
        "ending": run("ending", ENDING, "--stop-timeout", "2", *FLAGGED),
        "stays-sick": run("stays-sick", LIVE, *FLAGGED),
        "never": run("never", HEALED, *never, *FLAGGED),
        "database": run("database", HEALED, *READY),
        "starting": run("starting", HEALED, "--health-start-period", "10m", *READY),
        "paused": run("paused", HEALED, *FLAGGED),
    }


def wait_for_health(original: Container, *wanted: str, seconds: float = 20) -> None:
    """Until the engine says so."""

    def tell() -> str:
        return original.state["Health"]["Status"]

    wait_until(lambda: tell() in wanted, f"{original.name} to be {' or '.join(wanted)}", seconds, tell)


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container], recorder: Recorder) -> Generator[Pair]:
    """The pair; the database and the one that is starting are not healthy when it comes."""
    wait_for_health(originals["database"], "unhealthy")
    wait_for_health(originals["starting"], "starting")
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {container.name for container in originals.values()}
        for stem in ("flips", "slow", "stubborn", "stays-sick", "never", "paused"):
            wait_for_health(originals[stem], "healthy")
            wait_for_verdict(pair, originals[stem], "engine", "ok")
        assert [recorder.actions(original) for original in originals.values()] == [[]] * len(originals)
        yield pair


@pytest.fixture(scope="module")
def sickened(pair: Pair, originals: dict[str, Container], recorder: Recorder) -> None:
    """Five have turned, and the four of them that may be restarted were: by then the others are rightly left alone."""
    del pair
    originals["paused"].docker("pause")
    for stem in ("flips", "slow", "stubborn", "stays-sick", "never"):
        originals[stem].execute("touch", "/sick")
    for stem in ("flips", "slow", "stubborn", "stays-sick"):
        recorder.wait_for_starts(originals[stem], seconds=90)


@pytest.mark.smoke
@pytest.mark.usefixtures("sickened")
def test_an_original_that_turns_is_restarted_and_healthy_again(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    original = originals["flips"]
    wait_for_health(original, "healthy")
    wait_for_verdict(pair, original, "engine", "ok")
    wait_for_restart_told(pair, original)
    assert recorder.actions(original) == RESTART


@pytest.mark.smoke
@pytest.mark.usefixtures("sickened")
def test_its_own_stop_signal_and_a_long_stop_time_out_are_honoured(
    originals: dict[str, Container], recorder: Recorder
) -> None:
    original = originals["slow"]
    wait_for_health(original, "healthy")
    assert recorder.actions(original) == RESTART
    [kill, die] = recorder.events(original, "kill", "die")
    assert kill.attributes["signal"] == "10"
    assert die.attributes["exitCode"] == "7", "it was not let end by itself"
    assert die.at - kill.at > SLOW_SECONDS - 1


@pytest.mark.smoke
@pytest.mark.usefixtures("sickened")
def test_its_own_short_stop_time_out_is_honoured(originals: dict[str, Container], recorder: Recorder) -> None:
    original = originals["stubborn"]
    wait_for_health(original, "healthy")
    kills = recorder.events(original, "kill")
    assert [kill.attributes["signal"] for kill in kills] == ["15", "9"]
    assert 0.5 < kills[1].at - kills[0].at < 5
    assert recorder.count_starts(original) == 1


@pytest.mark.smoke
@pytest.mark.usefixtures("sickened")
def test_an_original_that_shall_never_be_restarted_is_left_alone(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    original = originals["never"]
    wait_for_verdict(pair, original, "engine", "failing")
    assert original.state["Health"]["Status"] == "unhealthy"
    assert recorder.actions(original) == []


@pytest.mark.smoke
@pytest.mark.usefixtures("sickened")
def test_a_paused_original_is_left_alone(originals: dict[str, Container], recorder: Recorder) -> None:
    original = originals["paused"]
    assert original.status == "paused"
    original.docker("unpause")
    wait_for_health(original, "healthy")
    assert recorder.actions(original) == []


@pytest.mark.usefixtures("sickened")
def test_an_original_that_is_still_starting_is_left_alone(originals: dict[str, Container], recorder: Recorder) -> None:
    original = originals["starting"]
    assert original.state["Health"]["Status"] == "starting"
    assert any(result["ExitCode"] for result in original.state["Health"]["Log"]), "its check did not fail"
    assert recorder.actions(original) == []


@pytest.mark.smoke
@pytest.mark.usefixtures("sickened")
def test_a_database_that_is_unhealthy_from_its_start_is_left_alone_and_guarded_once_it_was_healthy(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    original = originals["database"]
    assert original.state["Health"]["Status"] == "unhealthy"
    assert recorder.actions(original) == []
    original.execute("touch", "/ready")
    wait_for_health(original, "healthy")
    wait_for_verdict(pair, original, "engine", "ok")
    original.execute("touch", "/sick")
    recorder.wait_for_starts(original)
    wait_for_health(original, "healthy")
    assert recorder.actions(original) == RESTART


@pytest.mark.usefixtures("sickened")
def test_an_original_that_stays_sick_is_restarted_once_and_then_left_alone(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    original = originals["stays-sick"]
    wait_for_health(original, "unhealthy")
    [start] = recorder.events(original, "start")
    due = start.at + SECOND_RESTART_SECONDS
    wait_until(lambda: time.time() > due, "a second restart to be due", SECOND_RESTART_SECONDS + 5)
    pair.wait_for_checks(3)
    assert original.state["Health"]["Status"] == "unhealthy"
    assert recorder.actions(original) == RESTART


@pytest.mark.usefixtures("sickened")
def test_nobody_is_restarted_more_often_than_that(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    pair.wait_for_checks(3)
    for stem, original in originals.items():
        most = int(stem in {"flips", "slow", "stubborn", "stays-sick", "database"})
        assert recorder.count_starts(original) <= most, stem


def test_only_what_has_a_health_check_is_judged(pair: Pair, originals: dict[str, Container]) -> None:
    judged = {(told["container"]["name"], told["source"]) for told in pair.status()["verdicts"]}
    assert judged == {(original.name, "engine") for stem, original in originals.items() if stem not in PLAIN}


def test_what_somebody_stops_may_fail_its_checks_and_take_its_time(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    del pair
    ending, since = originals["ending"], time.time()
    wait_for_health(ending, "healthy")
    before = ending.started_at
    ending.docker("stop", "--time", "60")
    ending.wait_for_start_after(before, 40)
    [died] = module_host.events(ending, "die", since=since)
    assert died.attributes["exitCode"] == "0", "it was not granted the time that the operator gave"
    assert len(module_host.events(ending, "start", since=since)) == 1
