"""Web servers that answer wrongly are restarted once each and are well again; those that answer oddly are left alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ..kit.host import Container, Host, parse_time
from ..kit.pair import Pair
from ..kit.waiting import wait_until
from .health import (
    RESTART,
    Recorder,
    find_requests,
    join_network,
    make_lively,
    make_sick,
    run_server,
    wait_for_restart_told,
    wait_for_verdict,
)

if TYPE_CHECKING:
    from collections.abc import Generator


# How a server answers, and what the reason has to tell besides.
SICK = {
    "500": "500",
    "404": "404",
    "huge-500": "500",
    "hang": "",
    "drip": "",
    "close": "",
    "refuse": "",
    "loop": "",
    "ping-pong": "",
    "garbage": "",
    "headers": "",
}
FINE = ("redirect", "away", "endless", "huge", "204")
# Nothing is configured on them; with them the sick ones are fewer than half.
PLAIN = tuple(f"plain-{number}" for number in range(len(SICK) - len(FINE) + 1))
ALL_SECONDS = 120


@pytest.fixture(scope="module")
def servers(module_host: Host, network: str) -> dict[str, Container]:
    """A server for each mode, all of them well at first."""
    modes = (*SICK, *FINE)

    def run(mode: str) -> Container:
        return run_server(module_host, f"mode-{mode}", options=("--network", network))

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(modes, pool.map(run, modes), strict=True))


@pytest.fixture(scope="module")
def originals(module_host: Host, servers: dict[str, Container]) -> dict[str, Container]:
    """The servers, and some without any rule."""
    return servers | make_lively(module_host, PLAIN)


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container], recorder: Recorder) -> Generator[Pair]:
    """The pair: it can't reach the servers before it joins their network, and then finds them well."""
    servers = [originals[mode] for mode in (*SICK, *FINE)]
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {container.name for container in originals.values()}
        for server in servers:
            wait_for_verdict(pair, server, "probe", "unknown")
        join_network(pair, servers[0])
        for server in servers:
            wait_for_verdict(pair, server, "probe", "ok")
        assert [recorder.actions(server) for server in servers] == [[]] * len(servers)
        yield pair


@pytest.fixture(scope="module")
def turned(pair: Pair, servers: dict[str, Container]) -> None:
    """Each server answers by its mode from now on."""
    del pair
    make_sick(servers)


@pytest.fixture(scope="module")
def told(
    pair: Pair, servers: dict[str, Container], recorder: Recorder, turned: None
) -> set[tuple[str, str, str, str | None]]:
    """What the reports told, as id, kind of finding, action, result, until every sick server was restarted."""
    del turned
    heard: set[tuple[str, str, str, str | None]] = set()

    def all_restarted() -> bool:
        report = pair.report()
        kinds = {finding["container"]["id"]: finding["kind"] for finding in report["findings"]}
        for outcome in report["outcomes"]:
            id_ = outcome["container"]["id"]
            heard.add((id_, kinds.get(id_, ""), outcome["action"], outcome["result"]))
        return all(recorder.count_starts(servers[mode]) for mode in SICK)

    def left() -> list[str]:
        return [mode for mode in SICK if not recorder.count_starts(servers[mode])]

    wait_until(all_restarted, "a restart of each sick server", ALL_SECONDS, left)
    return heard


@pytest.mark.usefixtures("turned")
def test_the_verdict_tells_the_status_code_and_since_when(pair: Pair, servers: dict[str, Container]) -> None:
    verdict = wait_for_verdict(pair, servers["500"], "probe", "failing")
    [first, *_] = [at for at, mode, _ in find_requests(servers["500"]) if mode == "500"]
    assert "500" in verdict["reason"]
    assert isinstance(verdict["evidence"], list)
    assert parse_time(verdict["since"]) >= first - 1


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("mode", SICK)
def test_a_server_that_answers_wrongly_is_restarted_once_and_is_well_again(
    pair: Pair, servers: dict[str, Container], recorder: Recorder, mode: str
) -> None:
    server = servers[mode]
    recorder.wait_for_starts(server)
    wait_for_restart_told(pair, server, SICK[mode])
    wait_for_verdict(pair, server, "probe", "ok")
    assert server.status == "running"
    assert recorder.actions(server) == RESTART


def test_a_restart_for_ill_health_is_reported(
    servers: dict[str, Container], told: set[tuple[str, str, str, str | None]]
) -> None:
    ids = {servers[mode].id for mode in SICK}
    assert {id_ for id_, *_ in told} <= ids
    assert {action for *_, action, _ in told} == {"restart"}
    assert ("unhealthy", "done") in {(kind, result) for _, kind, _, result in told}
    assert "failed" not in {result for *_, result in told}


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("mode", FINE)
def test_a_server_that_answers_oddly_but_well_is_left_alone(
    pair: Pair, servers: dict[str, Container], recorder: Recorder, mode: str
) -> None:
    server = servers[mode]
    verdict = wait_for_verdict(pair, server, "probe", "ok")
    asked = [at for at, asked_in, _ in find_requests(server) if asked_in == mode]
    assert len(asked) > 5, "it was hardly asked in this mode"
    assert parse_time(verdict["since"]) < asked[0], "it was something else than ok meanwhile"
    assert recorder.actions(server) == []


def test_where_nothing_is_configured_nothing_is_judged(pair: Pair, originals: dict[str, Container]) -> None:
    judged = {told["container"]["id"] for told in pair.status()["verdicts"]}
    assert not judged & {originals[stem].id for stem in PLAIN}


def test_verdicts_are_ordered_by_name_and_source(pair: Pair, servers: dict[str, Container]) -> None:
    order = [(told["container"]["name"], told["source"]) for told in pair.status()["verdicts"]]
    assert order == sorted((server.name, "probe") for server in servers.values())


@pytest.mark.usefixtures("told")
def test_nobody_is_restarted_more_often_than_that(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    for mode in (*SICK, *FINE):
        wait_for_verdict(pair, originals[mode], "probe", "ok")
    pair.wait_for_checks(3)
    expected = dict.fromkeys(SICK, 1) | dict.fromkeys((*FINE, *PLAIN), 0)
    assert {stem: recorder.count_starts(original) for stem, original in originals.items()} == expected
