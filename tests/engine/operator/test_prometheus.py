"""A real Prometheus scrapes the real pair, by the job of deploy/monitoring: the board has an answer to all that it asks."""

from __future__ import annotations

import contextlib
import subprocess
import time
from typing import TYPE_CHECKING, Any

import httpx

from ...monitoring.prometheus import FOLDER, alert_expressions, board_expressions, metrics_of, program
from ..kit.pair import URL as PAIR_URL
from ..kit.pair import Pair
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from ..kit.host import Container, Host

URL = "http://127.0.0.1:9090"
RANGE = "20s"


class Guarded(Pair):
    """A pair that is read with the token only."""

    def get(self, path: str, *, token: str = "", host: str = "", url: str = PAIR_URL) -> httpx.Response:
        """GET with the token; there is none until it is ready."""
        return super().get(path, token=token if path == "/readyz" else self.read_token(), host=host, url=url)


class Prometheus:
    """A Prometheus that scrapes each second."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def ask(self, path: str, **parameters: str) -> Any:
        """What it answers; None while it can't be asked."""
        with contextlib.suppress(httpx.TransportError):
            answer = self._client.get(path, params=parameters)
            if answer.status_code != 503:  # it is about to start
                assert answer.status_code == 200, answer.text
                return answer.json()["data"]
        return None

    def values(self, expression: str) -> list[float]:
        """What an expression comes to now."""
        data = self.ask("/api/v1/query", query=expression)
        return [float(one["value"][1]) for one in data["result"]] if data else []

    @classmethod
    @contextlib.contextmanager
    def scraping(cls, folder: Path, token: str) -> Generator[Prometheus]:
        """One with the job and the rules of deploy/monitoring, and with the token."""
        config = (FOLDER / "prometheus.yml").read_text().replace("30s", "1s")
        config = config.replace("- alerts.yml", f"- {FOLDER}/alerts.yml")
        for line in ("authorization:", "  credentials_file:"):
            config = config.replace(f"# {line}", line)
        config = config.replace("/etc/prometheus/status-state-token", str(folder / "token"))
        (folder / "token").write_text(token)
        (folder / "prometheus.yml").write_text(config)
        options = (f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data")
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen(
                [program("prometheus"), *options, "--web.listen-address=127.0.0.1:9090"], stderr=log
            ) as process,
            httpx.Client(base_url=URL, trust_env=False, timeout=15) as client,
        ):
            try:
                yield cls(client)
            finally:
                process.terminate()


def crash(container: Container) -> None:
    """Have it crash, and wait until it has been healed."""
    started_at = container.started_at
    container.docker("kill")
    container.wait_for_start_after(started_at)


def test_the_board_and_the_alerts_have_data_from_the_real_pair(host: Host, tmp_path: Path) -> None:
    program("prometheus")
    original, second = host.run("original"), host.run("second")
    with (
        Guarded(host, SSA_READ_TOKEN="true").running() as pair,
        Prometheus.scraping(tmp_path, pair.read_token()) as prometheus,
    ):
        wait_until(lambda: prometheus.values("sum_over_time(up[1m]) > 2"), "Prometheus to have scraped", 30)
        killed = time.time()
        crash(original)
        host.run("newcomer").wait_for("exited")
        second.docker("rm", "--force")
        wait_until(
            lambda: prometheus.values('sum(status_state_actions_total{outcome="done"})') == [3.0],
            "Prometheus to know of what was done",
            30,
        )
        took = time.time() - killed
        assert prometheus.values("sum(status_state_heal_duration_seconds_count)") == [2.0]
        assert 0 < prometheus.values("sum(status_state_heal_duration_seconds_sum)")[0] < took
        lost = "status_state_original_expected_seconds_total - status_state_original_running_seconds_total"
        assert all(0 < seconds < took for seconds in prometheus.values(lost))
        asked = [board.replace("$__rate_interval", RANGE).replace("$__range", RANGE) for board in board_expressions()]
        unanswered = list(asked)

        def answered() -> bool:
            unanswered[:] = [one for one in unanswered if not prometheus.values(one)]
            return not unanswered

        wait_until(answered, "an answer to all that the board asks", 20, lambda: unanswered)
        names = set(prometheus.ask("/api/v1/label/__name__/values"))
        assert set[str]().union(*map(metrics_of, alert_expressions().values())) - names == set()
        assert prometheus.ask("/api/v1/rules")["groups"][0]["rules"][0]["health"] == "ok"
