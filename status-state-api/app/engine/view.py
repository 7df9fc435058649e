"""What is seen of an engine, as plain values, and the interface of whatever sees it.

Here is said what `engine.Engine` gives to all the others, without the Docker SDK: they depend on this module only.
"""

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from ..model import EngineIdentity, Port, RunningContainer

Inspection = dict[str, Any]
"""The engine's own JSON of one container, network, volume or image."""

LONGEST_LABEL = 1024
"""Characters of a name or a value that are kept of a listing. The longest in common use are rules of proxies, of some hundred."""


@dataclass(frozen=True, slots=True)
class EngineLook:
    """One look at the engine itself.

    `bridge_id` and `bridge_created_at` are those of the network `bridge`, new at every start of the engine; None where
    the engine runs without it. `clock` is the engine's own time at this look.
    """

    identity: EngineIdentity
    version: str
    clock: datetime
    bridge_id: str | None
    bridge_created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listing:
    """One `docker ps`: what it says, by name, and a digest of the engine's bytes, by which two are told apart."""

    digest: bytes = field(repr=False)
    containers: tuple[RunningContainer, ...]


class EngineView(Protocol):
    """What can be asked of an engine. Everything raises `EngineUnavailable` when it can't be asked."""

    @property
    def address(self) -> str:
        """Where the engine is asked, for messages."""
        ...

    async def look(self) -> EngineLook:
        """Which engine it is, and when it started."""
        ...

    async def running(self) -> Listing:
        """`docker ps`, in one call."""
        ...

    async def container_ids(self) -> frozenset[str]:
        """The ids of all containers, whatever their state."""
        ...

    async def all(self) -> Listing:
        """`docker ps --all`: containers in whatever state."""
        ...

    async def ping(self) -> None:
        """Ask whether it answers."""
        ...

    async def container(self, container_id: str) -> Inspection | None:
        """The container's `inspect`; None when there is none of that id."""
        ...

    async def network(self, network_id: str) -> Inspection | None:
        """The network's `inspect`; None when there is none."""
        ...

    async def volume(self, name: str) -> Inspection | None:
        """The volume's `inspect`; None when there is none."""
        ...

    async def image(self, image_id: str) -> Inspection | None:
        """The image's `inspect`; None when there is none."""
        ...


class EngineStreams(EngineView, Protocol):
    """What can be followed of an engine, besides. A stream begins when the engine has accepted the question."""

    def log(self, container_id: str, since: str) -> AbstractAsyncContextManager[AsyncGenerator[bytes]]:
        """A container's log from a moment on, with times, until the container stops. Raises `LogUnreadable`, too."""
        ...

    def events(self) -> AbstractAsyncContextManager[AsyncGenerator[bytes]]:
        """What happens to containers, from now on: lines of JSON."""
        ...


def digest_of(raw: bytes) -> bytes:
    """Return what tells an answer of the engine apart from others: it may have tens of megabytes itself."""
    return hashlib.blake2b(raw, digest_size=16).digest()


def cut_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels with what is longer than `LONGEST_LABEL` cut: a listing is held, and shown, whatever is in them.

    Recipes keep them whole. Rules, and what protects, are shorter by far.
    """
    return {
        name if len(name) <= LONGEST_LABEL else _cut(name): value if len(value) <= LONGEST_LABEL else _cut(value)
        for name, value in labels.items()
    }


def _cut(text: str) -> str:
    return f"{text[: LONGEST_LABEL - 1]}…"


def read_listing(raw: bytes) -> Listing:
    """Read the answer to `GET /containers/json`; raises ValueError when it is none."""
    entries: object = json.loads(raw)
    if not isinstance(entries, list):
        raise ValueError("the list of containers is no list")  # noqa: TRY004 - a wrong answer, not a wrong call
    containers = [_read_entry(entry) for entry in cast("list[Mapping[str, Any]]", entries)]
    return Listing(digest_of(raw), tuple(sorted(containers, key=lambda container: (container.name, container.id))))


def _read_entry(entry: Mapping[str, Any]) -> RunningContainer:
    try:
        container_id: str = entry["Id"]
        return RunningContainer(
            id=container_id,
            name=_own_name(entry.get("Names") or [], container_id),
            image=entry["Image"],
            image_id=entry["ImageID"],
            command=entry["Command"],
            created_at=datetime.fromtimestamp(entry["Created"], UTC),
            state=entry["State"],
            status=entry["Status"],
            labels=cut_labels(entry.get("Labels") or {}),
            ports=_read_ports(entry.get("Ports") or []),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"an entry of the list of containers lacks or mistypes {error}") from error


def _own_name(names: list[str], container_id: str) -> str:
    """The name without its slash; a legacy link adds names such as `/web/db`, which are others' aliases for it."""
    own = [name.removeprefix("/") for name in names if "/" not in name.removeprefix("/")]
    return own[0] if own else container_id[:12]  # the engine lists none for a container that it is just removing


def _read_ports(ports: list[Mapping[str, Any]]) -> list[Port]:
    """The ports in a stable order: the engine gives them in a random one."""
    read = [
        Port(
            ip=port.get("IP") or None,
            private_port=port["PrivatePort"],
            public_port=port.get("PublicPort") or None,
            type=port.get("Type") or "tcp",
        )
        for port in ports
    ]
    return sorted(read, key=lambda port: (port.private_port, port.type, port.ip or "", port.public_port or 0))


def parse_moment(text: str | None) -> datetime | None:
    """Read one of the engine's times; None for none: it writes year 1 for «never»."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment if moment.year > 1 else None
