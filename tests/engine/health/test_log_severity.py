"""Originals whose log has as many bad lines as their rule says are restarted once; one line fewer, and they are not.

Each case has two originals that write the same: the rule of one asks for exactly as many lines as match, the rule of
the other for one more. So nothing may be lost, and nothing counted twice or by mistake.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ..kit.host import LIVE, Container, Host
from ..kit.pair import Pair
from ..kit.waiting import wait_until
from .health import (
    RESTART,
    Recorder,
    make_labels,
    make_lively,
    speak,
    wait_for_restart_told,
    wait_for_verdict,
)
from .log_cases import CASES

if TYPE_CHECKING:
    from collections.abc import Generator


PLAIN = ("plain-1", "plain-2")
ALL_SECONDS = 120
EVIDENCE_CHARACTERS = 2000


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes: two for each case, and some without a rule."""
    made = make_lively(module_host, PLAIN)
    for name, case in CASES.items():
        rules = {"logs.severity": case.severity}
        # One line in a minute is what a rule means that says nothing about it.
        exactly = {} if case.matching == 1 else {"logs.count": f"{case.matching}", "logs.within": "10m"}
        more = {"logs.count": f"{case.matching + 1}", "logs.within": "10m"}
        for stem, rest in ((name, exactly), (f"{name}-more", more)):
            options = (*make_labels(rules | rest), *case.options)
            made[stem] = module_host.run(stem, *LIVE, options=options)
    return made


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container], recorder: Recorder) -> Generator[Pair]:
    """The pair, which has nothing to find fault with at first."""
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {container.name for container in originals.values()}
        for stem, original in originals.items():
            if stem not in PLAIN:
                wait_for_verdict(pair, original, "logs", "ok")
        assert [recorder.actions(original) for original in originals.values()] == [[]] * len(originals)
        yield pair


@pytest.fixture(scope="module")
def verdicts(pair: Pair, originals: dict[str, Container], recorder: Recorder) -> dict[str, dict[str, Any]]:
    """How each original that was to fall ill was judged failing, once all of them are restarted.

    Those that ask for one line more write first, so that they are judged by then.
    """
    for stems in ([f"{name}-more" for name in CASES], list(CASES)):
        for stem in stems:
            for stream, words in CASES[stem.removesuffix("-more")].writes:
                speak(originals[stem], words, stream)
    names = {originals[name].id: name for name in CASES}
    failing: dict[str, dict[str, Any]] = {}

    def all_restarted() -> bool:
        for verdict in pair.status()["verdicts"]:
            if verdict["verdict"] == "failing" and (name := names.get(verdict["container"]["id"])):
                failing[name] = verdict
        return all(recorder.count_starts(originals[name]) for name in CASES)

    def left() -> list[str]:
        return [name for name in CASES if not recorder.count_starts(originals[name])]

    wait_until(all_restarted, "a restart of each", ALL_SECONDS, left)
    return failing


@pytest.mark.usefixtures("verdicts")
@pytest.mark.parametrize("name", CASES)
def test_as_many_bad_lines_as_the_rule_says_lead_to_one_restart(
    pair: Pair, originals: dict[str, Container], recorder: Recorder, name: str
) -> None:
    original = originals[name]
    recorder.wait_for_starts(original)
    wait_for_restart_told(pair, original)
    wait_for_verdict(pair, original, "logs", "ok")
    assert recorder.actions(original) == RESTART


@pytest.mark.usefixtures("verdicts")
@pytest.mark.parametrize("name", CASES)
def test_one_line_fewer_than_the_rule_says_leads_to_nothing(
    pair: Pair, originals: dict[str, Container], recorder: Recorder, name: str
) -> None:
    original = originals[f"{name}-more"]
    wait_for_verdict(pair, original, "logs", "ok")
    assert recorder.actions(original) == []


def test_the_evidence_is_the_lines_that_match(verdicts: dict[str, dict[str, Any]]) -> None:
    assert verdicts.keys() == CASES.keys(), "not each of them was seen as failing"
    [line] = verdicts["python"]["evidence"]
    assert "the disk is full" in line
    [line] = verdicts["words"]["evidence"]
    assert "a true one" in line
    lines = verdicts["no-utf8"]["evidence"]
    assert [line for line in lines if "CRITICAL:root:caf" in line]


def test_the_evidence_is_shortened(verdicts: dict[str, dict[str, Any]]) -> None:
    [line] = verdicts["megabyte"]["evidence"]
    assert line.startswith("CRITICAL:root:long")
    assert len(line) < EVIDENCE_CHARACTERS
    assert all(len(json.dumps(verdict)) < 10 * EVIDENCE_CHARACTERS for verdict in verdicts.values())


@pytest.mark.usefixtures("verdicts")
def test_nobody_is_restarted_more_often_than_that(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    pair.wait_for_checks(3)
    expected = {stem: int(stem in CASES) for stem in originals}
    assert {stem: recorder.count_starts(original) for stem, original in originals.items()} == expected


def test_where_nothing_is_configured_nothing_is_judged(pair: Pair, originals: dict[str, Container]) -> None:
    judged = {told["container"]["id"] for told in pair.status()["verdicts"]}
    assert judged == {original.id for stem, original in originals.items() if stem not in PLAIN}
