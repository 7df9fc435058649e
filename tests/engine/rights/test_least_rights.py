"""The pair with docker-compose.least-rights.yaml: the SSA does all its work through a filter that refuses all else."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from ..health.health import RESTART, Recorder, make_labels, speak, wait_for_verdict
from ..kit.compose import ROOT
from ..kit.host import LIVE, Container, Host, run_command, volume_path
from ..kit.interceptor import Interceptor
from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

OVER = ROOT / "docker-compose.least-rights.yaml"
IMAGE = "status-state-test-filter"
# HAProxy of Debian in the place of the official image, which a machine without a registry can't get; else it is like that
# one: its user, folders, stop signal and entrypoint (docker-library/haproxy, 3.0/alpine).
DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN apt-get update && apt-get install --yes --no-install-recommends haproxy && apt-get clean
RUN usermod --uid 99 haproxy && groupmod --gid 99 haproxy \\
 && mkdir -p /var/lib/haproxy /usr/local/etc/haproxy && chown haproxy:haproxy /var/lib/haproxy \\
 && printf '%s\\n' '#!/bin/sh' 'set -e' 'if [ "${1#-}" != "$1" ]; then set -- haproxy "$@"; fi' \\
    'if [ "$1" = haproxy ]; then shift; set -- haproxy -W -db "$@"; fi' 'exec "$@"' >/usr/local/bin/docker-entrypoint.sh \\
 && chmod +x /usr/local/bin/docker-entrypoint.sh
STOPSIGNAL SIGUSR1
ENTRYPOINT ["docker-entrypoint.sh"]
USER haproxy
WORKDIR /var/lib/haproxy
CMD ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
"""
CUT_SECONDS = 20
BAD = b"CRITICAL:root:boom\n"
RULE = make_labels({"logs.severity": "critical", "logs.count": "2", "logs.within": "10m"})
HEALTH = ("--health-cmd", "test ! -e /sick", "--health-interval", "1s", "--health-retries", "1")
STEMS = {"plain": (), "speaking": RULE, "meanwhile": RULE, "checked": HEALTH}


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes."""
    return {stem: module_host.run(stem, *LIVE, options=options) for stem, options in STEMS.items()}


@pytest.fixture(scope="module")
def recorder(module_host: Host, originals: dict[str, Container]) -> Generator[Recorder]:
    """Hears what happens once all originals run."""
    assert {original.status for original in originals.values()} == {"running"}
    with Recorder().hearing(module_host) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def interceptor(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Interceptor, Path]]:
    """What stands between all three and the engine, and writes down who asks for what."""
    path = tmp_path_factory.mktemp("sockets") / "docker.sock"
    interceptor = Interceptor(path)
    yield interceptor, path
    interceptor.close()


@pytest.fixture(scope="module")
def pair(
    module_host: Host,
    originals: dict[str, Container],
    recorder: Recorder,
    interceptor: tuple[Interceptor, Path],
) -> Generator[Pair]:
    """The pair with its filter, which cuts all that is idle for 20 s."""
    del recorder
    build = ["docker", "build", "--network=host", "--tag", IMAGE, "--build-arg", f"BASE_IMAGE={module_host.image}", "-"]
    built = subprocess.run(build, input=DOCKERFILE, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"HAProxy can't be had: {built.stdout}{built.stderr}")
    settings = {
        "STATUS_STATE_FILTER_IMAGE": IMAGE,
        "STATUS_STATE_FILTER_STREAM_TIMEOUT": f"{CUT_SECONDS}s",
        "STATUS_STATE_DOCKER_SOCKET": str(interceptor[1]),
    }
    with Pair(module_host, OVER, **settings).running() as pair:
        assert pair.original_names() == {original.name for original in originals.values()}
        yield pair


def find_door(pair: Pair) -> Path:
    """The socket that the SSA has."""
    return volume_path(f"{pair.project}_filter") / "docker.sock"


def ask(pair: Pair, request: str) -> int:
    """The status that the filter answers to a request, given at the place that the SSA has."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(find_door(pair)))
        client.sendall(f"{request} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n".encode())
        return int(client.recv(64).split()[1])


def test_the_ssa_has_no_socket_of_the_engine_and_all_three_are_protected(
    pair: Pair, interceptor: tuple[Interceptor, Path]
) -> None:
    filter_ = pair.find("status-state-filter")
    begun = filter_.started_at
    sources = [mount["Source"] for mount in pair.api.inspect()["Mounts"]]
    assert str(interceptor[1]) not in sources
    assert not [source for source in sources if source.endswith(".sock")]
    pair.wait_for_checks()
    standings = {one["container"]["name"]: one["standing"] for one in pair.status()["standings"]}
    for ours in (pair.api, pair.controller, filter_):
        assert (ours.status, standings[ours.name]) == ("running", "protected")
    assert filter_.started_at == begun
    assert pair.report()["findings"] == []
    assert {one.container_id for one in list(interceptor[0].asked)} == {pair.controller.id, filter_.id}


@pytest.mark.parametrize(
    "request_line",
    [
        "POST {container}/stop",
        "POST {container}/exec",
        "POST {container}/json",
        "POST /v1.41/containers/create?name=x",
        "POST /v1.41/images/create?fromImage=x",
        "DELETE {container}",
        "DELETE {container}?force=1",
        "PUT {container}/archive?path=/",
        "HEAD {container}/archive?path=/",
        "GET {container}/archive?path=/etc",
        "GET {container}/export",
        "GET {container}/attach/ws?stream=1",
        "GET {container}/top",
        "GET {container}/changes",
        "GET {container}%2Fexport",
        "GET {container}/json/../export",
        "GET /containers/json/../../images/get?names=x",
        "GET {container}//export",
        "GET /v1.41/_ping/..{container}/export",
        "GET /v1.41/images/get?names=x",
        "GET /v1.41/images/json",
        "GET /v1.41/volumes",
        "GET /v1.41/secrets",
        "GET /v1.41/system/df",
        "GET /session",
    ],
)
def test_what_the_ssa_never_asks_is_refused(pair: Pair, originals: dict[str, Container], request_line: str) -> None:
    container = f"/containers/{originals['plain'].id}"
    assert ask(pair, f"GET {container}/json") == 200
    assert ask(pair, request_line.format(container=container)) in {400, 403}
    assert originals["plain"].status == "running"


def test_ill_health_by_events_and_logs_is_seen_and_healed(pair: Pair, originals: dict[str, Container]) -> None:
    plain, checked = originals["plain"], originals["checked"]
    began = plain.started_at
    plain.docker("kill")
    plain.wait_for_start_after(began)
    began = checked.started_at
    checked.execute("touch", "/sick")
    checked.wait_for_start_after(began, 60)
    checked.execute("rm", "/sick")
    wait_for_verdict(pair, checked, "engine", "ok")


def test_idle_connections_that_are_cut_are_opened_again_and_nothing_is_missed_or_counted_twice(
    pair: Pair, originals: dict[str, Container], recorder: Recorder, interceptor: tuple[Interceptor, Path]
) -> None:
    speaking = originals["speaking"]
    wait_for_verdict(pair, speaking, "logs", "ok")
    speak(speaking, BAD)
    begun = time.time()

    def opened(path: str) -> list[float]:
        asked = [one.at for one in list(interceptor[0].asked) if path in one.path and one.at > begun]
        return asked if len(asked) >= 2 else []

    filter_id = pair.find("status-state-filter").id
    # Who watches the health and who writes the journal share one stream of events.
    for path in (f"{speaking.id}/logs?", "/events?"):
        times = wait_until(partial(opened, path), f"{path} to be asked for again, twice", 3 * CUT_SECONDS + 20)
        assert times[1] - times[0] > CUT_SECONDS - 1, "it was cut while it was not idle, or was not cut"
    assert {one.container_id for one in list(interceptor[0].asked) if "/logs?" in one.path} == {filter_id}
    assert "event=engine_lost" not in pair.api.logs
    assert recorder.actions(speaking) == [], "one line was counted twice"
    speak(speaking, BAD)
    wait_until(lambda: recorder.actions(speaking) == RESTART, "it to be restarted once", 60)


def test_what_happens_while_the_filter_is_away_is_seen_once_it_is_back(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    meanwhile, filter_ = originals["meanwhile"], pair.find("status-state-filter")
    filter_.docker("stop")
    speak(meanwhile, BAD * 2)
    filter_.docker("start")
    wait_until(lambda: recorder.actions(meanwhile) == RESTART, "it to be restarted once", 60)
    assert pair.is_ready()


def test_an_asker_that_is_gone_holds_no_connection(pair: Pair) -> None:
    # Else the streams of each SSA that has ended would add up until none is left.
    before = count_connections(pair)
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(find_door(pair)))
            client.sendall(b"GET /events HTTP/1.1\r\nHost: docker\r\n\r\n")
            assert client.recv(64).split()[1] == b"200"
        assert count_connections(pair) >= before + 30
    seconds = CUT_SECONDS / 2  # before they are cut anyway
    wait_until(
        lambda: count_connections(pair) <= before + 10,
        "them to be closed",
        seconds,
        lambda: (before, count_connections(pair)),
    )


def count_connections(pair: Pair) -> int:
    """How many sockets the filter has open."""
    processes = run_command("docker", "top", pair.find("status-state-filter").id, "-o", "pid").split()[1:]
    return sum(run_command("ls", "-l", f"/proc/{one}/fd").count("socket:") for one in processes)
