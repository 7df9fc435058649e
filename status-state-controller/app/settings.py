"""The controller's settings: environment variables with the prefix SSC_. Read once, at start, and passed on."""

from __future__ import annotations

import re
from pathlib import Path  # pydantic needs the type while the program runs
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .durations import read_duration
from .masking import mask

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "SSC_"

Duration = Annotated[float, BeforeValidator(read_duration)]


class SettingsError(Exception):
    """Some settings are wrong; the message names them all."""


class Settings(BaseSettings):
    """Every setting of the controller; durations are in seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True)

    ssa_url: str = Field(default="http://status-state-api:8000", description="Where the SSA of this engine answers.")
    token_file: Path = Field(
        default=Path("/run/status-state/token"), description="The token that the SSA wrote on the shared volume."
    )
    interval: Duration = Field(default=30.0, ge=1, le=3600, description="Time between two checks.")
    react_to_events: bool = Field(default=True, description="Check at once when the engine reports a change.")
    settle: Duration = Field(
        default=0.5, ge=0, le=5, description="How long the host must be quiet before a change is judged."
    )
    new_container_grace: Duration = Field(default=0.0, ge=0, le=86400, description="How long newcomers may live.")
    empty_snapshot_grace: Duration = Field(
        default=600.0, ge=0, le=86400, description="How long newcomers may live under an empty snapshot."
    )
    concurrency: int = Field(default=8, ge=1, le=64, description="How many starts, and how many stops, at once.")
    dry_run: bool = Field(default=False, description="Report what would be done, and do nothing.")
    heartbeat_file: Path = Field(
        default=Path("/run/status-state-controller/heartbeat"),
        description="Where the last completed check is noted for the health check.",
    )
    log_format: Literal["logfmt", "json"] = Field(default="logfmt", description="How log lines are written.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe lines that are written."
    )

    @field_validator("ssa_url")
    @classmethod
    def _url_is_http(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable or not re.fullmatch(r"https?://[^/\s@?#]+/?", url):
            raise ValueError("this is no address of an SSA: write http://host:port")
        return url.rstrip("/")


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: at least one is wrong; all of them are named, a line each.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = [
            f"  {PREFIX}{'_'.join(str(part) for part in problem['loc']).upper()}: "
            f"{problem['msg'].removeprefix('Value error, ')} (it is {mask(str(problem['input']))!r})"
            for problem in error.errors(include_url=False)
        ]
        raise SettingsError(
            "\n".join(["these settings can't be used, correct them and start again:", *problems])
        ) from None


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the variables with this prefix that are no settings: likely typing errors."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    return sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)
