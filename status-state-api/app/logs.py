"""How log lines look: one line per event, in logfmt or JSON, on the standard output. The same file in both services.

An event has a stable name and fields; the sentence for people is the field `message`:

    log.info("snapshot_resumed", message="The stored snapshot stays in force.", originals=3)

Lines of libraries have the same form, as the event `log`. No work at import: `main` calls `set_up_logs` once.
"""

import json
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, cast

import structlog

from .masking import mask_document
from .printable import printable

FIRST_KEYS = ("time", "level", "event", "message")
LIBRARIES = ("docker", "httpcore", "httpx", "urllib3")

Fields = MutableMapping[str, Any]


def set_up_logs(level: str, form: Literal["logfmt", "json"]) -> None:
    """Set up logging for the process; `level` is the least severe that is written."""
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_name_foreign, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _put_in_order,
                _mask,
                structlog.processors.JSONRenderer() if form == "json" else _render_logfmt,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # What libraries tell of single requests would hold the secrets of their URLs, also where it is a warning. What
    # uvicorn says of its start and end is logged by events of our own.
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.ERROR)
    logging.getLogger("uvicorn").setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )


def _name_foreign(_: object, __: str, fields: Fields) -> Fields:
    """Make an event of what a library has logged."""
    return {**fields, "event": "log", "message": fields["event"], "logger": fields["_record"].name}


def _put_in_order(_: object, __: str, fields: Fields) -> Fields:
    return {key: fields[key] for key in FIRST_KEYS if key in fields} | dict(fields)


def _mask(_: object, __: str, fields: Fields) -> Fields:
    """Mask secrets: names, reasons and what the engine says come from outside. What is no plain value is told as text."""
    return {key: mask_document(_plain(value)) for key, value in fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return list(cast("set[Any]", value))
    plain: object = value
    return value if plain is None or isinstance(plain, str | int | float | list | tuple | dict) else str(plain)


def _render_logfmt(_: object, __: str, fields: Fields) -> str:
    return " ".join(f"{key}={_shown(value)}" for key, value in fields.items())


def _shown(value: object) -> str:
    """One value in logfmt; nothing for None.

    Names, images and what the engine or an application says come from outside: whatever could move a terminal's cursor,
    end a line or turn the direction of writing is escaped, as in JSON.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple | set | frozenset):
        value = ",".join(str(one) for one in value)  # type: ignore[reportUnknownVariableType]
    text = str(value)
    if text and text.isprintable() and not set(text) & set(' ="\\'):
        return text
    quoted = json.dumps(text, ensure_ascii=False)  # escapes what is below U+0020, quotes and backslashes
    return printable(quoted)
