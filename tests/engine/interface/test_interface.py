"""The HTTP interface of the SSA as the world sees it: current, closed to strangers, and without secrets."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from ..kit.host import Container, Host, parse_time, run_command, volume_path
from ..kit.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Generator


SECRET = f"hunter2-{secrets.token_hex(8)}"
PROBLEM = "application/problem+json"
LISTEN = "0A"  # in /proc/net/tcp
RESOLVER = "0B00007F"  # 127.0.0.11, where the engine's own name service listens in every container


@pytest.fixture(scope="module")
def original(module_host: Host) -> Container:
    """An original with a secret in its environment and a published port."""
    options = ("--env", f"PASSWORD={SECRET}", "--publish", "127.0.0.1:18080:80", "--label", "purpose=shop")
    return module_host.run("original", options=options)


@pytest.fixture(scope="module")
def pair(module_host: Host, original: Container) -> Generator[Pair]:
    """The pair, with one original."""
    with Pair(module_host).running() as pair:
        assert pair.original_names() == {original.name}
        yield pair


def test_status_tells_of_the_engine_the_snapshot_and_what_runs(pair: Pair, original: Container) -> None:
    status = pair.status()
    engine = json.loads(run_command("docker", "info", "--format", "{{json .}}"))
    none_id = run_command("docker", "network", "inspect", "--format", "{{.Id}}", "none").strip()
    identity = {"id": engine["ID"], "name": engine["Name"], "none_network_id": none_id}
    assert status["engine"]["reachable"] is True
    assert status["engine"]["error"] is None
    assert status["engine"]["version"] == engine["ServerVersion"]
    assert {key: status["engine"][key] for key in identity} == identity
    assert status["snapshot"]["engine"] == identity
    [kept] = status["snapshot"]["originals"]
    told = original.inspect()
    assert (kept["id"], kept["name"]) == (original.id, original.name)
    assert (kept["image"], kept["image_id"]) == (told["Config"]["Image"], told["Image"])
    [shown] = [container for container in status["running"] if container["id"] == original.id]
    assert (shown["name"], shown["image"], shown["image_id"]) == (kept["name"], kept["image"], kept["image_id"])
    assert (shown["state"], shown["labels"]["purpose"]) == ("running", "shop")
    assert shown["status"].startswith("Up ")
    assert "sh -c" in shown["command"]
    assert "18080" in json.dumps(shown["ports"])
    assert abs(parse_time(shown["created_at"]) - parse_time(told["Created"])) < 2
    assert status["controller"]["last_seen_seconds_ago"] < 30


def test_status_shows_in_the_very_next_answer_what_was_started_and_removed_a_moment_ago(pair: Pair, host: Host) -> None:
    # Protected, so that the SSC doesn't take part.
    for _ in range(3):
        started = host.run("started", options=("--label", "status-state.ignore=true"))
        assert started.id in [container["id"] for container in pair.status()["running"]]
        started.docker("pause")
        states = {container["id"]: container["state"] for container in pair.status()["running"]}
        assert states[started.id] == "paused"
        started.docker("rm", "--force")
        assert started.id not in [container["id"] for container in pair.status()["running"]]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json", "/snapshot", "/status"])
def test_the_open_pages_answer_without_a_token(pair: Pair, path: str) -> None:
    assert pair.get(path).status_code == 200


def test_the_snapshot_page_shows_what_status_shows(pair: Pair, original: Container) -> None:
    snapshot = pair.get("/snapshot").json()
    assert original.id in json.dumps(snapshot)
    assert pair.snapshot_id() in json.dumps(snapshot)


def test_secrets_of_originals_are_served_to_the_controller_alone_and_are_in_no_log(
    pair: Pair, original: Container
) -> None:
    recipes = pair.get("/snapshot/recipes", token=pair.read_token())
    assert recipes.status_code == 200
    assert SECRET in recipes.text, "the secret must be in the recipes, or this test proves nothing"
    original.docker("kill")  # gives both something to write about
    original.wait_for("running")
    pair.wait_for_checks(2)
    texts = {path: pair.get(path).text for path in ("/status", "/snapshot", "/openapi.json", "/readyz", "/healthz")}
    texts |= {"log of the SSA": pair.api.logs, "log of the SSC": pair.controller.logs}
    assert original.name in texts["/status"]
    assert original.name in texts["log of the SSC"]
    assert [place for place, text in texts.items() if SECRET in text] == []
    inspected = json.dumps([pair.api.inspect(), pair.controller.inspect()])
    assert pair.read_token() not in inspected + "".join(texts.values())


@pytest.mark.parametrize("token", ["", "wrong"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/snapshot/recipes"), ("POST", "/reports")])
def test_a_wrong_token_is_refused_with_a_sentence(pair: Pair, method: str, path: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(trust_env=False, base_url="http://127.0.0.1:8000") as client:
        answer = client.request(method, path, headers=headers, json={} if method == "POST" else None)
    assert answer.status_code == 401
    assert answer.headers["content-type"].partition(";")[0] == PROBLEM
    assert len(answer.json()["detail"].split()) >= 3
    assert pair.read_token() not in answer.text


def test_a_report_that_is_none_is_refused_and_changes_nothing(pair: Pair) -> None:
    before = pair.status()["controller"]["report"]
    headers = {"Authorization": f"Bearer {pair.read_token()}"}
    with httpx.Client(trust_env=False, base_url="http://127.0.0.1:8000", headers=headers) as client:
        answer = client.post("/reports", json={"nonsense": True})
        big = client.post("/reports", content=b"[" + b" " * 50_000_000 + b"]")
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"].partition(";")[0] == PROBLEM
    assert 400 <= big.status_code < 500, "bodies are bounded"
    assert pair.status()["controller"]["report"] == before
    assert pair.is_ready()


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000"])
def test_an_unknown_host_is_refused(pair: Pair, name: str) -> None:
    answer = pair.get("/status", host=name)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"].partition(";")[0] == PROBLEM
    assert "originals" not in answer.text


@pytest.mark.parametrize(
    "name", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "192.0.2.7", "status-state-api:8000"]
)
def test_a_known_host_is_served(pair: Pair, name: str) -> None:
    assert pair.get("/status", host=name).status_code == 200


def test_nothing_is_allowed_to_other_origins(pair: Pair) -> None:
    with httpx.Client(trust_env=False, base_url="http://127.0.0.1:8000") as client:
        answer = client.get("/status", headers={"Origin": "http://evil.example"})
    assert pair.is_ready()
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_an_unknown_page_is_a_problem_with_a_sentence(pair: Pair) -> None:
    answer = pair.get("/nothing-here")
    assert answer.status_code == 404
    assert answer.headers["content-type"].partition(";")[0] == PROBLEM
    assert len(answer.json()["detail"].split()) >= 3


def test_the_port_is_published_on_this_machine_only(pair: Pair) -> None:
    bindings = pair.api.inspect()["HostConfig"]["PortBindings"]
    assert bindings == {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8000"}]}
    [network] = pair.api.inspect()["NetworkSettings"]["Networks"].values()
    gateway = network["Gateway"]  # an address of this machine that its containers reach
    socket.create_connection(("127.0.0.1", 8000), timeout=3).close()
    with contextlib.suppress(ConnectionRefusedError, TimeoutError):
        socket.create_connection((gateway, 8000), timeout=3).close()
        pytest.fail(f"the port answers on {gateway} too")


def listening_ports(process: int) -> list[int]:
    """The ports on which anything listens in the network of the process, but for the engine's resolver."""
    lines = [
        line.split()
        for kind in ("tcp", "tcp6")
        for line in Path(f"/proc/{process}/net/{kind}").read_text().splitlines()[1:]
    ]
    found = [fields[1].split(":") for fields in lines if fields[3] == LISTEN]
    return sorted({int(port, 16) for address, port in found if address != RESOLVER})


def test_the_controller_listens_on_no_port(pair: Pair) -> None:
    assert listening_ports(pair.api.process) == [8000]
    assert listening_ports(pair.controller.process) == []
    assert not pair.controller.inspect()["HostConfig"]["PortBindings"]


@pytest.mark.parametrize("service", ["api", "controller"])
def test_both_containers_are_hardened(pair: Pair, service: str) -> None:
    told = (pair.api if service == "api" else pair.controller).inspect()
    limits = told["HostConfig"]
    assert limits["ReadonlyRootfs"] is True
    assert limits["CapDrop"] == ["ALL"]
    assert not limits["CapAdd"]
    assert limits["SecurityOpt"] == ["no-new-privileges:true"]
    assert limits["Privileged"] is False
    assert 0 < limits["Memory"] <= 512 * 2**20
    assert 0 < limits["PidsLimit"] <= 512
    assert limits["RestartPolicy"]["Name"] == "always"
    assert told["Config"]["Labels"]["status-state.role"]
    assert told["Config"]["Healthcheck"]["Test"][0] in ("CMD", "CMD-SHELL")


def test_the_token_and_the_store_are_for_their_owner_alone(pair: Pair) -> None:
    token = volume_path(f"{pair.project}_token") / "token"
    data = volume_path(f"{pair.project}_data")
    files = [path for path in data.rglob("*") if path.is_file()]
    assert token.is_file()
    assert files
    assert [path for path in (token, *files) if stat.S_IMODE(path.stat().st_mode) != 0o600] == []
    stored = b"".join(path.read_bytes() for path in files)
    assert SECRET.encode() in stored, "the recipes must be stored, and readable without a key of their own"
