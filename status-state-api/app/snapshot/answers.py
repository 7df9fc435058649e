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
    released_no_longer: list[str] = Field(
        description="The names that are no longer left alone, and that no original has.", examples=[[]]
    )


class FieldDifference(BaseModel):
    """A field of an original that is another one in the second snapshot."""

    field: str = Field(
        description="As the engine's `inspect` calls it; `env NAME` and `label NAME` for one of them.",
        examples=["Cmd"],
    )
    before: str | None = Field(
        description="Its value in the first, masked and shortened; `set` for any value of a variable; null: it had none.",
        examples=['["serve", "--old"]'],
    )
    after: str | None = Field(description="The same in the second.", examples=['["serve", "--new"]'])


class Differing(BaseModel):
    """An original of both snapshots that differs."""

    name: ContainerName
    before_id: ContainerId
    id: ContainerId
    fields: list[FieldDifference] = Field(
        description="What differs, by name; empty where only the container is another one."
    )


class SnapshotDifference(BaseModel):
    """What is different in the second of two snapshots."""

    before: SnapshotHead = Field(description="The first.")
    after: SnapshotHead = Field(description="The second.")
    added: list[str] = Field(description="The names that only the second has.", examples=[["web"]])
    removed: list[str] = Field(description="The names that only the first has.", examples=[["old"]])
    differing: list[Differing] = Field(description="The originals of both that differ, by name.")
    released: list[str] = Field(description="The names that only the second leaves alone.", examples=[["legacy"]])
    released_no_longer: list[str] = Field(description="The names that only the first leaves alone.", examples=[[]])


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
