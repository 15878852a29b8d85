"""A true OpenAPI document: every error a service can answer is a problem, and the headers it understands are named."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from fastapi.routing import APIRoute

from chassis.api.callers import find_caller
from chassis.api.problems import MEDIA_TYPE

_PROBLEM: Final = {
    "title": "Problem",
    "description": "RFC 9457. `code` is stable; `errors` comes with 422 and lists each field that breaks a rule.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
        "request_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {name: {"type": "string"} for name in ("field", "code", "message")},
            },
        },
    },
    "additionalProperties": True,
}
_WRITES: Final = frozenset({"post", "put", "patch", "delete"})
_METHODS: Final = _WRITES | {"get", "head", "options"}
_BY_STATUS: Final = {
    "400": "Malformed: the body, a header or the Idempotency-Key that is missing.",
    "401": "No token, or one that does not count.",
    "403": "Not allowed, and that this exists is no secret.",
    "404": "There is no such thing, or it is not yours to see.",
    "409": "The present state does not allow it.",
    "412": "Someone changed it since you read it.",
    "413": "The body is too large.",
    "415": "Not a content type that is understood here.",
    "422": "Some fields break a rule.",
    "428": "Send If-Match.",
    "429": "Too many requests.",
    "503": "Something this needs is away: come back after Retry-After.",
}
_IDEMPOTENCY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key with the same payload has one effect and gives the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag last read; another version is refused with 412.",
    "schema": {"type": "string"},
}


def _looks_at_tokens(dependant: Dependant) -> bool:
    return any(each.call is find_caller or _looks_at_tokens(each) for each in dependant.dependencies)


def _statuses(method: str, path: str, operation: dict[str, Any], route: APIRoute) -> list[str]:
    statuses = ["422", "503"]
    if operation.get("security"):
        statuses += ["401", "403"]
    # Nobody needs a token there, but one that does not count is said to be none.
    if _looks_at_tokens(route.dependant):
        statuses.append("401")
    if "{" in path:
        statuses.append("404")
    if method in _WRITES:
        statuses += ["400", "401", "403", "404", "409", "413", "415", "429"]
    if method in ("put", "patch", "delete"):
        statuses += ["412", "428"]
    return sorted(set(statuses))


def _complete(method: str, path: str, operation: dict[str, Any], route: APIRoute) -> None:
    endpoint: Callable[..., Any] = route.endpoint
    responses: dict[str, Any] = operation.setdefault("responses", {})
    # What reads and makes its answer itself makes it by `conditional`.
    if method == "get" and inspect.get_annotations(endpoint).get("return") is Response:
        responses.setdefault("304", {"description": "You have it: If-None-Match names its ETag."})
    for status in _statuses(method, path, operation, route):
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        responses[status] = {"description": _BY_STATUS[status], "content": content}
    parameters: list[dict[str, Any]] = operation.setdefault("parameters", [])
    named = {parameter.get("name", "").lower() for parameter in parameters}
    if method == "post" and "idempotency-key" not in named:
        required = getattr(endpoint, "requires_idempotency_key", False)
        parameters.append({**_IDEMPOTENCY, "required": required})
    if method in ("put", "patch", "delete") and "if-match" not in named:
        parameters.append(_IF_MATCH)


def install_openapi(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Let `app`, made of `routers`, describe itself completely; built once, when somebody asks."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            built = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            _complete_all(routers, built)
            app.openapi_schema = built
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # FastAPI's documented way to extend the document


def _complete_all(routers: Sequence[APIRouter], document: dict[str, Any]) -> None:
    described = {
        (route.path_format, method.lower()): route
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                _complete(method, path, operation, described[path, method])
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    # FastAPI's own shape of 422, which nothing here answers with.
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
