"""Of what people are notified, of all that the log says: what they know is not sent again. Pure.

Moments are steady seconds, passed in. The table is in docs/architecture.md, "Notifications".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model import DELETED_BY_THE_ENGINE, TO_THE_SSA, Kind, Result, Verb
from ..plan.notices import ACCEPT_COMMAND, PAUSE_ENDING
from ..report.sentence import tell_finding
from .message import Level, Occasion

if TYPE_CHECKING:
    from ..model import Finding, Outcome

AGAIN_AT = (3, 10, 30, 100)
"""The attempts at which people are notified that an original is failing again and again: after about 30 s, then as the back-off
grows to 5 min after a quarter of an hour, two hours, and eight."""
LOSS_LASTS_SECONDS = 30.0
"""A loss is sent when it has lasted so long: an upgrade of the pair, or a restart of the engine, is over before."""
PAUSE_IS_KNOWN_SECONDS = 300.0
"""Who was notified of a pause within this time needs no word that it is about to end."""
MOST_KNOWN = 1000
"""Containers of which it is remembered what was sent."""

_HEALED = {Verb.START: "started", Verb.REATTACH: "reattached", Verb.RESTART: "restarted", Verb.RECREATE: "recreated"}
_MASS, _ENGINE, _SSA, _EMPTY = "mass_failure", "engine_lost", "ssa_lost", "snapshot_empty"
_PAUSED, _ENDING = "healing_paused", "pause_ending"

_TITLES = {
    _MASS: (Level.FAILURE, "mass failure"),
    _ENGINE: (Level.FAILURE, "the engine is lost"),
    _SSA: (Level.FAILURE, "status-state-api is lost"),
    _EMPTY: (Level.FAILURE, "the snapshot is empty"),
    _PAUSED: (Level.INFO, "a pause has begun"),
    _ENDING: (Level.INFO, "a pause is about to end"),
    "mass_failure_over": (Level.SUCCESS, "the mass failure is over"),
    "engine_back": (Level.SUCCESS, "the engine is back"),
    "ssa_back": (Level.SUCCESS, "status-state-api is back"),
    "snapshot_filled": (Level.INFO, "the snapshot is no longer empty"),
    "healing_resumed": (Level.INFO, "a pause has ended"),
}
"""What lasts, by the events that the log calls its begin and its end."""
_ENDS = frozenset({"mass_failure_over", "engine_back", "ssa_back", "snapshot_filled", "healing_resumed"})


@dataclass(frozen=True, slots=True)
class _Sent:
    """What was last sent about an original: how many of `AGAIN_AT` had passed, and why healing failed, if it did."""

    steps: int
    failed: str | None


class Occasions:
    """What people were notified of, and so what they are notified of next."""

    def __init__(self) -> None:
        self._of: dict[str, _Sent] = {}  # by the name of the container
        self._lasting: dict[str, str] = {}  # what lasts and was sent, by topic: its event
        self._paused_at: dict[str, float] = {}
        self._losses: dict[str, tuple[float, str, str]] = {}  # not sent yet, by topic: since when, event, sentence

    # --- what was found of a container

    def of_finding(self, finding: Finding, outcome: Outcome | None) -> Occasion | None:
        """Return what is sent about a finding and of what became of it; None: nothing."""
        name, sentence = finding.container.name, tell_finding(finding, outcome)
        if outcome is None:
            if finding.kind is Kind.UNHEALTHY and _MASS in self._lasting.values():
                return None  # the mass failure was sent, for all of them
            return Occasion(Level.WARNING, f"{name}: nothing is done", sentence)
        match outcome.result:
            case Result.DRY_RUN:
                return Occasion(Level.WARNING, f"{name}: dry run", sentence)
            case Result.FAILED:
                return self._failed(name, outcome, sentence)
            case Result.DONE if outcome.attempted_at is not None:
                return self._done(name, outcome, sentence)
            case _:
                return None

    def _failed(self, name: str, outcome: Outcome, sentence: str) -> Occasion | None:
        action, before = outcome.action, self._of.get(name)
        is_again, steps = self._count(name, outcome)
        is_known = before is not None and before.failed == outcome.detail
        self._remember(name, _Sent(steps, outcome.detail))
        if is_again:
            return _again(name, outcome, sentence)
        if is_known:
            return None
        what = "could not be stopped" if action.verb is Verb.STOP else "healing failed"
        what = "the snapshot could not be changed" if action.verb in TO_THE_SSA else what
        return Occasion(Level.FAILURE, f"{name}: {what}", sentence)

    def _done(self, name: str, outcome: Outcome, sentence: str) -> Occasion | None:
        verb = outcome.action.verb
        before = self._of.get(name)
        had_failed = before is not None and before.failed is not None
        is_again, steps = self._count(name, outcome)
        self._remember(name, _Sent(steps, None) if steps and not had_failed else None)
        if verb in TO_THE_SSA:
            return None  # who has deployed that knows
        if verb is Verb.STOP:
            return Occasion(Level.WARNING, f"{name}: newcomer stopped", sentence, _to_keep(name, outcome))
        if steps and not had_failed:
            return _again(name, outcome, sentence) if is_again else None
        if verb is Verb.RESTORE:
            return Occasion(Level.WARNING, f"{name}: replaced, and put back", sentence)
        return Occasion(Level.SUCCESS, f"{name}: {_HEALED[verb]}", sentence)

    def _count(self, name: str, outcome: Outcome) -> tuple[bool, int]:
        """Tell whether that it is failing again and again is news, and how many of `AGAIN_AT` have passed."""
        if outcome.action.original_id is None or outcome.action.verb in TO_THE_SSA:
            return False, 0
        steps = sum(outcome.action.attempt >= attempt for attempt in AGAIN_AT)
        before = self._of.get(name)
        return steps > (0 if before is None else before.steps), steps

    def _remember(self, name: str, sent: _Sent | None) -> None:
        self._of.pop(name, None)
        if sent is not None:
            self._of[name] = sent
        while len(self._of) > MOST_KNOWN:
            del self._of[next(iter(self._of))]

    # --- what lasts

    def of_lasting(self, topic: str, event: str, sentence: str, now: float) -> Occasion | None:
        """Return what is sent when something has begun, has changed, or has ended; None: nothing, or not yet."""
        if event in _ENDS:
            self._losses.pop(topic, None)
            self._paused_at.pop(topic, None)
            began = self._lasting.pop(topic, None)
            return None if began is None else Occasion(*_TITLES[event], sentence)
        if event not in _TITLES:
            return None
        is_known = topic in self._lasting
        if event in {_ENGINE, _SSA}:
            if not is_known:
                self._losses.setdefault(topic, (now + LOSS_LASTS_SECONDS, event, sentence))
            return None
        if event == _ENDING:
            begun_at = self._paused_at.get(topic.removesuffix(PAUSE_ENDING), float("-inf"))
            return None if now - begun_at < PAUSE_IS_KNOWN_SECONDS else Occasion(*_TITLES[event], sentence)
        if is_known and event != _PAUSED:  # the sentence of a pause tells until when, those of the others only why
            return None
        if event == _PAUSED:
            self._paused_at[topic] = now
        return self._begun(topic, event, sentence)

    def of_losses(self, now: float) -> list[Occasion]:
        """Return what is sent about losses that have lasted for long enough by now."""
        due = [topic for topic, (at, _, _) in self._losses.items() if at <= now]
        return [self._begun(topic, *self._losses.pop(topic)[1:]) for topic in due]

    @property
    def loss_due_at(self) -> float | None:
        """When the next loss has lasted for long enough."""
        return min((at for at, _, _ in self._losses.values()), default=None)

    def _begun(self, topic: str, event: str, sentence: str) -> Occasion:
        self._lasting[topic] = event
        return Occasion(*_TITLES[event], sentence)


def _again(name: str, outcome: Outcome, sentence: str) -> Occasion:
    counted = f"This was attempt {outcome.action.attempt} since it last ran for 10 min. Further ones follow, at most 5 min apart."
    return Occasion(
        Level.FAILURE, f"{name}: failing again and again", f"{sentence}. {counted}", f"Find out why: docker logs {name}"
    )


def _to_keep(name: str, outcome: Outcome) -> str:
    if outcome.detail == DELETED_BY_THE_ENGINE:
        return f"It was run with --rm, so it is gone. To keep it, run it again, and at once: {ACCEPT_COMMAND} {name}"
    return f"To keep it: {ACCEPT_COMMAND} {name}"
