"""What operators send, described so that `/docs` reads as documentation. Models only.

Unlike elsewhere unknown fields are refused: a body with a slip of the pen would be read as one that asks for everything.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from ..durations import parse_duration
from ..model import Pause
from ..pauses.pause import LONGEST_SECONDS
from ..snapshot.answers import ChangeAnswer
from ..snapshot.change import Wish

MOST_NAMES = 10_000
LONGEST_TEXT = 500
USUAL_DURATIONS = "^([1-9][0-9]?h([1-9][0-9]?m)?|[1-9][0-9]{0,2}m([1-9][0-9]?s)?|[1-9][0-9]{0,4}s?)$"
"""How durations are mostly written; `durations` reads some more."""

WITHOUT_NUL = r"^[^\x00]*$"
"""PostgreSQL has no room for that character, and nothing that is named has it."""

Name = Annotated[str, Field(min_length=1, max_length=300, pattern=WITHOUT_NUL)]
Names = Annotated[list[Name], Field(max_length=MOST_NAMES)]
SomeNames = Annotated[list[Name], Field(max_length=MOST_NAMES, json_schema_extra={"minItems": 1})]
"""At least one, which `_require_names` checks: it can say what to do."""
By = Annotated[
    str | None,
    Field(max_length=LONGEST_TEXT, description="Who does it, and how, for those who read of it later."),
]


def _read_duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[
    float,
    BeforeValidator(_read_duration),
    Field(gt=0, le=LONGEST_SECONDS),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": USUAL_DURATIONS},
                {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_SECONDS},
            ],
            "examples": ["15m", 900],
        }
    ),
]


class ChangeRequest(BaseModel):
    """What becomes the snapshot; without names the whole present."""

    model_config = ConfigDict(extra="forbid", strict=True)

    accept: Names | None = Field(
        default=None,
        description="Containers, by exact name or full id, in whatever state: each becomes the original of its name. "
        "One that a restore has put aside (`web-replaced-…`) becomes the original whose name it had.",
        examples=[["web"]],
    )
    release: Names | None = Field(
        default=None, description="Originals that are let go: they may stay or go from now on.", examples=[["old"]]
    )
    drop: Names | None = Field(
        default=None, description="Originals whose containers are gone, and may stay so.", examples=[["web-3"]]
    )
    by: By = Field(default=None, examples=["operator: accept web"])

    @model_validator(mode="after")
    def _is_nothing_by_accident(self) -> "ChangeRequest":
        named = [names for names in (self.accept, self.release, self.drop) if names is not None]
        if named and not any(named):
            raise ValueError("no names are given: leave all lists out to accept everything that runs")
        return self

    def wish(self) -> Wish | None:
        """Return what is asked for; None for the whole present."""
        wish = Wish(tuple(self.accept or ()), tuple(self.release or ()), tuple(self.drop or ()))
        return None if wish == Wish() else wish


class RollBackRequest(BaseModel):
    """Who goes back to an older snapshot."""

    model_config = ConfigDict(extra="forbid", strict=True)

    by: By = Field(default=None, examples=["operator: rollback 3f0c2a4e"])


class PauseRequest(BaseModel):
    """What is not to be healed for a while."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seconds: Duration = Field(
        alias="for", description="How long, as `15m` or in seconds; seven days at most.", examples=["15m"]
    )
    containers: SomeNames | None = Field(
        default=None, description="Exact names; left out: everything.", examples=[["web"]]
    )
    reason: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = Field(
        default=None, description="Why, for those who read of it.", examples=["deploy"]
    )
    accept_at_end: bool = Field(
        default=False, description="Make what is there at its end the snapshot.", examples=[True]
    )
    by: By = Field(default=None, examples=["operator: pause web"])

    @model_validator(mode="after")
    def _is_nothing_by_accident(self) -> "PauseRequest":
        _require_names(self.containers)
        return self


class ResumeRequest(BaseModel):
    """Which pauses end."""

    model_config = ConfigDict(extra="forbid", strict=True)

    containers: SomeNames | None = Field(
        default=None, description="The pauses of these names; left out: every pause.", examples=[["web"]]
    )
    by: By = Field(default=None, examples=["operator: resume"])

    @model_validator(mode="after")
    def _is_nothing_by_accident(self) -> "ResumeRequest":
        _require_names(self.containers)
        return self


def _require_names(names: list[Any] | None) -> None:
    if names is not None and not names:
        raise ValueError("containers is empty: leave it out to mean everything")


class PauseAnswer(BaseModel):
    """The pauses in force after this."""

    pauses: list[Pause] = Field(description="All that are in force.")


class ResumeAnswer(PauseAnswer):
    """The pauses in force after this, and what was accepted by it."""

    accepted: ChangeAnswer | None = Field(
        description="What became of the snapshot by the pauses that accept at their end; null when none of them does."
    )
