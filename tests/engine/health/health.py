"""What the tests of ill health share: hearing what happens to containers, the verdicts, making somebody sick."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..kit.host import LABEL, LIVE, Container, Event, Host, parse_time, run_command
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from ..kit.pair import Pair

SERVER = Path(__file__).with_name("sick_server.py").read_text()
# Two failures a second apart; a well server has two seconds to answer, which it needs when the machine is busy.
QUICK = {
    "probe.url": "http://:8080/health",
    "probe.every": "1s",
    "probe.timeout": "2s",
    "probe.failures": "2",
    "probe.start_period": "1s",
}
# Without `stop`: it comes before `die` or after it, as the engine's version has it, and tells nothing that they don't.
ACTIONS = ("kill", "die", "start", "restart")
# The steps of one restart by the engine, of a container that ends by its stop signal.
RESTART = ["kill", "die", "start", "restart"]
# Longer than it takes from the first failure to a restart: failing, the 5 s in which nobody else falls ill, the others
# whose turn comes before, the restart itself.
RESTART_SECONDS = 60


def make_labels(rules: Mapping[str, str]) -> tuple[str, ...]:
    """The options of `docker run` for these rules."""
    return tuple(word for key, value in rules.items() for word in ("--label", f"status-state.{key}={value}"))


def run_server(host: Host, stem: str, *arguments: str, options: tuple[str, ...] = (), **rules: str) -> Container:
    """A sick server, probed quickly; `rules` are keys below `probe.` that differ from QUICK."""
    labels = make_labels(QUICK | {f"probe.{key}": value for key, value in rules.items()})
    return host.run(stem, "python3", "-c", SERVER, *arguments, options=(*labels, *options))


def set_mode(container: Container, mode: str) -> None:
    """How the server answers from now on."""
    container.execute("sh", "-c", f"echo {mode} > /mode")


def find_requests(container: Container) -> list[tuple[float, str, str]]:
    """When the server was asked, in which mode it was, and for which path."""
    lines = [line.split(" ") for line in container.logs.splitlines() if line.startswith("1")]
    return [(float(at), mode, path) for at, mode, path in lines]


def speak(container: Container, words: bytes, stream: int = 1) -> None:
    """The container writes this to its stdout (1) or stderr (2), byte by byte as it is."""
    command = ["docker", "exec", "--interactive", container.id, "sh", "-c", f"cat > /proc/1/fd/{stream}"]
    subprocess.run(command, input=words, check=True)


class Recorder:
    """Hears what happens to the containers of one host.

    The engine itself remembers 256 events only, and each health check of each container makes three.
    """

    def __init__(self) -> None:
        self._heard: list[Event] = []

    @contextlib.contextmanager
    def hearing(self, host: Host) -> Generator[Recorder]:
        """Hears from now on."""
        filters = [f"--filter=label={LABEL}={host.mark}", *(f"--filter=event={action}" for action in ACTIONS)]
        command = ["docker", "events", "--since", f"{time.time():.6f}", "--format", "{{json .}}", *filters]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            thread = threading.Thread(target=self._listen, args=(process.stdout,))
            thread.start()
            try:
                yield self
            finally:
                process.terminate()
                thread.join()

    def _listen(self, lines: Iterable[str]) -> None:
        for told in map(json.loads, lines):
            actor = told["Actor"]
            self._heard.append(Event(told["timeNano"] / 1e9, told["Action"], actor["ID"], actor["Attributes"]))

    def events(self, container: Container, *actions: str) -> list[Event]:
        """What happened to the container so far, oldest first; of these actions, or any."""
        wanted = actions or ACTIONS
        return [event for event in list(self._heard) if event.container_id == container.id and event.action in wanted]

    def actions(self, container: Container) -> list[str]:
        """The same, by the names of the actions alone."""
        return [event.action for event in self.events(container)]

    def count_starts(self, container: Container) -> int:
        """How often the container was started since the recorder began to hear."""
        return len(self.events(container, "start"))

    def wait_for_starts(self, container: Container, starts: int = 1, seconds: float = RESTART_SECONDS) -> None:
        """Until it was started that often, and its last restart is over."""
        wait_until(
            lambda: self.count_starts(container) >= starts and self.actions(container)[-1] in {"start", "restart"},
            f"{starts} starts of {container.name}",
            seconds,
            lambda: self.actions(container),
        )


def make_sick(servers: Mapping[str, Container]) -> None:
    """Each into the mode that it is filed under."""
    for mode, container in servers.items():
        set_mode(container, mode)


def find_verdict(pair: Pair, container: Container, source: str) -> dict[str, Any] | None:
    """The verdict of that source on the container, as `/status` has it now."""
    verdicts = pair.status()["verdicts"]
    found = [told for told in verdicts if told["container"]["id"] == container.id and told["source"] == source]
    assert len(found) < 2, f"more than one verdict: {found}"
    return found[0] if found else None


def wait_for_verdict(
    pair: Pair, container: Container, source: str, verdict: str, seconds: float = 30
) -> dict[str, Any]:
    """The verdict on the container, once it is this one."""

    def reached() -> dict[str, Any] | None:
        told = find_verdict(pair, container, source)
        return told if told and told["verdict"] == verdict else None

    what = f"the verdict that {container.name} is {verdict} by its {source}"
    told = wait_until(reached, what, seconds, lambda: pair.status()["verdicts"])
    assert told
    assert told["container"] == {"id": container.id, "name": container.name}
    assert told["reason"]
    assert parse_time(told["since"]) <= time.time() + 1
    return told


def find_sentences(pair: Pair, *words: str) -> list[str]:
    """The lines of the controller's log that hold all the words."""
    return [line for line in pair.controller.logs.splitlines() if all(word in line for word in words)]


def wait_for_restart_told(pair: Pair, container: Container, *words: str, seconds: float = 20) -> None:
    """Until the controller's log tells in one sentence that it was restarted, and why: in these words."""
    wanted = (f"{container.name} is unhealthy: ", *words, ": restarted")
    wait_until(
        lambda: find_sentences(pair, *wanted),
        f"a sentence with {wanted}",
        seconds,
        lambda: find_sentences(pair, container.name),
    )


@contextlib.contextmanager
def make_network(host: Host) -> Generator[str]:
    """A network for the host's containers, which go with it."""
    name = host.make_name("shared")
    run_command("docker", "network", "create", name)
    try:
        yield name
    finally:
        host.remove_everything()
        run_command("docker", "network", "rm", name)


def join_network(pair: Pair, container: Container) -> None:
    """Attaches the SSA to the network of the container."""
    [network] = container.inspect()["NetworkSettings"]["Networks"]
    run_command("docker", "network", "connect", network, pair.api.id)


def make_lively(host: Host, stems: Iterable[str], options: tuple[str, ...] = ()) -> dict[str, Container]:
    """Containers that do nothing but live."""
    return {stem: host.run(stem, *LIVE, options=options) for stem in stems}
