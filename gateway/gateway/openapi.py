"""One OpenAPI document of everything behind the gateway, merged from what the services say of themselves."""

import asyncio
import hashlib
import time
from typing import Any, Final

import aiohttp
import orjson
import structlog

from gateway.routes import Access, RouteTable, Service, canonical_path
from gateway.settings import GatewaySettings
from gateway.upstreams import Upstreams

log = structlog.get_logger(__name__)

_FETCH_SECONDS: Final = 3.0
_PLACEHOLDER_ID: Final = "00000000-0000-0000-0000-000000000000"
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_SECTIONS: Final = ("schemas", "responses", "parameters", "examples", "requestBodies", "headers", "links", "callbacks")

_PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable, snake_case."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
# What the gateway itself may answer on any path, whatever the service says.
_EDGE_ANSWERS: Final = {
    "400": "Malformed, or both Content-Length and Transfer-Encoding",
    "404": "Nothing here, or not yours",
    "408": "The request took too long to arrive",
    "413": "Body too large",
    "429": "Too many requests",
    "431": "Headers too large",
    "500": "A fault of ours",
    "503": "A service or a store is away",
    "504": "A service was too slow",
}

_OWN_PATHS: Final[dict[str, Any]] = {
    "/api/v1/": {
        "get": {
            "tags": ["gateway"],
            "summary": "Overview of everything",
            "operationId": "overview",
            "responses": {"200": {"description": "Services and documents", "content": {"application/json": {}}}},
        }
    },
    "/api/v1/auth/ws-ticket/": {
        "post": {
            "tags": ["gateway"],
            "summary": "A one-use ticket that opens a socket within 30 s",
            "operationId": "issue_ws_ticket",
            "security": [{"bearer": []}],
            "responses": {
                "200": {
                    "description": "The ticket",
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["ticket", "expires_in"],
                                "properties": {"ticket": {"type": "string"}, "expires_in": {"type": "integer"}},
                            }
                        }
                    },
                },
                "401": {"$ref": "#/components/responses/EdgeProblem"},
            },
        }
    },
}


class OpenApi:
    """Fetches, merges and keeps the document; a service that is away keeps its last known part."""

    def __init__(self, settings: GatewaySettings, upstreams: Upstreams, *, version: str) -> None:
        self._settings = settings
        self._upstreams = upstreams
        self._version = version
        self._parts: dict[Service, dict[str, Any]] = {}
        self._body = b""
        self._etag = ""
        self._looked_at = -1e9
        self._lock = asyncio.Lock()

    async def document(self) -> tuple[bytes, str]:
        """The document and its ETag; services are asked again when it is older than the setting."""
        async with self._lock:
            if time.monotonic() - self._looked_at > self._settings.openapi_seconds or not self._body:
                await self._refresh()
            return self._body, self._etag

    async def _refresh(self) -> None:
        fetched = await asyncio.gather(*(self._fetch(service) for service in Service))
        for service, part in zip(Service, fetched, strict=True):
            if part is not None:
                self._parts[service] = part
        self._body = orjson.dumps(merge(self._parts, version=self._version), option=orjson.OPT_SORT_KEYS)
        self._etag = f'"{hashlib.sha256(self._body).hexdigest()[:32]}"'
        # With a service missing the next reader looks again at once.
        complete = all(part is not None for part in fetched)
        self._looked_at = time.monotonic() if complete else -1e9

    async def _fetch(self, service: Service) -> dict[str, Any] | None:
        try:
            timeout = aiohttp.ClientTimeout(total=_FETCH_SECONDS)
            url = self._upstreams.base(service) + "/openapi.json"
            async with self._upstreams.client(service).get(url, timeout=timeout, allow_redirects=False) as response:
                response.raise_for_status()
                content = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError, orjson.JSONDecodeError) as error:
            log.warning("openapi_unavailable", service=service, error=type(error).__name__)
            return None
        return content if isinstance(content, dict) else None


def merge(parts: dict[Service, dict[str, Any]], *, version: str) -> dict[str, Any]:
    """Merge the services' documents.

    A path is taken from the service that the route table sends it to. Components keep their names where all services
    mean the same by them, and get the service's name in front where they don't.
    """
    table = RouteTable()
    components: dict[str, dict[str, Any]] = {section: {} for section in _SECTIONS}
    paths: dict[str, Any] = dict(_OWN_PATHS)
    for service in Service:
        part = parts.get(service)
        if part is None:
            continue
        renamed = _rename_clashes(service, part, components)
        for path, item in part.get("paths", {}).items():
            sample = canonical_path(_sample(path))
            route = None if sample is None else table.find(sample)
            if route is None or route.service is not service:
                continue
            paths[path] = _renamed(_edged(item, service, route.read, route.write), renamed)
    components["schemas"]["EdgeProblem"] = _PROBLEM_SCHEMA
    components["responses"]["EdgeProblem"] = {
        "description": "A problem (RFC 9457)",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/EdgeProblem"}}},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ImpactNet",
            "version": version,
            "description": "From an application to a verified block. Every path, as it is at the gateway.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            **{section: entries for section, entries in components.items() if entries},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
        "tags": [{"name": name} for name in ("gateway", *Service)],
        "x-missing-services": [service.value for service in Service if service not in parts],
    }


def _sample(path: str) -> str:
    """A concrete path for a template: every parameter an id."""
    return "/".join(_PLACEHOLDER_ID if "{" in segment else segment for segment in path.split("/"))


def _edged(item: dict[str, Any], service: Service, read: Access, write: Access) -> dict[str, Any]:
    """A path with what the gateway adds: its tag, whether it wants a token, and its own answers."""
    edged: dict[str, Any] = dict(item)
    for method in _METHODS:
        if method not in item:
            continue
        access = read if method in {"get", "head"} else write
        operation = dict(item[method])
        operation["tags"] = [service.value, *(tag for tag in operation.get("tags", []) if tag != service.value)]
        if "operationId" in operation:
            operation["operationId"] = f"{service}_{operation['operationId']}"
        operation["security"] = {
            Access.PUBLIC: [],
            Access.OPTIONAL: [{}, {"bearer": []}],
            Access.TOKEN: [{"bearer": []}],
        }[access]
        answers = dict(operation.get("responses", {}))
        for status in _EDGE_ANSWERS if access is Access.PUBLIC else (*_EDGE_ANSWERS, "401"):
            answers.setdefault(status, {"$ref": "#/components/responses/EdgeProblem"})
        operation["responses"] = answers
        edged[method] = operation
    return edged


def _rename_clashes(service: Service, part: dict[str, Any], into: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Add a service's components; returns the references that changed with the new ones."""
    said: dict[str, dict[str, Any]] = part.get("components", {})
    renamed = {
        f"#/components/{section}/{name}": f"#/components/{section}/{service.capitalize()}{name}"
        for section in _SECTIONS
        for name, content in said.get(section, {}).items()
        if name in into[section] and into[section][name] != content
    }
    for section in _SECTIONS:
        for name, content in said.get(section, {}).items():
            reference = renamed.get(f"#/components/{section}/{name}", f"#/components/{section}/{name}")
            into[section][reference.rsplit("/", 1)[1]] = _renamed(content, renamed)
    return renamed


def _renamed(content: Any, references: dict[str, str]) -> Any:
    if not references:
        return content
    if isinstance(content, dict):
        return {
            key: references.get(value, value)
            if key == "$ref" and isinstance(value, str)
            else _renamed(value, references)
            for key, value in content.items()
        }
    if isinstance(content, list):
        return [_renamed(entry, references) for entry in content]
    return content
