"""The policy: which entries apply to whom, in which order, and what is told of those that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from status_state_api.health.rules.policy_yaml import MOST_NODES, MOST_PROBLEMS, PolicyBroken, read_policy
from status_state_api.health.rules.rules import KEYS, HandlingRule, ProbeRule, read_rules

from .world import labels

if TYPE_CHECKING:
    from status_state_api.health.rules.policy import Policy


def policy_of(text: str) -> Policy:
    """A policy in which nothing is wrong."""
    policy = read_policy(text, "policy.yaml")
    assert policy.problems == ()
    return policy


def problems_of(text: str) -> tuple[str, ...]:
    """What is wrong in a policy that can be used otherwise."""
    return read_policy(text, "policy.yaml").problems


def written(policy: Policy, name: str, given: dict[str, str] | None = None) -> dict[str, Any]:
    """The keys that are in force for a container."""
    return {key: setting.value for key, setting in policy.settings(name, given or {}).items()}


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# nothing yet\n", "[]", "---\n[]\n...\n", "---\n", "~", "null # nothing yet\n"]
)
def test_a_policy_may_say_nothing(text: str) -> None:
    policy = policy_of(text)
    assert (policy.entries, policy.handling()) == ((), [])
    assert written(policy, "web") == {}


@pytest.mark.parametrize(
    ("glob", "matching", "others"),
    [
        ("web", ["web"], ["web-1", "my-web", "WEB", "webs"]),
        ("web-*", ["web-", "web-1", "web-1.2"], ["web", "my-web-1"]),
        ("'*'", ["web", "a.b"], []),
        ("web-?", ["web-1"], ["web-", "web-12"]),
        ("web-[0-9]", ["web-1"], ["web-a"]),
        ("web-[!0-9]", ["web-a"], ["web-1"]),
        ("web.1", ["web.1"], ["web-1"]),
        ("'[web'", ["[web"], ["w"]),
        ("7", ["7"], ["77"]),
        ("7.5", ["7.5"], ["7"]),
        ("no", ["no"], ["False", "false"]),
        ("0123", ["0123"], ["83", "123"]),
        ("[no, 0x1F, 2026-11-23]", ["no", "0x1F", "2026-11-23"], ["False", "31"]),
        ("!secret x", ["x"], []),
        ("2026-13-45", ["2026-13-45"], []),
        ("[web, db-*]", ["web", "db-1"], ["web-1", "db"]),
    ],
)
def test_globs_match_whole_names(glob: str, matching: list[str], others: list[str]) -> None:
    (entry,) = policy_of(f"- match: {glob}\n  ignore: true").entries
    assert [name for name in matching + others if entry.matches(name)] == matching


def test_the_later_entry_counts_key_by_key_and_each_before_a_label() -> None:
    policy = policy_of(
        "- match: '*'\n  probe.every: 10\n  probe.url: http://:1/\n"
        "- match: web-*\n  probe.every: 20\n"
        "- match: db\n  probe.every: 30\n"
    )
    given = labels(probe_every="1", probe_timeout="2", logs_severity="error")
    assert written(policy, "web-1", given) == {
        "probe.every": "20",
        "probe.url": "http://:1/",
        "probe.timeout": "2",
        "logs.severity": "error",
    }
    assert written(policy, "cache")["probe.every"] == "10"


def test_the_order_of_the_entries_counts_not_how_narrow_they_are() -> None:
    policy = policy_of("- match: web\n  probe.every: 20\n- match: '*'\n  probe.every: 10\n")
    assert written(policy, "web") == {"probe.every": "10"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- match: web\n  probe.url: http://:80/\n  probe.every: 5s", id="flat"),
        pytest.param("- match: web\n  probe: {url: 'http://:80/', every: 5s}", id="nested"),
        pytest.param("- match: web\n  probe:\n    url: http://:80/\n  probe.every: 5s", id="both ways"),
        pytest.param(
            "- match: web\n  status-state.probe.url: http://:80/\n  status-state.probe.every: 5s", id="labels"
        ),
        pytest.param("- status-state.match: web\n  status-state.probe: {url: 'http://:80/', every: 5s}", id="prefixed"),
        pytest.param(
            "- &a {match: db, probe: &p {url: 'http://:80/', every: 5s}}\n- {match: web, probe: *p}", id="alias"
        ),
        pytest.param("- {match: web, probe: {<<: {url: 'http://:80/'}, every: 5s}}", id="merge below"),
    ],
)
def test_keys_may_be_written_in_several_ways(text: str) -> None:
    rules, problems = read_rules(policy_of(text).settings("web", {}))
    assert problems == []
    assert rules.probe == ProbeRule(url="http://:80/", every=5)


def test_entries_may_share_keys_by_an_anchor() -> None:
    policy = policy_of(
        "- match: db\n  <<: &usual {probe.every: 20s, probe.failures: 5}\n  probe.url: http://:1/\n"
        "- match: web\n  <<: *usual\n  probe.url: http://:2/\n"
    )
    assert written(policy, "web") == {"probe.every": "20s", "probe.failures": "5", "probe.url": "http://:2/"}
    assert [entry.match for entry in policy.entries] == [("db",), ("web",)]


@pytest.mark.parametrize(
    "text",
    [
        "- match: web\n  <<: {ignore: true, restart: never, match: db}\n  ignore: false\n",
        "- match: web\n  ignore: false\n  <<: {ignore: true, restart: never}\n",
        "- match: web\n  <<: [{ignore: false}, {ignore: true, restart: never}]\n",
    ],
    ids=["merged before", "merged after", "several merged"],
)
def test_own_keys_win_over_merged_ones(text: str) -> None:
    policy = policy_of(text)
    assert written(policy, "web") == {"ignore": "false", "restart": "never"}
    assert written(policy, "db") == {}


def test_a_key_that_is_no_word_is_reported_with_its_line() -> None:
    (problem,) = problems_of("- match: web\n  ? [a, b]\n  : c\n  ignore: true\n")
    assert problem.startswith("policy.yaml, line 3: (no word) is no rule; ")


def test_each_key_is_reported_with_its_own_line() -> None:
    policy = policy_of("# the web\n\n- match: web\n  probe:\n    every: 5s\n    url: http://:80/\n  ignore: false\n")
    (entry,) = policy.entries
    assert entry.place == "policy.yaml, line 3"
    assert {key: setting.place for key, setting in entry.settings.items()} == {
        "probe.every": "policy.yaml, line 5",
        "probe.url": "policy.yaml, line 6",
        "ignore": "policy.yaml, line 7",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b\n", "policy.yaml, line 1: a list is expected, whose entries begin with `- match: …`"),
        ("\n\nweb\n", "policy.yaml, line 3: a list is expected, whose entries begin with `- match: …`"),
        ("- match: web\n  ignore: true\n bad\n", "policy.yaml, line 3: this is no YAML: "),
        ("- match: [web\n  ignore: true\n", "policy.yaml, line 2: this is no YAML: "),
        ('- match: "web\n', "policy.yaml, line 2: this is no YAML: "),
        ("- match: web\n\tignore: true\n", "policy.yaml, line 2: this is no YAML: "),
        ("- match: web\n- match: *db\n", "policy.yaml, line 2: this is no YAML: "),
        ("- match: web\n---\n- match: db\n", "policy.yaml, line 2: this is no YAML: "),
        ("- match: web: db\n", "policy.yaml, line 1: this is no YAML: "),
        ("- match: @web\n", "policy.yaml, line 1: this is no YAML: "),
    ],
)
def test_a_broken_text_is_reported_with_its_line(text: str, said: str) -> None:
    with pytest.raises(PolicyBroken) as raised:
        read_policy(text, "policy.yaml")
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- web\n", "policy.yaml, line 1: an entry with `match: …` is expected"),
        ("- ignore: true\n", "policy.yaml, line 1: this entry has no `match`, so it is left out"),
        ("- match: web\n", "policy.yaml, line 1: this entry says nothing about what it matches"),
        *(
            (
                f"- ignore: true\n  match: {wrong}\n",
                "policy.yaml, line 2: match is a glob of names such as web-*, or a list of them",
            )
            for wrong in ("[]", "''", "", "[web, '']", "{web: db}", "[[web]]")
        ),
        ("- match: web\n  ignore:\n", "policy.yaml, line 2: a value is missing"),
        ("- match: web\n  restart: ~\n", "policy.yaml, line 2: a value is missing"),
        (
            "- match: web\n  ignore: true\n  probe.ulr: x\n",
            "policy.yaml, line 3: probe.ulr is no rule; is probe.url meant?",
        ),
        (
            "- match: web\n  ignore: true\n  logs:\n    severty: error\n",
            "policy.yaml, line 4: logs.severty is no rule; is logs.severity meant?",
        ),
        ("- match: web\n  match: db\n  ignore: true\n", "policy.yaml, line 2: match is given twice"),
        (
            "- match: web\n  probe.url: http://:80/\n  probe:\n    url: http://:81/\n",
            "policy.yaml, line 4: probe.url is given twice",
        ),
        (
            "- match: web\n  ignore: true\n  status-state.ignore: false\n",
            "policy.yaml, line 3: ignore is given twice",
        ),
        (
            "- match: web\n  probe.every: soon\n",
            "policy.yaml, line 2: probe.every is 'soon': it is no duration such as 10s, 1m30s or 90",
        ),
        (
            "- match: web\n  logs.count: 0\n",
            "policy.yaml, line 2: logs.count is '0': input should be greater than or equal to 1",
        ),
        (
            "- match: web\n  restart: sometimes\n",
            "policy.yaml, line 2: restart is 'sometimes': input should be 'always', 'on-failure' or 'never'",
        ),
        (
            "- match: web\n  ignore: perhaps\n",
            "policy.yaml, line 2: ignore is 'perhaps': it is neither true nor false",
        ),
        (
            "- match: web\n  logs.count: few\n",
            "policy.yaml, line 2: logs.count is 'few': it is no whole number",
        ),
        (
            "- match: web\n  zzz: 1\n",
            f"policy.yaml, line 2: zzz is no rule; there are {', '.join(KEYS)}",
        ),
        (
            "- match: web\n  ignore: true\n  <<: 5\n",
            "policy.yaml, line 3: `<<` takes a mapping, or a list of them",
        ),
    ],
)
def test_one_wrong_thing_is_reported_once_with_its_line(text: str, problem: str) -> None:
    assert problems_of(text) == (problem,)


@pytest.mark.parametrize("key", ["probe.every: 5s", "probe.failures: 2", "logs.count: 3", "logs.within: 5m"])
def test_a_key_whose_needed_one_may_stand_elsewhere_is_no_problem(key: str) -> None:
    policy_of(f"- match: web\n  {key}\n")


@pytest.mark.parametrize("value", ["&a [*a]", "{[a]: b}", "[5]", "{}", "!!timestamp [1]"])
def test_a_value_that_is_no_word_is_reported_once_with_its_line(value: str) -> None:
    assert problems_of(f"- match: web\n  probe.every: {value}\n") == (
        "policy.yaml, line 2: a word or a number is expected, not a list or a mapping",
    )


@pytest.mark.parametrize("value", ["!secret x", "2026-13-45", "!!int x", "!!bool maybe", "!!python/object:os.system x"])
def test_a_tag_constructs_nothing(value: str) -> None:
    (problem,) = problems_of(f"- match: web\n  probe.every: {value}\n")
    assert problem.startswith(
        f"policy.yaml, line 2: probe.every is {value.rsplit(' ', maxsplit=1)[-1]!r}: it is no duration"
    )


DOUBLED = "".join(f"  - &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}\n" for n in range(1, 60))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- &a {match: web, ignore: true, <<: *a}\n", id="an entry that merges itself"),
        pytest.param("- {match: web, probe: &p {<<: *p, every: 5s}}\n", id="a rule that merges itself"),
        pytest.param(f"- match: web\n  ignore: true\n  <<:\n  - &m0 {{restart: never}}\n{DOUBLED}", id="doubled"),
        pytest.param("\ufeff- match: web\n  ignore: true\n", id="a byte order mark"),
        pytest.param("- match: web\r\n  ignore: true\r\n", id="lines of DOS"),
    ],
)
def test_an_odd_text_is_read_all_the_same(text: str) -> None:
    (entry,) = policy_of(text).entries
    assert entry.match == ("web",)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (
            "- match: web\n" + "".join(f"  k{n}: 1\n" for n in range(500)),
            "policy.yaml, line 66: this entry has more keys than there are",
        ),
        ("- 5\n" * 500, "policy.yaml, line 1: an entry with `match: …` is expected"),
    ],
    ids=["keys", "entries"],
)
def test_of_what_can_be_no_policy_little_is_reported(text: str, first: str) -> None:
    problems = problems_of(text)
    assert problems[0] == first
    assert len(problems) <= MOST_PROBLEMS


@pytest.mark.parametrize("value", ["&a [*a]", "{web: db}", "[]", ""])
def test_a_match_that_can_not_be_read_matches_nobody(value: str) -> None:
    policy = read_policy(f"- match: {value}\n  ignore: true\n", "policy.yaml")
    assert policy.entries == ()
    assert policy.problems[-1] == "policy.yaml, line 1: match is a glob of names such as web-*, or a list of them"


def test_an_entry_without_a_match_is_left_out_and_the_others_stay() -> None:
    policy = read_policy("- ignore: true\n- match: db\n  ignore: true\n- 5\n", "policy.yaml")
    assert [entry.match for entry in policy.entries] == [("db",)]
    assert len(policy.problems) == 2


def test_what_is_wrong_disables_its_rule_alone() -> None:
    text = "- match: web\n  probe.url: ftp://x\n  logs.severity: error\n  restart: never\n"
    policy = read_policy(text, "policy.yaml")
    rules, problems = read_rules(policy.settings("web", {}))
    assert problems == list(policy.problems)
    assert (rules.probe, rules.logs is not None) == (None, True)
    assert policy.apply("web", {}) == {"status-state.restart": "never"}


@pytest.mark.parametrize("value", ["perhaps", "5", "[true]", "", "~", "2026-13-45", "!!bool maybe"])
def test_a_wrong_ignore_protects(value: str) -> None:
    policy = read_policy(f"- match: web\n  ignore: {value}\n", "policy.yaml")
    assert policy.problems
    assert policy.apply("web", {}) == {"status-state.ignore": "true"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\x00", "line 1: this is no YAML: it holds the control character 0"),
        ("- match: web\n  restart: '\x07'\n", "line 2: this is no YAML: it holds the control character 7"),
        ("\n" + "[" * 500, "line 2: this is no YAML: it is nested too deep"),
        ("- 5\n" * MOST_NODES, f"line {MOST_NODES}: this is no YAML: it is too long for a policy"),
    ],
    ids=["zero", "bell", "deep", "long"],
)
def test_what_no_yaml_may_hold_is_reported_with_its_line(text: str, said: str) -> None:
    with pytest.raises(PolicyBroken) as raised:
        read_policy(text, "policy.yaml")
    assert str(raised.value) == f"policy.yaml, {said}"


def test_a_wrong_restart_says_nothing() -> None:
    policy = read_policy("- match: web\n  restart: sometimes\n", "policy.yaml")
    given = {"status-state.restart": "never"}
    assert policy.apply("web", given) == given
    assert policy.handling() == []


@pytest.mark.parametrize(("ignore", "label"), [("false", "false"), ("true", "true"), ("perhaps", "true")])
def test_a_wrong_restart_takes_the_ignore_beside_it_not_along(ignore: str, label: str) -> None:
    policy = read_policy(f"- match: web\n  restart: sometimes\n  ignore: {ignore}\n", "policy.yaml")
    assert policy.problems
    assert policy.apply("web", {"status-state.ignore": "x"}) == {"status-state.ignore": label}


def test_a_wrong_ignore_takes_the_restart_beside_it_not_along() -> None:
    policy = read_policy("- match: web\n  restart: never\n  ignore: perhaps\n", "policy.yaml")
    assert policy.apply("web", {}) == {"status-state.ignore": "true", "status-state.restart": "never"}


@pytest.mark.parametrize(("value", "label"), [("true", "true"), ("yes", "true"), ("' ON '", "true"), ("no", "false")])
def test_ignore_takes_the_place_of_the_label(value: str, label: str) -> None:
    policy = policy_of(f"- match: web\n  ignore: {value}\n")
    assert policy.apply("web", {"status-state.ignore": "perhaps", "a": "b"}) == {
        "status-state.ignore": label,
        "a": "b",
    }


def test_the_handling_is_applied_in_the_order_of_the_entries() -> None:
    policy = policy_of("- match: '*'\n  ignore: true\n  restart: never\n- match: web\n  ignore: false\n")
    assert policy.apply("web", {}) == {"status-state.ignore": "false", "status-state.restart": "never"}
    assert policy.apply("db", {}) == {"status-state.ignore": "true", "status-state.restart": "never"}


def test_nothing_is_applied_to_whom_no_entry_is_about() -> None:
    given = {"status-state.ignore": "true"}
    assert policy_of("- match: web\n  ignore: false\n").apply("db", given) is given


def test_the_controller_gets_the_entries_that_concern_it_in_their_order() -> None:
    policy = policy_of(
        "- match: [b, a]\n  ignore: true\n"
        "- match: web\n  probe.url: http://:80/\n"
        "- match: c\n  restart: On-Failure\n  logs.severity: error\n"
        "- match: d\n  ignore: false\n"
        "- match: e\n  on-new: Report\n  on-down: report\n"
    )
    no_rules = dict.fromkeys(("on_down", "on_replace", "on_unhealthy", "on_new"))
    assert policy.handling() == [
        {"match": ["b", "a"], "ignore": True, "restart": None, **no_rules},
        {"match": ["c"], "ignore": None, "restart": "on-failure", **no_rules},
        {"match": ["d"], "ignore": False, "restart": None, **no_rules},
        {"match": ["e"], "ignore": None, "restart": None, **no_rules, "on_down": "report", "on_new": "report"},
    ]
    assert policy.entries[1].handling == HandlingRule()


def test_entries_that_are_about_nobody_are_found() -> None:
    policy = policy_of("".join(f"- match: {glob}\n  ignore: true\n" for glob in ("web-*", "db", "[x, web-1]", "y?")))
    assert [entry.place for entry in policy.unmatched({"web-1", "y"})] == [
        "policy.yaml, line 3",
        "policy.yaml, line 7",
    ]
    assert len(policy.unmatched(name for name in ())) == 4


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        pytest.param(
            "- match: a\n  probe: {<<: {url: 'http://:1/', every: 1s}, every: 5s}",
            {"probe.url": "http://:1/", "probe.every": "5s"},
            id="merged below a key",
        ),
        pytest.param(
            "- match: a\n  <<: {probe: {url: 'http://:1/'}, ignore: true}\n  probe: {url: 'http://:2/'}",
            {"ignore": "true", "probe.url": "http://:2/"},
            id="merged beside a key",
        ),
        pytest.param(
            "- match: a\n  <<: [{ignore: true}, {ignore: false, restart: never}]",
            {"ignore": "true", "restart": "never"},
            id="of several the first wins",
        ),
    ],
)
def test_own_keys_win_over_merged_ones_in_every_form(text: str, settings: dict[str, object]) -> None:
    policy = read_policy(text, "policy.yaml")
    assert policy.problems == ()
    assert {key: one.value for key, one in policy.entries[0].settings.items()} == settings


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- match: a\n  probe: {url: 'http://:1/'}\n  probe.url: http://:2/", id="nested, then dotted"),
        pytest.param("- match: a\n  probe.url: http://:2/\n  probe: {url: 'http://:1/'}", id="dotted, then nested"),
        pytest.param("- match: a\n  probe: {url: 'http://:1/',\n    url: 'http://:2/'}", id="nested twice"),
    ],
)
def test_a_key_that_is_given_twice_is_reported_once_in_every_form(text: str) -> None:
    assert read_policy(text, "policy.yaml").problems == ("policy.yaml, line 3: probe.url is given twice",)
