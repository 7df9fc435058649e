"""The engine's events are enough to heal at once, and tell an accident from what an operator does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from ..health.application import SERVICES, Application, make_application
from ..kit.host import OBEDIENT, Container, Host
from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator


INTERVAL = "300s"  # so that nothing is found by the periodic check
SETTLE_SECONDS = 0.5
# Of a machine that is busy with other tests as well.
AT_ONCE_SECONDS = 2.0
SOON_SECONDS = 4.0
# Acts by which containers are changed, as events.
ACTS = ("create", "start", "kill", "die", "rename", "destroy")


def crash(container: Container) -> None:
    """Has it end by itself, with code 3."""
    container.execute("touch", "/go")


def wait_for_turns(pair: Pair, host: Host) -> None:
    """Until two checks have begun since now, so that one has begun and ended: each is caused by a harmless event."""
    for _ in range(2):
        begun = time.time()
        host.create("nudge")
        wait_until(lambda begun=begun: pair.last_seen() > begun, "a check after an event", 15, pair.last_seen)


def acts(host: Host, since: float, containers: list[Container]) -> dict[str, dict[str, int]]:
    """How often each act was done to the containers."""
    ids = {container.id: container.name for container in containers}
    counted: dict[str, dict[str, int]] = {name: {} for name in ids.values()}
    for event in host.events(None, *ACTS, since=since):
        if event.container_id in ids:
            of_one = counted[ids[event.container_id]]
            of_one[event.action] = of_one.get(event.action, 0) + 1
    return counted


@pytest.fixture(scope="module")
def application(module_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Generator[Application]:
    """An application under Compose, with a database that takes a while to be healthy."""
    yield from make_application(module_host, tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs besides the application before the pair comes."""
    made = {name: module_host.run(name) for name in ("stopped", "killed", "restarted", "removed")}
    return made | {name: module_host.run(name, *OBEDIENT) for name in ("crashes", "slow-look")}


@pytest.fixture(scope="module")
def pair(
    module_host: Host,
    application: Application,
    originals: dict[str, Container],
) -> Generator[Pair]:
    """The pair, which looks by itself every five minutes only."""
    with Pair(module_host, SSC_INTERVAL=INTERVAL).running() as pair:
        assert pair.original_names() == {container.name for container in (*originals.values(), *application.find_all())}
        yield pair


@pytest.mark.usefixtures("pair")
def test_an_exit_that_nobody_asked_for_is_healed_at_once(module_host: Host, originals: dict[str, Container]) -> None:
    original = originals["crashes"]
    before = original.started_at
    begun = time.time()
    crash(original)
    original.wait_for_start_after(before)
    [died] = module_host.events(original, "die", since=begun)
    [started] = module_host.events(original, "start", since=begun)
    assert started.at - died.at < AT_ONCE_SECONDS


def test_what_the_controller_does_itself_is_no_cause_to_act_again(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    original = originals["killed"]
    before, begun = original.started_at, time.time()
    original.docker("kill")
    original.wait_for_start_after(before)
    wait_for_turns(pair, module_host)
    assert acts(module_host, begun, [original]) == {original.name: {"kill": 1, "die": 1, "start": 1}}


@pytest.mark.usefixtures("pair")
def test_a_stop_is_healed_once_the_host_has_settled(module_host: Host, originals: dict[str, Container]) -> None:
    original = originals["stopped"]
    before, begun = original.started_at, time.time()
    original.docker("stop")
    original.wait_for_start_after(before)
    stopped_at = max(event.at for event in module_host.events(original, "die", "stop", since=begun))
    [started] = module_host.events(original, "start", since=begun)
    assert SETTLE_SECONDS < started.at - stopped_at < SOON_SECONDS


@pytest.mark.usefixtures("pair")
def test_a_removal_is_healed_once_the_host_has_settled(module_host: Host, originals: dict[str, Container]) -> None:
    original, begun = originals["removed"], time.time()
    original.docker("rm", "--force")

    def starts() -> list[float]:
        events = module_host.events(None, "start", since=begun)
        return [event.at for event in events if event.attributes.get("name") == original.name]

    wait_until(starts, "the original to be started again")
    [destroyed] = module_host.events(original, "destroy", since=begun)
    assert SETTLE_SECONDS < starts()[0] - destroyed.at < SOON_SECONDS


@pytest.mark.usefixtures("pair")
def test_a_newcomer_is_stopped_once_the_host_has_settled(host: Host) -> None:
    newcomer = host.run("newcomer")
    newcomer.wait_for("exited")
    [started] = host.events(newcomer, "start")
    [killed] = host.events(newcomer, "kill")
    assert SETTLE_SECONDS < killed.at - started.at < SOON_SECONDS


def test_docker_restart_by_an_operator_is_left_to_him(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    original = originals["restarted"]
    begun = time.time()
    original.docker("restart")
    started_at = original.started_at
    wait_for_turns(pair, module_host)
    assert acts(module_host, begun, [original]) == {original.name: {"kill": 1, "die": 1, "start": 1}}
    assert original.started_at == started_at


def test_compose_restart_by_an_operator_is_left_to_him(pair: Pair, application: Application) -> None:
    containers = application.find_all()
    begun = time.time()
    application.run("restart")
    wait_for_turns(pair, pair.host)
    each = {"kill": 1, "die": 1, "start": 1}
    assert acts(pair.host, begun, containers) == {container.name: each for container in containers}
    assert application.find_all(running_only=True) == containers


def test_compose_up_force_recreate_by_an_operator_is_left_to_him(pair: Pair, application: Application) -> None:
    before = application.find_all()
    assert len(before) == len(SERVICES)
    begun = time.time()
    application.run("up", "--detach", "--force-recreate")
    wait_for_turns(pair, pair.host)
    after = application.find_all(running_only=True)
    assert [container.name for container in after] == [container.name for container in before]
    assert {container.id for container in after}.isdisjoint(container.id for container in before)
    assert application.find_all() == after, "nothing may be left over"
    done = acts(pair.host, begun, after)
    started = {name: (of_one["create"], of_one["start"], of_one.get("kill", 0)) for name, of_one in done.items()}
    assert started == {container.name: (1, 1, 0) for container in after}
    wait_until(application.works, "the application to work")


def test_a_changed_configuration_is_a_replacement_and_is_undone(pair: Pair, application: Application) -> None:
    del pair
    before = application.find("web")
    environment = before.inspect()["Config"]["Env"]
    application.write(COLOUR="red")
    application.run("up", "--detach")

    def undone() -> bool:
        web = application.find("web")
        return web.name == before.name and web.id != before.id and web.inspect()["Config"]["Env"] == environment

    wait_until(undone, "the original configuration to be back", 30)
    wait_until(application.works, "the application to work")


def test_without_events_the_controller_waits_for_its_periodic_check(
    pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    pair.remove()
    original = originals["slow-look"]
    deaf = {"SSC_INTERVAL": "8s", "SSC_REACT_TO_EVENTS": "false"}
    with Pair(module_host, **deaf).running() as other:
        seen = other.last_seen()
        wait_until(lambda: other.last_seen() > seen, "a periodic check", 20)
        before, begun = original.started_at, time.time()
        crash(original)
        original.wait_for_start_after(before)
        [died] = module_host.events(original, "die", since=begun)
        [started] = module_host.events(original, "start", since=begun)
        assert started.at - died.at > 4
