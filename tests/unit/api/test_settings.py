"""The settings: read together, refused together, with how to correct them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from status_state_api.errors import SettingsUnusable
from status_state_api.main import EXIT_UNUSABLE, run
from status_state_api.settings import load_settings, unknown_variables

if TYPE_CHECKING:
    from status_state_api.settings import Settings


pytestmark = pytest.mark.usefixtures("logging_as_before")


def problems_of(**environment: str) -> list[str]:
    """What is told about these variables."""
    with pytest.raises(SettingsUnusable) as raised:
        load_settings(environment)
    return raised.value.problems


def test_nothing_needs_to_be_set() -> None:
    settings = load_settings({})
    assert settings.model_dump() == {
        "host": "0.0.0.0",  # noqa: S104 - inside a container
        "port": 8000,
        "snapshot_on_start": "auto",
        "data_dir": Path("/data"),
        "database_url": "",
        "database_url_file": None,
        "read_token": False,
        "token_file": Path("/run/status-state/token"),
        "policy_file": Path("/etc/status-state/policy.yaml"),
        "allowed_hosts": (),
        "engine_timeout": 10.0,
        "journal_days": 90.0,
        "journal_entries": 100_000,
        "log_level": "info",
        "log_format": "logfmt",
    }
    assert settings.store_url == "sqlite:////data/status-state.sqlite3"


def test_all_can_be_set() -> None:
    settings: Settings = load_settings(
        {
            "SSA_HOST": "::",
            "SSA_PORT": "8080",
            "SSA_SNAPSHOT_ON_START": "Resume",
            "SSA_DATA_DIR": "/var/lib/ssa",
            "SSA_DATABASE_URL": "postgresql://u:p@db/x",
            "SSA_TOKEN_FILE": "/run/secrets/token",
            "SSA_POLICY_FILE": "/etc/policy.yaml",
            "SSA_ALLOWED_HOSTS": "host.example, *.lan",
            "SSA_ENGINE_TIMEOUT": "1m30s",
            "SSA_LOG_LEVEL": "DEBUG",
            "SSA_LOG_FORMAT": "json",
        }
    )
    assert (settings.host, settings.port, settings.snapshot_on_start) == ("::", 8080, "resume")
    assert settings.store_url == "postgresql://u:p@db/x"
    assert (settings.token_file, settings.policy_file) == (Path("/run/secrets/token"), Path("/etc/policy.yaml"))
    assert settings.allowed_hosts == ("host.example", "*.lan")
    assert (settings.engine_timeout, settings.log_level, settings.log_format) == (90.0, "debug", "json")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings({"SSA_PORT": "", "SSA_ALLOWED_HOSTS": " "}) == load_settings({})


def test_all_problems_are_reported_together_each_with_its_remedy() -> None:
    told = problems_of(SSA_PORT="99999", SSA_SNAPSHOT_ON_START="never", SSA_ENGINE_TIMEOUT="soon")
    assert [line.split(" ")[0] for line in told] == [
        "SSA_PORT='99999'",
        "SSA_SNAPSHOT_ON_START='never'",
        "SSA_ENGINE_TIMEOUT='soon'",
    ]
    assert told[0] == (
        "SSA_PORT='99999' can't be used: input should be less than or equal to 65535. "
        "It is: The port to listen on. Correct it, or leave it out for the default, 8000."
    )


def test_a_database_url_is_never_repeated() -> None:
    (told,) = problems_of(SSA_DATABASE_URL="mysql://u:topsecret@db/x")
    assert "mysql" in told
    assert "topsecret" not in told


def test_a_port_that_kubernetes_put_there_is_reported_as_such() -> None:
    (told,) = problems_of(SSA_PORT="tcp://10.0.0.1:8000")
    assert "enableServiceLinks: false" in told


def test_the_process_ends_with_exit_code_2_and_tells_all_on_the_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run({"SSA_PORT": "x", "SSA_LOG_LEVEL": "loud"}) == EXIT_UNUSABLE == 2
    captured = capsys.readouterr()
    assert [line.split("=")[0] for line in captured.err.splitlines()] == [
        "status-state-api: SSA_PORT",
        "status-state-api: SSA_LOG_LEVEL",
    ]
    assert captured.out == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(None, "there is no policy file ", id="not there"),
        pytest.param("match: web\n", "policy.yaml, line 1: a list is expected", id="no list"),
        pytest.param("- match: [\n", "policy.yaml, line 2: this is no YAML: ", id="no YAML"),
    ],
)
def test_the_process_ends_with_exit_code_2_when_the_policy_can_not_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, said: str
) -> None:
    policy = tmp_path / "policy.yaml"
    if text is not None:
        policy.write_text(text)
    environment = {
        "SSA_POLICY_FILE": str(policy),
        "SSA_TOKEN_FILE": str(tmp_path / "token"),
        "SSA_DATA_DIR": str(tmp_path / "data"),
        "SSA_LOG_LEVEL": "error",
    }
    assert run(environment) == EXIT_UNUSABLE
    captured = capsys.readouterr()
    assert captured.err.startswith(f"status-state-api: {said}")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_unknown_variables_are_reported_with_what_was_probably_meant() -> None:
    environment = {"SSA_SNAPSHOT_ONSTART": "x", "SSA_ZZZ": "1", "SSA_PORT": "1", "PATH": "/bin"}
    assert unknown_variables(environment) == {"SSA_SNAPSHOT_ONSTART": "SSA_SNAPSHOT_ON_START", "SSA_ZZZ": None}


def test_the_url_of_the_database_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(" postgresql://u:topsecret@db/x\n")
    assert load_settings({"SSA_DATABASE_URL_FILE": str(file)}).store_url == "postgresql://u:topsecret@db/x"
    assert "topsecret" not in repr(problems_of(SSA_DATABASE_URL_FILE=str(file), SSA_DATABASE_URL="sqlite://"))
    for content, said in (
        (b"", "is empty"),
        (b"\xff", "it is no text"),
        (b"mysql://u:topsecret@db/x", "not supported"),
    ):
        file.write_bytes(content)
        (told,) = problems_of(SSA_DATABASE_URL_FILE=str(file))
        assert said in told
        assert "topsecret" not in told
    (told,) = problems_of(SSA_DATABASE_URL_FILE=str(tmp_path))
    assert "can't be read" in told
