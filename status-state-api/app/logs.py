"""One line per event, in logfmt or JSON, on the standard output; uvicorn's lines have the same form.

No work at import: `configure_logs` is called once by `main`.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Literal

import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor


def configure_logs(level: str, form: Literal["logfmt", "json"]) -> None:
    """Set up logging for the process."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(allow=()),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    rendering: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if form == "json":
        rendering.append(structlog.processors.JSONRenderer(sort_keys=False))
    else:
        rendering += [
            _join_lists,
            structlog.processors.LogfmtRenderer(key_order=["time", "level", "event"], bool_as_flag=False),
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=rendering))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # What uvicorn tells at `info` is told here in the words of the design. What the libraries tell of each request is
    # nobody's business, and would hold the secrets of a probe's URL.
    logging.getLogger("uvicorn").setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    for library in ("urllib3", "httpx", "httpcore"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _join_lists(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, list | tuple):
            event[key] = ",".join(str(one) for one in value)  # type: ignore[reportUnknownVariableType]
    return event
