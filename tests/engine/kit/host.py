"""The Docker host of these tests: used as a person does, through the `docker` command, and looked at."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .engine_api import inspect_container, list_containers, read_events, read_log
from .waiting import wait_until

if TYPE_CHECKING:
    from .private_engine import PrivateEngine

LABEL = "status-state.test"
REMOVAL_SECONDS = 90
# Runs until it is told to end, and ends at once then (a bare `sleep` as process 1 would ignore SIGTERM).
LIVE = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep infinity & wait $!; done")
# Lives on whatever signal it gets, except SIGKILL, and writes down each SIGTERM.
STUBBORN = ("sh", "-c", "trap 'echo got SIGTERM' TERM; while :; do sleep infinity & wait $!; done")
# Ends with exit code 3 by itself whenever the file /go is there.
OBEDIENT = ("sh", "-c", "trap 'exit 0' TERM; while [ ! -e /go ]; do sleep 0.3; done; rm /go; exit 3")


def run_command(
    *command: str, environment: dict[str, str] | None = None, seconds: float = 180, stdin: IO[bytes] | None = None
) -> str:
    """What the command writes to stdout; its failure raises AssertionError with what it wrote to stderr."""
    __tracebackhide__ = True  # the environment is nobody's business
    done = subprocess.run(
        command, stdin=stdin, capture_output=True, text=True, env=environment, timeout=seconds, check=False
    )
    assert done.returncode == 0, f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr}{done.stdout}"
    return done.stdout


@dataclass(frozen=True)
class Container:
    """A container by its id; the name is the one it was made with."""

    id: str
    name: str

    def inspect(self) -> dict[str, Any]:
        """What the engine tells of it; an AssertionError when it is gone."""
        told = inspect_container(self.id)
        assert told is not None, f"{self.name} is gone"
        return told

    @property
    def state(self) -> dict[str, Any]:
        """The engine's `State`."""
        return self.inspect()["State"]

    @property
    def status(self) -> str:
        """`running`, `paused`, `exited`, …, or `gone`."""
        told = inspect_container(self.id)
        return told["State"]["Status"] if told else "gone"

    @property
    def started_at(self) -> str:
        """When it was last started, in the engine's spelling: another value means another start."""
        return self.state["StartedAt"]

    @property
    def logs(self) -> str:
        """Both its output streams."""
        return read_log(self.id)

    @property
    def process(self) -> int:
        """The number of its first process, as seen by these tests."""
        return self.state["Pid"]

    def docker(self, verb: str, *options: str) -> None:
        """`docker VERB OPTIONS… <this container>`."""
        run_command("docker", verb, *options, self.id)

    def execute(self, *command: str) -> str:
        """`docker exec`, its output."""
        return run_command("docker", "exec", self.id, *command)

    def wait_for(self, *statuses: str, seconds: float = 20) -> None:
        """Until it has one of the statuses."""
        wanted = " or ".join(statuses)
        wait_until(lambda: self.status in statuses, f"{self.name} to be {wanted}", seconds, lambda: self.status)

    def wait_for_start_after(self, started_at: str, seconds: float = 20) -> None:
        """Until it runs, by a start other than that of `started_at`."""

        def runs_again() -> bool:
            state = self.state
            return state["Status"] == "running" and state["StartedAt"] != started_at

        wait_until(runs_again, f"{self.name} to be started again", seconds, lambda: self.state)


@dataclass(frozen=True)
class Event:
    """One container event of the engine."""

    at: float
    action: str
    container_id: str
    attributes: dict[str, str]


class Host:
    """Makes containers, finds them, and removes in the end those it made."""

    def __init__(self, image: str, engine: PrivateEngine) -> None:
        self.image = image
        self.engine = engine
        self.mark = secrets.token_hex(4)
        self.since = time.time()

    def make_name(self, stem: str) -> str:
        """A name that nobody else has."""
        return f"{stem}-{self.mark}-{secrets.token_hex(2)}"

    def run(self, stem: str, *command: str, options: tuple[str, ...] = (), verb: str = "run") -> Container:
        """A new container in the background, called by the stem and something random (or by `--name` in options)."""
        name = options[options.index("--name") + 1] if "--name" in options else self.make_name(stem)
        named = () if "--name" in options else ("--name", name)
        detached = ("--detach",) if verb == "run" else ()
        label = f"{LABEL}={self.mark}"
        start = ("docker", verb, *detached, *named, "--label", label, *options, self.image)
        return Container(run_command(*start, *(command or LIVE)).strip(), name)

    def run_image(self, image: str, options: tuple[str, ...] = ()) -> Container:
        """A new container in the background, with the command of its image."""
        name = self.make_name(image)
        label = f"{LABEL}={self.mark}"
        start = ("docker", "run", "--detach", "--name", name, "--label", label, *options, image)
        return Container(run_command(*start).strip(), name)

    def create(self, stem: str, *command: str, options: tuple[str, ...] = ()) -> Container:
        """A new container that was never started."""
        return self.run(stem, *command, options=options, verb="create")

    def find(self, *labels: str, running_only: bool = False) -> list[Container]:
        """The containers that have all the labels, by name."""
        found = [Container(*told) for told in list_containers(labels, running_only=running_only)]
        return sorted(found, key=lambda container: container.name)

    def events(self, container: Container | None = None, *actions: str, since: float | None = None) -> list[Event]:
        """What happened so far to containers, oldest first."""
        filters = {"type": ["container"], "event": list(actions)}
        if container:
            filters["container"] = [container.id]
        return [
            Event(told["timeNano"] / 1e9, told["Action"], told["Actor"]["ID"], told["Actor"]["Attributes"])
            for told in read_events(self.since if since is None else since, time.time(), filters)
        ]

    def remove_everything(self) -> None:
        """Removes the containers made here, with their anonymous volumes."""
        if not (found := [container.id for container in self.find(f"{LABEL}={self.mark}")]):
            return
        remove = ["docker", "rm", "--force", "--volumes", *found]
        try:
            subprocess.run(remove, capture_output=True, check=False, timeout=REMOVAL_SECONDS)
        except subprocess.TimeoutExpired:
            self.engine.end_hanging()
            subprocess.run(remove, capture_output=True, check=False, timeout=REMOVAL_SECONDS)


def parse_time(text: str) -> float:
    """Seconds since 1970 of a time as the engine and the SSA write it; digits beyond microseconds are dropped."""
    if "." in text:
        head, tail = text.split(".", 1)
        digits = tail.rstrip("Z")[:6]
        text = f"{head}.{digits:0<6}+00:00"
    return datetime.fromisoformat(text).timestamp()


def volume_path(name: str) -> Path:
    """Where the files of a volume are."""
    return Path(json.loads(run_command("docker", "volume", "inspect", name))[0]["Mountpoint"])
