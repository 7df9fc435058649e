"""Signs of life: the heartbeat and its check, and the watchdog behind them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from status_state_controller.process import watchdog as watchdog_module
from status_state_controller.process.heartbeat import judge_heartbeat, write_heartbeat
from status_state_controller.process.watchdog import Watchdog, patience_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE = Path(__file__).resolve().parents[3] / "status-state-controller"


def check_health(file: Path) -> subprocess.CompletedProcess[str]:
    """Run the container's health check."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "app.process.heartbeat"],
        cwd=SERVICE,
        env={"SSC_HEARTBEAT_FILE": str(file)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("age", [0, 1, 149.9, 150])
def test_a_heartbeat_within_the_permitted_age_is_well(age: float, tmp_path: Path) -> None:
    file = str(tmp_path / "heartbeat")
    write_heartbeat(file, 1000.0, 150.0)
    assert judge_heartbeat(file, 1000.0 + age) is None


@pytest.mark.parametrize("age", [150.1, 3600])
def test_a_stale_heartbeat_is_reported_with_its_age(age: float, tmp_path: Path) -> None:
    file = str(tmp_path / "heartbeat")
    write_heartbeat(file, 1000.0, 150.0)
    assert f"{age:.0f} s ago" in (judge_heartbeat(file, 1000.0 + age) or "")


def test_a_heartbeat_that_was_left_from_before_a_reboot_is_not_taken_for_a_fresh_one(tmp_path: Path) -> None:
    file = str(tmp_path / "heartbeat")
    write_heartbeat(file, 500_000.0, 150.0)  # the monotonic clock begins anew when the machine does
    assert judge_heartbeat(file, 100.0)


@pytest.mark.parametrize(
    "text", [b"", b"x", b"1000", b"1000 150 7", b"\xff\xfe", b"1000 soon", b"nan nan", b"1000 nan"], ids=repr
)
def test_garbage_for_a_heartbeat_is_reported(text: bytes, tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    file.write_bytes(text)
    assert judge_heartbeat(str(file), 1000.0)


def test_a_missing_heartbeat_is_reported(tmp_path: Path) -> None:
    assert "no check has been completed yet" in (judge_heartbeat(str(tmp_path / "nowhere"), 0.0) or "")


def test_a_heartbeat_replaces_the_one_before_and_makes_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "run" / "deep" / "heartbeat"
    write_heartbeat(str(file), 1.0, 150.0)
    write_heartbeat(str(file), 1000.0, 150.0)
    assert judge_heartbeat(str(file), 1001.0) is None
    assert [path.name for path in file.parent.iterdir()] == ["heartbeat"]


def test_the_health_check_succeeds_on_a_fresh_heartbeat_and_fails_on_any_other(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    missing = check_health(file)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "no check has been completed yet" in missing.stderr
    write_heartbeat(str(file), time.monotonic(), 150.0)
    assert check_health(file).returncode == 0
    write_heartbeat(str(file), time.monotonic() - 1000, 150.0)
    stale = check_health(file)
    assert stale.returncode == 1
    assert "1000 s ago" in stale.stderr


class Time:
    """The watchdog's time: it passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept = list[float]()
        self.while_sleeping: Callable[[], object] = lambda: None

    def monotonic(self) -> float:
        """Steady seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.slept.append(seconds)
        self.now += seconds
        self.while_sleeping()


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time of the watchdog."""
    passing = Time()
    monkeypatch.setattr(watchdog_module, "time", passing)

    def silent(*, all_threads: bool) -> None:
        assert all_threads, "what hangs may be another thread"

    monkeypatch.setattr(watchdog_module.faulthandler, "dump_traceback", silent)
    return passing


def ended_at(passing: Time, patience: float, feed: Callable[[Watchdog], object]) -> float:
    """When the process was ended, if `feed` is called each time the watchdog sleeps."""
    ended = threading.Event()
    at = list[float]()

    def end() -> None:
        at.append(passing.now)
        ended.set()

    watchdog = Watchdog(patience, end)
    passing.while_sleeping = lambda: feed(watchdog)
    watchdog.start()
    assert ended.wait(10), "the process was not ended"
    return at[0]


def test_the_watchdog_ends_the_process_when_no_check_was_completed_in_time(passing: Time) -> None:
    assert ended_at(passing, 150.0, lambda _: None) == 1150.0


def test_the_watchdog_is_content_as_long_as_checks_are_completed(passing: Time) -> None:
    def feed(watchdog: Watchdog) -> None:
        passing.now -= passing.slept[-1]  # it slept for the rest of its patience: a check came sooner
        passing.now += 30
        if passing.now < 100_000:
            watchdog.completed()

    assert 100_000 < ended_at(passing, 150.0, feed) <= 100_180


def test_a_log_that_hangs_does_not_keep_the_watchdog_from_ending_the_process(
    passing: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = threading.Event()  # whoever reads the log has stopped doing so, which may be why the checks halt

    class StuckLog:
        def critical(self, *_: object, **__: object) -> None:
            reading.wait(10)

    monkeypatch.setattr(watchdog_module, "log", StuckLog())
    monkeypatch.setattr(watchdog_module, "LAST_WORDS_SECONDS", 0.01)
    ended = threading.Event()
    Watchdog(150.0, ended.set).start()
    was_ended = ended.wait(1)
    reading.set()
    assert was_ended


@pytest.mark.parametrize(("interval", "patience"), [(30, 150), (60, 300), (3600, 18000)])
def test_the_patience_is_five_intervals(interval: float, patience: float) -> None:
    assert patience_seconds(interval) == patience


def test_with_short_intervals_the_patience_still_outlasts_one_slow_answer_of_the_engine() -> None:
    assert patience_seconds(1) > 60 + 10
