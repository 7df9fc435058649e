"""What the service knows: engines, snapshots and their recipes, containers, the controller's reports, verdicts. Pure.

Described so that `/docs` reads as documentation; what only the interface shows is in `http/schemas.py`. What the engine or
the controller sends may hold more than is named here: unknown fields are accepted, missing ones that are required are
refused, never read as empty.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
)

CONTAINER_ID = "8e1f0c6d5b4a39281706f5e4d3c2b1a08e1f0c6d5b4a39281706f5e4d3c2b1a0"
IMAGE_ID = "sha256:1b0a29384756aebfcdd0e1f21b0a29384756aebfcdd0e1f21b0a29384756aebf"
SNAPSHOT_ID = "3f0c2a4e8c1d4b7f9a6e5d4c3b2a1908"
MOMENT = "2026-11-23T18:00:00Z"

ContainerId = Annotated[str, Field(description="The engine's id of the container.", examples=[CONTAINER_ID])]
ContainerName = Annotated[str, Field(description="The container's name, without a slash.", examples=["web"])]
ImageName = Annotated[str, Field(description="The image as the container names it.", examples=["nginx:1.27"])]
ImageId = Annotated[str, Field(description="The id of the image it was made from.", examples=[IMAGE_ID])]
SnapshotId = Annotated[str, Field(description="The snapshot's id: 32 hexadecimal digits.", examples=[SNAPSHOT_ID])]


class EngineIdentity(BaseModel):
    """Which engine it is: by its id and its network `none`, because machines cloned from one image share the id."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(
        description="The engine's id.", examples=["T7KA:ZLBD:UOOC:KQQF:XGTS:3KQN:CDJI:4ZNB:WRWF:VJ2C:QG4I:YTZL"]
    )
    name: str = Field(
        description="The engine's name: its host's name. For people: it decides nothing.", examples=["kiosk-17"]
    )
    none_network_id: str | None = Field(
        description="The id of the engine's network `none`, made once, at its first start; null where it has none.",
        examples=["5d6f5f0c7b8a4c2f9e1d0a3b6c9f8e7d5d6f5f0c7b8a4c2f9e1d0a3b6c9f8e7d"],
    )


class Original(BaseModel):
    """A container of the snapshot, without its recipe."""

    model_config = ConfigDict(frozen=True)

    id: ContainerId
    name: ContainerName
    image: ImageName
    image_id: ImageId


class OriginalRecipe(Original):
    """A container of the snapshot, with its recipe. Holds environment variables, hence secrets: never log it."""

    inspect: dict[str, Any] = Field(
        repr=False,
        description="The recipe: the engine's full `inspect` of the container at snapshot time.",
        examples=[{"Id": CONTAINER_ID, "Name": "/web", "Image": IMAGE_ID, "Config": {}, "HostConfig": {}}],
    )


_RELEASED: list[str] = Field(
    default=[],
    description="The names that were released: a container of such a name is left alone, whatever it does.",
    examples=[["old-web"]],
)


class SnapshotHead(BaseModel):
    """What a snapshot is, without what it holds."""

    model_config = ConfigDict(frozen=True)

    id: SnapshotId
    taken_at: datetime = Field(description="When it was taken, in UTC.", examples=[MOMENT])
    reason: str = Field(
        description="Why it was taken: `startup`, at the start of the service; `accepted`, or `rolled_back` to an older "
        "one, by who is named in `by`.",
        examples=["startup"],
    )
    by: str | None = Field(
        default=None, description="Who has it taken, and how; null at a start.", examples=["operator: accept web"]
    )
    engine: EngineIdentity = Field(description="The engine that it was taken of.")


class Snapshot(SnapshotHead):
    """What was seen running: the desired state."""

    originals: list[Original] = Field(description="The containers that were seen running, by name.")
    released: list[str] = _RELEASED


class Recipes(BaseModel):
    """The snapshot with all that is needed to create its originals again."""

    model_config = ConfigDict(frozen=True)

    snapshot: SnapshotHead = Field(description="Which snapshot it is.")
    count: int = Field(description="The number of originals: a reader can tell a truncated answer.", examples=[1])
    originals: list[OriginalRecipe] = Field(description="The originals with their recipes, by name.")
    released: list[str] = _RELEASED
    networks: list[dict[str, Any]] = Field(
        description="The `inspect` of each user-defined network that an original is attached to, without `Containers`.",
        examples=[[{"Name": "shop_default", "Driver": "bridge", "Labels": {}}]],
    )
    volumes: list[dict[str, Any]] = Field(
        description="The `inspect` of each volume that an original mounts.",
        examples=[[{"Name": "shop_pages", "Driver": "local", "Labels": {}, "Options": None}]],
    )
    images: list[dict[str, Any]] = Field(
        description="Of each original's image its id, the digests under which a registry has it, and what it is known "
        "by under another id: its layers and its configuration.",
        examples=[
            [
                {
                    "Id": IMAGE_ID,
                    "RepoDigests": [f"nginx@{IMAGE_ID}"],
                    "RootFS": {"Layers": [IMAGE_ID]},
                    "Config": {"Cmd": ["nginx"]},
                }
            ]
        ],
    )

    def summary(self) -> Snapshot:
        """Return the same without the recipes."""
        originals = [
            Original(id=original.id, name=original.name, image=original.image, image_id=original.image_id)
            for original in self.originals
        ]
        return Snapshot(**dict(self.snapshot), originals=originals, released=self.released)


class Pause(BaseModel):
    """Nothing is healed meanwhile: of one name, or of all. What is found is reported all the same."""

    model_config = ConfigDict(frozen=True)

    container: str | None = Field(description="The container's exact name; null for all.", examples=["web"])
    until: datetime = Field(description="When it ends by itself, in UTC.", examples=[MOMENT])
    begun_at: datetime = Field(description="When it began, in UTC.", examples=["2026-11-23T17:45:00Z"])
    reason: str | None = Field(description="Why, in the operator's words.", examples=["deploy"])
    accept_at_end: bool = Field(
        description="Whether what is there at its end becomes the snapshot. It is in force until that is done, also "
        "beyond `until`.",
        examples=[False],
    )
    by: str | None = Field(default=None, description="Who has begun it, and how.", examples=["operator: pause web"])


class Port(BaseModel):
    """One port of a running container."""

    ip: str | None = Field(description="The host's address it is published on, if it is.", examples=["127.0.0.1"])
    private_port: int = Field(description="The port inside the container.", examples=[80])
    public_port: int | None = Field(description="The port of the host, if it is published.", examples=[8080])
    type: str = Field(description="The protocol: `tcp`, `udp` or `sctp`.", examples=["tcp"])


class RunningContainer(BaseModel):
    """A line of `docker ps`."""

    id: ContainerId
    name: ContainerName
    image: ImageName
    image_id: ImageId
    command: str = Field(description="What it runs.", examples=["nginx -g 'daemon off;'"])
    created_at: datetime = Field(description="When it was created, in UTC.", examples=["2026-11-23T17:00:00Z"])
    state: str = Field(description="`running`, `paused` or `restarting`.", examples=["running"])
    status: str = Field(description="The state in the engine's words.", examples=["Up 2 hours (healthy)"])
    labels: dict[str, str] = Field(
        description="Its labels; a name or a value of more than 1024 characters is cut, with `…` at its end.",
        examples=[{"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}],
    )
    ports: list[Port] = Field(description="Its ports, in a stable order.")


class ContainerReference(BaseModel):
    """Which container a finding or an outcome is about."""

    model_config = ConfigDict(extra="allow")

    id: ContainerId
    name: ContainerName


class Verdict(BaseModel):
    """What is thought of the application in a container: by its health check, its probe, or its log."""

    container: ContainerReference = Field(description="The container.")
    source: Literal["engine", "probe", "logs"] = Field(
        description="Who says so: the engine's health check, the probe, or the log.", examples=["probe"]
    )
    verdict: Literal["ok", "failing", "unknown"] = Field(
        description="`unknown` is not failing: it could not be asked, or has not answered yet.", examples=["failing"]
    )
    since: datetime = Field(description="Since when, in UTC.", examples=[MOMENT])
    reason: str = Field(
        description="Why, in words; what to do about it where it can't be asked.",
        examples=["its probe http://:8080/health answered 500, 3 times in a row"],
    )
    evidence: list[str] = Field(
        description="The lines of the log that count, shortened.",
        examples=[["2026-11-23 18:00:00,123 CRITICAL shop.db: no connection left"]],
    )


class FailingContainer(BaseModel):
    """A run of a container that is failing."""

    container: ContainerReference = Field(description="The container.")
    started_at: str = Field(
        description="When the run began, in the engine's spelling: the verdict is about no other run.",
        examples=["2026-11-23T17:00:00.123456789Z"],
    )
    source: str = Field(description="`probe` or `logs`.", examples=["probe"])
    since: datetime = Field(description="Since when it is failing, in UTC.", examples=[MOMENT])
    reason: str = Field(description="Why, in words.", examples=["its probe http://:8080/health answered 500"])


class VerdictsForController(BaseModel):
    """All that the controller needs to know of the verdicts; complete in each line."""

    engine: EngineIdentity = Field(description="The engine on which they run.")
    desired: str = Field(
        description="The `ETag` of `GET /snapshot/recipes` at this moment: another one says that the snapshot, the policy "
        "or a pause has changed.",
        examples=[f'"{SNAPSHOT_ID}"'],
    )
    failing: list[FailingContainer] = Field(description="The runs that are failing, by name.")
    faltering: list[str] = Field(
        description="The ids of containers that have just failed, but not often enough yet: when many fail at once, "
        "they count.",
        examples=[[CONTAINER_ID]],
    )
