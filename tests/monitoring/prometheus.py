"""Prometheus and promtool, and what is in deploy/monitoring."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "monitoring"


@cache
def _programs() -> tuple[Path | None, str]:
    script = ROOT / "scripts" / "setup" / "prometheus.sh"
    done = subprocess.run([script], capture_output=True, text=True, check=False, timeout=300)
    told = done.stdout.strip()
    return (Path(told), "") if done.returncode == 0 else (None, told or done.stderr)


def program(name: str) -> str:
    """The path of `prometheus` or `promtool`; where they can't be had the test is skipped with the reason."""
    folder, reason = _programs()
    if folder is None:
        pytest.skip(reason)
    return str(folder / name)


def promtool(*arguments: str, text: str | None = None) -> None:
    """Run it in deploy/monitoring; what it finds fails the test."""
    command = [program("promtool"), *arguments]
    done = subprocess.run(
        command, cwd=FOLDER, input=text, capture_output=True, text=True, check=False, timeout=120, encoding="utf-8"
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


def board_expressions() -> list[str]:
    """What the board asks, for everything."""
    board: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [re.sub(r"\$(job|instance)\b", ".*", expression) for expression in expressions]


def alert_expressions() -> dict[str, str]:
    """What the alerts go by, by their names."""
    rules: dict[str, Any] = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))
    return {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}


def metrics_of(expression: str) -> set[str]:
    """The names of metrics in an expression."""
    return set(re.findall(r"\b(?:status_state|process)_\w+|\bup\b", expression))
