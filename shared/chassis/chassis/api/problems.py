"""Errors as problems (RFC 9457): one shape, stable codes, nothing secret."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from chassis.database import database_is_away, database_is_busy
from chassis.execution import current_execution
from chassis.idempotency import IdempotencyInFlightError, IdempotencyKeyReusedError
from chassis.personal_data import SubjectErasedError
from chassis.refusals import (
    FieldRefusalError,
    ForbiddenError,
    IllegalStateError,
    NotFoundError,
    RefusalError,
    StaleVersionError,
    StepUpRequiredError,
)

log = structlog.get_logger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
TYPE_BASE: Final = "https://api.impactnet.ng/problems/"
STEP_UP_CHALLENGE: Final = 'Bearer error="insufficient_user_authentication", max_age=300'
# RFC 9110 15.5.2: every 401 says how to authenticate.
UNAUTHENTICATED_CHALLENGE: Final = 'Bearer realm="impactnet"'
# A client that hears 503 comes back after this long: about as long as a restart takes.
RETRY_AFTER_SECONDS: Final = 2
# A person can mend this many fields at a time; more only makes the answer large.
ERRORS_MAX: Final = 50
# What routes are asked about; HEAD is there wherever GET is.
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")

_CODE_BY_STATUS: Final = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "validation_failed",
    429: "too_many_requests",
    431: "headers_too_large",
    500: "internal_error",
    503: "unavailable",
    504: "timeout",
}


class ProblemError(HTTPException):
    """A technical refusal that has no business name: raised by the chassis and by routers at the HTTP boundary."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **facts: Any
    ) -> None:
        super().__init__(status, detail, headers)
        self.code = code
        self.facts = facts


def problem_body(status: int, code: str, detail: str, facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The members of a problem."""
    return {
        "type": f"{TYPE_BASE}{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": current_execution().request_id,
        **(facts or {}),
    }


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Response:
    """A problem as a response. No cache keeps it: what is not there now may be there at the next request."""
    body = orjson.dumps(problem_body(status, code, detail, facts), default=str)
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, MEDIA_TYPE)


# What every service refuses in the same way.
STANDARD_STATUSES: Final[Mapping[type[RefusalError], int]] = {
    NotFoundError: 404,
    ForbiddenError: 403,
    IllegalStateError: 409,
    StaleVersionError: 412,
    StepUpRequiredError: 403,
    FieldRefusalError: 422,
    IdempotencyKeyReusedError: 422,
    IdempotencyInFlightError: 409,
}


class ProblemTable:
    """Which status a business refusal is answered with; the nearest class in the hierarchy counts."""

    def __init__(self, statuses: Mapping[type[RefusalError], int]) -> None:
        self._statuses = {**STANDARD_STATUSES, **statuses}

    def status_of(self, refusal: RefusalError) -> int:
        for cls in type(refusal).__mro__:
            if cls in self._statuses:
                return self._statuses[cls]
        # A refusal nobody mapped is still the caller's to mend, never a 500; the architecture test finds it.
        return 409

    def answer(self, refusal: RefusalError) -> Response:
        """The problem. A fact `retry_after_seconds` becomes `Retry-After` too."""
        status = self.status_of(refusal)
        facts = dict(refusal.facts)
        headers = {}
        if isinstance(refusal, FieldRefusalError):
            facts["errors"] = field_errors(refusal.errors)
        elif status == HTTPStatus.UNPROCESSABLE_ENTITY:
            facts.setdefault("errors", field_errors([(refusal.field, refusal.CODE, refusal.detail)]))
        if isinstance(refusal, StepUpRequiredError):
            headers["WWW-Authenticate"] = STEP_UP_CHALLENGE
        elif status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = UNAUTHENTICATED_CHALLENGE
        if "retry_after_seconds" in facts:
            headers["Retry-After"] = str(facts["retry_after_seconds"])
        return problem(status, refusal.CODE, refusal.detail, headers=headers, facts=facts)


def field_errors(errors: Sequence[tuple[str, str, str]]) -> list[dict[str, str]]:
    """(field, code, message) each, as 422 problems list them."""
    return [{"field": field, "code": code, "message": message} for field, code, message in errors[:ERRORS_MAX]]


def _field_of(location: Sequence[Any]) -> str:
    parts = [str(part) for part in location if part not in ("body", "query", "path", "header")]
    return ".".join(parts) or str(location[0] if location else "body")


def _validation(error: RequestValidationError) -> Response:
    # An id in the path that is no id names nothing that exists.
    if any(item["loc"][:1] == ("path",) for item in error.errors()):
        return problem(404, "not_found", "There is no such thing, or it is not yours to see.")
    errors = [(_field_of(item["loc"]), str(item["type"]), str(item["msg"])) for item in error.errors()]
    facts = {"errors": field_errors(errors)}
    return problem(422, "validation_failed", "Some fields break a rule.", facts=facts)


def _methods_of(request: Request) -> list[str]:
    """What the path of a request allows: several routes may share it, and one alone names its own methods only."""
    allowed = []
    for method in _METHODS:
        scope = {"type": "http", "method": method, "path": request.scope["path"], "root_path": "", "headers": []}
        if any(route.matches(dict(scope))[0] is Match.FULL for route in request.app.router.routes):
            allowed.append(method)
    return ["HEAD", *allowed] if "GET" in allowed else allowed


def install_problems(app: FastAPI, table: ProblemTable) -> None:
    """Answer every error of `app` as a problem."""

    async def on_refusal(_: Request, error: Exception) -> Response:
        if not isinstance(error, RefusalError):
            raise error
        return table.answer(error)

    async def on_erased(_: Request, error: Exception) -> Response:
        # A request that was let in before its person, or the one it is about, was erased.
        del error
        return table.answer(NotFoundError())

    async def on_validation(_: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return _validation(error)

    async def on_http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        code = getattr(error, "code", None) or _CODE_BY_STATUS.get(error.status_code, "error")
        facts = getattr(error, "facts", None)
        headers = error.headers
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers = {**(headers or {}), "Allow": ", ".join(_methods_of(request))}
        return problem(error.status_code, code, str(error.detail), headers=headers, facts=facts)

    app.add_exception_handler(RefusalError, on_refusal)
    app.add_exception_handler(SubjectErasedError, on_erased)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)


def answer_fault(error: Exception) -> Response:
    """A fault of ours: 503 when the database is away (come back soon), else a 500 that says nothing of the inside."""
    if database_is_away(error):
        log.warning("database_away", error=type(error).__name__)
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return problem(503, "database_unavailable", "The database cannot be reached right now.", headers=headers)
    if database_is_busy(error):
        log.warning("database_busy", error=type(error).__name__)
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return problem(503, "try_again", "Somebody else is changing the same thing: try again.", headers=headers)
    log.error("unhandled_error", exc_info=error)
    return problem(500, "internal_error", "Something went wrong on our side; the request id leads us to it.")
