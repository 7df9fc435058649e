"""Whom a probe reaches, and when its failures count: routes, TLS, start periods, paused and hanging servers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from ..kit.host import Container, Host, parse_time, run_command
from ..kit.pair import Pair
from ..kit.waiting import wait_until
from .health import (
    RESTART,
    SERVER,
    Recorder,
    find_requests,
    find_verdict,
    join_network,
    make_labels,
    run_server,
    set_mode,
    wait_for_verdict,
)

if TYPE_CHECKING:
    from collections.abc import Generator


HANGING = ("hanging-1", "hanging-2", "hanging-3")
# Makes itself a certificate that nobody has reason to accept.
SECURED = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=sick -days 2 "
    "-keyout /key.pem -out /certificate.pem 2>/dev/null && cat /key.pem /certificate.pem >/server.pem && "
    'exec python3 -c "$0" tls'
)
HTTPS = {"probe.url": "https://:8080/health", "probe.every": "1s", "probe.timeout": "2s", "probe.failures": "2"}
YOUNG_SECONDS = 8
# A well server is asked every second, but the machine may be busy; behind a hanging one it would be asked every 30 s.
LONGEST_GAP_SECONDS = 8


@pytest.fixture(scope="module")
def originals(module_host: Host, network: str) -> dict[str, Container]:
    """What runs before the pair comes."""
    shared = ("--network", network)
    made = {
        "published": run_server(module_host, "published", options=("--publish", "18111:8080")),
        "loopback": run_server(module_host, "loopback", options=("--publish", "127.0.0.1:18112:8080")),
        "lonely": run_server(module_host, "lonely", options=("--network", "none")),
        "never-well": run_server(module_host, "never-well", "keep", options=shared, start_period="10m"),
        "once-well": run_server(module_host, "once-well", options=shared, start_period="10m"),
        "young": run_server(
            module_host,
            "young",
            "keep",
            options=(*shared, *make_labels({"restart": "never"})),
            start_period=f"{YOUNG_SECONDS}s",
        ),
        "paused": run_server(module_host, "paused", options=shared),
        "steady": run_server(module_host, "steady", options=shared),
        "mislabelled": run_server(module_host, "mislabelled", options=shared, every="soon"),
    }
    for stem in HANGING:
        made[stem] = run_server(module_host, stem, options=shared, timeout="30s", failures="100")
    for stem, more in {"strict": {}, "insecure": {"probe.insecure": "true"}}.items():
        options = (*shared, *make_labels(HTTPS | more))
        made[stem] = module_host.run(stem, "sh", "-c", SECURED, SERVER, options=options)
    set_mode(made["never-well"], "500")
    return made


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container], recorder: Recorder) -> Generator[Pair]:
    """The pair, with the SSA on the network of those that share it; three servers hang from then on."""
    del recorder
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {container.name for container in originals.values()}
        join_network(pair, originals["steady"])
        for stem in ("published", "once-well", "paused", "steady"):
            wait_for_verdict(pair, originals[stem], "probe", "ok")
        for stem in HANGING:
            set_mode(originals[stem], "hang")
        yield pair


@pytest.fixture(scope="module")
def disturbed(pair: Pair, originals: dict[str, Container], recorder: Recorder) -> None:
    """Four servers fall ill and one is paused: what happened to two tells that the others were rightly left alone."""
    del pair
    originals["paused"].docker("pause")
    for stem in ("published", "loopback", "lonely", "once-well"):
        set_mode(originals[stem], "500")
    for stem in ("published", "once-well"):
        recorder.wait_for_starts(originals[stem])


@pytest.mark.usefixtures("disturbed")
@pytest.mark.parametrize("stem", ["published", "once-well"])
def test_a_server_is_probed_by_its_published_port_and_a_success_ends_its_start_period(
    pair: Pair, originals: dict[str, Container], recorder: Recorder, stem: str
) -> None:
    original = originals[stem]
    wait_for_verdict(pair, original, "probe", "ok")
    pair.wait_for_checks(3)
    assert recorder.actions(original) == RESTART


@pytest.mark.usefixtures("disturbed")
@pytest.mark.parametrize("stem", ["loopback", "lonely"])
def test_a_server_without_a_route_is_unknown_with_a_remedy_and_left_alone(
    pair: Pair, originals: dict[str, Container], recorder: Recorder, stem: str
) -> None:
    original = originals[stem]
    verdict = wait_for_verdict(pair, original, "probe", "unknown")
    reason = verdict["reason"].lower()
    assert "network" in reason or "publish" in reason, "no remedy"
    assert find_requests(original) == []
    assert recorder.actions(original) == []


@pytest.mark.usefixtures("disturbed")
def test_failures_of_a_server_that_was_never_well_do_not_count_in_its_start_period(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    original = originals["never-well"]
    assert len([mode for _, mode, _ in find_requests(original) if mode == "500"]) > 5
    verdict = find_verdict(pair, original, "probe")
    assert verdict is None or verdict["verdict"] != "failing"
    assert recorder.actions(original) == []


@pytest.mark.usefixtures("disturbed")
def test_a_paused_server_is_left_alone_and_well_when_it_goes_on(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    original = originals["paused"]
    assert original.status == "paused"
    assert recorder.actions(original) == []
    original.docker("unpause")
    wait_for_verdict(pair, original, "probe", "ok")
    pair.wait_for_checks(3)
    assert recorder.actions(original) == []


@pytest.mark.usefixtures("disturbed")
def test_hanging_servers_delay_nobody(pair: Pair, originals: dict[str, Container]) -> None:
    steady = originals["steady"]

    def find_hanging() -> list[float]:
        return [at for stem in HANGING for at, mode, _ in find_requests(originals[stem]) if mode == "hang"]

    wait_until(lambda: len(find_hanging()) >= len(HANGING), "all of them to hang", seen=find_hanging)
    begun = min(find_hanging())
    wait_until(lambda: find_requests(steady)[-1][0] > begun + 12, "12 s in which they hang")
    asked = [at for at, _, _ in find_requests(steady) if at > begun]
    assert max(after - before for before, after in pairwise(asked)) < LONGEST_GAP_SECONDS
    assert [find_verdict(pair, originals[stem], "probe") for stem in HANGING] != [None] * len(HANGING)


def test_a_certificate_that_is_not_accepted_is_unknown_and_names_its_remedy(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    verdict = wait_for_verdict(pair, originals["strict"], "probe", "unknown")
    assert "insecure" in verdict["reason"]
    wait_for_verdict(pair, originals["insecure"], "probe", "ok")
    assert [recorder.actions(originals[stem]) for stem in ("strict", "insecure")] == [[], []]


def test_a_label_that_can_not_be_read_is_reported_and_disables_its_rule_alone(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    original = originals["mislabelled"]
    wait_until(
        lambda: [line for line in pair.api.logs.splitlines() if original.name in line and "soon" in line],
        "a line about the label",
        seen=lambda: pair.api.logs,
    )
    assert recorder.actions(original) == []


@pytest.mark.usefixtures("disturbed")
def test_the_start_period_begins_anew_with_each_start(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    original = originals["young"]
    set_mode(original, "500")  # which the restart leaves as it is
    original.docker("restart")
    started_at = parse_time(original.started_at)

    def find_failing() -> float:
        told = find_verdict(pair, original, "probe")
        since = parse_time(told["since"]) if told and told["verdict"] == "failing" else 0
        return since if since > started_at else 0

    since = wait_until(find_failing, "it to fail since its last start", seen=lambda: pair.status()["verdicts"])
    assert since >= started_at + YOUNG_SECONDS - 1  # a time may be told in whole seconds
    assert recorder.count_starts(original) == 1, "`restart=never` holds for ill health as well"


@pytest.mark.usefixtures("disturbed")
def test_nobody_is_restarted_more_often_than_that(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    pair.wait_for_checks(3)
    restarted = {stem for stem, original in originals.items() if recorder.count_starts(original)}
    assert restarted <= {"published", "once-well", "young"}
    assert {recorder.count_starts(originals[stem]) for stem in restarted} == {1}


@pytest.mark.usefixtures("disturbed")
def test_an_ssa_that_loses_its_own_network_blames_nobody_and_asks_again_once_it_is_back(
    pair: Pair, originals: dict[str, Container], recorder: Recorder, network: str
) -> None:
    steady = originals["steady"]
    run_command("docker", "network", "disconnect", network, pair.api.id)
    wait_for_verdict(pair, steady, "probe", "unknown")
    asked = len(find_requests(steady))
    pair.wait_for_checks(8)  # longer than an illness takes to settle
    assert len(find_requests(steady)) == asked, "there was another way, so this tells nothing"
    assert recorder.actions(steady) == []
    join_network(pair, steady)
    wait_for_verdict(pair, steady, "probe", "ok")
