"""The Docker engine, as far as the controller needs it. The only file that imports the Docker SDK.

Neither the SDK's objects nor its exceptions leave this file: answers are values of model.py or the engine's own JSON,
errors are those of errors.py. The SDK blocks, so each call runs in a thread of its own. These threads are daemons,
because a stop may rightly last ten minutes and must not hold up the end of the process. Time-outs are the client's
own: giving up on a thread from outside would leave it at work unseen.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import docker.errors
import requests.exceptions
import urllib3.exceptions
from docker import APIClient
from docker.utils import kwargs_from_env, version_lt

from ..errors import ContainerError, EngineError
from ..model import EngineIdentity
from ..process.threads import DaemonThreads
from .definitions import API_OF_ENDPOINT_SYSCTLS, network_request, with_endpoint_sysctls
from .faults import explain
from .parsing import pull_error, read_event, read_image, read_listing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..model import Container, Event, Image

T = TypeVar("T")

READ_TIMEOUT_SECONDS = 60
"""How long one answer may take; a stop gets the container's own stop time-out on top."""

LONGEST_DEFAULT_STOP_SECONDS = 600
"""How long to listen besides for the stop of a container without a stop time-out: the engine's default is 10 s, but can be
set (`default-stop-timeout`, engine 29.7), and no answer of the engine tells it."""

NEWEST_API = "1.51"
"""The newest version of the engine's API that is asked for: from 1.52 on `inspect` no longer tells the MAC address that a
person asked for (moby#51189), and what every endpoint tells may be a generated one, so it can't be copied instead. Of
further networks no version tells which of the two it is: there the engine generates another one."""

CHANGES = (
    "create", "start", "restart", "kill", "die", "stop", "destroy", "rename", "pause", "unpause", "health_status",
)  # fmt: skip
"""The events that can change what a check finds; the engine itself leaves out the rest (`exec_…`, `top`, …)."""

SOURCE_MISSING = "bind source path does not exist: "
"""The engine's words for a mount of type `bind` without its source (moby, volume/mounts/validate.go)."""

_CANT_ASK = (
    docker.errors.DockerException,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,  # a stream that breaks is not wrapped by requests
    OSError,
    ValueError,  # what answers speaks no JSON
)


class Engine:
    """One Docker engine, reached as DOCKER_HOST (and DOCKER_TLS_VERIFY, DOCKER_CERT_PATH) say.

    Args:
        environment: where DOCKER_HOST and its kin are looked up.
        threads: how many calls may be under way at once.
    """

    def __init__(self, environment: Mapping[str, str], threads: int) -> None:
        self._environment = dict(environment)
        self._threads = threads
        self._calls = DaemonThreads(threads, "engine-call")
        self._lock = threading.Lock()
        self._client: APIClient | None = None

    @property
    def address(self) -> str:
        """Where the engine is looked for."""
        return self._environment.get("DOCKER_HOST") or "unix:///var/run/docker.sock"

    async def identity(self) -> EngineIdentity:
        """Ask the engine which one it is."""
        info: dict[str, Any] = await self._call(lambda client: client.info())
        engine_id, name = info.get("ID"), info.get("Name")
        if not isinstance(engine_id, str) or not isinstance(name, str) or not engine_id:
            raise EngineError(f"what answers at {self.address} tells no id and no name: is it a Docker engine?")
        return EngineIdentity(engine_id, name, await self.none_network_id())

    async def none_network_id(self) -> str:
        """Ask for the id of the network `none`, which tells engines apart at the price of a millisecond.

        Raises:
            EngineError: it can't be asked.
        """
        network: dict[str, Any] = await self._call(lambda client: client.inspect_network("none"))
        if not isinstance(network.get("Id"), str):
            raise EngineError(f"what answers at {self.address} has no network `none`: is it a Docker engine?")
        return network["Id"]

    async def containers(self) -> list[Container]:
        """List every container, whatever its state, by one request.

        Raises:
            EngineError: the engine could not be asked, or its answer is no list of containers.
        """
        listed: Any = await self._call(lambda client: client.containers(all=True))
        return read_listing(listed)

    async def inspect(self, container_id: str) -> dict[str, Any] | None:
        """Return the engine's own JSON about a container, None when there is no such container."""

        def ask(client: Any) -> dict[str, Any] | None:
            try:
                return client.inspect_container(container_id)
            except docker.errors.NotFound:
                return None

        return await self._call(ask)

    async def start(self, container_id: str) -> None:
        """Start a container; one that runs already is a success.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        await self._call(lambda client: client.start(container_id), acting=True)

    async def stop(self, container_id: str, stop_timeout_seconds: int | None) -> None:
        """Stop a container with its own stop signal; one that is down or gone already is a success.

        Args:
            container_id: which one.
            stop_timeout_seconds: the container's own stop time-out, by which it is known how long to listen; None for
                the engine's default, negative for no limit at all.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """

        def act(client: Any) -> None:
            with suppress(docker.errors.NotFound):  # gone is as good as stopped
                _end(client, "stop", container_id, stop_timeout_seconds)

        await self._call(act, acting=True)

    async def restart(self, container_id: str, stop_timeout_seconds: int | None) -> None:
        """Stop a container as `stop` does, and start it again; with `--rm` it is not deleted in between.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        await self._call(lambda client: _end(client, "restart", container_id, stop_timeout_seconds), acting=True)

    async def create(self, name: str, body: Mapping[str, Any]) -> str:
        """Make a container from the engine's own JSON; return its id.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """

        def act(client: Any) -> str:
            takes_all = version_lt(client.api_version, API_OF_ENDPOINT_SYSCTLS)
            request = dict(body) if takes_all else with_endpoint_sysctls(body)
            return client.create_container_from_config(request, name)["Id"]

        return await self._call(act, acting=True)

    async def missing_source(self, sources: Sequence[str]) -> str | None:
        """Return the first of these paths that isn't there on the engine's host; None when all are.

        The engine is asked by a request for a container that it has to refuse: it looks at the mounts one by one, before
        anything else, and the last one has no target. So nothing is made, neither a container nor a folder.

        Raises:
            EngineError: the engine could not be asked.
        """
        mounts = [{"Type": "bind", "Source": source, "Target": f"/{n}"} for n, source in enumerate(sources)]
        body = {"Image": "", "HostConfig": {"Mounts": [*mounts, {"Type": "bind", "Source": "", "Target": ""}]}}
        try:
            await self._post("/containers/create", body)
        except ContainerError as error:
            # Any other refusal means that the real request will tell more.
            _, told, path = str(error).rpartition(SOURCE_MISSING)
            return path.strip() if told else None
        return None

    async def connect(self, network: str, container_id: str, endpoint: Mapping[str, Any]) -> None:
        """Attach a container to a network; `endpoint` is the engine's own JSON.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        await self._post(f"/networks/{quote(network)}/connect", {"Container": container_id, "EndpointConfig": endpoint})

    async def disconnect(self, network: str, container_id: str) -> None:
        """Detach a container from a network, even from one that is gone.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        await self._post(f"/networks/{quote(network)}/disconnect", {"Container": container_id, "Force": True})

    async def rename(self, container_id: str, name: str) -> None:
        """Give a container another name.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        await self._call(lambda client: client.rename(container_id, name), acting=True)

    async def remove_own(self, container_id: str) -> None:
        """Remove a container of the controller's own making that has never been started; no other, ever.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        await self._call(lambda client: client.remove_container(container_id), acting=True)

    async def image(self, image: str) -> Image | None:
        """Return the image that a name (or id) stands for now; None when there is no such image."""

        def ask(client: Any) -> Image | None:
            try:
                return read_image(client.inspect_image(image))
            except docker.errors.NotFound:
                return None

        return await self._call(ask)

    async def pull(self, digest: str) -> None:
        """Pull an image by `name@sha256:…`.

        Raises:
            ContainerError: no registry has it, or none can be reached.
            EngineError: the engine could not be asked.
        """
        told: Any = await self._call(lambda client: client.pull(digest), acting=True)
        if (error := pull_error(str(told or ""))) is not None:
            raise ContainerError(error)

    async def network_id(self, name: str) -> str | None:
        """Return the id of the network of exactly this name; None when there is none.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """

        def find(client: Any) -> str | None:
            found: list[dict[str, Any]] = client.networks(names=[name])  # the engine's filter takes parts of names, too
            return next((network["Id"] for network in found if network["Name"] == name), None)

        return await self._call(find, acting=True)

    async def ensure_network(self, definition: Mapping[str, Any]) -> str:
        """Make a network from its definition unless one of that name exists; return its id.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        name = str(definition["Name"])
        body = network_request(definition)

        present = await self.network_id(name)
        if present is not None:
            return present
        try:
            await self._post("/networks/create", {**body, "CheckDuplicate": True})
        except ContainerError:
            # Two originals of one network are recreated at once: the other one may have made it meanwhile.
            present = await self.network_id(name)
            if present is None:
                raise
            return present
        made = await self.network_id(name)
        if made is None:
            raise ContainerError(f"the network {name} was made and is gone again")
        return made

    async def ensure_volume(self, definition: Mapping[str, Any]) -> None:
        """Make a volume from its definition; the engine leaves one of that name as it is.

        Raises:
            ContainerError: the engine refused.
            EngineError: the engine could not be asked.
        """
        body: dict[str, Any] = {
            "Name": definition["Name"],
            "Driver": definition.get("Driver") or "local",
            "DriverOpts": definition.get("Options") or {},
            "Labels": definition.get("Labels") or {},
        }
        await self._post("/volumes/create", body)

    async def watch(self, since: str | None, opened: Callable[[], None], deliver: Callable[[Event], None]) -> None:
        """Deliver the changes of containers as the engine reports them; returns when the engine ends the stream.

        Args:
            since: the cursor of the last event that was seen; None for what happens from now on.
            opened: called once the engine has taken the subscription, so that a check begun now misses nothing.
            deliver: called with each event.

        Raises:
            EngineError: the stream can't be opened, or broke.
        """
        loop = asyncio.get_running_loop()

        def follow(client: Any) -> None:
            filters = {"type": "container", "event": list(CHANGES)}
            with closing(client.events(since=since, filters=filters, decode=True)) as stream:
                loop.call_soon_threadsafe(opened)
                for entry in stream:
                    loop.call_soon_threadsafe(deliver, read_event(entry))

        # A thread besides those of the calls: it lasts as long as the engine does.
        await DaemonThreads(1, "engine-events").run(self._translated, follow, acting=False)

    async def _post(self, path: str, body: Mapping[str, Any]) -> None:
        """Send the engine its own JSON where the SDK's functions take apart and leave out."""

        def act(client: Any) -> None:
            response = client._post_json(client._url(path), data=dict(body))
            client._raise_for_status(response)

        await self._call(act, acting=True)

    # The client is Any below, because its stubs leave most answers untyped.
    async def _call(self, function: Callable[[Any], T], *, acting: bool = False) -> T:
        return await self._calls.run(self._translated, function, acting=acting)

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


def _end(client: Any, verb: str, container_id: str, stop_timeout_seconds: int | None) -> None:
    """Stop or restart a container, and listen for as long as that may take.

    No time-out is sent: the engine knows the container's own, and what holds where it has none.
    """
    longest = LONGEST_DEFAULT_STOP_SECONDS if stop_timeout_seconds is None else stop_timeout_seconds
    listening_seconds = None if longest < 0 else READ_TIMEOUT_SECONDS + longest
    response = client._post(client._url("/containers/{0}/" + verb, container_id), timeout=listening_seconds)
    client._raise_for_status(response)
