"""The one module that talks to the Docker engine, and the only one that imports its SDK.

It only reads. Neither objects nor exceptions of the SDK leave it: answers become plain values (`view`), failures
become `EngineUnavailable` with cause and remedy. Calls block, so each runs in one of a few daemon threads; their
time-outs are the client's own, because a time-out around a thread would only abandon it.
"""

import json
import ssl
import stat
import traceback
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

import docker.utils
import requests
from docker import APIClient
from docker.errors import APIError, DockerException, TLSParameterError

from ..errors import EngineUnavailable, LogUnreadable
from ..model import EngineIdentity
from ..process.threads import DaemonThreads
from . import faults
from .faults import AtPath
from .streams import Endpoint, StreamRefused, open_stream
from .view import EngineLook, Inspection, Listing, digest_of, parse_moment, read_listing

CONCURRENT_CALLS = 8
DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
NEWEST_API = "1.51"
"""The newest version of the engine's API that is asked for: from 1.52 on `inspect` no longer tells the MAC address that a
person asked for (moby#51189), and a recipe would lack it."""
TRIGGERS = ("start", "die", "destroy", "rename", "pause", "unpause", "health_status")
"""The events that can change who is observed, and how; the engine itself leaves out the rest."""

T = TypeVar("T")


class _ErrorStatus(Exception):
    """The engine answered, with an error of HTTP. Never leaves this module."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


_FAILURES = (
    _ErrorStatus,
    DockerException,  # also what negotiating the version with a dead socket raises
    requests.RequestException,  # what a dead socket raises later
    OSError,
    ValueError,  # the answer is no JSON
    LookupError,  # or lacks what the engine always tells
    TypeError,
)


class Engine:
    """The engine that DOCKER_HOST names, or the one at the usual socket. Implements `view.EngineView`."""

    def __init__(self, environment: Mapping[str, str], timeout_seconds: float) -> None:
        self._environment = dict(environment)
        self._timeout_seconds = timeout_seconds
        self._threads = DaemonThreads(CONCURRENT_CALLS, "engine")
        self._client: APIClient | None = None
        self._last_listing: Listing | None = None

    @property
    def address(self) -> str:
        """Where the engine is asked."""
        return self._environment.get("DOCKER_HOST") or DEFAULT_ADDRESS

    async def look(self) -> EngineLook:
        """Which engine it is, and when it started."""
        return await self._call(_look)

    async def running(self) -> Listing:
        """`docker ps`: one call, whatever the number of containers."""
        return await self._call(self._list)

    async def container_ids(self) -> frozenset[str]:
        """The ids of all containers, whatever their state."""
        return await self._call(_container_ids)

    async def all(self) -> Listing:
        """`docker ps --all`: one call."""
        return await self._call(_list_all)

    async def ping(self) -> None:
        """Ask whether it answers."""
        await self._call(_ping)

    async def container(self, container_id: str) -> Inspection | None:
        """The container's `inspect`; None when there is none of that id."""
        return await self._call(_inspect, "/containers/{0}/json", container_id)

    async def network(self, network_id: str) -> Inspection | None:
        """The network's `inspect`; None when there is none."""
        return await self._call(_inspect, "/networks/{0}", network_id)

    async def volume(self, name: str) -> Inspection | None:
        """The volume's `inspect`; None when there is none."""
        return await self._call(_inspect, "/volumes/{0}", name)

    async def image(self, image_id: str) -> Inspection | None:
        """The image's `inspect`; None when there is none."""
        return await self._call(_inspect, "/images/{0}/json", image_id)

    @asynccontextmanager
    async def log(self, container_id: str, since: str) -> AsyncGenerator[AsyncGenerator[bytes]]:
        """A container's log from a moment on, with times, as the engine sends it, until the container stops."""
        question = {"follow": 1, "stdout": 1, "stderr": 1, "timestamps": 1, "since": since}
        async with self._stream(f"/containers/{container_id}/logs?{urlencode(question)}") as chunks:
            yield chunks

    @asynccontextmanager
    async def events(self) -> AsyncGenerator[AsyncGenerator[bytes]]:
        """What happens to containers, from now on, as the engine sends it: lines of JSON."""
        filters = {"type": ["container"], "event": list(TRIGGERS)}
        async with self._stream(f"/events?{urlencode({'filters': json.dumps(filters)})}") as chunks:
            yield chunks

    @asynccontextmanager
    async def _stream(self, path: str) -> AsyncGenerator[AsyncGenerator[bytes]]:
        try:
            async with open_stream(await self._call(self._endpoint), path) as chunks:
                yield chunks
        except StreamRefused as error:
            message = _message(error.body)
            if error.status in {400, 501} or "does not support reading" in message:
                raise LogUnreadable(
                    f"its log can't be read: {message}", "Give it a log driver that keeps a log, such as json-file"
                ) from error
            raise faults.explain_status(self.address, error.status, message) from error
        except OSError as error:
            raise faults.explain(self.address, self._at_path(), _root(error)) from error

    def _endpoint(self, client: APIClient) -> Endpoint:
        """Where the client asks, for those who ask by themselves."""
        prefix, timeout = f"/v{client.api_version}", self._timeout_seconds
        parts = urlsplit(client.base_url)
        if parts.scheme not in {"http", "https"}:
            return Endpoint(prefix, timeout, path=self.address.partition("://")[2])
        context: ssl.SSLContext | None = None
        if parts.scheme == "https":
            verify = client.verify
            context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
            if verify is False:
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if client.cert:
                context.load_cert_chain(*client.cert)
        return Endpoint(prefix, timeout, host=parts.hostname or "", port=parts.port or 2375, tls=context)

    def _list(self, client: APIClient) -> Listing:
        """List, and read the answer only if it differs from the last one: on a quiet host it does once a minute."""
        raw = _get(client, "/containers/json")
        last = self._last_listing
        if last is not None and last.digest == digest_of(raw):
            return last
        self._last_listing = read_listing(raw)
        return self._last_listing

    async def _call(self, call: Callable[..., T], *args: Any) -> T:
        return await self._threads.run(self._blocking, call, *args)

    def _blocking(self, call: Callable[..., T], *args: Any) -> T:
        try:
            return call(self._connected(), *args)
        except _FAILURES as error:
            self._disconnect()
            explained = self._explain(error)
            # It may be kept for as long as the engine is lost: it must not keep sockets open by its frames.
            for cause in _chain(error):
                traceback.clear_frames(cause.__traceback__)
            raise explained from error

    def _connected(self) -> APIClient:
        """The client: made at the first call, and again after a failure, when the engine may be of another version.

        Without a lock: threads that come here together may make one each, and do not wait for each other's time-out.
        """
        client = self._client
        if client is None:
            settings = docker.utils.kwargs_from_env(self._environment)
            timeout = cast("int", self._timeout_seconds)
            client = APIClient(version="auto", timeout=timeout, **settings)
            if docker.utils.version_lt(NEWEST_API, client.api_version):
                client.close()
                client = APIClient(version=NEWEST_API, timeout=timeout, **settings)
            client.trust_env = False  # no look at proxies and ~/.netrc at every call
            self._client = client
        return client

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _explain(self, error: Exception) -> EngineUnavailable:
        for cause in _chain(error):
            if isinstance(cause, _ErrorStatus):
                return faults.explain_status(self.address, cause.status, cause.message)
            if isinstance(cause, APIError) and cause.status_code is not None:
                return faults.explain_status(self.address, cause.status_code, str(cause.explanation or ""))
        if isinstance(error, TLSParameterError):
            return EngineUnavailable(
                f"the TLS settings for {self.address} can't be used: {faults.brief(error)}",
                "Put ca.pem, cert.pem and key.pem of this engine into DOCKER_CERT_PATH",
            )
        return faults.explain(self.address, self._at_path(), _root(error))

    def _at_path(self) -> AtPath:
        scheme, _, path = self.address.partition("://")
        if scheme not in {"unix", "http+unix"}:
            return AtPath.NO_PATH
        try:
            mode = Path(path).stat().st_mode
        except FileNotFoundError:
            return AtPath.NOTHING
        except OSError:
            return AtPath.SOCKET  # it can't be told: the error itself says more
        if stat.S_ISDIR(mode):
            return AtPath.DIRECTORY
        return AtPath.SOCKET if stat.S_ISSOCK(mode) else AtPath.OTHER


def _get(client: APIClient, path: str) -> bytes:
    """GET once more when a connection kept from before turns out to be closed; reading twice does no harm."""
    url = f"{client.base_url}/v{client.api_version}{path}"
    try:
        response = client.get(url, timeout=client.timeout)
    except requests.ConnectionError as error:
        if not isinstance(_root(error), ConnectionResetError | BrokenPipeError):
            raise
        response = client.get(url, timeout=client.timeout)
    if response.status_code >= 400:
        raise _ErrorStatus(response.status_code, _message(response.content))
    return response.content


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content[:200].decode(errors="replace")


def _look(client: APIClient) -> EngineLook:
    info: dict[str, Any] = json.loads(_get(client, "/info"))
    networks: list[dict[str, Any]] = json.loads(_get(client, "/networks"))
    local = {network["Name"]: network for network in networks if network.get("Scope") == "local"}
    bridge, none = local.get("bridge"), local.get("none")
    clock = parse_moment(info["SystemTime"])
    if clock is None:
        raise ValueError("the engine has no clock")
    return EngineLook(
        # Podman has no network `none`.
        identity=EngineIdentity(id=info["ID"], name=info["Name"], none_network_id=none["Id"] if none else None),
        version=info["ServerVersion"],
        clock=clock,
        bridge_id=bridge["Id"] if bridge else None,
        bridge_created_at=parse_moment(bridge["Created"]) if bridge else None,
    )


def _container_ids(client: APIClient) -> frozenset[str]:
    listed: list[dict[str, Any]] = json.loads(_get(client, "/containers/json?all=1"))
    return frozenset(entry["Id"] for entry in listed)


def _list_all(client: APIClient) -> Listing:
    return read_listing(_get(client, "/containers/json?all=1"))


def _ping(client: APIClient) -> None:
    _get(client, "/_ping")


def _inspect(client: APIClient, path: str, name: str) -> Inspection | None:
    try:
        return json.loads(_get(client, path.format(quote(name, safe=""))))
    except _ErrorStatus as error:
        if error.status == 404:
            return None
        raise


def _chain(error: BaseException) -> list[BaseException]:
    """The error and all that caused it: by `from`, by context, or wrapped as requests and urllib3 do."""
    chain: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or one in chain:
            continue
        chain.append(one)
        waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
    return chain


def _root(error: BaseException) -> BaseException:
    """What the operating system said, if it said something; else what was raised."""
    for cause in _chain(error):
        if isinstance(cause, requests.Timeout):
            return TimeoutError(str(cause))
        if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException):
            return cause
    return error
