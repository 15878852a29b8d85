"""What the gateway itself refuses, as problems (RFC 9457)."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import orjson

PROBLEM_TYPE: Final = b"application/problem+json"
# The same base as the services' problems.
_TYPE_BASE: Final = "https://api.impactnet.ng/problems/"

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal: status, stable code, a sentence for people, and the headers that belong to it."""

    status: int
    code: str
    detail: str
    headers: tuple[Header, ...] = ()
    facts: dict[str, object] = field(default_factory=dict)

    def content(self, request_id: str) -> dict[str, object]:
        """The members of the problem."""
        return {
            "type": f"{_TYPE_BASE}{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            **self.facts,
        }

    def body(self, request_id: str) -> bytes:
        """The problem in JSON."""
        return orjson.dumps(self.content(request_id))

    def all_headers(self) -> list[Header]:
        """Content type and the problem's own headers; refusals are never cached."""
        return [(b"content-type", PROBLEM_TYPE), (b"cache-control", b"no-store"), *self.headers]


class ProblemError(Exception):
    """Carries a problem to the one place that answers it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


_CLOSE: Final[Header] = (b"connection", b"close")
_RETRY_SOON: Final[Header] = (b"retry-after", b"1")


def not_found() -> Problem:
    return Problem(404, "not_found", "There is nothing at this path.")


def bad_path() -> Problem:
    return Problem(404, "not_found", "No path of ours has such characters or segments.")


def method_not_allowed(allowed: str) -> Problem:
    return Problem(
        405, "method_not_allowed", f"This path takes {allowed}.", headers=((b"allow", allowed.encode("ascii")),)
    )


def ambiguous_length() -> Problem:
    return Problem(
        400,
        "ambiguous_length",
        "Content-Length and Transfer-Encoding exclude each other (RFC 9112, 6.1).",
        headers=(_CLOSE,),
    )


def malformed_request() -> Problem:
    return Problem(400, "malformed_request", "This is not HTTP/1.1 as RFC 9112 has it.", headers=(_CLOSE,))


def headers_too_large() -> Problem:
    return Problem(431, "headers_too_large", "The request's headers are too many or too long.", headers=(_CLOSE,))


def headers_too_slow() -> Problem:
    return Problem(408, "request_timeout", "The request's headers took too long.", headers=(_CLOSE,))


def body_too_large(bytes_max: int) -> Problem:
    return Problem(413, "body_too_large", f"The limit here is {bytes_max} bytes.", headers=(_CLOSE,))


def body_stalled(seconds: float) -> Problem:
    return Problem(408, "request_timeout", f"No byte of the body came for {seconds:g} seconds.", headers=(_CLOSE,))


def rate_limited(headers: list[Header]) -> Problem:
    return Problem(429, "too_many_requests", "Too many requests: wait as Retry-After says.", headers=tuple(headers))


def limits_unavailable() -> Problem:
    return Problem(
        503, "limits_unavailable", "Logins and money wait until limits can be counted.", headers=(_RETRY_SOON,)
    )


def unauthenticated(detail: str, *, error: str | None = None) -> Problem:
    """401 with the challenge of RFC 6750; `error` only when a token was sent."""
    challenge = 'Bearer realm="impactnet"' + (f', error="{error}"' if error else "")
    return Problem(401, "unauthenticated", detail, headers=((b"www-authenticate", challenge.encode("ascii")),))


def keys_unavailable() -> Problem:
    return Problem(503, "keys_unavailable", "No keys to check tokens with yet; try again soon.", headers=(_RETRY_SOON,))


def service_unavailable(service: str) -> Problem:
    return Problem(503, "service_unavailable", f"The {service} service cannot be reached.", headers=(_RETRY_SOON,))


def service_too_slow(service: str) -> Problem:
    return Problem(504, "service_timeout", f"The {service} service did not answer in time.")


def internal_error() -> Problem:
    return Problem(500, "internal_error", "Something went wrong here; the request id helps us find it.")
