"""Cross-origin answers for the browsers' origins that settings allow (WHATWG Fetch, CORS protocol)."""

from typing import Final

from gateway.headers import Headers, find
from gateway.problems import Header

_EXPOSED: Final = b"ETag, Idempotent-Replayed, Location, X-Request-ID, RateLimit, RateLimit-Policy, Retry-After"
_ALLOWED_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_ALLOWED_HEADERS: Final = (
    b"Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID, traceparent"
)
# Browsers cap it at two hours or less anyway; an hour spares a preflight per call.
_PREFLIGHT_SECONDS: Final = b"3600"


class Cors:
    """Says which origins may read answers. Tokens travel in a header, never in cookies: no credentials."""

    def __init__(self, origins: frozenset[str]) -> None:
        self._origins = {origin.encode("ascii") for origin in origins}

    def allows(self, origin: bytes) -> bool:
        """Whether this origin is one of ours."""
        return origin in self._origins

    def headers(self, request_headers: Headers) -> list[Header]:
        """What every answer to this request carries."""
        origin = find(request_headers, b"origin")
        if origin is None or not self.allows(origin):
            # Caches must not hand one origin's answer to another, whoever asked first.
            return [(b"vary", b"Origin")] if self._origins else []
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"Origin"),
        ]

    def preflight_headers(self, request_headers: Headers) -> list[Header]:
        """What the answer to `OPTIONS` carries besides."""
        origin = find(request_headers, b"origin")
        if origin is None or not self.allows(origin):
            return []
        return [
            (b"access-control-allow-methods", _ALLOWED_METHODS),
            (b"access-control-allow-headers", _ALLOWED_HEADERS),
            (b"access-control-max-age", _PREFLIGHT_SECONDS),
        ]
