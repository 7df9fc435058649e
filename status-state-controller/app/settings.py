"""The controller's settings: environment variables with the prefix SSC_. Read once, at start, and passed on."""

from __future__ import annotations

import re
from pathlib import Path  # pydantic needs the type while the program runs
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .durations import read_duration
from .masking import mask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX = "SSC_"
MOST_TARGETS = 20
"""Each takes a thread, and some memory, while a message is sent."""

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
    notify_urls: SecretStr = Field(
        default=SecretStr(""), description="Where people are notified: URLs of Apprise, separated by blanks."
    )
    notify_urls_file: Path | None = Field(
        default=None,
        description="A file that holds these URLs, one a line: an environment is shown by `docker inspect`.",
    )
    log_format: Literal["logfmt", "json"] = Field(default="logfmt", description="How log lines are written.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe lines that are written."
    )

    @property
    def notify_targets(self) -> tuple[str, ...]:
        """The URLs at which people are notified. They hold secrets."""
        return tuple(self.notify_urls.get_secret_value().split())

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
        settings = Settings()
    except ValidationError as error:
        problems = [
            f"  {PREFIX}{'_'.join(str(part) for part in problem['loc']).upper()}: "
            f"{problem['msg'].removeprefix('Value error, ')} (it is {mask(str(problem['input']))!r})"
            for problem in error.errors(include_url=False)
        ]
        raise _unusable(problems) from None
    urls = _read_notify_urls(settings)
    if len(urls) > MOST_TARGETS:
        raise _unusable([f"  {PREFIX}NOTIFY_URLS: {len(urls)} targets are too many: {MOST_TARGETS} at most"])
    return settings.model_copy(update={"notify_urls": SecretStr(" ".join(urls))})


def _unusable(problems: list[str]) -> SettingsError:
    return SettingsError("\n".join(["these settings can't be used, correct them and start again:", *problems]))


def _read_notify_urls(settings: Settings) -> Sequence[str]:
    """Return the URLs that are set, or that the file holds; a line of it that begins with # is a comment."""
    file = settings.notify_urls_file
    if file is None:
        return settings.notify_targets
    name, remedy = f"{PREFIX}NOTIFY_URLS_FILE", f"Correct it, or set {PREFIX}NOTIFY_URLS instead"
    if settings.notify_targets:
        raise _unusable([f"  {name}: {PREFIX}NOTIFY_URLS is set, too. Leave one of both out"])
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise _unusable([f"  {name}: {str(file)!r} can't be read: {said}. {remedy}"]) from None
    return [url for line in lines if not line.lstrip().startswith("#") for url in line.split()]


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the variables with this prefix that are no settings: likely typing errors."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    return sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)
