"""The policy file has a say on containers that carry no labels, wins over labels, and is reloaded when it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..kit.host import run_command
from ..kit.pair import Pair
from ..kit.waiting import wait_until
from .health import (
    QUICK,
    RESTART,
    SERVER,
    Recorder,
    find_requests,
    find_verdict,
    join_network,
    make_labels,
    make_lively,
    set_mode,
    wait_for_verdict,
)
from .policies import (
    BAD_YAML,
    BAD_YAML_LINES,
    HEAD,
    make_entry,
    make_probe_entry,
    wait_for_lines_about,
    write_by_rename,
    write_in_place,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from ..kit.host import Container, Host

SERVERS = ("by-policy", "later-in-place", "later-renamed", "later-mended")
LIVELY = ("signal", "never", "ignored", "wrong", "later-ignored", "misprinted", "plain-1", "plain-2")
# Of an entry, or of the key in it, whichever is told.
WRONG_EVERY_LINES = (71, 73)
WRONG_SEVERITY_LINES = (74, 75)
WRONG = make_entry("wrong-*", logs__severity="error", probe__every="soon") + make_entry(
    "wrong-*", logs__severity="terrible"
)
FIRST = (
    HEAD
    + WRONG
    + make_probe_entry("by-policy-*", "/by-policy")
    + make_entry("[overridden-*, unheard-of-*]", probe__url="http://:8080/earlier")
    + make_entry("overridden-*", probe__url="http://:8080/later")
    + make_entry("nobody-*", ignore="true")
    + make_entry("[ignored-*, backup-*]", ignore="true")
    + make_entry("never-*", restart="never")
)
# Without what was wrong; the tests add to it.
GOOD = FIRST.replace(WRONG, "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the compose file mounts, with the first policy in it."""
    folder = tmp_path_factory.mktemp("policy")
    write_in_place(folder, FIRST)
    return folder


@pytest.fixture(scope="module")
def originals(module_host: Host, network: str) -> dict[str, Container]:
    """What runs before the pair comes; only one of them has labels, of which one leads nowhere."""
    shared = ("--network", network)
    labels = make_labels(QUICK | {"probe.url": "http://:9/labelled"})
    made = {stem: module_host.run(stem, "python3", "-c", SERVER, options=shared) for stem in SERVERS}
    made["overridden"] = module_host.run("overridden", "python3", "-c", SERVER, options=(*shared, *labels))
    return made | make_lively(module_host, LIVELY)


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container], folder: Path) -> Generator[Pair]:
    """The pair with its policy."""
    with Pair(module_host, STATUS_STATE_POLICY_DIR=str(folder)).running() as pair:
        expected = {container.name for stem, container in originals.items() if stem != "ignored"}
        assert pair.original_names() == expected, "what is ignored is no original"
        join_network(pair, originals["by-policy"])
        yield pair


def test_an_original_without_labels_is_probed_by_policy(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    original = originals["by-policy"]
    wait_for_verdict(pair, original, "probe", "ok")
    set_mode(original, "500")
    recorder.wait_for_starts(original)
    wait_for_verdict(pair, original, "probe", "ok")
    pair.wait_for_checks(3)
    assert recorder.actions(original) == RESTART
    assert {path for _, _, path in find_requests(original)} == {"/by-policy"}


def test_the_file_wins_over_labels_and_a_later_entry_over_an_earlier_one_key_by_key(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    original = originals["overridden"]
    wait_for_verdict(pair, original, "probe", "ok")
    # Ten questions come within half a minute only by the label's `every`.
    wait_until(lambda: len(find_requests(original)) >= 10, "ten questions", 25)
    assert {path for _, _, path in find_requests(original)} == {"/later"}
    assert recorder.actions(original) == []


@pytest.mark.parametrize("numbers", [WRONG_EVERY_LINES, WRONG_SEVERITY_LINES], ids=["duration", "severity"])
def test_a_wrong_rule_at_the_start_is_reported_with_its_line(
    pair: Pair, originals: dict[str, Container], numbers: tuple[int, ...]
) -> None:
    wait_for_lines_about(pair.api, numbers)
    assert originals["wrong"].status == "running"


def test_a_rule_that_matches_nothing_is_reported(pair: Pair) -> None:
    wait_until(lambda: "nobody-*" in pair.api.logs, "a line about it", seen=lambda: pair.api.logs)


def test_newcomers_and_others_that_are_ignored_by_name_are_left_alone(
    pair: Pair, host: Host, originals: dict[str, Container], recorder: Recorder
) -> None:
    ignored = host.run("backup")
    original = originals["ignored"]
    original.docker("kill")
    newcomer = host.run("newcomer")
    newcomer.wait_for("exited")
    pair.wait_for_checks(3)
    assert (ignored.status, original.status) == ("running", "exited")
    assert recorder.count_starts(original) == 0


def test_an_original_that_shall_never_be_started_by_policy_stays_down(
    pair: Pair, originals: dict[str, Container], recorder: Recorder
) -> None:
    original, signal = originals["never"], originals["signal"]
    before = signal.started_at
    original.docker("kill")
    signal.docker("kill")
    signal.wait_for_start_after(before)
    pair.wait_for_checks(3)
    assert original.status == "exited"
    assert recorder.count_starts(original) == 0


@pytest.mark.parametrize(
    ("stem", "write"), [("later-in-place", write_in_place), ("later-renamed", write_by_rename)], ids=["place", "rename"]
)
def test_a_new_version_is_in_force_soon(
    pair: Pair, originals: dict[str, Container], folder: Path, stem: str, write: Callable[[Path, str], None]
) -> None:
    original = originals[stem]
    assert find_verdict(pair, original, "probe") is None
    write(folder, GOOD + make_probe_entry(f"{stem}-*", "/reloaded"))
    wait_for_verdict(pair, original, "probe", "ok", seconds=8)
    write(folder, GOOD)
    wait_until(lambda: find_verdict(pair, original, "probe") is None, "the rule to be gone", 8)


def test_an_original_that_a_new_version_ignores_is_left_alone_from_then_on(
    pair: Pair, originals: dict[str, Container], recorder: Recorder, folder: Path
) -> None:
    ignored, witness = originals["later-ignored"], originals["later-in-place"]
    more = make_entry("later-ignored-*", ignore="true") + make_probe_entry("later-in-place-*", "/again")
    write_by_rename(folder, GOOD + more)
    wait_for_verdict(pair, witness, "probe", "ok")
    pair.wait_for_checks(2)
    ignored.docker("kill")
    pair.wait_for_checks(3)
    assert ignored.status == "exited"
    assert recorder.count_starts(ignored) == 0


def test_a_misprinted_probe_restarts_nobody(
    pair: Pair, originals: dict[str, Container], recorder: Recorder, folder: Path, network: str
) -> None:
    original = originals["misprinted"]
    run_command("docker", "network", "connect", network, original.id)
    misprinted = make_entry("misprinted-*", **(QUICK | {"probe.url": "http://:8081/heath"}))
    write_in_place(folder, GOOD + misprinted)
    verdict = wait_for_verdict(pair, original, "probe", "failing")
    assert "never succeeded" in verdict["reason"]
    pair.wait_for_checks(8)  # longer than an illness takes to settle
    assert recorder.actions(original) == []


@pytest.mark.parametrize(
    ("broken", "numbers"),
    [
        (BAD_YAML, BAD_YAML_LINES),
        (HEAD + make_entry("later-mended-*", probe__url="http://:8080/new", probe__every="soon"), (71, 73)),
    ],
    ids=["yaml", "rule"],
)
def test_a_broken_new_version_is_reported_with_its_line_and_the_old_one_stays_in_force(
    pair: Pair,
    host: Host,
    originals: dict[str, Container],
    folder: Path,
    *,
    broken: str,
    numbers: tuple[int, ...],
) -> None:
    old = GOOD + make_probe_entry("later-mended-*", "/old")
    original = originals["later-mended"]
    write_in_place(folder, old)
    wait_until(
        lambda: [path for *_, path in find_requests(original)][-1:] == ["/old"], "the old version to be in force"
    )
    wait_for_verdict(pair, original, "probe", "ok")
    told = len(pair.api.logs)

    write_in_place(folder, broken)
    wait_for_lines_about(pair.api, numbers, told)
    ignored, newcomer = host.run("backup"), host.run("newcomer")
    newcomer.wait_for("exited")
    pair.wait_for_checks(2)
    assert ignored.status == "running"
    assert wait_for_verdict(pair, original, "probe", "ok")
    asked = len(find_requests(original))
    wait_until(lambda: len(find_requests(original)) > asked + 1, "it to be asked still")
    assert {path for _, _, path in find_requests(original)[asked:]} == {"/old"}

    write_in_place(folder, old.replace("/old", "/mended"))
    wait_until(lambda: find_requests(original)[-1][2] == "/mended", "the mended version to be in force", 8)


def test_an_ssa_that_can_not_read_its_policy_at_the_start_ends_because_it_can_not_know_what_to_ignore(
    host: Host, tmp_path: Path
) -> None:
    write_in_place(tmp_path, BAD_YAML)
    options = ("--tmpfs", "/data", "--tmpfs", "/run/status-state", "--volume", f"{tmp_path}:/etc/status-state:ro")
    api = host.run_image("status-state-api", (*options, "--volume", "/var/run/docker.sock:/var/run/docker.sock"))
    api.wait_for("exited")
    assert api.state["ExitCode"] == 2
    wait_for_lines_about(api, BAD_YAML_LINES)
