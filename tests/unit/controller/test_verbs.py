"""Start and stop: each looks again first, is content with what is so already, and fails as a value."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from status_state_controller.errors import ContainerError, EngineError, EngineRefused
from status_state_controller.func import start, stop
from status_state_controller.model import Action, Container, Outcome, Result, Snapshot, Verb

from .fake_engine import FakeEngine
from .world import container, id_of, snapshot

if TYPE_CHECKING:
    from status_state_controller.model import Original


def start_of(name: str = "web", *, word: str | None = None, original_id: str | None = None) -> Action:
    """The action that starts the container observed as exited."""
    observed = container(name, "exited", word=word)
    return Action(Verb.START, observed, "had exited", original_id or observed.id)


def stop_of(name: str = "miner") -> Action:
    """The action that stops the container observed as running."""
    return Action(Verb.STOP, container(name), "is not in the snapshot")


async def started(
    *world: Container, action: Action | None = None, held: Snapshot | None = None
) -> tuple[Outcome, FakeEngine, int]:
    """Start `web` in this world; with the engine, and the number of attempts that were counted."""
    engine, attempts = FakeEngine(*world), list[str]()
    held = snapshot("web") if held is None else held
    outcome = await start(engine, action or start_of(), held, lambda: attempts.append("one"))
    return outcome, engine, len(attempts)


async def stopped(*world: Container, held: tuple[Original | str, ...] = ("web",)) -> tuple[Outcome, FakeEngine]:
    """Stop `miner` in this world."""
    engine = FakeEngine(*world)
    return await stop(engine, stop_of(), snapshot(*held)), engine


@pytest.mark.parametrize("state", ["exited", "created"])
async def test_an_original_that_is_down_is_started_and_that_counts_as_an_attempt(state: str) -> None:
    outcome, engine, attempts = await started(container("web", state))
    assert (outcome.result, outcome.detail, attempts) == (Result.DONE, None, 1)
    assert engine.calls == ["inspect web", "start web"]


async def test_a_successor_is_started_in_the_originals_place() -> None:
    action = start_of(word="web again", original_id=id_of("web"))
    outcome, engine, attempts = await started(container("web", "exited", word="web again"), action=action)
    assert (outcome.result, engine.acts, attempts) == (Result.DONE, ["start web"], 1)


@pytest.mark.parametrize(
    ("world", "result", "told"),
    [
        ((), Result.DROPPED, "gone"),
        ((container("web"),), Result.DONE, "already"),
        ((container("web", "paused"),), Result.DROPPED, "paused"),
        ((container("web", "restarting"),), Result.DROPPED, "restarting"),
        ((container("web", "removing"),), Result.DROPPED, "removing"),
        ((container("web", "dead"),), Result.DROPPED, "dead"),
        ((container("web-old", "exited", word="web"),), Result.DROPPED, "renamed"),
        ((container("web-old", word="web"),), Result.DROPPED, "renamed"),
    ],
    ids=["gone", "running", "paused", "restarting", "removing", "dead", "renamed", "renamed and running"],
)
async def test_a_start_whose_reason_is_gone_does_nothing_and_counts_as_no_attempt(
    world: tuple[Container, ...], result: Result, told: str
) -> None:
    outcome, engine, attempts = await started(*world)
    assert (outcome.result, engine.acts, attempts) == (result, [], 0)
    assert told in (outcome.detail or "")


async def test_what_has_left_the_snapshot_meanwhile_is_not_started() -> None:
    outcome, engine, attempts = await started(container("web", "exited"), held=snapshot("db"))
    assert (outcome.result, engine.acts, attempts) == (Result.DROPPED, [], 0)


async def test_starting_twice_starts_once() -> None:
    engine = FakeEngine(container("web", "exited"))
    outcomes = [await start(engine, start_of(), snapshot("web"), lambda: None) for _ in range(2)]
    assert [outcome.result for outcome in outcomes] == [Result.DONE, Result.DONE]
    assert engine.acts == ["start web"]


@pytest.mark.parametrize(
    ("call", "error", "attempts"),
    [
        ("start", ContainerError("port is already allocated"), 1),
        ("start", EngineError("port is already allocated"), 1),
        ("inspect", EngineRefused("port is already allocated"), 0),
    ],
    ids=["refused", "engine away", "engine away before"],
)
async def test_a_start_that_fails_is_an_outcome_with_the_engines_own_words(
    call: str, error: Exception, attempts: int
) -> None:
    engine, counted = FakeEngine(container("web", "exited")), list[str]()
    engine.failures[call] = error
    outcome = await start(engine, start_of(), snapshot("web"), lambda: counted.append("one"))
    assert (outcome.result, outcome.detail) == (Result.FAILED, "port is already allocated")
    assert len(counted) == attempts


@pytest.mark.parametrize("state", ["running", "paused", "restarting"])
async def test_a_newcomer_is_stopped(state: str) -> None:
    outcome, engine = await stopped(container("miner", state))
    assert (outcome.result, outcome.detail) == (Result.DONE, None)
    assert engine.calls == ["inspect miner", "stop miner None"]


@pytest.mark.parametrize("seconds", [0, 3, 600, -1])
async def test_a_newcomer_is_granted_its_own_stop_time_out(seconds: int) -> None:
    engine = FakeEngine(container("miner"))
    engine.inspects[id_of("miner")] = {"Config": {"StopTimeout": seconds}}
    await stop(engine, stop_of(), snapshot())
    assert engine.acts == [f"stop miner {seconds}"]


@pytest.mark.parametrize(
    ("world", "result", "told"),
    [
        ((), Result.DONE, "gone"),
        ((container("miner", "exited"),), Result.DONE, "already"),
        ((container("miner", "created"),), Result.DONE, "already"),
        ((container("miner", "dead"),), Result.DONE, "already"),
        ((container("web", word="miner"),), Result.DROPPED, "renamed"),
    ],
    ids=["gone", "exited", "created", "dead", "renamed"],
)
async def test_a_stop_whose_reason_is_gone_does_nothing(
    world: tuple[Container, ...], result: Result, told: str
) -> None:
    outcome, engine = await stopped(*world)
    assert (outcome.result, engine.acts) == (result, [])
    assert told in (outcome.detail or "")


async def test_a_newcomer_that_was_accepted_meanwhile_is_not_stopped() -> None:
    outcome, engine = await stopped(container("miner"), held=("web", "miner"))
    assert (outcome.result, engine.acts) == (Result.DROPPED, [])
    assert "snapshot" in (outcome.detail or "")


async def test_stopping_twice_stops_once() -> None:
    engine = FakeEngine(container("miner"))
    outcomes = [await stop(engine, stop_of(), snapshot()) for _ in range(2)]
    assert [outcome.result for outcome in outcomes] == [Result.DONE, Result.DONE]
    assert engine.acts == ["stop miner None"]


async def test_it_is_told_that_the_engine_deletes_a_container_run_with_rm() -> None:
    engine = FakeEngine(container("miner"))
    engine.inspects[id_of("miner")] = {"HostConfig": {"AutoRemove": True}}
    outcome = await stop(engine, stop_of(), snapshot())
    assert outcome.result == Result.DONE
    assert "--rm" in (outcome.detail or "")
    assert "anonymous volumes" in (outcome.detail or "")


@pytest.mark.parametrize("call", ["inspect", "stop"])
@pytest.mark.parametrize("error", [ContainerError("no way"), EngineError("no way"), EngineRefused("no way")], ids=repr)
async def test_a_stop_that_fails_is_an_outcome_with_the_engines_own_words(call: str, error: Exception) -> None:
    engine = FakeEngine(container("miner"))
    engine.failures[call] = error
    outcome = await stop(engine, stop_of(), snapshot())
    assert outcome == Outcome(stop_of(), Result.FAILED, "no way")
    assert engine.world[id_of("miner")] == replace(container("miner"))
