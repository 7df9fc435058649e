"""Settings: all that is wrong is told at once, in words that help; what is right is read as it is meant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from status_state_controller.settings import (
    PREFIX,
    Settings,
    SettingsError,
    read_settings,
    unknown_variables,
)

SERVICE = Path(__file__).resolve().parents[3] / "status-state-controller"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests."""
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def run_service(**environment: str) -> subprocess.CompletedProcess[str]:
    """Start the controller as its image does; it must end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "app.main"],
        cwd=SERVICE,
        env={"PATH": os.environ["PATH"], "DOCKER_HOST": "unix:///nowhere/docker.sock"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_defaults_are_those_of_the_design() -> None:
    settings = read_settings()
    assert settings.interval == 30
    assert settings.concurrency == 8
    assert settings.dry_run is False
    assert settings.ssa_url == "http://status-state-api:8000"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("interval", "1m30s", 90.0),
        ("interval", "", 30.0),
        ("dry_run", "true", True),
        ("dry_run", "0", False),
        ("concurrency", "3", 3),
        ("ssa_url", "http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("ssa_url", "https://ssa.example", "https://ssa.example"),
        ("ssa_url", "http://[::1]:8000", "http://[::1]:8000"),
        ("token_file", "/token", Path("/token")),
        ("log_format", "json", "json"),
    ],
)
def test_a_setting_is_read(name: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"SSC_{name.upper()}", text)
    assert getattr(read_settings(), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("INTERVAL", "soon"),
        ("INTERVAL", "0"),
        ("INTERVAL", "2h"),
        ("CONCURRENCY", "0"),
        ("CONCURRENCY", "many"),
        ("DRY_RUN", "perhaps"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("SSA_URL", "status-state-api:8000"),
        ("SSA_URL", "ftp://ssa"),
        ("SSA_URL", "http://"),
        ("SSA_URL", "http://user:pass@ssa:8000"),
        ("SSA_URL", "http://ssa:8000/path"),
        ("SSA_URL", "http://ssa:port"),
        ("SSA_URL", "http://ssa:99999"),
        ("SSA_URL", "http://[::1"),
    ],
)
def test_a_wrong_setting_is_told_by_its_name(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"SSC_{name}", text)
    with pytest.raises(SettingsError, match=f"SSC_{name}"):
        read_settings()


def test_all_problems_are_reported_together_and_the_exit_code_is_2() -> None:
    ended = run_service(SSC_INTERVAL="soon", SSC_SSA_URL="nowhere", SSC_CONCURRENCY="0", SSC_LOG_LEVEL="loud")
    assert ended.returncode == 2
    for name in ("SSC_INTERVAL", "SSC_SSA_URL", "SSC_CONCURRENCY", "SSC_LOG_LEVEL"):
        assert len([line for line in ended.stderr.splitlines() if name in line]) == 1
    assert "it is no duration such as 10s, 1m30s or 90 (it is 'soon')" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "pydantic" not in ended.stderr


def test_an_address_that_no_client_takes_is_a_wrong_setting_too() -> None:
    ended = run_service(SSC_SSA_URL="http://ssa:port", SSC_HEARTBEAT_FILE="/nowhere/heartbeat")
    assert "Traceback" not in ended.stderr + ended.stdout
    assert ended.returncode == 2


def test_a_misspelt_variable_is_warned_about_and_sigterm_ends_the_controller_in_order(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock",
        "SSC_HEARTBEAT_FILE": str(tmp_path / "heartbeat"),
        "SSC_INTERVALL": "5",
        "SSC_LOG_FORMAT": "json",
    }
    command = [sys.executable, "-m", "app.main"]
    with subprocess.Popen(command, cwd=SERVICE, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = list[dict[str, object]]()
        for line in process.stdout:  # until the first check has found no engine
            lines.append(json.loads(line))
            if "no engine socket" in line:
                break
        process.terminate()
        lines += [json.loads(line) for line in process.stdout]
        assert process.wait(timeout=30) == 0
    assert [line["level"] for line in lines if line.get("variable") == "SSC_INTERVALL"] == ["warning"]
    assert [line["interval"] for line in lines if "interval" in line] == [30.0], "the effective settings are told"
    assert "stopped" in str(lines[-1]["event"])
    assert (tmp_path / "heartbeat").exists()


URLS = "json://hunter2/a\n\n  # mail\nmailto://u:hunter2@b.example?to=c,d  \n"


def test_notification_urls_are_read_from_the_variable_or_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_settings().notify_targets == ()
    file = tmp_path / "urls"
    file.write_text(URLS)
    monkeypatch.setenv("SSC_NOTIFY_URLS_FILE", str(file))
    from_file = read_settings()
    monkeypatch.setenv("SSC_NOTIFY_URLS_FILE", "")
    monkeypatch.setenv("SSC_NOTIFY_URLS", "json://hunter2/a  mailto://u:hunter2@b.example?to=c,d")
    targets = ("json://hunter2/a", "mailto://u:hunter2@b.example?to=c,d")
    assert (from_file.notify_targets, read_settings().notify_targets) == (targets, targets)
    shown = f"{from_file.model_dump(mode='json')} {from_file!r} {read_settings()!r}"
    assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("content", "urls", "said"),
    [
        (URLS, "json://hunter2", "SSC_NOTIFY_URLS is set, too"),
        (None, "", "No such file or directory"),
        (b"\xff\xfe", "", "it is no text"),
        ("json://hunter2 " * 21, "", "21 targets are too many"),
    ],
    ids=["both are set", "there is no file", "it is no text", "too many"],
)
def test_notification_urls_that_cannot_be_read_are_reported_without_them(
    content: str | bytes | None, urls: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "urls"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.setenv("SSC_NOTIFY_URLS_FILE", str(file))
    monkeypatch.setenv("SSC_NOTIFY_URLS", urls)
    with pytest.raises(SettingsError, match="SSC_NOTIFY_URLS") as raised:
        read_settings()
    assert said in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_variables_that_are_no_settings_are_found() -> None:
    environment = {
        "SSC_INTERVALL": "5",
        "SSC_INTERVAL": "5",
        "ssc_dry_run": "1",
        "SSA_URL": "x",
        "ssc_x": "",
        "PATH": "/",
    }
    assert unknown_variables(environment) == ["SSC_INTERVALL", "ssc_x"]


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
