"""The pretended engine of the controller's unit tests: it keeps containers in memory, and fails or hangs on request."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from status_state_controller.engine.client import Engine
from status_state_controller.errors import ContainerError
from status_state_controller.model import Container, Image

from .world import ENGINE, IMAGE, IMAGE_ID, NOON, STARTED_AT, id_of, recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from status_state_controller.model import EngineIdentity, Event

LOOKING = ("identity", "none network", "list", "inspect", "image", "look", "watch")
"""The calls that change nothing."""


class FakeEngine(Engine):
    """An engine with containers in memory, which notes every call and fails or hangs on request."""

    def __init__(self, *containers: Container) -> None:
        super().__init__({}, threads=1)
        self.who = ENGINE
        self.world = {c.id: c for c in containers}
        self.inspects: dict[str, dict[str, Any]] = {}  # by id: what differs from `recipe`
        self.runs: dict[str, dict[str, Any]] = {}  # by id: what `State` holds of the present run beside the status
        self.bodies: dict[str, dict[str, Any]] = {}  # by name: the last request for making a container
        self.images = {IMAGE: IMAGE_ID, IMAGE_ID: IMAGE_ID}
        self.contents: dict[str, Image] = {}  # by id: what is told of an image besides
        self.registry: dict[str, str] = {}  # image ids by digest
        self.gone_networks: set[str] = set()
        self.present_networks: dict[str, str] = {}  # ids by name, as they are listed
        self.gone_volumes: set[str] = set()
        self.gone_paths: set[str] = set()
        self.unlisted: set[str] = set()  # ids that only the list lacks
        self.calls: list[str] = []
        self.failures: dict[str, BaseException] = {}  # by verb, or by "verb name"
        self.half_done: set[str] = set()  # of the failures: those that happen after the engine has done it
        self.hangs: dict[str, asyncio.Event] = {}  # by verb, or by "verb name": until set
        self.reached: dict[str, asyncio.Event] = {}
        self.watched_since: list[str | None] = []
        self.deliver: Callable[[Event], None] | None = None
        self.break_stream = asyncio.Event()
        self.wall: Callable[[], datetime] = lambda: NOON  # the engine's own time

    @property
    def acts(self) -> list[str]:
        """The calls that change the world."""
        return [call for call in self.calls if not call.startswith(LOOKING)]

    @property
    def shown(self) -> dict[str, str]:
        """The state of each container by its name."""
        return {c.name: c.state for c in self.world.values()}

    def named(self, name: str) -> Container:
        """The container of that name."""
        return next(c for c in self.world.values() if c.name == name)

    def hang(self, call: str) -> asyncio.Event:
        """Let `call` hang until the event is set; `reached[call]` tells when it was made."""
        self.reached[call] = asyncio.Event()
        return self.hangs.setdefault(call, asyncio.Event())

    def put(self, *containers: Container) -> None:
        """Add containers, or replace those of the same id."""
        self.world |= {c.id: c for c in containers}

    def starts_anew(self, container_id: str) -> None:
        """Begin another run of a container."""
        self.runs[container_id] = {"StartedAt": self.wall().isoformat()}
        self._change(container_id, state="running", status="Up Less than a second")

    def judges(self, name: str, health: str, **others: Any) -> None:
        """Let the health check of a container say so, in the list and in `inspect`; `others` are fields of `Health`."""
        judged = self.named(name)
        words = "health: starting" if health == "starting" else health
        self.put(replace(judged, status=f"Up 5 minutes ({words})"))
        streak = 3 if health == "unhealthy" else 0
        checks = [{"ExitCode": 0, "Output": "fine"}, {"ExitCode": 7 if streak else 0, "Output": "PASSWORD=hunter2"}]
        told = {"Status": health, "FailingStreak": streak, "Log": checks} | others
        self.runs[judged.id] = self.runs.get(judged.id, {}) | {"Health": told}

    async def identity(self) -> EngineIdentity:  # noqa: D102 # as its base
        await self._note("identity")
        return self.who

    async def restart(self, container_id: str, stop_timeout_seconds: int | None) -> None:  # noqa: D102 # as its base
        name = self._held(container_id).name
        self.calls.append(f"restart {name} {stop_timeout_seconds}")
        await self._hang_or_fail("restart", f"restart {name}")
        self.starts_anew(container_id)

    async def none_network_id(self) -> str | None:  # noqa: D102 # as its base
        await self._note("none network")
        return self.who.none_network_id

    async def containers(self) -> list[Container]:  # noqa: D102 # as its base
        await self._note("list")
        return [c for c in self.world.values() if c.id not in self.unlisted]

    async def inspect(self, container_id: str) -> dict[str, Any] | None:  # noqa: D102 # as its base
        found = self._find(container_id)
        await self._note("inspect", found.name if found else container_id[:12])
        found = self._find(container_id)
        if found is None:
            return None
        known = recipe(found.name, labels=dict(found.labels)) | self.inspects.get(found.id, {})
        state = {"Status": found.state, "StartedAt": STARTED_AT} | self.runs.get(found.id, {})
        return known | {"Id": found.id, "Name": f"/{found.name}", "State": state}

    async def start(self, container_id: str) -> None:  # noqa: D102 # as its base
        await self._note("start", self._held(container_id).name)
        self._change(container_id, state="running", status="Up 1 second")

    async def stop(self, container_id: str, stop_timeout_seconds: int | None) -> None:  # noqa: D102 # as its base
        name = self._held(container_id).name
        self.calls.append(f"stop {name} {stop_timeout_seconds}")
        if "stop" in self.half_done:
            self._change(container_id, state="exited", status="Exited (0) 1 second ago")
        await self._hang_or_fail("stop", f"stop {name}")
        if self.inspects.get(container_id, {}).get("HostConfig", {}).get("AutoRemove"):
            del self.world[container_id]
            return
        self._change(container_id, state="exited", status="Exited (0) 1 second ago")

    async def create(self, name: str, body: Mapping[str, Any]) -> str:  # noqa: D102 # as its base
        await self._note("create", name)
        self._name_is_free(name)
        new_id = id_of(f"{name} {len(self.calls)}")
        self.bodies[name] = dict(body)
        config = {key: value for key, value in body.items() if key not in {"HostConfig", "NetworkingConfig"}}
        config["Hostname"] = config.get("Hostname") or new_id[:12]
        image_id = self.images.get(config["Image"], config["Image"])
        networks = dict(body["NetworkingConfig"]["EndpointsConfig"])
        self.inspects[new_id] = {
            "Image": image_id,
            "Config": config,
            "HostConfig": dict(body["HostConfig"]),
            "NetworkSettings": {"Networks": networks},
        }
        self.put(
            Container(
                new_id, name, "created", "Created", config.get("Labels") or {}, created_at=self.wall().timestamp()
            )
        )
        return new_id

    async def connect(self, network: str, container_id: str, endpoint: Mapping[str, Any]) -> None:  # noqa: D102 # as its base
        await self._note(f"connect {network}", self._held(container_id).name)
        name = next((name for name, network_id in self.present_networks.items() if network_id == network), network)
        self.inspects[container_id]["NetworkSettings"]["Networks"][name] = dict(endpoint)

    async def disconnect(self, network: str, container_id: str) -> None:  # noqa: D102 # as its base
        await self._note(f"disconnect {network}", self._held(container_id).name)
        self.inspects[container_id]["NetworkSettings"]["Networks"].pop(network, None)

    async def missing_source(self, sources: Sequence[str]) -> str | None:  # noqa: D102 # as its base
        return next((source for source in sources if source in self.gone_paths), None)

    async def network_id(self, name: str) -> str | None:  # noqa: D102 # as its base
        return None if name in self.gone_networks else id_of(name)

    async def networks(self) -> dict[str, frozenset[str]]:  # noqa: D102 # as its base
        await self._note("list networks")
        return {name: frozenset({network_id}) for name, network_id in self.present_networks.items()}

    async def has_volume(self, name: str) -> bool:  # noqa: D102 # as its base
        await self._note("look at volume", name)
        return name not in self.gone_volumes

    async def rename(self, container_id: str, name: str) -> None:  # noqa: D102 # as its base
        await self._note("rename", f"{self._held(container_id).name} {name}")
        self._name_is_free(name)
        self._change(container_id, name=name)

    async def remove_own(self, container_id: str) -> None:  # noqa: D102 # as its base
        await self._note("remove", self._held(container_id).name)
        if self._held(container_id).state == "running":
            raise ContainerError("you cannot remove a running container")
        del self.world[container_id]

    async def image(self, image: str) -> Image | None:  # noqa: D102 # as its base
        await self._note("image", image)
        image_id = self.images.get(image)
        return None if image_id is None else self.contents.get(image_id, Image(image_id))

    async def pull(self, digest: str) -> None:  # noqa: D102 # as its base
        await self._note("pull", digest)
        if digest not in self.registry:
            raise ContainerError(f"manifest for {digest} not found")
        self.images |= dict.fromkeys((digest, self.registry[digest]), self.registry[digest])

    async def ensure_network(self, definition: Mapping[str, Any]) -> str:  # noqa: D102 # as its base
        name = str(definition["Name"])
        await self._note("network", name)
        return self.present_networks.setdefault(name, id_of(name))

    async def ensure_volume(self, definition: Mapping[str, Any]) -> None:  # noqa: D102 # as its base
        await self._note("volume", str(definition["Name"]))

    async def watch(self, since: str | None, opened: Callable[[], None], deliver: Callable[[Event], None]) -> None:  # noqa: D102 # as its base
        self.watched_since.append(since)
        await self._note("watch")
        self.deliver = deliver
        opened()
        await self.break_stream.wait()
        self.break_stream.clear()

    def _find(self, reference: str) -> Container | None:
        by_name = (c for c in self.world.values() if c.name == reference)
        return self.world.get(reference) or next(by_name, None)

    def _held(self, container_id: str) -> Container:
        if container_id not in self.world:
            raise ContainerError(f"No such container: {container_id[:12]}")
        return self.world[container_id]

    def _change(self, container_id: str, **fields: Any) -> None:
        self.world[container_id] = replace(self._held(container_id), **fields)

    def _name_is_free(self, name: str) -> None:
        if any(c.name == name for c in self.world.values()):
            raise ContainerError(f"the container name {name} is already in use")

    async def _note(self, verb: str, name: str = "") -> None:
        call = f"{verb} {name}".strip()
        self.calls.append(call)
        await self._hang_or_fail(verb, call)

    async def _hang_or_fail(self, *keys: str) -> None:
        for key in keys:
            if key in self.hangs:
                self.reached[key].set()
                await self.hangs[key].wait()
            if key in self.failures:
                raise self.failures[key]
