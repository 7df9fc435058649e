"""Health and policy in the interface: the verdicts that are followed, those in `/status`, and the policy's ETag."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.health.rules.policy_yaml import read_policy
from status_state_api.health.verdict import State, Subject, Verdict
from status_state_api.http.answers.desired import make_desired_state, make_etag
from status_state_api.http.limits.streams import STREAMS
from status_state_api.http.schemas import DesiredState
from status_state_api.model import VerdictsForController
from status_state_api.pauses.pause import begin_pause
from status_state_api.snapshot.held import Held

from ..health.world import alive, labels
from ..ssa import BEARER, Ssa, beside_two_containers
from ..world import HUNG, IDENTITY, NOW, container_id, inspect, recipes_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

RECIPES = "/snapshot/recipes"
FAILING = (State.FAILING, "answered 500", ("ERROR broken",))


NO_RULES = dict.fromkeys(("on_down", "on_replace", "on_unhealthy", "on_new"))


@pytest.fixture
async def ssa() -> AsyncGenerator[Ssa]:
    """An SSA that holds a snapshot."""
    async with beside_two_containers() as ssa:
        await ssa.holder.start()
        ssa.engine.asked.clear()
        yield ssa


def put(ssa: Ssa, name: str, said: tuple[Any, ...]) -> None:
    """Think this of a container."""
    ssa.verdicts.put(Verdict(Subject(container_id(name), name, "t0"), "probe", *said))


async def etag(ssa: Ssa, policy: str) -> str:
    """The ETag of the desired state with this policy."""
    ssa.policies.policy = read_policy(policy, "policy.yaml")
    return (await ssa.client.get(RECIPES, headers=BEARER)).headers["etag"]


async def test_the_etag_changes_with_what_the_policy_says_to_the_controller(ssa: Ssa) -> None:
    plain = await etag(ssa, "")
    assert plain == f'"{ssa.store.snapshots[0].snapshot.id}"'
    ignoring = await etag(ssa, "- match: web\n  ignore: true\n")
    others = [
        await etag(ssa, "- match: web\n  ignore: false\n"),
        await etag(ssa, "- match: web-1\n  ignore: true\n"),
        await etag(ssa, "- match: web\n  ignore: true\n  restart: never\n"),
    ]
    assert len({plain, ignoring, *others}) == 5
    assert ignoring.startswith(plain[:-1] + ".")
    assert await etag(ssa, "# the same\n- match: [web]\n  ignore: yes\n  probe.url: http://:80/\n") == ignoring
    assert await etag(ssa, "- match: web\n  probe.url: http://:80/\n") == plain


async def test_a_desired_state_that_has_not_changed_is_not_sent_again(ssa: Ssa) -> None:
    old = await etag(ssa, "- match: web\n  ignore: true\n")
    headers = {**BEARER, "If-None-Match": old}
    answer = await ssa.client.get(RECIPES, headers=headers)
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", old)
    new = await etag(ssa, "- match: web\n  ignore: false\n")
    answer = await ssa.client.get(RECIPES, headers=headers)
    assert (answer.status_code, answer.headers["etag"]) == (200, new)


async def test_the_desired_state_holds_the_policy_beside_the_recipes(ssa: Ssa) -> None:
    assert (await ssa.client.get(RECIPES, headers=BEARER)).json()["policy"] == []
    ssa.policies.policy = read_policy(
        "- match: [b, a-*]\n  ignore: true\n- match: c\n  restart: never\n", "policy.yaml"
    )
    desired = DesiredState.model_validate_json((await ssa.client.get(RECIPES, headers=BEARER)).content)
    assert [entry.model_dump() for entry in desired.policy] == [
        {"match": ["b", "a-*"], "ignore": True, "restart": None, **NO_RULES},
        {"match": ["c"], "ignore": None, "restart": "never", **NO_RULES},
    ]
    assert desired.originals == ssa.store.snapshots[0].originals


async def test_the_snapshot_leaves_out_whom_the_policy_protects() -> None:
    async with beside_two_containers() as ssa:
        ssa.policies.policy = read_policy("- match: d?\n  ignore: true\n", "policy.yaml")
        held = await ssa.holder.start()
    assert held is not None
    assert [original.name for original in held.snapshot.originals] == ["web"]


async def test_status_holds_the_verdicts_as_they_are_now(ssa: Ssa) -> None:
    assert (await ssa.status()).verdicts == []
    put(ssa, "web", FAILING)
    put(ssa, "db", (State.OK, "answered 200"))
    answer = (await ssa.client.get("/status")).json()
    assert answer["verdicts"] == [
        {
            "container": {"id": container_id("db"), "name": "db"},
            "source": "probe",
            "verdict": "ok",
            "since": "2026-11-23T18:00:00Z",
            "reason": "answered 200",
            "evidence": [],
        },
        {
            "container": {"id": container_id("web"), "name": "web"},
            "source": "probe",
            "verdict": "failing",
            "since": "2026-11-23T18:00:00Z",
            "reason": "answered 500",
            "evidence": ["ERROR broken"],
        },
    ]
    ssa.verdicts.drop(container_id("web"))
    assert [told.container.name for told in (await ssa.status()).verdicts] == ["db"]


async def test_status_holds_the_verdicts_while_the_engine_is_lost(ssa: Ssa) -> None:
    put(ssa, "web", FAILING)
    ssa.engine.error = HUNG
    status = await ssa.status()
    assert (status.running, [told.verdict for told in status.verdicts]) == (None, ["failing"])


async def test_the_verdicts_are_the_controllers(ssa: Ssa) -> None:
    status, detail = await ssa.problem("GET", "/verdicts")
    assert status == 401
    assert "token" in detail
    assert (await ssa.problem("GET", "/verdicts", headers={"Authorization": "Bearer another"}))[0] == 401


async def test_there_is_nothing_to_follow_before_there_is_a_snapshot() -> None:
    async with beside_two_containers() as ssa:
        assert (await ssa.problem("GET", "/verdicts", headers=BEARER))[0] == 503


async def test_the_verdicts_are_followed_a_line_at_a_time() -> None:
    async with beside_two_containers(beat_seconds=0.01) as ssa:
        await ssa.holder.start()
        put(ssa, "web", FAILING)
        headers, lines = await ssa.follow("/verdicts")
        told = [VerdictsForController.model_validate_json(await anext(lines))]
        assert await anext(lines) == b"\n", "a sign of life"
        put(ssa, "db", FAILING)
        told += [VerdictsForController.model_validate_json(line) async for line in until_told(ssa, lines)]
    assert [[failing.container.name for failing in one.failing] for one in told] == [["web"], ["db", "web"]]
    assert told[0].engine == IDENTITY
    assert headers[b"content-type"] == b"application/x-ndjson"
    assert headers[b"cache-control"] == b"no-store"


async def until_told(ssa: Ssa, lines: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The lines that tell something, until one has come; then the stream is closed by the service, and ends."""
    async for line in lines:
        if line.strip():
            yield line
            ssa.verdicts.close()


def watched(**config: Any) -> Any:
    """What is remembered of an original with this configuration."""
    recipes = recipes_of("web")
    recipes.originals[0].inspect["Config"].update(config)
    (one,) = Held.of(recipes).watched
    return one


def test_of_an_original_only_our_labels_are_remembered() -> None:
    one = watched(Labels={**labels(probe_url="http://:80/"), "secret": "hunter2", "status-stateful": "x"})
    assert (one.id, one.name, one.labels) == (container_id("web"), "web", labels(probe_url="http://:80/"))
    assert watched(Labels=None).labels == {}


@pytest.mark.parametrize(
    ("health_check", "has"),
    [
        (None, False),
        ({}, False),
        ({"Test": None}, False),
        ({"Test": []}, False),
        ({"Test": ["NONE"]}, False),
        ({"Test": ["CMD", "true"]}, True),
        ({"Test": ["CMD-SHELL", "curl localhost"]}, True),
    ],
    ids=str,
)
def test_whether_an_original_has_a_health_check_is_remembered(health_check: Any, has: bool) -> None:
    assert watched(Healthcheck=health_check).has_health_check is has


def test_the_desired_state_is_the_recipes_the_policy_and_the_memory() -> None:
    held = Held.of(recipes_of("web"))
    policy = read_policy(
        "- match: caf\u00e9\n  ignore: true\n- match: '\"'\n  restart: never\n", "policy.yaml"
    ).handling()
    pause = begin_pause("web", seconds=60, reason=None, accept_at_end=False, by=None, now=NOW)
    document = json.loads(make_desired_state(held, policy, [pause], '{"a":1}'))
    assert (document.pop("policy"), document.pop("memory")) == (policy, {"a": 1})
    assert document.pop("pauses") == [pause.model_dump(mode="json")]
    assert document == json.loads(held.recipes)
    assert make_etag(held, policy, []).isascii()
    assert make_etag(held, policy, [pause]) == make_etag(held, policy, [pause]), "the same for the same"
    assert len({make_etag(held, said, paused) for said in ([], policy) for paused in ([], [pause])}) == 4


def test_a_run_is_read_only_of_what_runs_and_is_not_paused() -> None:
    from status_state_api.health.run import read_run

    run = read_run(alive("web", 5, Config={"Tty": True}))
    assert run is not None
    assert (run.subject.name, run.subject.started_at, run.terminal) == ("web", "2026-11-23T17:00:05.000000000Z", True)
    assert (run.started_at - run.first_moment).total_seconds() == 1
    for status in ("created", "paused", "restarting", "exited", "dead", "removing"):
        assert read_run(alive("web", status=status)) is None
    never = inspect("web", State={"Status": "running", "StartedAt": "0001-01-01T00:00:00Z"})
    assert read_run(never) is None


async def test_no_more_streams_are_opened_than_a_cap_allows_and_one_that_ends_makes_room(ssa: Ssa) -> None:
    followed = [(await ssa.follow("/verdicts"))[1] for _ in range(STREAMS)]
    for stream in followed:
        await anext(stream)
    answer = await ssa.client.get("/verdicts", headers=BEARER)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    ssa.verdicts.close()
    for stream in followed:
        assert [part async for part in stream] == []
    assert (await ssa.client.get("/verdicts", headers=BEARER)).status_code == 200
