"""The policy's example and its schema: what people copy and what their editors check is what the service reads.

To bring the schema up to date: `UPDATE_SCHEMA=1 pytest tests/contract/test_policy_example.py`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from status_state_api.health.logs.severity import Severity
from status_state_api.health.rules.policy_schema import policy_schema
from status_state_api.health.rules.policy_yaml import PolicyBroken, read_policy
from status_state_api.health.rules.rules import KEYS, ProbeRule, read_rules

FOLDER = Path(__file__).parents[2] / "policy"
SCHEMA = FOLDER / "schema.json"
EXAMPLE = (FOLDER / "example.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def validator() -> Any:
    """The schema."""
    schema = policy_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_committed_schema_is_current() -> None:
    current = json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SCHEMA"):
        SCHEMA.write_text(current, encoding="utf-8")
    assert SCHEMA.read_text(encoding="utf-8") == current, "it has changed: UPDATE_SCHEMA=1 pytest " + __file__


def test_the_example_is_read_without_a_problem() -> None:
    policy = read_policy(EXAMPLE, "example.yaml")
    assert policy.problems == ()
    assert {key for entry in policy.entries for key in entry.settings} == set(KEYS)


def test_the_example_says_what_its_comments_say() -> None:
    policy = read_policy(EXAMPLE, "example.yaml")
    rules, problems = read_rules(policy.settings("web-legacy", {}))
    assert problems == []
    assert rules.probe == ProbeRule(url="https://:8443/health", start_period=120, insecure=True)
    logs = read_rules(policy.settings("worker-2", {}))[0].logs
    assert logs is not None
    assert (logs.severity, logs.count, logs.within) == (Severity.ERROR, 5, 60)
    assert policy.apply("ci-7", {}) == {"status-state.ignore": "true"}
    assert policy.apply("nightly-dump", {}) == {"status-state.restart": "on-failure"}


def test_the_schema_accepts_the_example(validator: Any) -> None:
    assert list(validator.iter_errors(yaml.safe_load(EXAMPLE))) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- match: web\n  probe: {url: 'http://:80/', every: 5}", id="nested"),
        pytest.param("- match: [a, b]\n  ignore: true", id="several globs"),
        pytest.param("", id="empty"),
    ],
)
def test_what_the_service_reads_the_schema_accepts(text: str, validator: Any) -> None:
    assert read_policy(text, "policy.yaml").problems == ()
    assert list(validator.iter_errors(yaml.safe_load(text))) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("match: web", id="no list"),
        pytest.param("- ignore: true", id="no match"),
        pytest.param("- match: []\n  ignore: true", id="no glob"),
        pytest.param("- match: web\n  probe.ulr: http://:80/", id="unknown key"),
        pytest.param("- match: web\n  logs.severity: loud", id="unknown severity"),
        pytest.param("- match: web\n  probe: {url: ftp://x}", id="no http"),
        pytest.param("- match: web\n  restart: sometimes", id="unknown restart rule"),
        pytest.param("- match: web\n  logs: {severity: error, count: 0}", id="no lines"),
    ],
)
def test_what_the_schema_refuses_the_service_refuses(text: str, validator: Any) -> None:
    document: Any = yaml.safe_load(text)
    assert list(validator.iter_errors(document))
    try:
        problems = read_policy(text, "policy.yaml").problems
    except PolicyBroken as error:
        problems = (str(error),)
    assert problems
    assert all(problem.startswith("policy.yaml, line ") for problem in problems)
