"""The rules of one container: what is written on its labels and in the policy, read and checked. Pure.

A key is the same in both places; a label has the prefix `status-state.` before it. What is wrong disables its rule
alone (the probe, the logs, …), and is reported with the place where it stands.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from ...durations import parse_duration
from ..logs.severity import Severity

LABEL_PREFIX = "status-state."
SHORTEST_SECONDS = 0.1
LONGEST_SECONDS = 86400.0
MOST_LINES = 1000
"""For `logs.count`: the times of that many lines are remembered per container."""

_NAMES = (*(severity.name.lower() for severity in Severity), "warn", "fatal")
_SYNONYMS = {"WARN": "WARNING", "FATAL": "CRITICAL"}


def _read_duration(value: object) -> object:
    return parse_duration(value.strip()) if isinstance(value, str) else value


def _read_severity(value: object) -> Severity:
    if isinstance(value, Severity):
        return value
    word = str(value).strip().upper()
    word = _SYNONYMS.get(word, word)
    if word not in Severity.__members__:
        raise ValueError(f"it is none of {', '.join(_NAMES)}")
    return Severity[word]


def _read_flag(value: object) -> object:
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in words:
        raise ValueError("it is neither true nor false")
    return words[word]


def _read_count(value: object) -> object:
    if isinstance(value, str) and not value.strip().isdecimal():
        raise ValueError("it is no whole number")
    return value


def _read_word(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.netloc != "" and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("it is no URL such as http://:8080/health, with the container's own port")
    return url


Seconds = Annotated[
    float,
    BeforeValidator(_read_duration),
    WithJsonSchema({"type": ["string", "number"], "examples": ["10s", "1m30s", 90]}),
]
Flag = Annotated[bool, BeforeValidator(_read_flag)]
Count = Annotated[int, Field(ge=1, le=MOST_LINES), BeforeValidator(_read_count)]


class ProbeRule(BaseModel):
    """Ask the container by HTTP. Durations are in seconds; the defaults are the design's, section 6."""

    model_config = ConfigDict(frozen=True)

    url: Annotated[str, AfterValidator(_check_url)] = Field(
        description="Ask the container by HTTP, at its own port: `http://:8080/health`. 2xx and 3xx are ok. A host's "
        "name before the colon is sent as the header Host.",
        examples=["http://:8080/health"],
        json_schema_extra={"pattern": "^https?://"},
    )
    every: Seconds = Field(
        default=10.0, ge=SHORTEST_SECONDS, le=LONGEST_SECONDS, description="Time between two questions."
    )
    timeout: Seconds = Field(
        default=5.0, ge=SHORTEST_SECONDS, le=LONGEST_SECONDS, description="How long an answer may take."
    )
    failures: Count = Field(default=3, description="How many failures in a row make it failing.")
    start_period: Seconds = Field(
        default=30.0,
        ge=0,
        le=LONGEST_SECONDS,
        description="How long after the container's start its failures don't count; its first success ends that.",
    )
    insecure: Flag = Field(default=False, description="Accept any certificate.")


class LogRule(BaseModel):
    """Count the lines of the container's log that are that severe. The defaults are the design's, section 6."""

    model_config = ConfigDict(frozen=True)

    severity: Annotated[Severity, BeforeValidator(_read_severity), WithJsonSchema({"enum": list(_NAMES)})] = Field(
        description="Count the lines of the container's log that are at least that severe.", examples=["critical"]
    )
    count: Count = Field(default=1, description="How many such lines make it failing.")
    within: Seconds = Field(
        default=60.0, ge=SHORTEST_SECONDS, le=LONGEST_SECONDS, description="Within how long they have to come."
    )


class HandlingRule(BaseModel):
    """How the controller treats the container; on labels it reads that by itself. Defaults are its business."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    ignore: Flag | None = Field(
        default=None, description="Protect the container: it is neither an original nor a newcomer, and never touched."
    )
    restart: Annotated[Literal["always", "on-failure", "never"], BeforeValidator(_read_word)] | None = Field(
        default=None,
        description="Whether an original is started when it went down, and restarted when it is unhealthy: `always`, "
        "`on-failure` (not after exit code 0), `never`.",
    )
    on_down: Annotated[Literal["report", "restart"], BeforeValidator(_read_word)] | None = Field(
        default=None,
        alias="on-down",
        description="What is done about an original that is down or gone: `report` only tells, `restart` is the default.",
    )
    on_replace: Annotated[Literal["accept", "report", "restore"], BeforeValidator(_read_word)] | None = Field(
        default=None,
        alias="on-replace",
        description="What is done about an original whose name another container has taken: `accept` makes that the "
        "original, `report` only tells, `restore` is the default.",
    )
    on_unhealthy: Annotated[Literal["report", "restart"], BeforeValidator(_read_word)] | None = Field(
        default=None,
        alias="on-unhealthy",
        description="What is done about an unhealthy original: `report` only tells, `restart` is the default.",
    )
    on_new: Annotated[Literal["accept", "report", "stop"], BeforeValidator(_read_word)] | None = Field(
        default=None,
        alias="on-new",
        description="What is done about a newcomer: `accept` makes it an original, `report` only tells, `stop` is the "
        "default. In the policy only.",
    )


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked of one container; nothing by default."""

    probe: ProbeRule | None = None
    logs: LogRule | None = None

    def __bool__(self) -> bool:
        """Whether anything is asked."""
        return self.probe is not None or self.logs is not None


@dataclass(frozen=True, slots=True)
class Setting:
    """One key as it was written: `place` says where it stands. `value` is text; None for what is no word at all."""

    value: Any
    place: str


MODELS: Mapping[str, tuple[type[BaseModel], str | None]] = {
    "probe.": (ProbeRule, "url"),
    "logs.": (LogRule, "severity"),
    "": (HandlingRule, None),
}
"""The rules by the prefix of their keys, each with the key that it can't be without."""


def names_of(model: type[BaseModel]) -> dict[str, str]:
    """The names of a model's fields as they are written, each with the field's own."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


KEYS = tuple(prefix + name for prefix, (model, _) in MODELS.items() for name in names_of(model))
"""Every key, in the order in which they are listed."""

POLICY_ONLY = "on-new"
"""A newcomer's own label must not decide whether it may stay."""
READ_BY_CONTROLLER = ("ignore", "restart")
"""Of these the controller itself tells when a label can't be read."""

_NO_RULES = {"role", "base"}
"""Labels with the prefix that are no keys: the pair's own, and that of the base image which the project makes."""


def label_settings(labels: Mapping[str, str]) -> dict[str, Setting]:
    """Take the keys from a container's labels, whether they are known or not."""
    keys = {label.removeprefix(LABEL_PREFIX): label for label in labels if label.startswith(LABEL_PREFIX)}
    return {key: Setting(labels[label], f"label {label}") for key, label in keys.items() if key not in _NO_RULES}


def read_rules(settings: Mapping[str, Setting]) -> tuple[Rules, list[str]]:
    """Read what is to be asked of one container; return it, and a sentence for each thing that is wrong."""
    probe, wrong_probe = read_rule("probe.", settings)
    logs, wrong_logs = read_rule("logs.", settings)
    wrong_handling = [problem for key in names_of(HandlingRule) for problem in _wrong_label(key, settings)]
    # Other labels with this prefix are nobody's business, unless one looks like a slip of the pen.
    unknown = [
        problem
        for key, setting in settings.items()
        if (problem := unknown_key(key, setting)) is not None and problem.endswith("meant?")
    ]
    rules = Rules(
        probe if isinstance(probe, ProbeRule) else None,
        logs if isinstance(logs, LogRule) else None,
    )
    return rules, wrong_probe + wrong_logs + wrong_handling + unknown


def _wrong_label(key: str, settings: Mapping[str, Setting]) -> list[str]:
    """Say what is wrong with one key of how the controller treats it, each by itself."""
    setting = settings.get(key)
    if setting is None or key in READ_BY_CONTROLLER:
        return []
    if key == POLICY_ONLY and setting.place.startswith("label "):
        return [f"{setting.place}: {key} can only be set in the policy"]
    return read_rule("", {key: setting})[1]


def read_rule(prefix: str, settings: Mapping[str, Setting]) -> tuple[BaseModel | None, list[str]]:
    """Read all keys of one rule; None where it isn't asked for, or where one of them is wrong."""
    model, needed = MODELS[prefix]
    given = {name: settings[prefix + name] for name in names_of(model) if prefix + name in settings}
    if needed is not None and given and needed not in given:
        name, setting = next(iter(given.items()))
        return None, [f"{setting.place}: {prefix}{name} says nothing without {prefix}{needed}"]
    if not given:
        return None, []
    try:
        return model.model_validate({name: setting.value for name, setting in given.items()}), []
    except ValidationError as error:
        return None, [
            _sentence(prefix, given, str(problem["loc"][0]), problem["msg"])
            for problem in error.errors(include_url=False)
        ]


def _sentence(prefix: str, given: Mapping[str, Setting], name: str, said: str) -> str:
    said = said.removeprefix("Value error, ")
    setting = given[name]
    # A URL may hold a password, all the more where it can't be read.
    value = "can't be used" if name == "url" else f"is {str(setting.value)[:100]!r}"
    return f"{setting.place}: {prefix}{name} {value}: {said[:1].lower()}{said[1:]}"


def unknown_key(key: str, setting: Setting) -> str | None:
    """Say that there is no such key, with the one that was probably meant; None where there is one."""
    if key in KEYS:
        return None
    meant = next(iter(difflib.get_close_matches(key, KEYS, 1)), None)
    hint = f"is {meant} meant?" if meant else f"there are {', '.join(KEYS)}"
    return f"{setting.place}: {key} is no rule; {hint}"
