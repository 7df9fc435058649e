"""The wrapper around the Docker SDK: what it makes of the engine's answers, and of its silence."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import docker.errors
import pytest
import requests
import requests.exceptions
from status_state_controller.engine import connection as engine_module
from status_state_controller.engine.client import Engine
from status_state_controller.errors import ContainerError, EngineError, EngineRefused, ImplausibleListing
from status_state_controller.model import Container

from ..world import ENGINE, id_of

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeConnection:
    """One `docker.APIClient`: passes on every call."""

    def __init__(self, client: FakeClient, version: str) -> None:
        self._client = client
        self.api_version = client.newest_api if version == "auto" else version

    def __getattr__(self, method: str) -> Any:
        return getattr(self._client, method)


class FakeClient:
    """What all connections lead to: answers as it is told, and notes how it was called."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}  # by method: a value, or an exception to raise
        self.calls: list[tuple[Any, ...]] = []
        self.connected: list[dict[str, Any]] = []
        self.closed = 0
        self.newest_api = "1.41"

    def close(self) -> None:
        """Be closed."""
        self.closed += 1

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any, **others: Any) -> Any:
            self.calls.append((method, *arguments, *others.values()))
            answer = self.answers.get(method)
            if isinstance(answer, BaseException):
                raise answer
            return answer() if callable(answer) else answer

        return call


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    """The client that every connection leads to."""
    client = FakeClient()

    def connect(**how: Any) -> FakeConnection:
        client.connected.append(how)
        failure = client.answers.get("connect")
        if failure is not None:
            raise failure
        return FakeConnection(client, how["version"])

    monkeypatch.setattr(engine_module, "APIClient", connect)
    return client


def engine(**environment: str) -> Engine:
    """An engine at the given address."""
    return Engine(environment, threads=2)


def refusal(status: int, message: str) -> docker.errors.APIError:
    """What the SDK raises for an answer of the engine that is an error."""
    response = requests.Response()
    response.status_code = status
    kind = docker.errors.NotFound if status == 404 else docker.errors.APIError
    return kind("x", response=response, explanation=message)


def listed(**entry: Any) -> dict[str, Any]:
    """One entry of the engine's list."""
    labels = dict[str, str]()
    plain = {"Id": id_of("web"), "Names": ["/web"], "State": "running", "Status": "Up 1 second", "Labels": labels}
    return plain | entry


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (listed(), Container(id_of("web"), "web", "running", "Up 1 second", {})),
        (listed(Labels={"a": "b"}), Container(id_of("web"), "web", "running", "Up 1 second", {"a": "b"})),
        (listed(Names=["/shop/db", "/web"]), Container(id_of("web"), "web", "running", "Up 1 second", {})),
        (listed(Names=["/web", "/a/b", "/c/d"]), Container(id_of("web"), "web", "running", "Up 1 second", {})),
        (listed(Names=[]), Container(id_of("web"), id_of("web")[:12], "running", "Up 1 second", {})),
        (listed(Names=None), Container(id_of("web"), id_of("web")[:12], "running", "Up 1 second", {})),
        (listed(Labels=None, Status=None), Container(id_of("web"), "web", "running", "", {})),
    ],
    ids=["plain", "labels", "a link first", "links", "no name", "null for names", "null for the rest"],
)
async def test_a_listed_container_is_read(entry: dict[str, Any], expected: Container, client: FakeClient) -> None:
    client.answers["containers"] = [entry]
    assert await engine().containers() == [expected]
    assert client.calls == [("containers", True)], "one request, and containers that are down too"


NO_LISTS: dict[str, object] = {
    "null": None,
    "an empty object": {},
    "an error": {"message": "page not found"},
    "a text": "rubbish",
    "a number": 7,
    "texts": ["web"],
    "nulls": [None],
    "no id": [{"Names": ["/web"], "State": "running"}],
    "no state": [{"Id": id_of("web"), "Names": ["/web"]}],
    "null for an id": [listed(Id=None)],
    "null for a state": [listed(State=None)],
    "one bad entry": [listed(), {}],
}


@pytest.mark.parametrize("answer", NO_LISTS.values(), ids=NO_LISTS.keys())
async def test_a_malformed_list_is_no_list(answer: object, client: FakeClient) -> None:
    client.answers["containers"] = answer
    with pytest.raises(ImplausibleListing):
        await engine().containers()


async def test_an_engine_without_containers_is_possible(client: FakeClient) -> None:
    client.answers["containers"] = []
    assert await engine().containers() == []


FAILURES = {
    "refused": (
        requests.exceptions.ConnectionError(ConnectionRefusedError(111, "refused")),
        EngineRefused,
        "no engine",
    ),
    "no socket": (requests.exceptions.ConnectionError(FileNotFoundError(2, "No such file")), EngineRefused, "mount"),
    "not permitted": (requests.exceptions.ConnectionError(PermissionError(13, "denied")), EngineError, "user 0"),
    "too slow": (requests.exceptions.ReadTimeout("read timed out"), EngineError, "did not answer within 60 s"),
    "broken off": (requests.exceptions.ChunkedEncodingError("incomplete read"), EngineError, "incomplete read"),
    "malformed": (requests.exceptions.JSONDecodeError("x", "x", 0), EngineError, "can't be asked"),
    "an error of its own": (refusal(500, "the store is broken"), EngineError, "the store is broken"),
    "the SDK's own": (docker.errors.DockerException("Error while fetching server API version"), EngineError, "version"),
}


@pytest.mark.parametrize(("failure", "kind", "told"), FAILURES.values(), ids=FAILURES.keys())
@pytest.mark.parametrize("call", ["containers", "connect"])
async def test_an_engine_that_can_not_be_asked_is_reported_with_cause_and_remedy(
    call: str, failure: Exception, kind: type[EngineError], told: str, client: FakeClient
) -> None:
    client.answers[call] = failure
    with pytest.raises(EngineError, match=told) as caught:
        await engine(DOCKER_HOST="tcp://kiosk:2375").containers()
    assert type(caught.value) is kind
    assert caught.value.__cause__ is failure


async def test_a_cause_that_the_libraries_wrapped_deeply_is_found(client: FakeClient) -> None:
    inner = Exception("Connection aborted.", ConnectionRefusedError(111, "refused"))
    outer = docker.errors.DockerException(f"Error while fetching server API version: {inner}")
    outer.__context__ = requests.exceptions.ConnectionError(inner)
    client.answers["connect"] = outer
    with pytest.raises(EngineRefused, match=r"/var/run/docker\.sock"):
        await engine().containers()


async def test_one_connection_serves_all_calls_until_it_breaks(client: FakeClient) -> None:
    client.answers["containers"] = []
    kiosk = engine(DOCKER_HOST="tcp://kiosk:2375")
    for _ in range(3):
        await kiosk.containers()
    assert len(client.connected) == 1
    assert str(client.connected[0]["base_url"]).endswith("://kiosk:2375")
    client.answers["containers"] = requests.exceptions.ConnectionError("broken pipe")
    with pytest.raises(EngineError):
        await kiosk.containers()
    client.answers["containers"] = []
    await kiosk.containers()
    assert len(client.connected) == 2, "the engine that comes back may speak another version"


async def test_the_identity_is_asked_for(client: FakeClient) -> None:
    client.answers |= {
        "info": {"ID": ENGINE.id, "Name": ENGINE.name},
        "networks": [{"Name": "none-too", "Id": "x"}, {"Name": "none", "Id": ENGINE.none_network_id}],
    }
    assert await engine().identity() == ENGINE


async def test_an_engine_without_the_network_none_is_known_all_the_same(client: FakeClient) -> None:
    client.answers |= {"info": {"ID": "x", "Name": "podman"}, "networks": [{"Name": "podman", "Id": "y"}]}
    assert (await engine().identity()).none_network_id is None


@pytest.mark.parametrize("answer", [None, [None], [{}], {"message": "?"}], ids=repr)
async def test_what_is_no_list_of_networks_is_an_error_of_the_engine(answer: object, client: FakeClient) -> None:
    client.answers |= {"info": {"ID": "x", "Name": "y"}, "networks": answer}
    with pytest.raises(EngineError):
        await engine().identity()


@pytest.mark.parametrize("answer", [{}, {"ID": "x"}, {"ID": "x", "Name": None}, {"ID": None, "Name": "x"}], ids=repr)
async def test_an_identity_that_is_incomplete_is_an_error_of_the_engine(answer: object, client: FakeClient) -> None:
    client.answers |= {"info": answer, "networks": []}
    with pytest.raises(EngineError):
        await engine().identity()


async def test_a_container_that_is_gone_has_no_inspect(client: FakeClient) -> None:
    client.answers["inspect_container"] = refusal(404, "No such container")
    assert await engine().inspect(id_of("web")) is None


@pytest.mark.parametrize("status", [404, 409, 500])
async def test_a_start_that_the_engine_refuses_is_that_containers_error(status: int, client: FakeClient) -> None:
    client.answers["start"] = refusal(status, "port is already allocated")
    with pytest.raises(ContainerError, match="port is already allocated"):
        await engine().start(id_of("web"))


@pytest.mark.parametrize(
    ("newest", "asked"), [("1.41", ["auto"]), ("1.51", ["auto"]), ("1.54", ["auto", "1.51"])], ids=str
)
async def test_the_newest_version_of_the_api_that_is_asked_for_still_tells_mac_addresses(
    newest: str, asked: list[str], client: FakeClient
) -> None:
    client.newest_api = newest
    await engine().inspect(id_of("web"))
    assert [how["version"] for how in client.connected] == asked


@pytest.mark.parametrize(
    ("newest", "stays"), [("1.41", True), ("1.47", True), ("1.48", False), ("1.51", False)], ids=str
)
async def test_only_engines_that_refuse_kernel_settings_of_an_interface_are_reported_them_in_the_new_way(
    newest: str, stays: bool, client: FakeClient
) -> None:
    client.newest_api, client.answers["create_container_from_config"] = newest, {"Id": id_of("web")}
    host_config = {"NetworkMode": "shop", "Sysctls": {"net.ipv4.conf.eth0.mtu": "1"}}
    body: dict[str, Any] = {"HostConfig": host_config, "NetworkingConfig": {"EndpointsConfig": {}}}
    assert await engine().create("web", body) == id_of("web")
    [(_, request, name)] = client.calls
    assert (name, bool(request["HostConfig"]["Sysctls"])) == ("web", stays)
    assert (request == body) is stays


async def test_a_pull_that_fails_after_its_answer_began_well_is_reported_in_the_engines_words(
    client: FakeClient,
) -> None:
    client.answers["pull"] = '{"status":"Pulling"}\r\n{"errorDetail":{"message":"x"},"error":"unknown blob"}\r\n'
    with pytest.raises(ContainerError, match="unknown blob"):
        await engine().pull("nginx@sha256:77")
    client.answers["pull"] = '{"status":"Pulling"}\r\n{"status":"Digest: sha256:77"}\r\n{"st'
    await engine().pull("nginx@sha256:77")


INVALID = 'invalid mount config for type "bind": '


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        (f"{INVALID}bind source path does not exist: /srv/a b: c", "/srv/a b: c"),
        (f"{INVALID}field Target must not be empty", None),
        (f"{INVALID}stat /srv/secret: permission denied", None),
    ],
)
async def test_the_engine_is_asked_for_sources_by_a_request_that_it_has_to_refuse(
    answer: str, missing: str | None, client: FakeClient
) -> None:
    client.answers["_raise_for_status"] = refusal(400, answer)
    assert await engine().missing_source(["/srv/a b: c", "/srv/secret"]) == missing
    [body] = [call[-1] for call in client.calls if call[0] == "_post_json"]
    *asked, last = body["HostConfig"]["Mounts"]
    assert [(mount["Type"], mount["Source"]) for mount in asked] == [("bind", "/srv/a b: c"), ("bind", "/srv/secret")]
    assert not last["Target"], "without it the engine might make a container"


async def test_what_an_engine_makes_of_the_question_for_sources_is_removed(client: FakeClient) -> None:
    client.answers["_post_json"] = answer({"Id": "made"})
    assert await engine().missing_source(["/srv"]) is None
    assert client.calls[-1] == ("remove_container", "made")


def answer(document: object) -> requests.Response:
    """An answer of the engine."""
    response = requests.Response()
    response.status_code = 201
    response._content = json.dumps(document).encode()
    return response


@pytest.mark.parametrize("verb", ["stop", "restart"])
@pytest.mark.parametrize(("own", "listened"), [(None, 660), (0, 60), (3, 63), (1000, 1060), (-1, None)])
async def test_the_engine_itself_knows_how_long_a_stop_may_take_and_is_listened_to_for_longer(
    verb: str, own: int | None, listened: int | None, client: FakeClient
) -> None:
    await getattr(engine(), verb)(id_of("miner"), own)
    assert client.calls == [
        ("_url", f"/containers/{{0}}/{verb}", id_of("miner")),
        ("_post", None, listened),
        ("_raise_for_status", None),
    ], "no `t`: it would override the engine's own default"


async def test_stops_that_take_long_hold_up_no_question(client: FakeClient) -> None:
    stopped = threading.Event()
    client.answers |= {"_post": stopped.wait, "containers": []}
    slow = engine()
    stops = [asyncio.create_task(slow.stop(id_of(str(number)), 600)) for number in range(5)]
    async with asyncio.timeout(5):
        while len([call for call in client.calls if call[0] == "_post"]) < len(stops):  # noqa: ASYNC110 # made by threads
            await asyncio.sleep(0)
        assert await slow.containers() == []
    stopped.set()
    await asyncio.gather(*stops)


async def test_stopping_what_is_gone_is_a_success_and_a_refusal_is_that_containers_error(client: FakeClient) -> None:
    client.answers["_raise_for_status"] = refusal(404, "No such container")
    await engine().stop(id_of("miner"), None)
    client.answers["_raise_for_status"] = refusal(500, "cannot stop container")
    with pytest.raises(ContainerError, match="cannot stop container"):
        await engine().stop(id_of("miner"), None)


@pytest.mark.parametrize("status", [404, 500])
async def test_a_restart_that_the_engine_refuses_is_that_containers_error(status: int, client: FakeClient) -> None:
    client.answers["_raise_for_status"] = refusal(status, "cannot restart container")
    with pytest.raises(ContainerError, match="cannot restart container"):
        await engine().restart(id_of("web"), None)
