"""Everything that the plan is made from, indexed: who is there, who has whose place, and what must be looked at closely. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..model import DOWN_STATES, REMAINS, RUNNING_STATES, Verb, aside_name
from ..protection import protection
from ..wishes.policy import ON_REPLACE_LABEL
from ..wishes.rules import ACCEPT, RESTORE, is_oneoff, restart_rule, rule
from .dependencies import PROJECT_LABEL, SERVICE_LABEL
from .meaning.successor import differences, tell
from .memory import Pair

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model import Container, Inspect, Observed, Original, Snapshot, Unhealthy
    from .health import Hold
    from .memory import Memory

REPLACEABLE_STATES = DOWN_STATES | REMAINS
"""States of an original in which another container may have taken its place."""

CREATED_MARGIN_SECONDS = 2.0
"""The list tells whole seconds of the engine's clock: what is so little older may have been made by the action."""

LONGEST_CREATION_SECONDS = 600.0
"""From the beginning of an action until its container is made: an image may have to be pulled."""


@dataclass(frozen=True)
class Situation:
    """The snapshot beside what is observed.

    `successors` and `impostors` are the pairs (original, holder of its name) that are known to be the one or the other;
    a pair in neither is undecided. Of an impostor it is told what differs. `unknown_images` are the ids of images that
    must be known to decide. `unhealthy` and `hold` come from `health`.
    """

    snapshot: Snapshot
    observed: Observed
    memory: Memory
    by_id: Mapping[str, Container]
    by_name: Mapping[str, Container]
    successors: frozenset[Pair]
    impostors: Mapping[Pair, str]
    unknown_images: frozenset[str] = frozenset()
    stuck: frozenset[str] = frozenset()
    unhealthy: Mapping[str, Unhealthy] = field(default_factory=dict[str, "Unhealthy"])
    hold: Hold | None = None

    @classmethod
    def of(cls, snapshot: Snapshot, observed: Observed, memory: Memory) -> Situation:
        """Index what is observed, and compare the holders of originals' names as far as they were looked at."""
        by_id = {container.id: container for container in observed.containers}
        by_name = {container.name: container for container in observed.containers}
        names = {container.id: container.name for container in observed.containers}
        names |= {**snapshot.heirs, **{original.id: original.name for original in snapshot.originals}}
        images = {**snapshot.images, **{one.id: one for one in observed.images.values() if one is not None}}
        successors, impostors, unknown = set[Pair](), dict[Pair, str](), set[str]()
        for original, holder in _name_holders(snapshot, by_id, by_name):
            pair = (original.id, holder.id)
            seen = observed.inspects.get(holder.id)
            if pair in memory.successors:
                successors.add(pair)
            elif pair in memory.impostors:
                impostors[pair] = memory.impostors[pair]
            elif seen is not None and _must_be_known(original, seen, snapshot, observed):
                unknown.add(str(seen["Image"]))
            elif seen is not None:
                found = differences(original.inspect, seen, names, images)
                if _is_own_work(original, holder, memory):
                    found = [one for one in found if one.field.startswith("image")]
                if found:
                    impostors[pair] = tell(found)
                else:
                    successors.add(pair)
        return cls(snapshot, observed, memory, by_id, by_name, frozenset(successors), impostors, frozenset(unknown))

    def present(self, original: Original) -> Container | None:
        """Return the container that the original was, if it exists and was not put aside by a restore."""
        present = self.by_id.get(original.id)
        return None if present is None or is_put_aside(original, present.name, present.state) else present

    def holder(self, original: Original) -> Container | None:
        """Return the other container that has the original's name, if there is one."""
        holder = self.by_name.get(original.name)
        return None if holder is None or holder.id == original.id else holder

    def place(self, original: Original) -> Container | None:
        """Return the container that has the original's place: itself, or its successor."""
        present, holder = self.present(original), self.holder(original)
        if holder is not None and (original.id, holder.id) in self.successors:
            return holder
        return present

    @cached_property
    def places(self) -> dict[str, Original]:
        """The original whose place a container has, by the container's id; without protected originals."""
        found = ((self.place(original), original) for original in self.snapshot.originals)
        return {
            place.id: original for place, original in found if place is not None and protection(original.labels) is None
        }

    @cached_property
    def newcomers(self) -> list[Container]:
        """The containers that run and that nobody knows; who has an original's name is judged with that original."""
        holders = {holder.id for _, holder in _name_holders(self.snapshot, self.by_id, self.by_name)}
        running = (one for one in self.observed.containers if one.state in RUNNING_STATES and one.id not in holders)
        return [one for one in running if self.is_nobodys(one)]

    def is_free(self, original: Original) -> bool:
        """Tell whether neither the original is there, nor anybody who has its name."""
        return self.present(original) is None and self.holder(original) is None

    def is_successor(self, original: Original, holder: Container) -> bool:
        """Tell whether the holder of an original's name has taken its place."""
        return (original.id, holder.id) in self.successors

    def difference(self, original: Original, holder: Container) -> str:
        """Return in brackets what differs between an original and the impostor that has its name; empty if not known."""
        told = self.impostors.get((original.id, holder.id))
        return f" ({told})" if told else ""

    def is_undecided(self, original: Original, holder: Container | None) -> bool:
        """Tell whether the holder of an original's name must still be looked at; or could not be, and may be gone."""
        if holder is None or holder.id in self.snapshot.by_id or holder.state == "dead":
            return False
        present = self.by_id.get(original.id)
        if present is not None and present.state not in REPLACEABLE_STATES:
            return False
        pair = (original.id, holder.id)
        return pair not in self.successors and pair not in self.impostors

    def is_nobodys(self, container: Container) -> bool:
        """Tell whether a container is neither an original nor protected."""
        return container.id not in self.snapshot.by_id and protection(container.labels) is None

    def is_own_work(self, original: Original, holder: Container) -> bool:
        """Tell whether the controller itself made this container in the original's place, and was ended meanwhile."""
        return _is_own_work(original, holder, self.memory)

    def renamed(self, newcomer: Container) -> tuple[Original, Container] | None:
        """Return the original of a newcomer's name that runs under another one, if it does not take its name back."""
        original = self.snapshot.by_name.get(newcomer.name)
        present = None if original is None else self.present(original)
        if original is None or present is None or protection(original.labels) is not None:
            return None
        return None if rule(original.labels, ON_REPLACE_LABEL) == RESTORE else (original, present)

    def service(self, labels: Mapping[str, str]) -> str | None:
        """Return the compose service that a container of these labels belongs to, if its originals follow deploys."""
        return followed_service(self.snapshot, labels)

    def runs_of(self, service: str) -> list[Container]:
        """Return the containers of such a service that run, originals first."""
        running = (
            one for one in self.observed.containers if one.state == "running" and _service(one.labels) == service
        )
        mine = (one for one in running if protection(one.labels) is None)
        return sorted(mine, key=lambda one: (one.id not in self.places, one.name))

    def is_gone_back_from(self, container: Container) -> bool:
        """Tell whether a container is older than the last going back to another snapshot."""
        return self.memory.rolled_back_at is not None and container.created_at < self.memory.rolled_back_at

    def was_interrupted(self, original: Original) -> bool:
        """Tell whether a restart of this original has not come to its end: that it is down is nobody's wish."""
        begin = self.memory.unfinished.get(original.id)
        return original.id in self.memory.interrupted or (begin is not None and begin.verb is Verb.RESTART)

    def are_up(self, references: Iterable[str]) -> bool:
        """Tell whether a container of each of these ids or names is up, or has the place of an original: that is healed."""
        found = (self.by_id.get(one) or self.by_name.get(one) for one in references)
        return all(one is not None and (one.state in RUNNING_STATES or one.id in self.places) for one in found)


def is_put_aside(original: Original, name: str, state: str) -> bool:
    """Tell whether a restore has put the original itself aside, as it shared a namespace that is no more: it is as gone."""
    return state in DOWN_STATES and name == aside_name(original.name, original.id)


def _must_be_known(original: Original, seen: Inspect, snapshot: Snapshot, observed: Observed) -> bool:
    """Tell whether the image of a container has another id than the original's, and must be looked at for that."""
    image_id = seen.get("Image")
    known = original.image_id in snapshot.images
    return known and image_id not in {None, original.image_id} | observed.images.keys()


def follows_deploys(original: Original) -> bool:
    """Tell whether what replaces an original is accepted, and that it is gone means that somebody removed it.

    One that the engine deletes when it ends may have crashed.
    """
    is_accepted = rule(original.labels, ON_REPLACE_LABEL) == ACCEPT and protection(original.labels) is None
    deletes_itself = original.inspect.get("HostConfig", {}).get("AutoRemove")
    return is_accepted and not deletes_itself and restart_rule(original.labels) != "never"


def followed_service(snapshot: Snapshot, labels: Mapping[str, str]) -> str | None:
    """Return the compose service that a container of these labels belongs to, if an original of it follows deploys."""
    service = _service(labels)
    if service is None:
        return None
    followed = (_service(one.labels) for one in snapshot.originals if follows_deploys(one))
    return service if service in followed else None


def _service(labels: Mapping[str, str]) -> str | None:
    project, service = labels.get(PROJECT_LABEL), labels.get(SERVICE_LABEL)
    return f"{service} of {project}" if project and service and not is_oneoff(labels) else None


def undecided_holders(situation: Situation) -> set[str]:
    """Return the ids of the containers that must be looked at to tell successors from impostors."""
    originals = situation.snapshot.originals
    holders = ((original, situation.holder(original)) for original in originals if protection(original.labels) is None)
    return {
        holder.id for original, holder in holders if holder is not None and situation.is_undecided(original, holder)
    }


def _name_holders(
    snapshot: Snapshot, by_id: Mapping[str, Container], by_name: Mapping[str, Container]
) -> list[tuple[Original, Container]]:
    """Return each original that is not up and whose name another container has, with that container."""
    pairs: list[tuple[Original, Container]] = []
    for original in snapshot.originals:
        holder, present = by_name.get(original.name), by_id.get(original.id)
        replaceable = present is None or present.state in REPLACEABLE_STATES
        if holder is not None and holder.id != original.id and replaceable:
            pairs.append((original, holder))
    return pairs


def _is_own_work(original: Original, holder: Container, memory: Memory) -> bool:
    """Tell whether an action whose outcome is not known, since its process was ended, may have made this container."""
    begin = memory.unfinished.get(original.id)
    if begin is None or begin.verb not in {Verb.RECREATE, Verb.RESTORE} or holder.id == begin.container_id:
        return False
    return -CREATED_MARGIN_SECONDS <= holder.created_at - begin.began_at <= LONGEST_CREATION_SECONDS
