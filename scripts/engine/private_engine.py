#!/usr/bin/env python3
"""A private, disposable Docker engine for tests: `scripts/engine/private_engine.py run -- COMMAND…`.

The controller stops every container it doesn't know, so its tests need an engine that nobody else uses. This one lives
in network, mount, process and host name namespaces of its own, and COMMAND runs in them too: `127.0.0.1`, `/run`, the
process numbers and the host's name are private, several engines run side by side, and when COMMAND ends the kernel ends everything in there. Then
the data are deleted. Nothing outside the namespaces is changed: no iptables rule, no bridge, no file but the data.

It must not touch, and inside the namespaces cannot reach, the engine of the host: its socket is out of sight.
Standard library only: it runs before any virtual environment exists.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from private_dockerd import SOCKET, UnavailableError, start_engine, stop_containerd, stop_engine, write_options

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType

STATE_VARIABLE = "STATUS_STATE_PRIVATE_ENGINE"
REASON_VARIABLE = "STATUS_STATE_NO_PRIVATE_ENGINE"
EXIT_NOT_FOUND = 127  # as a shell says it
EXIT_UNAVAILABLE = 69  # EX_UNAVAILABLE of sysexits.h: no private engine can be had here
STATE_PREFIX = "status-state-engine-"
STATE_PARENT = Path("/var/tmp")  # noqa: S108  # on disk, unlike /tmp, which may be a tmpfs too small for images
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NEEDED_TOOLS = ("dockerd", "containerd", "docker", "iptables", "slirp4netns", "unshare", "setpriv", "mount")


class InterruptedBySignalError(Exception):
    """SIGINT or SIGTERM arrived; carries the signal's number."""


def say(sentence: str) -> None:
    """Tells people something, without mixing it into the output of COMMAND."""
    print(f"private engine: {sentence}", file=sys.stderr, flush=True)


# --- outside: the namespaces, the network, the end ---------------------------------------------------------------


def check_prerequisites() -> None:
    """Raises UnavailableError when this user or this machine can't have a private engine."""
    if os.geteuid() != 0:
        message = "only root can start one: run this as root, or see scripts/engine/engine_container.sh"
        raise UnavailableError(message)
    missing = [tool for tool in NEEDED_TOOLS if shutil.which(tool) is None]
    if missing:
        message = f"not installed: {', '.join(missing)}; on Debian: apt-get install docker.io iptables slirp4netns"
        raise UnavailableError(message)
    if not Path("/dev/net/tun").exists():
        message = "no /dev/net/tun, so the engine would have no network: load the module tun"
        raise UnavailableError(message)


def delete(state: Path) -> None:
    """Deletes what an engine leaves behind once all its processes are gone: data and empty control groups."""
    hierarchies = [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*")]
    for root in (hierarchy / state.name for hierarchy in hierarchies):
        for folder, _, _ in os.walk(root, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
    shutil.rmtree(state, ignore_errors=True)
    if state.exists():
        say(f"could not delete {state}: something still uses it")


def delete_abandoned() -> None:
    """Deletes the data of engines whose starter was killed: nobody holds their lock any more."""
    for state in STATE_PARENT.glob(f"{STATE_PREFIX}*"):
        with contextlib.suppress(OSError), (state / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            delete(state)


@contextlib.contextmanager
def state_directory() -> Generator[Path]:
    """A fresh directory for one engine, locked while it is in use, deleted afterwards."""
    fresh = Path(tempfile.mkdtemp(prefix=f"new-{STATE_PREFIX}", dir=STATE_PARENT))
    with (fresh / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # It gets its name when it is locked: until then an engine that starts beside it would think it abandoned.
        state = fresh.rename(STATE_PARENT / fresh.name.removeprefix("new-"))
        try:
            yield state
        finally:
            for number in ENDING_SIGNALS:
                signal.signal(number, signal.SIG_IGN)  # a second one would leave half of the data behind
            delete(state)


def tied_to_me(*command: str) -> list[str]:
    """The command, changed so that the kernel kills it when this process dies, however it dies."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *command]


def child_of(pid: int) -> int | None:
    """The one child of `unshare`: process 1 of the namespace."""
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    return None


def connect_to_outside(namespace: Path, log: Path) -> subprocess.Popen[bytes]:
    """Gives the network namespace a user-mode way out (10.0.2.0/24, resolver 10.0.2.3) and waits until it works."""
    ready, ready_end = os.pipe()
    options = ["--configure", "--mtu=65520", "--disable-host-loopback", f"--ready-fd={ready_end}"]
    command = tied_to_me("slirp4netns", *options, "--netns-type=path", str(namespace), "tap0")
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, pass_fds=[ready_end])
    os.close(ready_end)
    with os.fdopen(ready, "rb") as pipe:
        if not pipe.read(1):
            process.wait()
            message = f"slirp4netns could not connect the network namespace: {log.read_text(errors='replace').strip()}"
            raise UnavailableError(message)
    return process


def raise_signal(number: int, _frame: FrameType | None) -> NoReturn:
    """Turns a signal into an exception, so that everything is cleaned up on the way out."""
    raise InterruptedBySignalError(number)


def end_namespace(process: subprocess.Popen[bytes], number: int | None) -> None:
    """Passes the signal on to COMMAND, gives it 20 s to end, then lets the kernel end the whole namespace."""
    child = child_of(process.pid)
    in_foreground = os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    if child and number and not (number == signal.SIGINT and in_foreground):  # a terminal has told COMMAND already
        os.kill(child, number)
    try:
        process.wait(timeout=20 if number else 0)
    except (subprocess.TimeoutExpired, InterruptedBySignalError):
        child = child_of(process.pid)
        if child:
            os.kill(child, signal.SIGKILL)  # process 1: the kernel kills all others before it counts as gone
        else:
            process.kill()
        process.wait()


def use_plug_ins(folder: Path, state: Path) -> None:
    """Lets the docker command find its plug-ins in the folder alone; a log-in of the user's goes on to work."""
    login = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    configuration = state / "docker"
    configuration.mkdir()
    (configuration / "cli-plugins").symlink_to(folder)
    if login.exists():
        (configuration / login.name).symlink_to(login)
    os.environ["DOCKER_CONFIG"] = str(configuration)


def run(command: list[str], options: dict[str, Any], programs: Path | None) -> int:
    """Runs the command with a private engine and returns its exit code (128 + n where signal n ended it)."""
    if programs:
        os.environ["PATH"] = f"{programs / 'bin'}:{os.environ['PATH']}"
    check_prerequisites()
    delete_abandoned()
    for number in ENDING_SIGNALS:
        signal.signal(number, raise_signal)
    with state_directory() as state:
        if programs:
            use_plug_ins(programs / "cli-plugins", state)
        write_options(state, options)
        ours, theirs = socket.socketpair()
        inside = [sys.executable, __file__, "inside", "--state", str(state), "--control", str(theirs.fileno())]
        unshare = ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        process = subprocess.Popen(tied_to_me(*unshare, "--", *inside, "--", *command), pass_fds=[theirs.fileno()])
        theirs.close()
        network: subprocess.Popen[bytes] | None = None
        try:
            if not ours.recv(1):  # it comes from process 1, so the namespaces are there
                message = "the kernel refused new namespaces; a container needs the capability SYS_ADMIN for it"
                raise UnavailableError(message)
            network = connect_to_outside(Path(f"/proc/{process.pid}/ns/net"), state / "slirp4netns.log")
            ours.send(b"1")
            code = process.wait()
            if (state / "unavailable").exists():
                raise UnavailableError((state / "unavailable").read_text())
        except InterruptedBySignalError as interruption:
            end_namespace(process, interruption.args[0])
            code = -int(interruption.args[0])
        finally:
            end_namespace(process, None)
            if network:
                network.kill()
                network.wait()
        return code if code >= 0 else 128 - code


# --- inside: process 1 of the namespaces -------------------------------------------------------------------------


def make_surroundings() -> None:
    """Gives the mount namespace its own /run and /etc/docker, and a resolver that works from in here."""
    resolver = Path("/etc/resolv.conf").resolve()
    Path("/etc/docker").mkdir(exist_ok=True)
    for folder in ("/run", "/etc/docker"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder], check=True)
    content = "nameserver 10.0.2.3\n"
    if resolver.is_relative_to("/run"):
        resolver.parent.mkdir(parents=True, exist_ok=True)
        resolver.write_text(content)
    else:
        own = Path("/run/resolv.conf")
        own.write_text(content)
        subprocess.run(["mount", "--bind", str(own), str(resolver)], check=True)


def run_inside(state: Path, control: int, command: list[str]) -> int:
    """Process 1: makes the surroundings, starts the engine, runs the command, waits for those that end meanwhile."""
    with socket.socket(fileno=control) as channel:
        channel.send(b"1")
        if not channel.recv(1):
            return EXIT_UNAVAILABLE
    try:
        make_surroundings()
        start_engine(state)
    except (UnavailableError, OSError, subprocess.CalledProcessError) as reason:
        (state / "unavailable").write_text(str(reason))
        return EXIT_UNAVAILABLE
    environment = os.environ | {"DOCKER_HOST": f"unix://{SOCKET}", STATE_VARIABLE: str(state)}
    for variable in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        environment.pop(variable, None)
    try:
        child = subprocess.Popen(command, env=environment)
    except OSError as reason:
        say(f"can't run the command: {reason}")
        return EXIT_NOT_FOUND
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(child.pid, number))
    while True:
        pid, status = os.wait()
        if pid == child.pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


# --- the command line --------------------------------------------------------------------------------------------


def option(text: str) -> tuple[str, Any]:
    """Reads one `name=JSON` of dockerd's configuration file, e.g. `live-restore=true`."""
    name, separator, value = text.partition("=")
    if not separator:
        message = f"expected name=JSON, got {text!r}"
        raise argparse.ArgumentTypeError(message)
    return name, json.loads(value)


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="verb", required=True)
    outer = commands.add_parser("run", help="start an engine, run COMMAND with it, delete it")
    outer.add_argument("--option", action="append", default=[], type=option, help="name=JSON for dockerd's daemon.json")
    outer.add_argument("--programs", type=Path, metavar="FOLDER", help="what debian_engine.sh made: bin/, cli-plugins/")
    outer.add_argument(
        "--or-without",
        action="store_true",
        help=f"where no private engine can be had run COMMAND without one; {REASON_VARIABLE} says why",
    )
    inner = commands.add_parser("inside")
    inner.add_argument("--control", type=int, required=True)
    for sub_parser in (outer, inner):
        sub_parser.add_argument("command", nargs="+", metavar="COMMAND")
    start = commands.add_parser("start-engine", help="inside: start the stopped engine again")
    start.add_argument("--option", action="append", type=option, help="replaces the options given before")
    start.add_argument("--no-options", dest="option", action="store_const", const=[], help="drops those given before")
    stop = commands.add_parser("stop-engine", help="inside: end dockerd and wait until it is gone")
    stop.add_argument("--signal", choices=["SIGTERM", "SIGKILL"], default="SIGTERM")
    stop.add_argument("--containerd", action="store_true", help="end containerd as well")
    stop.add_argument("--timeout", type=float, default=120, metavar="SECONDS")
    for sub_parser in (inner, start):
        sub_parser.add_argument("--state", type=Path, required=True)
    return parser.parse_args()


def main() -> int:
    """Does what the command line says; the exit code is COMMAND's, or 69 where no private engine can be had."""
    arguments = read_arguments()
    os.environ["PATH"] = (
        f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/local/sbin:/usr/sbin:/sbin"  # `su` leaves them out
    )
    try:
        if arguments.verb == "run":
            return run(arguments.command, dict(arguments.option), arguments.programs)
        if arguments.verb == "inside":
            return run_inside(arguments.state, arguments.control, arguments.command)
        if arguments.verb == "start-engine":
            if arguments.option is not None:
                write_options(arguments.state, dict(arguments.option))
            start_engine(arguments.state)
        else:
            stop_engine(signal.Signals[arguments.signal], arguments.timeout)
            if arguments.containerd:
                stop_containerd(arguments.timeout)
    except UnavailableError as reason:
        say(str(reason))
        if arguments.verb == "run" and arguments.or_without:
            os.execvpe(arguments.command[0], arguments.command, os.environ | {REASON_VARIABLE: str(reason)})  # noqa: S606  # a list, no shell
        return EXIT_UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
