"""From probe results, and from lines of a log, to a verdict. Pure; time is passed in."""

from collections import deque
from dataclasses import replace

from ..masking import mask
from .logs.severity import Severity
from .rules.rules import LogRule, ProbeRule
from .verdict import ProbeResult, State, Subject, Verdict

EVIDENCE_LINES = 3
EVIDENCE_CHARACTERS = 200


class ProbeJudge:
    """Judges one run of a container by the results of its probe.

    Args:
        subject: the run.
        rule: when it is failing.
        shown: the probe as it is shown to people.
        proven: whether it ever succeeded, in whatever run: else the rule may be wrong.
    """

    def __init__(self, subject: Subject, rule: ProbeRule, shown: str, *, proven: bool = True) -> None:
        self._rule = rule
        self._proven = proven
        self._shown = shown
        self._failures = 0
        self._was_ok = False
        self.verdict = Verdict(subject, "probe", State.UNKNOWN, f"{shown} has not answered yet")

    def note(self, result: ProbeResult, run_seconds: float) -> Verdict:
        """Take note of the result of a probe that was made so long after the container's start."""
        said = f"{self._shown} {result.said}"
        match result.state:
            case State.OK:
                self._failures, self._was_ok, self._proven = 0, True, True
                self.verdict = self._verdict(State.OK, said)
            case State.UNKNOWN:
                self._failures = 0
                self.verdict = self._verdict(State.UNKNOWN, said, blocked=True)
            case State.FAILING:
                self.verdict = self._note_failure(said, run_seconds)
        return self.verdict

    def _note_failure(self, said: str, run_seconds: float) -> Verdict:
        if not self._was_ok and run_seconds < self._rule.start_period:
            return self._verdict(State.UNKNOWN, f"{said}, within its start period")
        self._failures += 1
        if self.verdict.state is State.FAILING:
            return self.verdict  # as it was when it began: what is said about it does not change with each result
        if self._failures < self._rule.failures:
            return replace(self.verdict, faltering=True, blocked=False)
        reason = said if self._rule.failures == 1 else f"{said}, {self._failures} times in a row"
        if not self._proven:
            reason += ". It has never succeeded since it was set, so nothing is restarted for that: is probe.url right?"
        return self._verdict(State.FAILING, reason, actionable=self._proven)

    def _verdict(self, state: State, reason: str, *, blocked: bool = False, actionable: bool = True) -> Verdict:
        return Verdict(self.verdict.subject, "probe", state, reason, blocked=blocked, actionable=actionable)


class LogJudge:
    """Judges one run of a container by the lines of its log.

    Times are those of the lines, and of `judge`'s now, in seconds since 1970.

    Args:
        subject: the run.
        rule: when it is failing.
        hold_seconds: how long it stays so at least, see `Timing.log_hold`.
    """

    def __init__(self, subject: Subject, rule: LogRule, hold_seconds: float) -> None:
        self._subject = subject
        self._rule = rule
        self._hold_seconds = max(rule.within, hold_seconds)
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

    def judge(self, now: float) -> Verdict:
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
            reason = f"its log has {many} {wanted}"
            return Verdict(self._subject, "logs", State.FAILING, reason, tuple(self._evidence))
        return Verdict(self._subject, "logs", State.OK, f"its log has {few} {wanted}")

    @property
    def holds_until(self) -> float:
        """Until when it is failing, unless more lines come."""
        last = self._times[-1] if self._times else 0.0
        return last + self._hold_seconds


def shorten(text: str) -> str:
    """Shorten a line for people, on one line, without secrets and what a terminal would obey."""
    plain = "".join(character if character.isprintable() else " " for character in text[: 4 * EVIDENCE_CHARACTERS])
    plain = mask(" ".join(plain.split()))  # before it is shortened: a secret without its end is not known as one
    return plain if len(plain) <= EVIDENCE_CHARACTERS else f"{plain[: EVIDENCE_CHARACTERS - 1]}…"
