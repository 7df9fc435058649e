"""Removed originals come back together with what they need, in the order that they need."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from ..health.application import SERVICES, Application, make_application
from ..kit.host import LABEL, LIVE, OBEDIENT, Container, Host, parse_time, run_command
from ..kit.pair import Pair
from ..kit.waiting import wait_until
from .equality import anonymous_volumes, compare

if TYPE_CHECKING:
    from collections.abc import Generator


# A made network has a new id, and its containers begin anew.
OF_A_NEW_NETWORK = ("NetworkSettings.Networks.*.NetworkID",)
# Longer than the controller waits for a dependency.
BOUND_SECONDS = 90
NEVER_HEALTHY = ("--health-cmd", "false", "--health-interval", "1s", "--health-start-period", "300s")
NETWORK = ("--subnet", "172.31.250.0/24")


def _service(project: str, service: str, depends_on: str = "") -> tuple[str, ...]:
    """The labels by which Compose marks the container of a service."""
    told = {"project": project, "service": service, "depends_on": depends_on}
    return tuple(part for key, value in told.items() for part in ("--label", f"com.docker.compose.{key}={value}"))


def find_by_name(name: str) -> Container | None:
    """The container that has this name now, if it runs."""
    lines = run_command("docker", "ps", "--no-trunc", "--filter", f"name=^/{name}$", "--format", "{{.ID}}").split()
    return Container(lines[0], name) if lines else None


def wait_for_another(container: Container, seconds: float = 30) -> Container:
    """The running container that has taken the place of one that was removed."""

    def found() -> Container | None:
        other = find_by_name(container.name)
        return other if other and other.id != container.id else None

    other = wait_until(found, f"{container.name} to run again", seconds)
    assert other
    return other


@pytest.fixture(scope="module")
def application(module_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Generator[Application]:
    """An application under Compose, with a database that takes a while to be healthy."""
    yield from make_application(module_host, tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def originals(module_host: Host) -> Generator[dict[str, Container]]:
    """What runs besides the application before the pair comes."""
    host, mark = module_host, module_host.mark
    network = f"narrow-{mark}"
    run_command("docker", "network", "create", *NETWORK, network)
    made = {
        "assigned": host.run("assigned", options=("--network", network)),
        "parent": host.run("parent", options=("--publish", "127.0.0.1:18095:95")),
        "lonely-parent": host.run("lonely-parent"),
        "never": host.run("never", options=("--label", "status-state.restart=never")),
        "never-stopped": host.run("never-stopped", options=("--label", "status-state.restart=never")),
        "finished": host.run("finished", *OBEDIENT, options=("--label", "status-state.restart=on-failure")),
        "failed": host.run("failed", *OBEDIENT, options=("--label", "status-state.restart=on-failure")),
        "misread": host.run("misread", options=("--label", "status-state.restart=sometimes")),
        "published": host.run("published", options=("--publish", "127.0.0.1:18096:96")),
        "sick": host.run("sick", options=(*_service("ward", "sick"), *NEVER_HEALTHY)),
    }
    made["static"] = host.run("static", options=("--network", network, "--ip", "172.31.250.3"))
    made["child"] = host.run("child", options=("--network", f"container:{made['parent'].id}"))
    made["lonely-child"] = host.run("lonely-child", options=("--network", f"container:{made['lonely-parent'].id}"))
    made["visitor"] = host.run("visitor", options=_service("ward", "visitor", "sick:service_healthy:false"))
    made["passer-by"] = host.run("passer-by", options=_service("ward", "passer-by"))
    yield made
    host.remove_everything()
    run_command("docker", "network", "rm", network)


@pytest.fixture(scope="module")
def pair(
    module_host: Host,
    application: Application,
    originals: dict[str, Container],
) -> Generator[Pair]:
    """The pair, with the application and the others."""
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {container.name for container in (*originals.values(), *application.find_all())}
        yield pair


@pytest.fixture(scope="module")
def removed_at(pair: Pair, originals: dict[str, Container]) -> float:
    """When the sick one, who depends on it, and who doesn't, were removed: it takes a minute to see what follows."""
    del pair
    run_command("docker", "rm", "--force", *(originals[name].id for name in ("sick", "visitor", "passer-by")))
    return time.time()


def test_a_dependency_that_never_gets_healthy_holds_up_nobody_else(
    removed_at: float, originals: dict[str, Container]
) -> None:
    passer_by = wait_for_another(originals["passer-by"])
    wait_for_another(originals["sick"])
    assert parse_time(passer_by.started_at) - removed_at < 10
    assert find_by_name(originals["visitor"].name) is None, "it should wait for what it depends on"


@pytest.mark.smoke
def test_compose_down_is_undone_without_getting_in_its_way(pair: Pair, application: Application) -> None:
    before, networks_before = application.inspect(), application.networks()
    assert networks_before
    begun = time.time()
    application.run("down")
    wait_until(lambda: len(application.find_all(running_only=True)) == len(SERVICES), "all services to run", 40)
    wait_until(application.works, "the application to work", 20)
    after = application.inspect()
    names = {i["Id"]: i["Name"][1:] for inspects in (before, after) for i in inspects.values()}
    assert {service: compare(before[service], after[service], names, OF_A_NEW_NETWORK) for service in SERVICES} == {
        service: [] for service in SERVICES
    }
    assert application.networks() == networks_before
    assert anonymous_volumes(after["db"]) == anonymous_volumes(before["db"])
    assert application.find("db").execute("cat", "/nameless/it").strip() == "kept"
    assert {i["Id"] for i in before.values()}.isdisjoint(i["Id"] for i in after.values()), "`down` removed nothing"
    told = [event for event in pair.host.events(None, "start", since=begun) if event.container_id in names]
    assert {event.container_id for event in told} == {i["Id"] for i in after.values()}, "started against `down`"


@pytest.mark.smoke
def test_a_dependency_is_healthy_before_who_depends_on_it_starts(application: Application, pair: Pair) -> None:
    before = [application.find("db"), application.find("web")]
    run_command("docker", "rm", "--force", *(container.id for container in before))
    database, web = (wait_for_another(container) for container in before)
    [healthy, *_] = pair.host.events(database, "health_status: healthy")
    assert parse_time(database.started_at) < healthy.at <= parse_time(web.started_at)


@pytest.mark.smoke
@pytest.mark.parametrize("turn", ["once", "and-once-more"])
def test_an_application_recreated_by_up_force_recreate_is_left_running(
    pair: Pair, application: Application, turn: str
) -> None:
    before = application.find_all(running_only=True)
    assert len(before) == len(SERVICES), turn
    application.run("up", "--detach", "--force-recreate")
    pair.wait_for_checks(3)
    after = application.find_all(running_only=True)
    assert [container.name for container in after] == [container.name for container in before]
    assert {container.id for container in after}.isdisjoint(container.id for container in before)
    assert application.find_all() == after, "nothing may be left over"


@pytest.mark.smoke
def test_who_shares_the_network_of_another_follows_it_when_both_were_removed(
    pair: Pair, originals: dict[str, Container]
) -> None:
    del pair
    both = [originals["parent"], originals["child"]]
    run_command("docker", "rm", "--force", *(container.id for container in both))
    parent, child = (wait_for_another(container) for container in both)
    assert child.inspect()["HostConfig"]["NetworkMode"] == f"container:{parent.id}"


def test_who_shares_the_network_of_another_follows_it_when_that_alone_was_removed(
    pair: Pair, originals: dict[str, Container]
) -> None:
    del pair
    originals["lonely-parent"].docker("rm", "--force")
    parent = wait_for_another(originals["lonely-parent"])
    child = wait_for_another(originals["lonely-child"])
    assert child.inspect()["HostConfig"]["NetworkMode"] == f"container:{parent.id}"


def test_a_static_address_is_not_given_away_to_another_original_meanwhile(
    pair: Pair, originals: dict[str, Container]
) -> None:
    del pair
    both = [originals["assigned"], originals["static"]]
    run_command("docker", "rm", "--force", *(container.id for container in both))
    assigned, static = (wait_for_another(container) for container in both)
    [endpoint] = static.inspect()["NetworkSettings"]["Networks"].values()
    assert endpoint["IPAddress"] == "172.31.250.3"
    assert assigned.status == "running"


def test_an_original_whose_port_a_newcomer_has_taken_waits_for_its_stop(
    pair: Pair, host: Host, originals: dict[str, Container]
) -> None:
    original = originals["published"]
    pair.controller.docker("pause")  # so that the newcomer is there before anything is done
    original.docker("rm", "--force")
    newcomer = host.run("thief", *LIVE, options=("--publish", "127.0.0.1:18096:96", "--stop-timeout", "3"))
    pair.controller.docker("unpause")
    again = wait_for_another(original)
    assert newcomer.status == "exited"
    assert again.inspect()["NetworkSettings"]["Ports"]["96/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": "18096"}]
    assert f"{original.name} was removed: recreate failed" not in pair.controller.logs


def test_originals_labelled_never_stay_as_they_are(pair: Pair, originals: dict[str, Container]) -> None:
    originals["never"].docker("rm", "--force")
    originals["never-stopped"].docker("stop")
    pair.wait_for_checks(3)
    assert find_by_name(originals["never"].name) is None
    assert originals["never-stopped"].status == "exited"


def test_originals_labelled_on_failure_come_back_from_a_failure_and_may_finish(
    pair: Pair, originals: dict[str, Container]
) -> None:
    finished, failed = originals["finished"], originals["failed"]
    before = failed.started_at
    finished.docker("stop")  # it ends with code 0 then
    failed.execute("touch", "/go")
    failed.wait_for_start_after(before)
    pair.wait_for_checks(3)
    assert (finished.status, finished.state["ExitCode"]) == ("exited", 0)


def test_a_restart_label_that_cannot_be_read_is_reported_and_read_as_the_default(
    pair: Pair, originals: dict[str, Container]
) -> None:
    original = originals["misread"]
    before = original.started_at
    original.docker("stop")
    original.wait_for_start_after(before)
    told = [line for line in pair.controller.logs.splitlines() if original.name in line and "sometimes" in line]
    assert len(told) == 1
    assert "level=warning" in told[0]


def test_who_depends_on_what_never_gets_healthy_comes_back_nevertheless(
    removed_at: float, originals: dict[str, Container]
) -> None:
    visitor = wait_for_another(originals["visitor"], BOUND_SECONDS)
    assert parse_time(visitor.started_at) - removed_at < BOUND_SECONDS


def test_nothing_is_left_over_but_what_ran_without_its_parent(pair: Pair, originals: dict[str, Container]) -> None:
    names = [container.name for container in pair.host.find(f"{LABEL}={pair.host.mark}")]
    apart = [name for name in names if "-replaced-" in name or "-restored-" in name or "-dead-" in name]
    assert [name.partition("-replaced-")[0] for name in apart] == [originals["lonely-child"].name]
