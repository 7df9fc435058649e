"""What is told of a change of the snapshot, and of the snapshots before. Models only."""

from pydantic import BaseModel, Field

from ..model import ContainerId, ContainerName, SnapshotHead


class Replaced(BaseModel):
    """An original whose container is another one now, or the same with an updated configuration."""

    name: ContainerName
    before_id: ContainerId
    id: ContainerId
    difference: str | None = Field(
        description="What differs, as the controller has found it, or which fields were updated; null where that is not "
        "known.",
        examples=["image: sha256:1b0a → sha256:2c1b"],
    )


class ChangeAnswer(BaseModel):
    """What became of the snapshot, or would become of it."""

    snapshot: SnapshotHead = Field(description="The snapshot in force after this.")
    changed: bool = Field(
        description="Whether something is different from before; if not, the snapshot is still the same.",
        examples=[True],
    )
    dry_run: bool = Field(description="Whether it was only asked what would change.", examples=[False])
    added: list[str] = Field(description="The names that became originals.", examples=[["web"]])
    removed: list[str] = Field(description="The names that are no originals any more.", examples=[["old"]])
    replaced: list[Replaced] = Field(description="The originals that have another container, or an updated one.")
    released: list[str] = Field(
        description="The names that were let go, and are left alone from now on.", examples=[["legacy"]]
    )


class SnapshotOverview(BaseModel):
    """A snapshot that is kept, and what was different in it from the one before."""

    id: str = Field(description="The snapshot's id.", examples=["3f0c2a4e8c1d4b7f9a6e5d4c3b2a1908"])
    taken_at: str = Field(description="When it was taken, in UTC.", examples=["2026-11-23T18:00:00Z"])
    reason: str = Field(description="`startup`, `accepted` or `rolled_back`.", examples=["accepted"])
    by: str | None = Field(description="Who had it taken, and how.", examples=["operator: accept web"])
    originals: int = Field(description="How many originals it holds.", examples=[12])
    in_force: bool = Field(description="Whether the controller heals by it.", examples=[True])
    added: list[str] = Field(description="The names that the one before had not.", examples=[["web"]])
    removed: list[str] = Field(description="The names that only the one before had.", examples=[[]])
    replaced: list[str] = Field(description="The names whose containers are other ones.", examples=[[]])


class SnapshotHistory(BaseModel):
    """The snapshots that are kept, the newest first."""

    snapshots: list[SnapshotOverview] = Field(description="The newest first; at most 20.")
