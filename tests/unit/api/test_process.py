"""The program itself, as a process on a machine without an engine: what it says, serves, and ends with."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from status_state_api.main import run

pytestmark = pytest.mark.usefixtures("logging_as_before")


FOLDER = Path(__file__).parents[3] / "status-state-api"


def environment(tmp_path: Path, **settings: str) -> dict[str, str]:
    """The environment of a service that keeps everything in this folder."""
    return {
        "PATH": os.environ["PATH"],
        "DOCKER_HOST": f"unix://{tmp_path}/docker.sock",
        "SSA_HOST": "127.0.0.1",
        "SSA_DATA_DIR": str(tmp_path / "data"),
        "SSA_TOKEN_FILE": str(tmp_path / "run" / "token"),
        "PYTHONDONTWRITEBYTECODE": "1",
        **settings,
    }


class Process:
    """The service as a process."""

    def __init__(self, tmp_path: Path, **settings: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.environment = environment(tmp_path, **{"SSA_PORT": str(self.port), **settings})
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.main"],
            cwd=FOLDER,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout
        self.lines: list[str] = []

    def read_until(self, said: str) -> str:
        """Read its log until a line says this."""
        for line in self.output:
            self.lines.append(line)
            if said in line:
                return line
        raise AssertionError(f"it ended without saying {said!r}: {self.lines}")

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """Ask it; text that is no JSON is answered as text."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - http
                content = answer.read().decode()
                is_json = answer.headers.get_content_type() == "application/json"
                return answer.status, json.loads(content) if is_json else content
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def is_ready(self) -> subprocess.CompletedProcess[str]:
        """Ask it as the health check of the container does."""
        return subprocess.run(
            [sys.executable, "-I", "-S", "app/process/ready.py"],
            cwd=FOLDER,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def stop(self, sig: signal.Signals) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(sig)
        self.lines += self.output
        return self.process.wait(10)

    def close(self) -> None:
        """End it if it still runs."""
        self.process.kill()
        self.process.wait()
        self.output.close()


def test_it_serves_at_once_says_what_it_waits_for_and_stops_when_asked(tmp_path: Path) -> None:
    with closing(Process(tmp_path, SSA_LOG_FORMAT="json", SSA_LOG_LEVEL="debug", SSA_TYPO="1")) as process:
        line = json.loads(process.read_until("snapshot_delayed"))
        assert (line["level"], line["cause"].partition(" at ")[0]) == ("warning", "there is no socket")
        status, document = process.get("/status")
        assert (status, document["snapshot"], document["engine"]["reachable"]) == (200, None, False)
        assert process.get("/snapshot")[0] == 503
        ready = process.is_ready()
        assert ready.returncode == 1
        assert "there is no socket at" in ready.stderr
        assert process.stop(signal.SIGTERM) == 0
        assert process.is_ready().returncode == 1
    lines = [json.loads(line) for line in process.lines]
    assert all({"time", "level", "event", "message"} <= set(line) for line in lines), "uvicorn's too"
    assert [line["event"] for line in lines if line["event"] != "log"] == [
        *("setting_unknown", "starting", "snapshot_delayed", "stopping"),
    ]
    assert [line["recorded"] for line in lines if line["event"] == "stopping"] == [False]
    assert any(line["message"].startswith("Finished server process [") for line in lines)


def test_a_port_that_is_taken_ends_it_with_the_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(environment(tmp_path, SSA_PORT=str(taken.getsockname()[1]))) == 1
    told = capsys.readouterr()
    assert "event=listen_failed" in told.out
    assert "Address already in use" in told.out
    assert "SSA_PORT" in told.out
    assert told.err == ""


def test_the_health_check_finds_a_service_that_listens_elsewhere(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        asked = subprocess.Popen(
            [sys.executable, "-I", "-S", "app/process/ready.py"],
            cwd=FOLDER,
            env=environment(tmp_path, SSA_HOST="0.0.0.0", SSA_PORT=str(port)),  # noqa: S104 - it is asked at 127.0.0.1
        )
        connection, _ = server.accept()
        with connection:
            request = connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n{}")
    assert request.startswith(b"GET /readyz HTTP/1.0\r\n")
    assert f"Host: 127.0.0.1:{port}".encode() in request
    assert asked.wait(10) == 0


def test_the_health_check_imports_next_to_nothing() -> None:
    script = "import sys; before = set(sys.modules); import ready; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(FOLDER / 'app' / 'process')!r}); {script}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"re", "json", "logging", "http", "ssl", "asyncio", "typing"} & set(done.stdout.split())
