"""How fast the pair heals, beside what the engine does by itself and what a script can do by hand.

Each side has equal containers, and its times come from the engine's events.
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bench_engine import ask, create_container
from bench_events import OUTSIDE_THE_CONTROLLER, Events, crash, crashing_container
from bench_pair import CONTROLLER, Pair, small_container
from bench_table import print_heading, print_row, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

CRASHES = 30
STORM = 60
ROUNDS = 5
CONCURRENCY = 8
NEWCOMERS = 10
SETTLE_SECONDS = 0.5
"""The default of SSC_SETTLE."""

CALM_SECONDS = 1.2
"""Longer than the controller has something left to do after the last event."""

BARE = "bench-by-hand"


def bench_healing(pair: Pair, image: str, folder: Path, groups: Sequence[str]) -> None:
    """Begins with a host of its own: new originals, and the pair that takes them for the truth."""
    if not {"crash", "storm", "newcomer"}.intersection(groups):
        return
    pair.compose("down", "--timeout=5")
    remove_all("bench-")
    fifos = folder / "fifos"
    fifos.mkdir()
    count = STORM if "storm" in groups else CRASHES
    names = [f"bench-crash-{number:03}" for number in range(count)]
    say(f"starting {count} containers that crash when told to …")
    at_once(lambda name: create_container(name, crashing_container(image, fifos, name)), names)
    pair.up(interval="30s")
    with Events() as events:
        if "newcomer" in groups:
            bench_newcomers(image, events)
        if "crash" in groups:
            bench_crashes(image, fifos, names[:CRASHES], events)
        if "storm" in groups:
            bench_killed(pair, fifos, names, events)
            bench_removed(pair, image, fifos, names, events)


def remove_all(prefix: str) -> None:
    """Removes all containers whose names begin like that."""
    listed: list[dict[str, Any]] = ask("/containers/json?all=true")
    names = [entry["Names"][0].removeprefix("/") for entry in listed]
    at_once(remove, [name for name in names if name.startswith(prefix)])


def remove(name: str) -> None:
    """As `docker rm --force` does."""
    ask(f"/containers/{name}?force=true", "DELETE")


def start(name: str) -> None:
    """As `docker start` does."""
    ask(f"/containers/{name}/start", "POST")


def at_once(act: Callable[[str], object], names: Iterable[str]) -> None:
    """Does it to all of them, as many at once as the controller does."""
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        list(pool.map(act, names))


# --- one after the other -----------------------------------------------------------------------------------------


def bench_newcomers(image: str, events: Events) -> None:
    """From a newcomer's `start` to the `kill` that the controller's stop begins with."""
    say("newcomers …")
    times: list[float] = []
    for number in range(NEWCOMERS):
        name = f"bench-newcomer-{number}"
        moment = time.time()
        create_container(name, small_container(image))
        began = events.wait_for("start", [name], moment)[name]
        asked = events.wait_for("kill", [name], began)[name]
        events.wait_for("die", [name], asked)
        times.append(asked - began - SETTLE_SECONDS)
        time.sleep(CALM_SECONDS)
    print_heading(f"From a newcomer's start to the request to stop it ({NEWCOMERS}, seconds)", "median", "max")
    note = "aim ≤ 0.20"
    print_row(
        f"less SSC_SETTLE ({SETTLE_SECONDS} s)", f"{statistics.median(times):.2f}", f"{max(times):.2f}", note=note
    )


def bench_crashes(image: str, folder: Path, originals: Sequence[str], events: Events) -> None:
    """From `die` to `start`, each container once, so that nobody's back-off has a part in it; the sides take turns."""
    say("crashes …")
    restarted = [f"bench-always-{number:02}" for number in range(len(originals))]

    def create_outside(name: str, restart: str) -> None:
        configuration = crashing_container(image, folder, name, restart=restart)
        create_container(name, configuration | {"Labels": OUTSIDE_THE_CONTROLLER})

    at_once(lambda name: create_outside(name, "always"), restarted)
    create_outside(BARE, "no")
    time.sleep(10)  # the engine doubles its waiting time for a container that ran for less
    healed: list[float] = []
    by_engine: list[float] = []
    by_hand: list[float] = []
    request_alone: list[float] = []

    def time_down(name: str, noted: list[float]) -> None:
        died = events.wait_for("die", [name], moment := crash(folder, [name]))[name]
        noted.append(events.wait_for("start", [name], moment)[name] - died)

    def crash_and_start() -> None:
        moment = crash(folder, [BARE])
        died = events.wait_for("die", [BARE], moment)[BARE]
        asked = time.time()
        start(BARE)
        began = events.wait_for("start", [BARE], moment)[BARE]
        by_hand.append(began - died)
        request_alone.append(began - asked)

    for turn, (original, other) in enumerate(zip(originals, restarted, strict=True)):
        sides: list[Callable[[], None]] = [
            lambda name=original: time_down(name, healed),
            lambda name=other: time_down(name, by_engine),
            crash_and_start,
        ]
        for number in range(len(sides)):
            sides[(turn + number) % len(sides)]()
    at_once(remove, [*restarted, BARE])

    print_heading(f"From a crash to running ({len(originals)} each, seconds)", "median", "p90", "max")
    for label, times in (
        ("the controller: die → start", healed),
        ("the engine's `--restart always`: the same", by_engine),
        ("a script that waits for the event: the same", by_hand),
        ("bare API start: request → start", request_alone),
    ):
        print_row(label, *(f"{value:.2f}" for value in spread(times)))
    for label, times, aim in (
        ("controller ÷ --restart always", by_engine, "1.0"),
        ("controller ÷ bare API start", request_alone, "1.25"),
        ("controller ÷ script", by_hand, ""),
    ):
        ratios = [f"{ours / theirs:.2f}" for ours, theirs in zip(spread(healed), spread(times), strict=True)]
        print_row(label, *ratios, note=f"aim ≤ {aim}" if aim else "")


def spread(times: Sequence[float]) -> tuple[float, float, float]:
    """Median, the ninth decile, and the most."""
    return statistics.median(times), statistics.quantiles(times, n=10)[8], max(times)


# --- all at once -------------------------------------------------------------------------------------------------


def bench_killed(pair: Pair, folder: Path, names: Sequence[str], events: Events) -> None:
    """All originals crash at once: the controller and, while it is away, a script take turns."""
    say(f"{len(names)} crashes at once, {ROUNDS} rounds …")
    leave(pair)
    healed: list[Storm] = []
    scripted: list[Storm] = []

    def heal() -> None:
        pair.up(interval="30s")  # a new one remembers no attempts, so nobody's back-off has a part in it
        time.sleep(CALM_SECONDS)
        healed.append(storm(events, names, crash(folder, names), "die"))
        leave(pair)

    def run_script() -> None:
        moment = crash(folder, names)
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            for name, _ in events.as_they_come("die", names, moment):
                pool.submit(start, name)
        scripted.append(storm(events, names, moment, "die"))

    for turn in range(ROUNDS):
        for side in (heal, run_script) if turn % 2 == 0 else (run_script, heal):
            side()

    title = f"{len(names)} crash at once, until all run again ({ROUNDS} rounds, seconds since the first)"
    print_heading(title, "median", "least", "most", "dying")
    for label, storms in (("the controller", healed), ("a script: docker start at `die`, 8 at once", scripted)):
        times = [it.since_first for it in storms]
        dying = statistics.median(it.losing for it in storms)
        print_row(label, *(f"{value:.1f}" for value in (statistics.median(times), min(times), max(times), dying)))
    ratio = statistics.median(it.since_first for it in healed) / statistics.median(it.since_first for it in scripted)
    print_row("controller ÷ script", f"{ratio:.2f}", note="aim ≤ 1.3")


def leave(pair: Pair) -> None:
    """The pair goes, and with it all that it remembers."""
    pair.compose("down", "--volumes", "--timeout=10")


def bench_removed(pair: Pair, image: str, folder: Path, names: Sequence[str], events: Events) -> None:
    """All originals are removed at once: the controller, then the same by hand while the controller is away."""
    say(f"{len(names)} removed at once …")
    pair.up(interval="30s")
    time.sleep(CALM_SECONDS)
    moment = time.time()
    at_once(remove, names)
    healed = storm(events, names, moment, "destroy")
    pair.compose("stop", "--timeout=10", CONTROLLER)

    moment = time.time()
    at_once(remove, names)
    events.wait_for("destroy", names, moment)
    asked = time.time()
    at_once(lambda name: create_container(name, crashing_container(image, folder, name)), names)
    by_hand = storm(events, names, moment, "destroy")
    alone = max(events.wait_for("start", names, asked).values()) - asked

    print_heading(f"{len(names)} removed, 8 at once, until all run again (seconds)", "since first", "since last")
    print_row("the controller", *healed.cells())
    print_row("docker create and start, 8 at once, later", *by_hand.cells())
    print_row("controller ÷ create and start alone", f"{healed.since_first / alone:.2f}", note="aim ≤ 1.5")
    print_row("controller ÷ by hand, removal included", f"{healed.since_first / by_hand.since_first:.2f}")


class Storm:
    """How long it took from the first and from the last loss until all were running, in seconds."""

    def __init__(self, lost: Iterable[float], started: Iterable[float]) -> None:
        times, end = sorted(lost), max(started)
        self.since_first = end - times[0]
        self.since_last = end - times[-1]
        self.losing = times[-1] - times[0]

    def cells(self) -> tuple[str, str]:
        """For the table."""
        return f"{self.since_first:.1f}", f"{self.since_last:.1f}"


def storm(events: Events, names: Sequence[str], moment: float, loss: str) -> Storm:
    """Waits until all that were lost after the moment run again."""
    lost = events.wait_for(loss, names, moment)
    started = events.wait_for("start", names, moment)
    return Storm(lost.values(), started.values())
