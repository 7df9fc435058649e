"""What observations amount to: from answers to a probe, and from lines of a log, to a verdict. Pure; time is passed in.

Unknown is not failing: what could not be asked says nothing about the container.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from .logs.severity import Severity
from .rules.rules import LogRule, ProbeRule

EVIDENCE_LINES = 3
EVIDENCE_CHARACTERS = 200
SHORTEST_HOLD_SECONDS = 330.0
"""A failing log stays so for this long after its last severe line, or for `logs.within` if that is longer, unless the
container is started anew: the controller's longest back-off is 300 s, and it must still come across it then."""


class State(StrEnum):
    """A verdict in one word."""

    OK = "ok"
    FAILING = "failing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is thought of a container now, and why.

    `faltering` tells that it may be about to fail: it has just failed, though not yet often enough. `blocked` tells that
    it can't be observed until somebody does something about it. `actionable` is False for what is failing, but no reason
    to act.
    """

    state: State
    reason: str
    evidence: tuple[str, ...] = ()
    faltering: bool = False
    blocked: bool = False
    actionable: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of asking once: `ok`, `failing` for this once, or `unknown` where it could not be asked."""

    state: State
    said: str


class ProbeJudge:
    """Judges one run of a container by the answers to its probe.

    Args:
        rule: when it is failing.
        shown: the probe as it is told to people.
        proven: whether it was ever answered well, in whatever run: else the rule may be wrong.
    """

    def __init__(self, rule: ProbeRule, shown: str, *, proven: bool = True) -> None:
        self._rule = rule
        self._proven = proven
        self._shown = shown
        self._failures = 0
        self._was_ok = False
        self.judgement = Judgement(State.UNKNOWN, f"{shown} has not answered yet")

    def note(self, answer: Answer, run_seconds: float) -> Judgement:
        """Take note of an answer to a question that was asked so long after the container's start."""
        said = f"{self._shown} {answer.said}"
        match answer.state:
            case State.OK:
                self._failures, self._was_ok, self._proven = 0, True, True
                self.judgement = Judgement(State.OK, said)
            case State.UNKNOWN:
                self._failures = 0
                self.judgement = Judgement(State.UNKNOWN, said, blocked=True)
            case State.FAILING:
                self.judgement = self._note_failure(said, run_seconds)
        return self.judgement

    def _note_failure(self, said: str, run_seconds: float) -> Judgement:
        if not self._was_ok and run_seconds < self._rule.start_period:
            return Judgement(State.UNKNOWN, f"{said}, within its start period")
        self._failures += 1
        if self.judgement.state is State.FAILING:
            return self.judgement  # as it was when it began: what is told of it does not change with each answer
        if self._failures < self._rule.failures:
            return Judgement(self.judgement.state, self.judgement.reason, faltering=True)
        reason = said if self._rule.failures == 1 else f"{said}, {self._failures} times in a row"
        if not self._proven:
            reason += ". It has never been answered well since it was set, so nothing is restarted for that: is probe.url right?"
        return Judgement(State.FAILING, reason, actionable=self._proven)


class LogJudge:
    """Judges one run of a container by the lines of its log.

    Times are those of the lines, and of `judge`'s now, in seconds since 1970.
    """

    def __init__(self, rule: LogRule) -> None:
        self._rule = rule
        self._times: deque[float] = deque(maxlen=rule.count)
        self._evidence: deque[str] = deque(maxlen=min(rule.count, EVIDENCE_LINES))
        self._failing = False

    def note(self, severity: Severity | None, text: str, at: float) -> None:
        """Take note of a line."""
        if severity is None or severity < self._rule.severity:
            return
        self._times.append(at)
        if not self._failing:  # from then on the lines that made it so are the evidence
            self._evidence.append(shorten(text))
        if len(self._times) == self._rule.count and at - self._times[0] <= self._rule.within:
            self._failing = True

    def judge(self, now: float) -> Judgement:
        """Judge by what was noted so far."""
        few, many = (
            ("no line", "a line")
            if self._rule.count == 1
            else (f"fewer than {self._rule.count} lines", f"{self._rule.count} lines")
        )
        wanted = f"at or above {self._rule.severity.name.lower()} within {self._rule.within:g} s"
        if self._failing and now >= self.holds_until:
            self._failing = False
            self._times.clear()
            self._evidence.clear()
        if self._failing:
            return Judgement(State.FAILING, f"its log has {many} {wanted}", tuple(self._evidence))
        return Judgement(State.OK, f"its log has {few} {wanted}")

    @property
    def holds_until(self) -> float:
        """Until when it is failing, unless more lines come."""
        last = self._times[-1] if self._times else 0.0
        return last + max(self._rule.within, SHORTEST_HOLD_SECONDS)


def shorten(text: str) -> str:
    """Shorten a line for people, on one line, without what a terminal would obey."""
    plain = "".join(character if character.isprintable() else " " for character in text[: 4 * EVIDENCE_CHARACTERS])
    plain = " ".join(plain.split())
    return plain if len(plain) <= EVIDENCE_CHARACTERS else f"{plain[: EVIDENCE_CHARACTERS - 1]}…"
