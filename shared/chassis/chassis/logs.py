"""Structured logs: one JSON object a line, with request and trace id; never a body, a token or a name."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from chassis.execution import current_execution
from chassis.settings import ServiceSettings


def _add_execution(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    execution = current_execution()
    for key in ("request_id", "causation_id", "traceparent"):
        value = getattr(execution, key)
        if value is not None:
            event.setdefault(key, value)
    return event


def configure_logs(settings: ServiceSettings) -> None:
    """Send our own and the libraries' records through one formatter to standard output."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        _add_execution,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        # Plain tracebacks: the pretty ones print local variables, which may be anybody's data.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.processors.format_exc_info],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy, level in (
        ("aiokafka", "ERROR"),
        ("uvicorn.access", "ERROR"),
        ("httpx", "WARNING"),
        ("fontTools", "WARNING"),
    ):
        # Each says on every retry or request what our own records say once.
        logging.getLogger(noisy).setLevel(level)
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=settings.CONTEXT)
