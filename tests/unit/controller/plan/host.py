"""A host as the plan sees it: containers, what `inspect` says of them, and time, which only the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from status_state_controller.model import (
    Activity,
    Container,
    Image,
    Observed,
    Outcome,
    Result,
    Snapshot,
    Verb,
    Verdicts,
)
from status_state_controller.plan.memory import Memory, begun, ended
from status_state_controller.plan.plan import Plan, make_plan, questions
from status_state_controller.plan.timing import Timing

from ..world import IMAGE, IMAGE_ID, NOON, STARTED_AT, container, id_of, recipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from status_state_controller.model import Action, Inspect, Original

OTHER_IMAGE_ID = "sha256:2c1b"


PROMPT = Timing(empty_snapshot_grace=0.0)
"""So that a test of newcomers needs no original."""


@dataclass
class Host:
    """What is on the engine, and the controller's memory of it; each `look` is one check."""

    held: Snapshot
    world: dict[str, Container] = field(default_factory=dict[str, Container])
    states: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """What `inspect` says of a run beside its state, by container id."""
    changes: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """What `inspect` says of a container in the place of the recipe, by container id."""
    images: dict[str, str] = field(default_factory=lambda: {IMAGE: IMAGE_ID, IMAGE_ID: IMAGE_ID})
    networks: dict[str, set[str]] = field(default_factory=dict[str, "set[str]"])
    """The ids of the engine's networks, by name."""
    volumes: set[str] = field(default_factory=set[str])
    contents: dict[str, Image] = field(default_factory=dict[str, Image])
    """What the engine tells of an image besides its id, by that."""
    verdicts: Verdicts = field(default_factory=Verdicts)
    activity: Activity = field(default_factory=Activity)
    busy: frozenset[str] = frozenset()
    memory: Memory = field(default_factory=Memory)
    timing: Timing = PROMPT
    now: float = NOON.timestamp()
    asked: set[str] = field(default_factory=set[str])
    """The names of containers and images that the last look wanted to see closely."""

    def put(self, *containers: Container, started_at: str | None = None) -> None:
        """Add containers, or replace those of the same id."""
        for one in containers:
            self.world[one.id] = one
            if started_at is not None:
                self.states[one.id] = {"StartedAt": started_at}

    def impostor(self, name: str, state: str = "running", labels: Mapping[str, str] | None = None) -> Container:
        """Let a different container have that name."""
        one = container(name, state, word=f"impostor of {name}", labels=dict(labels or {}))
        self.put(one)
        self.changes[one.id] = {"Image": OTHER_IMAGE_ID}
        return one

    def attach(self, network: str = "back", *, now: str | None = None, scope: str = "local") -> None:
        """Let whoever has the place of `web` have been attached to a network of the id 1; `now` is its present id, if any."""
        for one in [one for one in self.world.values() if one.name in {"web", "web-old"}]:
            self.put(replace(one, networks=one.networks | {(network, "1")}))
        self.held = replace(self.held, networks={network: {"Name": network, "Scope": scope}})
        self.networks |= {} if now is None else {network: {now}}

    def lose_volume(self) -> None:
        """Let `web` mount a volume that is gone."""
        self.held = replace(self.held, volumes={"data": {"Name": "data", "Driver": "local"}})
        self.put(replace(self.named("web"), volumes=frozenset({"data"})))

    def judge(self, name: str, health: str, **others: Any) -> None:
        """Let the health check of a container say so, in the list and in `inspect`; `others` are fields of `Health`."""
        one = self.named(name)
        words = "health: starting" if health == "starting" else health
        if one.state == "running":
            self.put(replace(one, status=f"Up 5 minutes ({words})"))
        streak = 3 if health == "unhealthy" else 0
        told = {"Status": health, "FailingStreak": streak, "Log": [{"ExitCode": 7 if streak else 0}]} | others
        self.states[one.id] = self.states.get(one.id, {}) | {"Health": told}

    def say(self, **failing: str) -> None:
        """Let the SSA say of the present runs of these why they fail, and nothing of others."""
        reasons = {self.run_of(name): reason for name, reason in failing.items()}
        self.verdicts = Verdicts(reasons, known=True)

    def named(self, name: str) -> Container:
        """The container of that name, or else the one that had it at first."""
        return next((one for one in self.world.values() if one.name == name), None) or self.world[id_of(name)]

    def run_of(self, name: str) -> tuple[str, str]:
        """The present run of the container of that name."""
        return (one := self.named(name)).id, self.states.get(one.id, {}).get("StartedAt", STARTED_AT)

    def inspect(self, container_id: str) -> Inspect | None:
        """What the engine says of one container: made as the original of its id or name, unless changed."""
        one = self.world.get(container_id)
        if one is None:
            return None
        known = self.held.by_id.get(one.id) or self.held.by_name.get(one.name)
        made_from = recipe(one.name, labels=dict(one.labels)) if known is None else dict(known.inspect)
        state = {"Status": one.state, "StartedAt": STARTED_AT} | self.states.get(one.id, {})
        identity = {"Id": one.id, "Name": f"/{one.name}", "State": state}
        return made_from | self.changes.get(one.id, {}) | identity

    def observe(self, inspects: Mapping[str, Inspect | None] | None = None) -> Observed:
        """What is seen in one list."""
        return Observed(tuple(self.world.values()), self.now, inspects or {}, activity=self.activity, busy=self.busy)

    def look(self, seconds: float = 0.0, *, only: Iterable[str] | None = None) -> Plan:
        """Let time pass, answer what the plan asks until it asks for no more, and take its memory over."""
        self.now += seconds
        picked = None if only is None else frozenset(only)
        observed, self.asked = self.observe(), set()
        while wanted := questions(self.held, observed, self.verdicts, self.memory, only=picked):
            self.asked |= {self.world[key].name if key in self.world else key for key in wanted.containers}
            self.asked |= wanted.images | wanted.volumes | ({"networks"} if wanted.networks else set())
            observed = replace(
                observed,
                inspects={**observed.inspects, **{key: self.inspect(key) for key in wanted.containers}},
                images={**observed.images, **{image: self.image(image) for image in wanted.images}},
                volumes={**observed.volumes, **{name: name in self.volumes for name in wanted.volumes}},
                networks={name: frozenset(ids) for name, ids in self.networks.items()}
                if wanted.networks
                else observed.networks,
            )
        plan = make_plan(self.held, observed, self.verdicts, self.memory, self.now, timing=self.timing, only=picked)
        self.memory = plan.memory
        return plan

    def image(self, name: str) -> Image | None:
        """What the engine tells of an image."""
        image_id = self.images.get(name)
        return None if image_id is None else self.contents.get(image_id, Image(image_id))

    def begin(self, plan: Plan) -> tuple[Action, ...]:
        """Begin what the plan says is begun now."""
        self.memory = begun(self.memory, plan.actions, self.now)
        self.busy |= frozenset[str]().union(*(action.places for action in plan.actions))
        return plan.actions

    def end(self, action: Action, result: Result = Result.DONE, *, attempted: bool = True, **fields: Any) -> None:
        """Note what became of an action, and whether the engine was told to do it."""
        outcome = Outcome(action, result, attempted_at=self.now if attempted else None, **fields)
        self.memory = ended(self.memory, outcome)
        self.busy -= action.places

    def carry_out(self, plan: Plan) -> None:
        """Do what a plan begins, all at once."""
        for action in self.begin(plan):
            if action.verb is Verb.STOP:
                self.put(replace(action.container, state="exited", status="Exited (0) 1 second ago"))
            else:
                self.put(replace(action.container, state="running", status="Up 1 second"))
            self.end(action)


def host(held: Snapshot, *containers: Container, **fields: Any) -> Host:
    """A host with these containers."""
    return Host(held, {one.id: one for one in containers}, **fields)


def sharing(child: Original, parent: str, mode: str = "NetworkMode") -> Original:
    """The original in a namespace of its parent, which it names by id, as the engine does."""
    return replace(child, inspect=dict(child.inspect) | {"HostConfig": {mode: f"container:{id_of(parent)}"}})
