"""What becomes of the snapshot when somebody says what is right: decisions only.

Pure: no I/O, no clock. The snapshot in force, what the engine lists and what was captured is passed in; what is to be
captured, and then the new content with what changed, comes out. `changes` carries it out.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engine.view import Inspection
from ..health.rules.policy import Policy
from ..model import OriginalRecipe, Recipes, RunningContainer, SnapshotHead
from ..protection import protection
from .definitions import Definitions

_PUT_ASIDE = re.compile(r"(?P<name>.+)-replaced-(?P<id>[0-9a-f]{12})")
"""How a restore of the controller names the container that had an original's name: after both."""
GOING = {"removing", "dead"}
"""The states of a container that never runs again."""
FIELDS_TOLD = 5
"""As many as the controller tells of a container that replaced another one."""
NEAR_NAMES = 3


class UnknownName(Exception):
    """There is no container, or original, of a name. The message says so, with names like it."""


class NotAllowed(Exception):
    """It exists, but can't be had. The message says why."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for, by names: who becomes an original, who is let go, and whose loss is accepted."""

    accept: tuple[str, ...] = ()
    release: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A container that becomes an original, and the name that it has as one."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """A wish whose names were found: what to capture, and which names leave the originals."""

    accept: tuple[Choice, ...] = ()
    release: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Captured:
    """Containers with their recipes, and the definitions that they refer to."""

    originals: list[OriginalRecipe] = field(repr=False)
    definitions: Definitions = field(repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """What a snapshot holds."""

    originals: list[OriginalRecipe] = field(repr=False)
    released: list[str]
    definitions: Definitions = field(repr=False)


@dataclass(frozen=True, slots=True)
class Renewed:
    """An original whose container is another one now, or the same with another recipe: then `fields` names what differs."""

    name: str
    before_id: str
    id: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What differs from the snapshot before; names in order. `is_change` is false when it is all the same."""

    is_change: bool
    added: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    replaced: list[Renewed] = field(default_factory=list[Renewed])
    released: list[str] = field(default_factory=list[str])
    released_no_longer: list[str] = field(default_factory=list[str])


def choose(wish: Wish, held: Recipes, containers: Sequence[RunningContainer], policy: Policy) -> Chosen:
    """Find what the names of a wish mean, among all containers, in whatever state.

    Raises `UnknownName` and `NotAllowed`.
    """
    accept = tuple(_choose_one(name, held, containers, policy) for name in dict.fromkeys(wish.accept))
    names = [choice.name for choice in accept]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise NotAllowed(f"Two of these containers would be the original {twice[0]}: accept one of them.")
    release = frozenset(_released_name(name, held) for name in wish.release)
    drop = frozenset(_dropped_name(name, held, containers) for name in wish.drop)
    for name in sorted((release & drop) | ((release | drop) & set(names))):
        raise NotAllowed(f"{name} can't be accepted and let go at once: ask for one of both.")
    return Chosen(accept, release, drop)


def share_of(names: Iterable[str], containers: Iterable[RunningContainer], policy: Policy) -> Wish:
    """What is there of these names, when that is to be the snapshot: what is gone leaves it, what is protected stays out."""
    there = {one.name: one for one in containers if one.state not in GOING}
    wanted = sorted(set(names))
    gone = tuple(name for name in wanted if name not in there)
    free = tuple(name for name in wanted if name in there and why_protected(there[name], policy) is None)
    return Wish(accept=free, drop=gone)


def why_protected(container: RunningContainer, policy: Policy) -> str | None:
    """Say why a container is protected, by its own name or by the one that it would have; None when it is not."""
    for name in dict.fromkeys((container.name, place_of(container))):
        why = protection(policy.apply(name, container.labels))
        if why is not None:
            return why
    return None


def _choose_one(name: str, held: Recipes, containers: Sequence[RunningContainer], policy: Policy) -> Choice:
    found = find_container(name, containers)
    if found is None:
        gone = any(original.name == name for original in held.originals)
        said = (
            f"{name} is an original, but there is no container of that name: to let it go, release it."
            if gone
            else f"There is no container {name}, running or not.{near(name, (one.name for one in containers))}"
        )
        raise UnknownName(said)
    why = why_protected(found, policy)
    if why is not None:
        raise NotAllowed(f"{found.name} is protected, so it can't be an original: it {why}.")
    if found.state in GOING:
        raise NotAllowed(f"{found.name} is {found.state}: it is just being removed, or the engine could not do so.")
    return Choice(found.id, place_of(found))


def place_of(container: RunningContainer) -> str:
    """The name that a container has as an original: its own, or the one that a restore took from it."""
    aside = _PUT_ASIDE.fullmatch(container.name)
    return aside["name"] if aside and container.id.startswith(aside["id"]) else container.name


def find_container(name: str, containers: Iterable[RunningContainer]) -> RunningContainer | None:
    """Find a container by its exact name, or else by its full id: never by the beginning of one."""
    present = list(containers)
    by_name = next((one for one in present if one.name == name), None)
    return by_name or next((one for one in present if one.id == name), None)


def _released_name(name: str, held: Recipes) -> str:
    by_name = {original.name: original.name for original in held.originals} | {one: one for one in held.released}
    found = by_name.get(name) or {original.id: original.name for original in held.originals}.get(name)
    if found is None:
        raise UnknownName(f"{name} is no original, so there is nothing to release.{near(name, by_name)}")
    return found


def _dropped_name(name: str, held: Recipes, containers: Sequence[RunningContainer]) -> str:
    ids = {original.id for original in held.originals if original.name == name}
    if any((one.name == name or one.id in ids) and one.state not in GOING for one in containers):
        raise NotAllowed(f"{name} is there: only an original whose container is gone can be dropped; release it.")
    return name


def near(name: str, names: Iterable[str]) -> str:
    """Say which names are like this one, as a sentence after a blank; nothing when there are none."""
    found = difflib.get_close_matches(name, sorted(set(names)), NEAR_NAMES)
    return f" Is it {', '.join(found)}?" if found else ""


def accept_everything(held: Recipes, captured: Captured) -> Content:
    """All that runs, and nothing else: nobody is released any longer."""
    return Content(_kept_where_same(held, captured.originals), [], captured.definitions)


def accept_some(held: Recipes, chosen: Chosen, captured: Captured) -> Content:
    """The originals as they are, with those chosen in their places, and without those let go.

    A chosen container that has vanished since it was listed is not in `captured`: raises `UnknownName`.
    """
    by_id = {original.id: original for original in captured.originals}
    accepted: dict[str, OriginalRecipe] = {}
    for choice in chosen.accept:
        if choice.id not in by_id:
            raise UnknownName(f"The container of {choice.name} has just been removed.")
        accepted[choice.name] = _named(by_id[choice.id], choice.name)
    leaving = chosen.release | chosen.drop | set(accepted)
    ids = {choice.id for choice in chosen.accept}
    staying = [one for one in held.originals if one.name not in leaving and one.id not in ids]
    originals = _kept_where_same(held, [*staying, *accepted.values()])
    released = sorted((set(held.released) | chosen.release) - set(accepted))
    definitions = _definitions_of(held).updated(captured.definitions).of(originals)
    return Content(originals, released, definitions)


def go_back(older: Recipes) -> Content:
    """What an older snapshot holds."""
    return Content(older.originals, older.released, _definitions_of(older))


def compare(held: Recipes, content: Content) -> Change:
    """Tell what is different from the snapshot in force."""
    before = {original.name: original for original in held.originals}
    after = {original.name: original for original in content.originals}
    both = [(before[name], after[name]) for name in sorted(before.keys() & after.keys())]
    replaced = [Renewed(new.name, old.id, new.id, _updated(old, new)) for old, new in both if not _is_same(old, new)]
    released = sorted(set(content.released) - set(held.released))
    added = sorted(after.keys() - before.keys())
    removed = sorted(before.keys() - after.keys() - set(released))
    no_longer = sorted(set(held.released) - set(content.released) - set(added))
    is_change = bool(added or removed or replaced or set(content.released) != set(held.released))
    return Change(is_change, added, removed, replaced, released, no_longer)


def make_recipes(head: SnapshotHead, content: Content) -> Recipes:
    """Make the snapshot of this content."""
    return Recipes(
        snapshot=head,
        count=len(content.originals),
        originals=content.originals,
        released=content.released,
        networks=content.definitions.networks,
        volumes=content.definitions.volumes,
        images=content.definitions.images,
    )


def differing_fields(before: Inspection, after: Inspection) -> tuple[str, ...]:
    """Name the fields of two recipes that differ; what changes while a container merely runs is none of them.

    Names only, no values: those may be secrets.
    """
    one, other = lasting(before), lasting(after)
    return tuple(sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key)))


def told(fields: Sequence[str]) -> str | None:
    """Say which fields were updated; None where that is not known."""
    if not fields:
        return None
    more = f" and {len(fields) - FIELDS_TOLD} more" if len(fields) > FIELDS_TOLD else ""
    return f"updated: {', '.join(fields[:FIELDS_TOLD])}{more}"


def lasting(inspect: Inspection) -> dict[str, Any]:
    """Return the recipe by field, without its state and what the engine assigns anew at each start."""
    networks: Mapping[str, Inspection] = inspect["NetworkSettings"].get("Networks") or {}
    host: Inspection = inspect.get("HostConfig") or {}
    mounts: list[Inspection] = inspect.get("Mounts") or []
    return {
        "name": inspect["Name"],
        "image": inspect["Image"],
        # The engine lists mounts and links in a random order.
        "mounts": sorted(mounts, key=lambda mount: str(mount.get("Destination"))),
        **{key: sorted(value or []) if key == "Links" else value for key, value in host.items()},
        **inspect["Config"],
        **{f"network {name}": _lasting_end(end or {}) for name, end in networks.items()},
    }


def _lasting_end(end: Inspection) -> list[Any]:
    asked = [end.get(key) or None for key in ("NetworkID", "IPAMConfig", "Links", "DriverOpts", "GwPriority")]
    return [*asked, sorted(end.get("Aliases") or [])]


def _kept_where_same(held: Recipes, originals: Iterable[OriginalRecipe]) -> list[OriginalRecipe]:
    """The originals by name; where nothing but its state differs from what is held, that is kept."""
    before = {original.id: original for original in held.originals}
    return sorted((_kept(before.get(one.id), one) for one in originals), key=lambda one: (one.name, one.id))


def _kept(before: OriginalRecipe | None, now: OriginalRecipe) -> OriginalRecipe:
    return before if before is not None and before.name == now.name and _is_same(before, now) else now


def _is_same(before: OriginalRecipe, now: OriginalRecipe) -> bool:
    return before.id == now.id and not differing_fields(before.inspect, now.inspect)


def _updated(before: OriginalRecipe, now: OriginalRecipe) -> tuple[str, ...]:
    """What was updated in a container that is still the same; of another one too much differs to be told so."""
    return differing_fields(before.inspect, now.inspect) if before.id == now.id else ()


def _named(original: OriginalRecipe, name: str) -> OriginalRecipe:
    """The same container as the original of this name."""
    if original.name == name:
        return original
    return original.model_copy(update={"name": name, "inspect": {**original.inspect, "Name": f"/{name}"}})


def _definitions_of(recipes: Recipes) -> Definitions:
    return Definitions(recipes.networks, recipes.volumes, recipes.images)
