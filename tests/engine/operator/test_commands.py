"""The commands in the image, as README gives them, on a real pair whose controller is gone: nobody heals meanwhile."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from ..kit.compose import make_command
from ..kit.pair import API, FILE, Pair

if TYPE_CHECKING:
    from ..kit.host import Host


class Commands:
    """`docker compose exec status-state-api status-state …`."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair

    def command(self, line: str) -> list[str]:
        """The whole command line."""
        return make_command("exec", "-T", API, "status-state", *line.split(), file=FILE, project=self.pair.project)

    def __call__(self, line: str, code: int = 0) -> str:
        """What it prints, and nothing on the other stream unless it fails; it must end with this code."""
        done = subprocess.run(self.command(line), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, f"{line}: {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
        return done.stderr if code in {1, 2} else done.stdout


def test_an_operator_looks_accepts_pauses_releases_and_goes_back(host: Host) -> None:
    web, db = host.run("web"), host.run("db")
    with Pair(host).running() as pair:
        run = Commands(pair)
        assert run("status").endswith("\nin sync\n")
        first = pair.snapshot_id()
        pair.controller.docker("kill")
        db.docker("stop", "--time=0")
        miner = host.run("miner")

        shown = run("status", 3)
        rows = {words[0]: words[1] for words in map(str.split, shown.splitlines()) if len(words) > 1}
        assert [rows[one.name] for one in (web, db, miner)] == ["original", "missing", "newcomer"]
        assert [rows[one.name] for one in (pair.api,)] == ["protected"]
        assert f"{db.name} is missing, {miner.name} is a newcomer" in shown
        assert f"{db.name} " in run("diff", 3)
        assert {one["what"] for one in json.loads(run("diff --json", 3))} == {"missing", "newcomer"}
        assert pair.get("/status?format=text&width=1000").text.splitlines()[-1] == shown.splitlines()[-1]

        assert f"+ {miner.name} becomes an original" in run(f"accept {miner.name} --dry-run")
        assert pair.snapshot_id() == first
        assert "is in force" in run(f"accept {miner.name}")
        assert pair.original_names() == {web.name, db.name, miner.name}
        assert "Nothing changes" in run(f"accept {miner.name}")

        assert f"{db.name} until " in run(f"pause {db.name} --for 15m --reason deploy")
        assert "deploy" in run("status", 3)
        assert run("resume") == "Healing is not paused.\n"

        assert "is released" in run(f"release {db.name}")
        assert run("status").endswith("\nin sync\n")
        run("pause --for 15m --accept-at-end")
        miner.docker("stop", "--time=0")
        assert f"- {miner.name} is no original any more" in run("resume")
        assert pair.original_names() == {web.name}

        assert run("snapshots").splitlines()[-1].startswith(first[:12])
        run(f"rollback {first[:8]}")
        assert pair.original_names() == {web.name, db.name}
        assert run("token").strip() == pair.read_token()
        with subprocess.Popen(run.command("journal --follow"), stdout=subprocess.PIPE) as following:
            assert following.stdout is not None
            assert following.stdout.readline(), "what is followed through a pipe comes at once"
            following.kill()
        assert "There is no" in run("accept nobody", 1)
        assert "--for" in run("pause", 2)
