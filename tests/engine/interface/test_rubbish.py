"""An SSA that serves rubbish: nothing wrong is done, and healing goes on from the last snapshot.

The SSA is killed, and a stand-in takes its place and its name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..kit.pair import API, Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..kit.host import Container, Host

SOURCE = Path(__file__).with_name("stand_in.py").read_text()
KINDS = (
    "truncated-json",
    "cut-connection",
    "empty-object",
    "list",
    "originals-alone",
    "originals-without-ids",
    "fewer-than-counted",
    "another-engine",
    "a-clone-of-the-engine",
    "error-500",
    "unauthorized",
    "html",
    "huge",
    "trickle",
)
# An SSC that never had a snapshot has nothing to go on from.
KINDS_AT_START = ("originals-alone", "another-engine")


class StandIns:
    """Puts containers in the place of the SSA."""

    def __init__(self, pair: Pair, host: Host, genuine: dict[str, Any], folder: Path) -> None:
        self.pair = pair
        self.host = host
        self.genuine = genuine
        self.folder = folder

    def start(self, kind: str, *, wait: bool = True, **changes: Any) -> Container:
        """One that serves this kind of rubbish, made from the genuine document with the changes.

        Waits until the SSC has asked it, or not.
        """
        (self.folder / "genuine.json").write_text(json.dumps(self.genuine | changes))
        network = ("--network", self.pair.network, "--network-alias", API)
        options = (*network, "--label", "status-state.role=stand-in", "--volume", f"{self.folder}:/genuine:ro")
        command = ("python3", "-c", SOURCE, kind, "/genuine/genuine.json")
        stand_in = self.host.run("stand-in", *command, options=options)
        if wait:
            wait_for_questions(stand_in, 1)
        return stand_in


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """One for each kind of rubbish, since the back-off of one would disturb the next."""
    return {name: module_host.run(name) for name in (*KINDS, *(f"start-{kind}" for kind in KINDS_AT_START))}


@pytest.fixture(scope="module")
def spare(module_host: Host) -> Container:
    """An original that a true but later snapshot leaves out."""
    return module_host.run("spare")


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container], spare: Container) -> Generator[Pair]:
    """The pair with its originals."""
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {original.name for original in (*originals.values(), spare)}
        yield pair


@pytest.fixture(scope="module")
def genuine(pair: Pair) -> dict[str, Any]:
    """What the SSC has read last from the real SSA, which is gone now."""
    answer = pair.get("/snapshot/recipes", token=pair.read_token())
    assert answer.status_code == 200
    pair.wait_for_checks(1)
    pair.api.docker("kill")
    return answer.json()


@pytest.fixture
def stand_ins(pair: Pair, host: Host, genuine: dict[str, Any], tmp_path: Path) -> StandIns:
    """What takes the SSA's place."""
    return StandIns(pair, host, genuine, tmp_path)


def wait_for_questions(stand_in: Container, more: int, seconds: float = 45) -> None:
    """Until the SSC has asked the stand-in so many times more."""

    def count() -> int:
        return stand_in.logs.count("GET /")

    before = count()
    wait_until(lambda: count() >= before + more, "the SSC to ask the stand-in", seconds, lambda: stand_in.logs)


@pytest.mark.parametrize("kind", KINDS)
def test_rubbish_leads_to_nothing_wrong_and_healing_goes_on(
    pair: Pair,
    originals: dict[str, Container],
    stand_ins: StandIns,
    kind: str,
) -> None:
    mended = originals[kind]
    others = [original for name, original in originals.items() if name != kind]
    before = [original.started_at for original in others]
    controller_before = pair.controller.started_at

    stand_in = stand_ins.start(kind)
    started_at = mended.started_at
    mended.docker("kill")
    mended.wait_for_start_after(started_at, seconds=30)
    if kind != "trickle":  # of which each question takes long, and healing has outlasted one already
        wait_for_questions(stand_in, 2)

    assert [original.started_at for original in others] == before
    assert {original.status for original in originals.values()} == {"running"}
    assert pair.controller.started_at == controller_before, f"the SSC did not survive this: {pair.controller.state}"


@pytest.mark.parametrize("kind", KINDS_AT_START)
def test_an_ssc_that_has_heard_nothing_but_rubbish_since_its_start_does_nothing(
    pair: Pair,
    host: Host,
    originals: dict[str, Container],
    stand_ins: StandIns,
    kind: str,
) -> None:
    controller = pair.controller
    controller.docker("stop")
    stand_in = stand_ins.start(kind, wait=False)
    down = originals[f"start-{kind}"]
    before = down.started_at
    down.docker("kill")
    newcomer = host.run("newcomer")
    controller.docker("start")
    wait_for_questions(stand_in, 3)
    assert (down.status, newcomer.status) == ("exited", "running")
    assert not host.events(newcomer, "kill")

    stand_in.docker("rm", "--force")
    pair.api.docker("start")  # it was killed, so it resumes, and what was true before still is
    down.wait_for_start_after(before, seconds=60)
    newcomer.wait_for("exited")
    assert pair.snapshot_id() == stand_ins.genuine["snapshot"]["id"]
    pair.api.docker("kill")


def test_the_stand_in_is_heard_when_it_talks_sense(
    pair: Pair,
    originals: dict[str, Container],
    spare: Container,
    stand_ins: StandIns,
) -> None:
    """Without this the test above could pass because nobody listens to the stand-in."""
    genuine = stand_ins.genuine
    kept = [original for original in genuine["originals"] if original["name"] != spare.name]
    snapshot = genuine["snapshot"] | {"id": "f" * 32}
    assert len(kept) == genuine["count"] - 1
    stand_ins.start("valid", snapshot=snapshot, originals=kept, count=len(kept))
    spare.wait_for("exited")
    assert {original.status for original in originals.values()} == {"running"}
    assert pair.controller.status == "running"
