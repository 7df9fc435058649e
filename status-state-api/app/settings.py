"""The settings: read from the environment, prefix SSA_, checked all together before anything starts.

A setting that is empty counts as not set. What is wrong is reported in one sentence per setting, with how to correct it.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from .durations import read_duration
from .errors import SettingsUnusable
from .health.rules.policy_file import DEFAULT_PATH
from .snapshot.start.decide import OnStart
from .store.databases import database_url

PREFIX = "SSA_"


def _read_names(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _read_port(value: object) -> object:
    if isinstance(value, str) and value.startswith("tcp://"):
        raise ValueError(
            "it was put there by Kubernetes for a Service named ssa: set enableServiceLinks: false in the pod"
        )
    return value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _read_database_url(value: object) -> object:
    if isinstance(value, str) and value:
        database_url(value)
    return value


class Settings(BaseSettings):
    """Each setting is the variable of its name in capitals, after SSA_."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, hide_input_in_errors=True)

    host: str = Field("0.0.0.0", description="The address to listen on; `::` for IPv6 and IPv4.")  # noqa: S104 - in a container; compose publishes it on 127.0.0.1
    port: Annotated[int, BeforeValidator(_read_port)] = Field(
        8000, ge=1, le=65535, description="The port to listen on."
    )
    snapshot_on_start: Annotated[OnStart, BeforeValidator(_lower)] = Field(
        "auto",
        description="Whether a start captures a fresh snapshot: `auto` unless the host, the engine or this service crashed "
        "or restarted, `fresh` always, `resume` never while one is stored of this engine.",
    )
    data_dir: Path = Field(Path("/data"), description="The folder of the SQLite store.")
    database_url: Annotated[str, BeforeValidator(_read_database_url)] = Field(
        "", description="A PostgreSQL database in place of the SQLite file: `postgresql://user:password@host/name`."
    )
    database_url_file: Path | None = Field(
        None,
        description="A file that holds the URL of the database, in place of SSA_DATABASE_URL: an environment is shown by "
        "`docker inspect`, a password in a secret's file is not.",
    )
    read_token: bool = Field(
        False,
        description="Whether reading needs the token, too: `true` or `false`. `/healthz` and `/readyz` never do.",
    )
    token_file: Path = Field(
        Path("/run/status-state/token"),
        description="The file of the token; made at the first start when it is missing.",
    )
    policy_file: Path = Field(
        DEFAULT_PATH, description="The policy: rules for containers by their names. There need not be one."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_read_names)] = Field(
        (),
        description="Further names by which this service is asked, separated by commas; `*.example.com` for all below.",
    )
    engine_timeout: Annotated[float, BeforeValidator(read_duration)] = Field(
        10.0,
        gt=0,
        le=600,
        description="How long an answer of the engine is waited for: `10s`, `1m30s` or plain seconds.",
    )
    journal_days: float = Field(90.0, gt=0, le=3650, description="How many days entries of the journal are kept.")
    journal_entries: int = Field(
        100_000, ge=1000, le=10_000_000, description="How many entries of the journal are kept at most."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "info", description="What is logged: `debug`, `info`, `warning` or `error` and above."
    )
    log_format: Annotated[Literal["logfmt", "json"], BeforeValidator(_lower)] = Field(
        "logfmt", description="How it is logged: `logfmt` or `json`, one line per event."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what is passed in: `load_settings` passes the environment."""
        return (init_settings,)

    @property
    def store_url(self) -> str:
        """Where the store is."""
        return self.database_url or f"sqlite:///{self.data_dir}/status-state.sqlite3"


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises `SettingsUnusable` with all problems together."""
    given = {
        name: environment[variable(name)]
        for name in Settings.model_fields
        if environment.get(variable(name), "").strip()
    }
    try:
        file = given.get("database_url_file")
        if file is not None:
            given["database_url"] = _read_database_url_file(file, given)
        return Settings(**given)  # type: ignore[arg-type] - read and checked by each field
    except ValidationError as error:
        raise SettingsUnusable([_sentence(given, problem) for problem in error.errors()]) from None


def _read_database_url_file(file: str, given: Mapping[str, str]) -> str:
    """Read the URL; raises `SettingsUnusable`."""
    remedy = "Correct it, or leave it out for the SQLite file in SSA_DATA_DIR."
    if "database_url" in given:
        raise SettingsUnusable([f"SSA_DATABASE_URL_FILE and SSA_DATABASE_URL are both set. {remedy}"])
    try:
        url = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsUnusable([f"SSA_DATABASE_URL_FILE={file!r} can't be read: {said}. {remedy}"]) from None
    if not url:
        raise SettingsUnusable([f"SSA_DATABASE_URL_FILE={file!r} is empty. {remedy}"])
    return url


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """The variables that look like settings and are none, each with the setting that was probably meant."""
    known = [variable(name) for name in Settings.model_fields]
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    return {name: next(iter(difflib.get_close_matches(name, known, 1)), None) for name in unknown}


def _sentence(given: Mapping[str, str], problem: Mapping[str, Any]) -> str:
    name = str(problem["loc"][0])
    field = Settings.model_fields[name]
    said = str(problem["msg"]).removeprefix("Value error, ")
    shown = "" if name == "database_url" else f"={given.get(name, '')!r}"  # it may hold a password
    return (
        f"{variable(name)}{shown} can't be used: {said[:1].lower()}{said[1:]}. "
        f"It is: {field.description} Correct it, or leave it out for {_default(field.default)}."
    )


def _default(value: object) -> str:
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return "the default" if value in ("", ()) else f"the default, {shown}"
