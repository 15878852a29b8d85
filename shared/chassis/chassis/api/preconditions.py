"""ETag, If-Match and If-None-Match (RFC 9110 section 13): versions out, stale writes refused, 304 for what is known."""

import hashlib
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.responses import Response

from chassis.api.problems import ProblemError
from chassis.refusals import StaleVersionError

# 09-values: cached public reads.
PUBLIC_CACHE: Final = "public, max-age=10"


def version_etag(version: int) -> str:
    """The strong ETag of a resource's version number."""
    return f'"v{version}"'


def _listed(request: Request, name: str) -> str | None:
    """A header that is a list: several lines of it are one (RFC 9110 5.3)."""
    lines = request.headers.getlist(name)
    return ", ".join(lines) if lines else None


class IfMatch:
    """The If-Match of a request; `check` compares it with the resource as it is, under its lock."""

    def __init__(self, request: Request) -> None:
        self._value = _listed(request, "if-match")

    @property
    def present(self) -> bool:
        return self._value is not None

    def require(self) -> None:
        """Refuse a request without it: 428 `if_match_required`."""
        if self._value is None:
            detail = "Send If-Match with the ETag you last read, so that nobody's change is lost."
            raise ProblemError(428, "if_match_required", detail)

    def check(self, etag: str | None) -> None:
        """Refuse another version with `StaleVersionError`; weak tags never match (RFC 9110 13.1.1).

        `etag` None: there is nothing yet, and so nothing that matches, `*` included.
        """
        if self._value is None or (self._value.strip() == "*" and etag is not None):
            return
        if etag not in [candidate.strip() for candidate in self._value.split(",")]:
            raise StaleVersionError


async def _if_match(request: Request) -> IfMatch:
    return IfMatch(request)


IfMatchHeader = Annotated[IfMatch, Depends(_if_match)]


def client_has(request: Request, etag: str) -> bool:
    """Whether the request's If-None-Match names this representation: then the answer is 304 (RFC 9110 13.1.2)."""
    header = _listed(request, "if-none-match")
    if header is None:
        return False
    wanted = [candidate.strip().removeprefix("W/") for candidate in header.split(",")]
    return "*" in wanted or etag.removeprefix("W/") in wanted


def conditional(
    request: Request,
    body: bytes,
    *,
    etag: str | None = None,
    media_type: str = "application/json",
    cache: str = PUBLIC_CACHE,
) -> Response:
    """A cacheable answer: 304 when the client has it, else the body with `ETag` and `Cache-Control`.

    Without an `etag` one is made of the body's SHA-256.
    """
    tag = etag or f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": cache, "Vary": "Accept, Authorization"}
    if client_has(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, media_type)


def public_json(request: Request, model: Any, *, etag: str | None = None) -> Response:
    """A pydantic model as a cacheable public answer."""
    return conditional(request, model.model_dump_json().encode(), etag=etag)
