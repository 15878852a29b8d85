"""Small pure-ASGI middleware: request ids and metrics, trailing slashes, faults as problems."""

import re
import time
from http import HTTPStatus
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import metrics
from chassis.api.problems import answer_fault
from chassis.execution import Execution, executing
from chassis.ids import new_id
from chassis.tracing import child_traceparent, tracer, valid_traceparent

log = structlog.get_logger(__name__)

# What a client may call its request: long enough for any id format, harmless in a log line.
_REQUEST_ID: Final = re.compile(r"^[A-Za-z0-9._:-]{1,100}$")
# A last segment with a dot is a file (export.csv) and keeps its name; tiles are files without one.
_FILE: Final = re.compile(r"(\.[A-Za-z0-9.]+|/tiles/.+|^/(docs|openapi\.json|metrics|health/.*|\.well-known/.*))$")


def sane_request_id(value: str | None) -> str | None:
    """A client's request id when it can be used as it is."""
    return value if value is not None and _REQUEST_ID.match(value) else None


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None


class ObserveRequests:
    """Gives each request its id and trace, counts and times it, and says one line about it in the log."""

    def __init__(self, app: ASGIApp, context: str) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = sane_request_id(_header(scope, b"x-request-id")) or str(new_id())
        traceparent = child_traceparent(valid_traceparent(_header(scope, b"traceparent")))
        status, started = 500, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        execution = Execution(request_id=request_id, correlation_id=request_id, traceparent=traceparent)
        with executing(execution), tracer.start_as_current_span(f"{scope['method']} {self._context}"):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's pattern, never the path: ids in paths would make a metric a person.
        route = getattr(scope.get("route"), "path", "unmatched")
        metrics.REQUESTS.labels(self._context, scope["method"], route, status).inc()
        metrics.REQUEST_SECONDS.labels(self._context, route).observe(seconds)
        if not scope["path"].startswith(("/health/", "/metrics")):
            milliseconds = round(seconds * 1000, 1)
            log.info("request", method=scope["method"], route=route, status=status, milliseconds=milliseconds)


class TolerateMissingSlash:
    """Paths end in `/`; the same path without it works too, without a redirect (clients lose bodies on those)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].endswith("/") and not _FILE.search(scope["path"]):
            scope = {**scope, "path": scope["path"] + "/"}
        await self._app(scope, receive, send)


class AnswerHead:
    """HEAD is GET without its body (RFC 9110 9.3.2): asked of the route for GET where a path has none for HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        refused = False

        async def send_unless_refused(message: Message) -> None:
            nonlocal refused
            refused = refused or message.get("status") == HTTPStatus.METHOD_NOT_ALLOWED
            if not refused:
                await send(message)

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app(dict(scope), receive, send_unless_refused)
        if refused:
            await self._app({**scope, "method": "GET"}, receive, send_without_body)


class AnswerFaults:
    """Turns what no handler caught into a problem, when nothing has been sent yet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            await answer_fault(error)(scope, receive, send)
