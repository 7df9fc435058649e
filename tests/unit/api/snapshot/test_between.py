"""What differs between two snapshots: by name and by field, and no secret in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from status_state_api.model import OriginalRecipe, Recipes
from status_state_api.snapshot.between import LONGEST_VALUE, differences_between

from ..world import SECRET, container_id, inspect, recipes_of

if TYPE_CHECKING:
    from status_state_api.snapshot.answers import SnapshotDifference


def snapshot(**originals: dict[str, Any]) -> Recipes:
    """A snapshot of these, each with what its `inspect` has besides, and `Id` for another container of the name."""
    made: list[OriginalRecipe] = []
    for name, changes in originals.items():
        seen = inspect(name, **changes)
        image: dict[str, Any] = {"image": "nginx", "image_id": seen["Image"]}
        made.append(OriginalRecipe(id=seen["Id"], name=name, inspect=seen, **image))
    return recipes_of().model_copy(update={"originals": made, "count": len(made)})


def fields(found: SnapshotDifference) -> dict[str, list[tuple[str, str | None, str | None]]]:
    """What differs, by name."""
    return {one.name: [(field.field, field.before, field.after) for field in one.fields] for one in found.differing}


def config(**values: Any) -> dict[str, Any]:
    """An `inspect` with this in its `Config`."""
    return {"Config": values}


def test_who_came_and_went_is_reported_and_what_is_alike_is_not() -> None:
    before = snapshot(web={}, old={}).model_copy(update={"released": ["x", "y"]})
    after = snapshot(web={"State": {"Running": False}}, new={}).model_copy(update={"released": ["y", "z"]})
    found = differences_between(before, after)
    assert (found.added, found.removed, found.differing) == (["new"], ["old"], [])
    assert (found.released, found.released_no_longer) == (["z"], ["x"])


def test_fields_are_reported_one_by_one_and_no_secret_with_them() -> None:
    labels = {"role": "front", "api-key": SECRET}
    one = config(
        Env=[f"A={SECRET}", f"B={SECRET}", "C="], Labels=labels, Cmd=["serve", "--password", SECRET], Tty=False
    )
    other = config(
        Env=["A=other", f"B={SECRET}", f"D={SECRET}"], Labels={"role": "back", "api-key": "x"}, Cmd=["serve"]
    )
    found = differences_between(snapshot(web=one), snapshot(web=other))
    assert fields(found) == {
        "web": [
            ("Cmd", '["serve", "--password", "***"]', '["serve"]'),
            ("env A", "set", "set"),
            ("env C", "set", None),
            ("env D", None, "set"),
            ("label api-key", "***", "***"),
            ("label role", "front", "back"),
        ]
    }
    assert SECRET not in found.model_dump_json()


def test_another_container_with_the_same_configuration_is_reported_without_its_host_name() -> None:
    ids = [container_id("web"), container_id("other")]
    two = [snapshot(web={"Id": one, **config(Hostname=one[:12])}) for one in ids]
    assert fields(differences_between(*two)) == {"web": []}
    assert fields(differences_between(two[0], two[0])) == {}


def test_a_long_value_is_cut() -> None:
    (web,) = fields(differences_between(snapshot(web=config(Cmd=["x" * 1000])), snapshot(web=config()))).values()
    assert [len(value or "") for _, value, _ in web] == [LONGEST_VALUE]
