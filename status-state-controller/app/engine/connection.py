"""The connection to the Docker engine: threads, time-outs, versions, and errors in our own words.

The SDK blocks, so each call runs in a thread of its own. These threads are daemons, because a stop may rightly last ten
minutes and must not hold up the end of the process. Time-outs are the client's own: giving up on a thread from outside
would leave it at work unseen.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

import docker.errors
import requests.exceptions
import urllib3.exceptions
from docker import APIClient
from docker.utils import kwargs_from_env, version_lt

from ..errors import ContainerError, EngineError
from ..process.threads import DaemonThreads
from .faults import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

READ_TIMEOUT_SECONDS = 60
"""How long one answer may take; a stop gets the container's own stop time-out on top."""

NEWEST_API = "1.51"
"""The newest version of the engine's API that is asked for: from 1.52 on `inspect` no longer tells the MAC address that a
person asked for (moby#51189), and what every endpoint tells may be a generated one, so it can't be copied instead. Of
further networks no version tells which of the two it is: there the engine generates another one."""

MOST_ACTS = 1000
"""Threads of what acts: as many as there are actions, which are begun a few at a time. They end when they are idle."""

_CANT_ASK = (
    docker.errors.DockerException,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,  # a stream that breaks is not wrapped by requests
    OSError,
    ValueError,  # what answers speaks no JSON
)


class Connection:
    """The way to one Docker engine, reached as DOCKER_HOST (and DOCKER_TLS_VERIFY, DOCKER_CERT_PATH) say.

    Args:
        environment: where DOCKER_HOST and its kin are looked up.
        threads: how many questions may be under way at once. What acts may take ten minutes each, and has other threads: else
            nothing could be looked at meanwhile.
    """

    def __init__(self, environment: Mapping[str, str], threads: int) -> None:
        self._environment = dict(environment)
        self._threads = threads
        self._calls = DaemonThreads(threads, "engine-call")
        self._acts = DaemonThreads(MOST_ACTS, "engine-act")
        self._lock = threading.Lock()
        self._client: APIClient | None = None

    @property
    def address(self) -> str:
        """Where the engine is looked for."""
        return self._environment.get("DOCKER_HOST") or "unix:///var/run/docker.sock"

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send the engine its own JSON where the SDK's functions take apart and leave out; return its answer, if any."""

        def act(client: Any) -> dict[str, Any]:
            response = client._post_json(client._url(path), data=dict(body))
            client._raise_for_status(response)
            return response.json() if response.content else {}

        return await self._call(act, acting=True)

    # The client is Any below, because its stubs leave most answers untyped.
    async def _call(self, function: Callable[[Any], T], *, acting: bool = False) -> T:
        return await (self._acts if acting else self._calls).run(self._translated, function, acting=acting)

    def _translated(self, function: Callable[[Any], T], *, acting: bool) -> T:
        try:
            return function(self._connected())
        except docker.errors.APIError as error:
            explanation = str(error.explanation or error)
            if acting:  # the engine answers 500, too, for most things that are wrong with one container
                raise ContainerError(explanation) from error
            raise EngineError(f"the engine refused to answer: {explanation}") from error
        except _CANT_ASK as error:
            # The next call begins with a new connection: the engine that comes back may speak another API version.
            self._disconnect()
            raise explain(error, self.address, READ_TIMEOUT_SECONDS) from error

    def _connected(self) -> APIClient:
        with self._lock:
            if self._client is None:
                self._client = self._connect(READ_TIMEOUT_SECONDS)
            return self._client

    def _connect(self, timeout: int | None) -> APIClient:
        client = self._connect_as("auto", timeout)
        if not version_lt(NEWEST_API, client.api_version):
            return client
        client.close()
        return self._connect_as(NEWEST_API, timeout)

    def _connect_as(self, version: str, timeout: int | None) -> APIClient:
        # `timeout=None` means "no limit" to the SDK, though its type hints know numbers only.
        return APIClient(
            version=version,
            timeout=timeout,  # pyright: ignore[reportArgumentType]
            max_pool_size=self._threads,
            **kwargs_from_env(environment=self._environment),
        )

    def _disconnect(self) -> None:
        # Not closed here: another thread may be listening on it. It is closed when the last of them lets go.
        with self._lock:
            self._client = None
