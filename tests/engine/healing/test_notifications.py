"""People are notified of what the real pair does, by a real HTTP server, and nobody reads the URL in a log."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from ..kit.host import Host, run_command
from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator

SECRET = "hunter2-hook"  # of the URL
GROUPED_SECONDS = 60


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted, at the address at which containers reach the host."""

    def __init__(self) -> None:
        format_ = "--format={{(index .IPAM.Config 0).Gateway}}"
        self.taken: list[dict[str, Any]] = []
        super().__init__((run_command("docker", "network", "inspect", "bridge", format_).strip(), 0), _Handler)

    @property
    def url(self) -> str:
        """The URL of Apprise that leads here."""
        return f"json://{self.server_address[0]}:{self.server_port}/{SECRET}"

    def told(self, words: str) -> list[dict[str, Any]]:
        """The messages that hold these words."""
        return [one for one in self.taken if words in one["title"] + one["message"]]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver  # pyright: ignore[reportIncompatibleVariableOverride] # it serves no other

    def do_POST(self) -> None:
        """Take one."""
        self.server.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()


@pytest.fixture
def receiver(host: Host) -> Generator[Receiver]:
    """The one who is notified."""
    del host  # its engine must be there
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_people_hear_of_a_healed_original_and_of_a_newcomer_with_the_command_that_keeps_it(
    host: Host, receiver: Receiver
) -> None:
    original = host.run("original")
    with Pair(host, SSC_NOTIFY_URLS=f"{receiver.url} bogus://{SECRET}").running() as pair:
        original.docker("kill")
        newcomer = host.run("newcomer")
        newcomer.wait_for("exited")

        def both() -> bool:
            return bool(receiver.told(f"{original.name} had exited") and receiver.told(f"accept {newcomer.name}"))

        wait_until(both, "both to be told", GROUPED_SECONDS, lambda: receiver.taken)
        name = run_command("docker", "info", "--format", "{{.Name}}").strip()
        assert all(one["title"].startswith(f"{name}: ") for one in receiver.taken)
        (command,) = [
            line.partition(": ")[2]
            for one in receiver.taken
            for line in one["message"].splitlines()
            if line.startswith("To keep it: ")
        ]
        accept(pair, command)
        pair.wait_for_original(newcomer)
        newcomer.wait_for("running")

        assert receiver.told("test of the notifications") == []
        with pytest.raises(AssertionError, match=r"2 \(bogus://\*\*\*\): failed"):
            pair.controller.execute("status-state", "notify-test")
        assert receiver.told(f"{name}: test of the notifications")
        assert "event=notify_failed" in pair.controller.logs
        assert SECRET not in pair.controller.logs


def accept(pair: Pair, command: str) -> None:
    """Do what the message says, in the project of this pair."""
    words = command.split()
    assert words[:3] == ["docker", "compose", "exec"]
    pair.run_compose("exec", "--no-TTY", *words[3:])
