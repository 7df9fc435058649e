"""What each container is to the snapshot: the one word that people, the command line and the page go by. Pure.

It is told of what runs and of the originals that don't. Whether a container made again under an original's name has the same
configuration is the controller's judgement: its findings say so, and until they do the image alone decides.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..model import Original, RunningContainer
from ..protection import protection

RESTART_LABEL = "status-state.restart"
ONEOFF_LABEL = "com.docker.compose.oneoff"
RULES = ("always", "on-failure", "never")

Labels = Mapping[str, str]


class Standing(StrEnum):
    """What a container is to the snapshot."""

    ORIGINAL = "original"
    REPLACED = "replaced"
    MISSING = "missing"
    FINISHED = "finished"
    NEWCOMER = "newcomer"
    RELEASED = "released"
    PROTECTED = "protected"


@dataclass(frozen=True, slots=True)
class Desired:
    """What is known of the snapshot here.

    `labels` are the originals' by their container ids, `released` the names that an operator has released, `policy` lays
    what the policy says of a name over labels, `found` are the ids and names of which the controller's last report about
    this very snapshot tells a difference, `replaced` those of them that it calls replaced.
    """

    originals: Sequence[Original]
    labels: Mapping[str, Labels]
    released: Collection[str]
    policy: Callable[[str, Labels], Labels]
    found: Collection[str]
    replaced: Collection[str]


def standings(desired: Desired, running: Sequence[RunningContainer]) -> list[tuple[str, str, Standing]]:
    """Return id, name and standing of each container that runs, and of each original that doesn't; by name."""
    running_ids = {container.id for container in running}
    lost = {original.name: original for original in desired.originals if original.id not in running_ids}
    originals = {original.id for original in desired.originals}
    told: list[tuple[str, str, Standing]] = []
    for container in running:
        place = lost.get(container.name) if container.id not in originals else None
        standing = _of_running(desired, container, place, is_original=container.id in originals)
        told.append((container.id, container.name, standing))
        # A protected container in the place of an original is its successor, or the controller says that it is not.
        if place is not None and not (standing is Standing.PROTECTED and _is_other(desired, container, place)):
            del lost[place.name]
    told += [(original.id, original.name, _of_lost(desired, original)) for original in lost.values()]
    return sorted(told, key=lambda one: (one[1], one[0]))


def restart_rule(desired: Desired, original: Original) -> str:
    """Return `always`, `on-failure` or `never`, as the controller reads it: the policy before the label."""
    labels = desired.policy(original.name, desired.labels.get(original.id, {}))
    rule = labels.get(RESTART_LABEL, "").strip().lower()
    if rule in RULES:
        return rule
    return "never" if labels.get(ONEOFF_LABEL, "").lower() == "true" else "always"


def _of_running(
    desired: Desired, container: RunningContainer, place: Original | None, *, is_original: bool
) -> Standing:
    """Judge a container that runs; `place` is the original whose name it has, where that one doesn't run."""
    if protection(desired.policy(container.name, container.labels)) is not None:
        return Standing.PROTECTED
    if is_original:
        return Standing.ORIGINAL
    if place is not None:
        other = _is_other(desired, container, place) and restart_rule(desired, place) != "never"
        return Standing.REPLACED if other else Standing.ORIGINAL
    return Standing.RELEASED if container.name in desired.released else Standing.NEWCOMER


def _is_other(desired: Desired, container: RunningContainer, original: Original) -> bool:
    """Tell whether a container with an original's name is made from another image, or was found to be another one."""
    named = {container.id, original.id, original.name}
    return container.image_id != original.image_id or not named.isdisjoint(desired.replaced)


def _of_lost(desired: Desired, original: Original) -> Standing:
    """Judge an original that doesn't run and has no container in its place."""
    if protection(desired.policy(original.name, {})) is not None:
        return Standing.PROTECTED
    rule = restart_rule(desired, original)
    # Of `on-failure` the exit code decides, which only the controller sees: it finds nothing where the code was 0.
    may_be_down = rule == "never" or (rule == "on-failure" and {original.id, original.name}.isdisjoint(desired.found))
    return Standing.FINISHED if may_be_down else Standing.MISSING
