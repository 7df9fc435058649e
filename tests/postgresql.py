"""A private PostgreSQL for tests: Debian's programs, on a Unix socket alone, as a user without rights, in a temporary folder.

It must not touch another PostgreSQL of this machine, and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import psycopg

if TYPE_CHECKING:
    from collections.abc import Generator

SCRIPT = Path(__file__).parents[1] / "scripts" / "setup" / "debian_postgresql.sh"
NOBODY = 65534
USER, PASSWORD = "status_state", "a secret/of:the@database"
START_SECONDS = 60
# Small, and of another time zone than UTC, so that nobody relies on that.
OPTIONS = {
    "listen_addresses": "",
    "shared_buffers": "8MB",
    "max_connections": "20",
    "timezone": "America/St_Johns",
    "logging_collector": "off",
    "fsync": "off",
}


class NoPostgreSQLError(Exception):
    """PostgreSQL can't be had; the message says why."""


class PostgreSQL:
    """A server of its own, which `start` starts and `remove` ends."""

    def __init__(self) -> None:
        made = subprocess.run([SCRIPT], stdout=subprocess.PIPE, text=True, check=False)
        if made.returncode != 0:
            raise NoPostgreSQLError(made.stdout.strip())
        # The path of a socket is at most 107 characters long; the cache may be closed to the user.
        self.folder = Path(tempfile.mkdtemp(prefix="status-state-pg-", dir="/var/tmp"))  # as above
        self.folder.chmod(0o755)
        self.sockets, self._data = self.folder / "sockets", self.folder / "data"
        programs = self.folder / "programs"
        shutil.copytree(made.stdout.strip(), programs)
        [self._programs] = programs.glob("usr/lib/postgresql/*/bin")
        self._environment = {"LD_LIBRARY_PATH": str(programs / "libraries"), "LC_ALL": "C", "PATH": os.environ["PATH"]}
        # PostgreSQL refuses root.
        self._as_user = ["setpriv", "--pdeathsig", "INT"]
        if os.geteuid() == 0:
            self._as_user += ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
        for folder in (self.sockets, self._data):
            folder.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(folder, NOBODY, NOBODY)
        self.sockets.chmod(0o755)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        initdb = ["--auth=scram-sha-256", f"--username={USER}", f"--pwfile={password}", "--encoding=UTF8", "--no-sync"]
        self._run(self._programs / "initdb", *initdb, "--pgdata", self._data)
        self._process: subprocess.Popen[bytes] | None = None
        self._places = 0

    def start(self) -> None:
        """Start it, until it answers."""
        options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        command = [*self._as_user, self._programs / "postgres", "-D", self._data, "-k", self.sockets, *options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self.execute(self.url(), "select 1")
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise NoPostgreSQLError(f"{error}: {(self.folder / 'log').read_text()}") from error
                time.sleep(0.05)
            else:
                return

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it; by default it breaks off what is going on."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=30)
            self._process = None

    def remove(self) -> None:
        """End it, and delete what it had."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.stop(signal.SIGQUIT)
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder)

    @contextlib.contextmanager
    def frozen(self) -> Generator[None]:
        """Meanwhile it takes connections, since the kernel does that for it, and answers nothing."""
        found = subprocess.run(
            ["ps", "--no-headers", "-o", "pid", "--ppid", str(self.process)], capture_output=True, text=True, check=True
        )
        processes = [self.process, *map(int, found.stdout.split())]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def new_place(self) -> str:
        """The URL of an empty place for tables, as `SSA_DATABASE_URL` has it."""
        self._places += 1
        self.execute(self.url(), f"create schema place_{self._places}")
        return self.url(options=f"-csearch_path=place_{self._places}")

    def url(self, user: str = USER, **options: str) -> str:
        """A URL of the database, for a user whose password is the usual one."""
        query = urlencode({"host": str(self.sockets), **options}, quote_via=quote)
        return f"postgresql://{user}:{quote(PASSWORD, safe='')}@/postgres?{query}"

    def execute(self, url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a statement answers."""
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    @property
    def process(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def _run(self, *command: str | Path) -> None:
        done = subprocess.run(
            [*self._as_user, *command], env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise NoPostgreSQLError(done.stderr or done.stdout)
