"""The SSC killed at any step: the next one ends what was begun, takes nothing of it for an impostor, and tries no sooner."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from ..kit.host import LABEL, LIVE, Container, Host, run_command
from ..kit.interceptor import Interceptor
from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

# Runs until the file /go is there; then, and at each start after that, it ends at once.
DOOMED = ("sh", "-c", "trap 'exit 0' TERM; while [ ! -e /go ]; do sleep 0.1; done; exit 3")
ORIGINAL, IMPOSTOR = "status-state.test.who=original", "status-state.test.who=impostor"
CREATE, START, STOP, RENAME = (
    rf"POST /v[0-9.]+/containers/{path}" for path in ("create", r"\w+/start", r"\w+/stop", r"\w+/rename")
)
RECREATE_STEPS = {"created": CREATE, "started": START}
RESTORE_STEPS = {
    "created": CREATE,
    "the impostor stopped": STOP,
    "the impostor put aside": rf"{RENAME}\?name=[^ ]*-replaced-",
    "named": rf"{RENAME}\?name=(?![^ ]*-replaced-)",
    "started": START,
}


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes: one for each step."""
    names = [*(f"recreate {step}" for step in RECREATE_STEPS), *(f"restore {step}" for step in RESTORE_STEPS)]
    made = {name: module_host.run("original", options=("--label", ORIGINAL)) for name in names}
    return made | {"doomed": module_host.run("doomed", *DOOMED)}


@pytest.fixture(scope="module")
def interceptor(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Interceptor, Path]]:
    """What stands between the pair and the engine."""
    path = tmp_path_factory.mktemp("sockets") / "docker.sock"
    interceptor = Interceptor(path)
    yield interceptor, path
    interceptor.close()


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container], interceptor: tuple[Interceptor, Path]) -> Generator[Pair]:
    """The pair with its originals."""
    with Pair(module_host, STATUS_STATE_DOCKER_SOCKET=str(interceptor[1])).running() as pair:
        assert pair.original_names() == {original.name for original in originals.values()}
        yield pair


def kill_after(step: str, pair: Pair, interceptor: Interceptor) -> None:
    """Kill the SSC when the engine has done this for it, before it hears of that; the restart policy brings a new one."""
    process = pair.controller.process
    interceptor.arm(step, lambda: os.kill(process, signal.SIGKILL))


def find_names(host: Host, name: str) -> dict[str, Container]:
    """The containers whose names begin like this."""
    return {one.name: one for one in host.find(f"{LABEL}={host.mark}") if one.name.startswith(name)}


def wait_for_peace(pair: Pair, name: str) -> None:
    """The original that runs under the name, and still does when two checks more are over."""

    def find_original() -> Container | None:
        found = find_names(pair.host, name).get(name)
        if found is None or found.status != "running":
            return None
        return found if found.inspect()["Config"]["Labels"]["status-state.test.who"] == "original" else None

    found = wait_until(find_original, f"{name} to run", 60)
    pair.wait_for_checks()
    assert find_original() == found


@pytest.mark.parametrize("step", RECREATE_STEPS)
def test_an_original_that_is_being_recreated_is_recreated_once(
    step: str, pair: Pair, originals: dict[str, Container], interceptor: tuple[Interceptor, Path]
) -> None:
    original = originals[f"recreate {step}"]
    kill_after(RECREATE_STEPS[step], pair, interceptor[0])
    original.docker("rm", "--force")
    assert interceptor[0].happened.wait(30)
    wait_for_peace(pair, original.name)
    assert list(find_names(pair.host, original.name)) == [original.name]
    created = [event for event in pair.host.events(None, "create") if event.attributes["name"] == original.name]
    assert len(created) == 2, "once by the test, once by the SSC"


@pytest.mark.parametrize("step", RESTORE_STEPS)
def test_an_original_that_is_being_restored_gets_its_place_and_the_impostor_is_kept(
    step: str, pair: Pair, originals: dict[str, Container], interceptor: tuple[Interceptor, Path]
) -> None:
    original, host = originals[f"restore {step}"], pair.host
    label = ("--label", f"{LABEL}={host.mark}", "--label", IMPOSTOR)
    impostor = run_command("docker", "create", "--name", f"{host.mark}-for-{original.name}", *label, host.image, *LIVE)
    kill_after(RESTORE_STEPS[step], pair, interceptor[0])
    pair.controller.docker("pause")
    original.docker("rm", "--force")
    run_command("docker", "rename", impostor.strip(), original.name)
    run_command("docker", "start", impostor.strip())
    pair.controller.docker("unpause")
    assert interceptor[0].happened.wait(30)
    wait_for_peace(pair, original.name)
    aside = f"{original.name}-replaced-{impostor[:12]}"
    assert {name: one.status for name, one in find_names(host, original.name).items()} == {
        original.name: "running",
        aside: "exited",
    }
    assert find_names(host, aside)[aside].id == impostor.strip()


def test_in_the_middle_of_a_crash_loop_the_next_one_tries_no_sooner(
    pair: Pair, originals: dict[str, Container]
) -> None:
    doomed = originals["doomed"]
    starts = lambda: [event.at for event in pair.host.events(doomed, "start")][1:]  # noqa: E731 # without the test's own
    doomed.execute("touch", "/go")
    wait_until(lambda: len(starts()) == 2, "the second attempt", 40, starts)
    controller = pair.controller
    before = controller.started_at
    os.kill(controller.process, signal.SIGKILL)
    controller.wait_for_start_after(before)
    wait_until(lambda: len(starts()) == 3, "the third attempt", 60, starts)
    gaps = [later - earlier for earlier, later in pairwise(starts())]
    # 10 s, then 20 s between what is asked of the engine, which may take seconds to do it when the machine is busy.
    assert gaps[1] > 15, "the back-off begins anew"
