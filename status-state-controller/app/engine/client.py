"""The Docker engine, as far as the controller needs it. The SDK doesn't leave this room.

Answers are values of model.py or the engine's own JSON, errors are those of errors.py.
"""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import docker.errors
from docker.utils import version_lt

from ..errors import ContainerError, EngineError
from ..model import EngineIdentity
from ..process.threads import DaemonThreads
from .connection import READ_TIMEOUT_SECONDS
from .definitions import API_OF_ENDPOINT_SYSCTLS, with_endpoint_sysctls
from .networks import Networks
from .parsing import pull_error, read_event, read_image, read_listing, read_none_network_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..model import Container, Event, Image

LONGEST_DEFAULT_STOP_SECONDS = 600
"""How long to listen besides for the stop of a container without a stop time-out: the engine's default is 10 s, but can be
set (`default-stop-timeout`, engine 29.7), and no answer of the engine tells it."""

CHANGES = (
    "create", "start", "restart", "kill", "die", "stop", "destroy", "rename", "pause", "unpause", "health_status",
)  # fmt: skip
"""The events that can change what a check finds; the engine itself leaves out the rest (`exec_…`, `top`, …)."""

SOURCE_MISSING = "bind source path does not exist: "
"""The engine's words for a mount of type `bind` without its source (moby, volume/mounts/validate.go)."""


class Engine(Networks):
    """One Docker engine: its containers and images, and what it keeps besides."""

    async def identity(self) -> EngineIdentity:
        """Ask the engine which one it is."""
        info: dict[str, Any] = await self._call(lambda client: client.info())
        engine_id, name = info.get("ID"), info.get("Name")
        if not isinstance(engine_id, str) or not isinstance(name, str) or not engine_id:
            raise EngineError(f"what answers at {self.address} tells no id and no name: is it a Docker engine?")
        return EngineIdentity(engine_id, name, await self.none_network_id())

    async def none_network_id(self) -> str | None:
        """Ask for the id of the network `none`, which tells engines apart at the price of a millisecond; Podman has none.

        Raises:
            EngineError: it can't be asked.
        """
        return read_none_network_id(await self._call(lambda client: client.networks(names=["none"])))

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
        anything else, and the last one has no target. So nothing is made, neither a container nor a folder; should an
        engine take the request all the same, the container that it has made is removed.

        Raises:
            EngineError: the engine could not be asked.
        """
        mounts = [{"Type": "bind", "Source": source, "Target": f"/{n}"} for n, source in enumerate(sources)]
        body = {"Image": "", "HostConfig": {"Mounts": [*mounts, {"Type": "bind", "Source": "", "Target": ""}]}}
        try:
            made = await self._post("/containers/create", body)
        except ContainerError as error:
            # Any other refusal means that the real request will tell more.
            _, told, path = str(error).rpartition(SOURCE_MISSING)
            return path.strip() if told else None
        await self.remove_own(made["Id"])
        return None

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


def _end(client: Any, verb: str, container_id: str, stop_timeout_seconds: int | None) -> None:
    """Stop or restart a container, and listen for as long as that may take.

    No time-out is sent: the engine knows the container's own, and what holds where it has none.
    """
    longest = LONGEST_DEFAULT_STOP_SECONDS if stop_timeout_seconds is None else stop_timeout_seconds
    listening_seconds = None if longest < 0 else READ_TIMEOUT_SECONDS + longest
    response = client._post(client._url("/containers/{0}/" + verb, container_id), timeout=listening_seconds)
    client._raise_for_status(response)
