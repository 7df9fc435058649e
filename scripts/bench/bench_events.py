"""When what happened to which container, by the engine's own account and clock; and containers that crash on demand.

The stream of events is the one witness of all sides: what a side does itself, or notices late, has no part in it.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from bench_engine import BenchError, UnixConnection, wait_until

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

ACTIONS = ("start", "die", "kill", "destroy")
LONGEST_WAIT_SECONDS = 120.0
OUTSIDE_THE_CONTROLLER = {"status-state.ignore": "true"}


@dataclass(frozen=True)
class _Event:
    action: str
    name: str
    seconds: float


class Events:
    """Follows the engine's events from its making on; use it as a context manager."""

    def __init__(self) -> None:
        filters = quote(json.dumps({"type": ["container"], "event": ACTIONS}))
        self._connection = UnixConnection("docker", timeout=None)
        self._connection.request("GET", f"/events?filters={filters}")
        self._answer = self._connection.getresponse()
        self._seen: list[_Event] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._follow, name="events", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._connection.close()

    def _follow(self) -> None:
        while line := self._answer.readline():
            entry: dict[str, Any] = json.loads(line)
            event = _Event(entry["Action"], entry["Actor"]["Attributes"]["name"], entry["timeNano"] / 1e9)
            with self._news:
                self._seen.append(event)
                self._news.notify_all()

    def wait_for(self, action: str, names: Collection[str], after: float) -> dict[str, float]:
        """Waits until it has happened to all of them; returns when, the first time after that moment.

        Moments are seconds since 1970. Raises BenchError that names those it did not happen to.
        """
        return dict(self.as_they_come(action, names, after))

    def as_they_come(self, action: str, names: Collection[str], after: float) -> Iterator[tuple[str, float]]:
        """As `wait_for`, but each name, with its moment, as soon as it has happened to that one."""
        missing = set(names)
        read = 0
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while missing:
            news = self._wait_for_news(read, deadline)
            if not news:
                told = ", ".join(sorted(missing))
                message = f"waited {LONGEST_WAIT_SECONDS:g} s in vain for the event `{action}` of {told}"
                raise BenchError(message)
            read += len(news)
            for event in news:
                if event.action == action and event.name in missing and event.seconds > after:
                    missing.remove(event.name)
                    yield event.name, event.seconds

    def _wait_for_news(self, read: int, deadline: float) -> list[_Event]:
        """What was heard after the first `read` events; nothing once the deadline (steady seconds) has passed."""
        with self._news:
            self._news.wait_for(lambda: len(self._seen) > read, deadline - time.monotonic())
            return self._seen[read:]


def crashing_container(image: str, folder: Path, name: str, *, restart: str = "no") -> dict[str, Any]:
    """The configuration of a container that sleeps until `crash`, then ends with code 1 of its own accord.

    It waits in opening a FIFO for reading, which takes no CPU time and ends when somebody opens it for writing.
    """
    if not (folder / name).exists():
        os.mkfifo(folder / name)
    return {
        "Image": image,
        "Cmd": ["sh", "-c", 'read -r word <"/bench/$0"; exit 1', name],
        "HostConfig": {"Binds": [f"{folder}:/bench:ro"], "RestartPolicy": {"Name": restart}},
    }


def crash(folder: Path, names: Iterable[str]) -> float:
    """Makes running containers crash, all within milliseconds; returns the moment before, in seconds since 1970."""
    waiting = set(names)
    moment = time.time()

    def all_were_told() -> bool:
        for name in sorted(waiting):
            try:
                os.close(os.open(folder / name, os.O_WRONLY | os.O_NONBLOCK))
            except OSError as error:
                if error.errno != errno.ENXIO:  # its shell does not wait yet
                    raise
            else:
                waiting.remove(name)
        return not waiting

    wait_until(all_were_told, "the containers that are to crash were ready for it", 30, every_seconds=0.01)
    return moment
