"""What is in deploy/monitoring: the rules do what they say, and the board and the rules go by metrics that there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..unit.api.ssa import beside_two_containers
from .prometheus import FOLDER, alert_expressions, board_expressions, metrics_of, promtool

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    promtool("check", "config", "prometheus.yml")
    promtool("test", "rules", "alerts_test.yml")


def test_every_alert_is_tested() -> None:
    tested = (FOLDER / "alerts_test.yml").read_text(encoding="utf-8")
    assert [name for name in alert_expressions() if f'alertname="{name}"' not in tested] == []


async def test_prometheus_finds_nothing_to_complain_about_the_metrics() -> None:
    async with beside_two_containers() as ssa:
        await ssa.holder.start()
        await ssa.client.get("/healthz")
        promtool("check", "metrics", text=(await ssa.client.get("/metrics")).text)


@pytest.mark.parametrize("expressions", [board_expressions(), alert_expressions().values()], ids=["board", "alerts"])
def test_they_go_by_metrics_that_are_documented(expressions: Iterable[str]) -> None:
    named = set[str]().union(*map(metrics_of, expressions)) - {"up"}
    families = {name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") for name in named}
    assert {name for name in families if f"| `{name}` |" not in DOCUMENTED} == set()
    assert len(families) > 5
