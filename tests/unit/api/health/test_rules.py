"""The rules of one container: read from labels and policy, checked, and each wrong one disabled alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as thoroughness
from hypothesis import strategies as st
from status_state_api.health.logs.severity import Severity
from status_state_api.health.rules.policy_yaml import read_policy
from status_state_api.health.rules.rules import KEYS, LogRule, ProbeRule, Rules, label_settings, read_rules

from .world import label_rules, labels, probe_rule, rules_of, settings

URL = "http://:8080/health"
BOTH = labels(probe_url=URL, logs_severity="error")


def problem_of(**keys: Any) -> str:
    """What is wrong with the one of these keys that is."""
    (problem,) = read_rules(settings(**keys))[1]
    return problem


def of(rule: LogRule | None) -> tuple[Severity, int, float]:
    """What a rule about a log says."""
    assert rule is not None
    return rule.severity, rule.count, rule.within


def test_the_defaults_are_those_of_the_design() -> None:
    rules, problems = label_rules(BOTH)
    assert problems == []
    assert rules.probe == ProbeRule(url=URL, every=10.0, timeout=5.0, failures=3, start_period=30.0, insecure=False), (
        "design, section 6"
    )
    assert of(rules.logs) == (Severity.ERROR, 1, 60.0)


def test_every_key_can_be_set_by_a_label() -> None:
    rules, problems = label_rules(
        labels(
            probe_url="https://shop:8443/health?deep=1",
            probe_every="1m30s",
            probe_timeout=" 0.5 ",
            probe_failures="7",
            probe_start_period="0",
            probe_insecure=" Yes ",
            logs_severity=" Critical ",
            logs_count="1000",
            logs_within="2h",
        )
    )
    assert problems == []
    assert rules.probe == ProbeRule(
        url="https://shop:8443/health?deep=1", every=90.0, timeout=0.5, failures=7, start_period=0.0, insecure=True
    )
    assert of(rules.logs) == (Severity.CRITICAL, 1000, 7200.0)


def test_a_container_without_labels_of_ours_is_asked_nothing() -> None:
    rules, problems = label_rules({"com.docker.compose.service": "web", "status-state": "x", "probe.url": URL})
    assert (rules, problems, bool(rules)) == (Rules(), [], False)


@pytest.mark.parametrize("keys", [{"probe_url": URL}, {"logs_severity": "error"}], ids=["probe", "logs"])
def test_either_rule_alone_is_something_to_ask(keys: dict[str, str]) -> None:
    assert rules_of(**keys)


@pytest.mark.parametrize("label", ["status-state.role", "status-state.base"])
def test_the_projects_own_labels_are_no_keys(label: str) -> None:
    assert label_settings({label: "api", "status-state.ignore": "true"}).keys() == {"ignore"}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("probe.every", "0.09", "input should be greater than or equal to 0.1"),
        ("probe.every", "86401", "input should be less than or equal to 86400"),
        ("probe.every", "soon", "it is no duration such as 10s, 1m30s or 90"),
        ("probe.timeout", "0", "input should be greater than or equal to 0.1"),
        ("probe.timeout", "25h", "input should be less than or equal to 86400"),
        ("probe.failures", "0", "input should be greater than or equal to 1"),
        ("probe.failures", "1001", "input should be less than or equal to 1000"),
        ("probe.failures", "3.5", "it is no whole number"),
        ("probe.failures", "-1", "it is no whole number"),
        ("probe.failures", "", "it is no whole number"),
        ("probe.failures", "three", "it is no whole number"),
        ("probe.start_period", "-1", "it is no duration such as 10s, 1m30s or 90"),
        ("probe.start_period", "25h", "input should be less than or equal to 86400"),
        ("probe.insecure", "maybe", "it is neither true nor false"),
        ("probe.insecure", "", "it is neither true nor false"),
    ],
)
def test_a_wrong_value_disables_the_probe_alone_and_is_reported_with_its_place(key: str, value: str, said: str) -> None:
    rules, problems = label_rules({**BOTH, f"status-state.{key}": value})
    assert rules.probe is None
    assert rules.logs is not None
    assert problems == [f"label status-state.{key}: {key} is {value!r}: {said}"]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("logs.severity", "loud", "it is none of debug, info, warning, error, critical, warn, fatal"),
        ("logs.severity", "", "it is none of debug, info, warning, error, critical, warn, fatal"),
        ("logs.severity", "4", "it is none of debug, info, warning, error, critical, warn, fatal"),
        ("logs.count", "few", "it is no whole number"),
        ("logs.count", "0", "input should be greater than or equal to 1"),
        ("logs.count", "1001", "input should be less than or equal to 1000"),
        ("logs.within", "0.09s", "input should be greater than or equal to 0.1"),
        ("logs.within", "24h1s", "input should be less than or equal to 86400"),
    ],
)
def test_a_wrong_value_disables_the_logs_alone_and_is_reported_with_its_place(key: str, value: str, said: str) -> None:
    rules, problems = label_rules({**BOTH, f"status-state.{key}": value})
    assert rules.logs is None
    assert rules.probe is not None
    assert problems == [f"label status-state.{key}: {key} is {value!r}: {said}"]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("on-down", "never", "on-down is 'never': input should be 'report' or 'restart'"),
        ("on-replace", "restart", "on-replace is 'restart': input should be 'accept', 'report' or 'restore'"),
        ("on-unhealthy", "", "on-unhealthy is '': input should be 'report' or 'restart'"),
        ("on-new", "accept", "on-new can only be set in the policy"),
        ("on-downn", "report", "on-downn is no rule; is on-down meant?"),
        ("on-down", " Report ", None),
        ("on-replace", "accept", None),
        ("restart", "sometimes", None),  # of this the controller tells
    ],
)
def test_a_wrong_label_of_what_is_done_about_findings_is_told_by_itself(key: str, value: str, said: str | None) -> None:
    rules, problems = label_rules({**BOTH, f"status-state.{key}": value})
    assert (rules.probe is not None, rules.logs is not None) == (True, True)
    assert problems == ([] if said is None else [f"label status-state.{key}: {said}"])


def test_all_that_is_wrong_is_reported_at_once() -> None:
    rules, problems = label_rules({**BOTH, **labels(probe_every="x", probe_failures="y", logs_count="z", ingore="1")})
    assert rules == Rules()
    assert [problem.split(":")[0] for problem in problems] == [
        "label status-state.probe.every",
        "label status-state.probe.failures",
        "label status-state.logs.count",
        "label status-state.ingore",
    ]


@pytest.mark.parametrize(
    "keys",
    [
        {"probe_every": "0.1", "probe_timeout": "0.1", "probe_failures": "1", "probe_start_period": "0s"},
        {"probe_every": "24h", "probe_timeout": "24h", "probe_failures": "1000", "probe_start_period": "24h"},
        {"logs_severity": "debug", "logs_within": "0.1", "logs_count": "1"},
        {"logs_severity": "debug", "logs_within": "24h", "logs_count": "1000"},
    ],
    ids=["least of a probe", "most of a probe", "least of logs", "most of logs"],
)
def test_the_bounds_themselves_may_be_used(keys: dict[str, str]) -> None:
    assert read_rules(settings(probe_url=URL, **keys))[1] == []


def test_the_policy_may_use_plain_numbers_and_flags() -> None:
    rules = rules_of(probe_url=URL, probe_every=5, probe_timeout=0.5, probe_failures=2, probe_insecure=True)
    assert rules.probe == ProbeRule(url=URL, every=5, timeout=0.5, failures=2, insecure=True)


@pytest.mark.parametrize("value", [None, [5], {"s": 5}, float("nan"), float("inf")], ids=str)
def test_what_is_no_value_at_all_is_reported(value: object) -> None:
    assert problem_of(probe_url=URL, probe_every=value).startswith(f"here: probe.every is {str(value)!r}: input should")


def test_a_long_value_is_not_reported_as_a_whole() -> None:
    assert problem_of(probe_url=URL, probe_every="x" * 5000).startswith(f"here: probe.every is '{'x' * 100}': ")


@pytest.mark.parametrize("url", ["http://user:hunter2@[x/", "hunter2", "http://:80/?hunter2 x", ["hunter2"]], ids=str)
def test_a_url_is_not_reported_since_it_may_hold_a_password(url: object) -> None:
    problem = problem_of(probe_url=url)
    assert problem.startswith("here: probe.url can't be used: ")
    assert "hunter2" not in problem


@pytest.mark.parametrize(("key", "needed"), [("probe.every", "probe.url"), ("logs.count", "logs.severity")])
def test_a_key_that_says_nothing_without_another_is_reported(key: str, needed: str) -> None:
    rules, problems = label_rules({f"status-state.{key}": "5"})
    assert rules == Rules()
    assert problems == [f"label status-state.{key}: {key} says nothing without {needed}"]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("probe.ulr", "probe.url"),
        ("log.severity", "logs.severity"),
        ("ingore", "ignore"),
        ("restarts", "restart"),
        ("probe.startperiod", "probe.start_period"),
    ],
)
def test_an_unknown_key_is_reported_with_the_one_that_was_probably_meant(key: str, meant: str) -> None:
    rules, problems = label_rules({**BOTH, f"status-state.{key}": "1"})
    assert problems == [f"label status-state.{key}: {key} is no rule; is {meant} meant?"]
    assert rules.probe is not None, "what is unknown disables nothing"
    assert rules.logs is not None


@pytest.mark.parametrize("key", ["zzz", "com.example.team", "role", "base", ""])
def test_a_label_that_resembles_no_key_is_nobodys_business(key: str) -> None:
    assert label_rules({**BOTH, f"status-state.{key}": "1"}) == label_rules(BOTH)


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("warn", Severity.WARNING),
        (" Fatal ", Severity.CRITICAL),
        ("WARNING", Severity.WARNING),
        ("critical", Severity.CRITICAL),
    ],
)
def test_a_severity_may_be_called_as_loggers_call_it(word: str, severity: Severity) -> None:
    assert of(rules_of(logs_severity=word).logs)[0] is severity


def test_a_rule_about_a_log_can_be_made_of_a_severity() -> None:
    assert of(LogRule(severity=Severity.ERROR)) == (Severity.ERROR, 1, 60.0)


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        *((value, True) for value in ("true", "1", " YES", "On", 1, True)),
        *((value, False) for value in ("false", "0", "no ", "OFF", 0, False)),
    ],
)
def test_true_and_false_have_several_words(value: object, flag: bool) -> None:
    rule = rules_of(probe_url=URL, probe_insecure=value).probe
    assert rule is not None
    assert rule.insecure is flag


def test_the_keys_are_reported_in_the_order_of_the_design() -> None:
    assert KEYS == (
        "probe.url",
        "probe.every",
        "probe.timeout",
        "probe.failures",
        "probe.start_period",
        "probe.insecure",
        "logs.severity",
        "logs.count",
        "logs.within",
        "ignore",
        "restart",
        "on-down",
        "on-replace",
        "on-unhealthy",
        "on-new",
    )


def test_the_policy_wins_over_labels_key_by_key() -> None:
    policy = read_policy("- match: web\n  probe.every: 20s\n  probe.failures: never\n", "policy.yaml")
    given = policy.settings("web", labels(probe_url=URL, probe_every="bad", probe_timeout="1s", logs_severity="error"))
    rules, problems = read_rules(given)
    assert problems == ["policy.yaml, line 3: probe.failures is 'never': it is no whole number"]
    assert rules.probe is None
    assert of(rules.logs) == (Severity.ERROR, 1, 60.0)
    del given["probe.failures"]
    assert read_rules(given)[0].probe == ProbeRule(url=URL, every=20.0, timeout=1.0)


def test_labels_about_the_handling_are_the_controllers_to_check() -> None:
    assert label_rules(labels(ignore="perhaps", restart="sometimes")) == (Rules(), [])


@pytest.mark.parametrize(
    "url",
    [
        "http://:8080/health",
        "http://:8080",
        "https://:8443/",
        "http://shop/",
        "http://shop:65535/a/b?c=d",
        "http://user:pass@:80/",
        "http://[::1]:80/",
        "HTTP://:80/",
    ],
)
def test_a_url_with_a_port_or_a_name_is_right(url: str) -> None:
    assert probe_rule(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/health",
        ":8080/health",
        "http:",
        "http://",
        "http:///health",
        "http://:0/",
        "http://:65536/",
        "http://:port/",
        "http://[::1/",
        "ftp://:21/",
        "unix:///run/x",
        "http://:80/a b",
        "http://:80/\t",
        "http://:80/\n",
        "http://:80/\x00",
        "http://:80/\x1b[31m",
        "http://:80/\x7f",
        "http://:80/gr\u00fcn",
    ],
)
def test_any_other_url_is_wrong(url: str) -> None:
    assert "it is no URL such as" in problem_of(probe_url=url)


def test_a_wrong_word_for_the_restart_or_a_wrong_flag_is_told_by_the_policy() -> None:
    policy = read_policy("- match: web\n  ignore: perhaps\n  restart: sometimes\n", "policy.yaml")
    assert policy.problems == (
        "policy.yaml, line 2: ignore is 'perhaps': it is neither true nor false",
        "policy.yaml, line 3: restart is 'sometimes': input should be 'always', 'on-failure' or 'never'",
    )


@thoroughness(deadline=None, database=None)
@given(st.dictionaries(st.sampled_from(KEYS) | st.text(), st.text() | st.integers() | st.floats() | st.none()))
def test_whatever_is_written_is_read_or_reported(keys: dict[str, Any]) -> None:
    rules, problems = read_rules(settings(**{key.replace(".", "_", 1): value for key, value in keys.items()}))
    asked = sum(key.startswith(("probe.", "logs.")) for key in keys)
    assert problems or rules or not asked
    assert all(problem.startswith("here: ") for problem in problems)
