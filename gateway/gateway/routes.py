"""The whole edge as one table: which path goes to which service, who may come in, how often, and how long it takes."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MIB: Final = 1024 * 1024
# 09: JSON 1 MiB.
JSON_BYTES_MAX: Final = MIB
# Boundaries, part headers and the small fields of a multipart body; 1 MiB is far more than any client sends.
MULTIPART_OVERHEAD_BYTES: Final = MIB

UUID_SEGMENT: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
# No other method has a meaning in the contract; TRACE and CONNECT are dangerous at a proxy.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Service(StrEnum):
    """The contexts behind the gateway, and the gateway itself."""

    IDENTITY = "identity"
    PROGRAMS = "programs"
    APPLICATIONS = "applications"
    LEDGER = "ledger"
    FEED = "feed"


class Access(StrEnum):
    """`PUBLIC` never looks at a token, `OPTIONAL` refuses a bad one, `TOKEN` demands a good one."""

    PUBLIC = "public"
    OPTIONAL = "optional"
    TOKEN = "token"  # noqa: S105 -- the name of an access class, no secret


class Limit(StrEnum):
    """Classes of rate limits; their numbers are settings (09)."""

    READS = "reads"
    WRITES = "writes"
    UPLOADS = "uploads"
    LOGIN = "login"
    STEP_UP = "step_up"
    MONEY = "money"
    WEBHOOKS = "webhooks"


# How long a service may be silent, in seconds: from the last byte of the request to the first of the answer, and
# between two pieces of either. 06: 504 within 5 s once the body is sent.
QUICK_SECONDS: Final = 5.0
# 06: the interview waits for a model, 60 s.
INTERVIEW_SECONDS: Final = 60.0
# 06: uploads and streams live as long as bytes come; 60 s without any is the end.
STREAM_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Route:
    """One row. `{id}` in a pattern matches UUIDs only; a row serves its own path and all below it."""

    pattern: str
    service: Service
    read: Access = Access.TOKEN
    write: Access = Access.TOKEN
    writes_as: Limit = Limit.WRITES
    silence_seconds: float = QUICK_SECONDS
    body_bytes_max: int = JSON_BYTES_MAX
    # A streamed body goes to the service as it comes; any other is read whole first, so that a slow client holds
    # no connection to the service.
    streamed: bool = False

    def access(self, method: str) -> Access:
        """Who may come in with this method."""
        return self.read if method in SAFE_METHODS else self.write

    def limit(self, method: str) -> Limit:
        """The rate limit this method counts against."""
        if method in SAFE_METHODS:
            return Limit.READS
        return Limit.WRITES if method == "DELETE" else self.writes_as


def _upload(pattern: str, size_bytes_max: int) -> Route:
    return Route(
        pattern,
        Service.APPLICATIONS,
        writes_as=Limit.UPLOADS,
        silence_seconds=STREAM_SECONDS,
        body_bytes_max=size_bytes_max + MULTIPART_OVERHEAD_BYTES,
        streamed=True,
    )


def _login(pattern: str, *, writes_as: Limit = Limit.LOGIN) -> Route:
    return Route(pattern, Service.IDENTITY, read=Access.PUBLIC, write=Access.PUBLIC, writes_as=writes_as)


def _money(pattern: str, service: Service) -> Route:
    return Route(pattern, service, writes_as=Limit.MONEY)


def _open(pattern: str, service: Service, *, silence_seconds: float = QUICK_SECONDS) -> Route:
    return Route(pattern, service, read=Access.OPTIONAL, silence_seconds=silence_seconds)


_A: Final = "/api/v1/applications/{id}"
_E: Final = "/api/v1/executive"
_T: Final = "/api/v1/transactions"

TABLE: Final[tuple[Route, ...]] = (
    # identity
    Route("/api/v1/auth/", Service.IDENTITY),
    _login("/api/v1/auth/login/"),
    _login("/api/v1/auth/register/", writes_as=Limit.WRITES),
    _login("/api/v1/auth/refresh/", writes_as=Limit.WRITES),
    _login("/api/v1/auth/password/reset/"),
    _login("/api/v1/auth/email/verify/", writes_as=Limit.WRITES),
    Route("/api/v1/auth/step-up/", Service.IDENTITY, writes_as=Limit.STEP_UP),
    Route("/api/v1/auth/me/export/", Service.IDENTITY, silence_seconds=STREAM_SECONDS),
    Route("/api/v1/users/", Service.IDENTITY),
    _open("/api/v1/profiles/", Service.IDENTITY),
    Route("/.well-known/", Service.IDENTITY, read=Access.PUBLIC),
    # programs
    _open("/api/v1/programs/", Service.PROGRAMS),
    # applications
    Route("/api/v1/programs/{id}/apply/", Service.APPLICATIONS),
    Route("/api/v1/applications/", Service.APPLICATIONS),
    _upload(f"{_A}/documents/", 20 * MIB),
    _upload(f"{_A}/video/", 2048 * MIB),
    Route(f"{_A}/video/upload-url/", Service.APPLICATIONS, writes_as=Limit.UPLOADS),
    Route(f"{_A}/video/complete/", Service.APPLICATIONS, silence_seconds=STREAM_SECONDS),
    Route(f"{_A}/ai-interview/", Service.APPLICATIONS, silence_seconds=INTERVIEW_SECONDS),
    Route(f"{_E}/", Service.APPLICATIONS),
    _money(f"{_E}/applications/{{id}}/disbursements/", Service.APPLICATIONS),
    _money(f"{_E}/disbursements/{{id}}/approve/", Service.APPLICATIONS),
    _money(f"{_E}/disbursements/{{id}}/reject/", Service.APPLICATIONS),
    # ledger
    Route("/api/v1/transactions/", Service.LEDGER),
    _open("/api/v1/blockchain/export.preimages.jsonl", Service.LEDGER, silence_seconds=STREAM_SECONDS),
    # A month's statement of a busy account is some megabytes, and reading it takes seconds.
    Route(
        f"{_T}/reconciliation/",
        Service.LEDGER,
        writes_as=Limit.UPLOADS,
        silence_seconds=STREAM_SECONDS,
        body_bytes_max=32 * MIB,
        streamed=True,
    ),
    _open(f"{_T}/blockchain/", Service.LEDGER),
    _open(f"{_T}/export.csv", Service.LEDGER, silence_seconds=STREAM_SECONDS),
    _open(f"{_T}/export.360giving.json", Service.LEDGER, silence_seconds=STREAM_SECONDS),
    _money(f"{_T}/donations/", Service.LEDGER),
    _money(f"{_T}/{{id}}/confirm/", Service.LEDGER),
    _money(f"{_T}/{{id}}/refund/", Service.LEDGER),
    _money(f"{_T}/{{id}}/resolve/", Service.LEDGER),
    _open("/api/v1/blockchain/", Service.LEDGER),
    _open("/api/v1/beneficiaries/", Service.LEDGER),
    Route("/api/v1/payees/", Service.LEDGER),
    Route("/api/v1/payments/", Service.LEDGER),
    Route(
        "/api/v1/payments/webhooks/",
        Service.LEDGER,
        read=Access.PUBLIC,
        write=Access.PUBLIC,
        writes_as=Limit.WEBHOOKS,
    ),
    Route("/.well-known/impactnet-ledger.vkey", Service.LEDGER, read=Access.PUBLIC),
    Route("/.well-known/impactnet-ledger.policy", Service.LEDGER, read=Access.PUBLIC),
    # feed
    _open("/api/v1/posts/", Service.FEED),
    Route("/api/v1/notifications/", Service.FEED),
)


class _Node:
    """One segment of the table's tree."""

    __slots__ = ("below", "by_id", "route")

    def __init__(self) -> None:
        self.below: dict[str, _Node] = {}
        self.by_id: _Node | None = None
        self.route: Route | None = None


class RouteTable:
    """Finds the row with the longest matching pattern."""

    def __init__(self, table: tuple[Route, ...] = TABLE) -> None:
        self._root = _Node()
        for route in table:
            node = self._root
            for segment in route.pattern.strip("/").split("/"):
                if segment == "{id}":
                    node.by_id = node.by_id or _Node()
                    node = node.by_id
                else:
                    node = node.below.setdefault(segment, _Node())
            if node.route is not None:
                raise ValueError(f"two rows for {route.pattern}")
            node.route = route

    def find(self, path: str) -> Route | None:
        """The row for a path that `canonical_path` let pass, with or without its last slash."""
        node, found = self._root, self._root.route
        for segment in path.strip("/").split("/"):
            below = node.below.get(segment)
            if below is None and node.by_id is not None and UUID_SEGMENT.fullmatch(segment):
                below = node.by_id
            if below is None:
                break
            node = below
            found = node.route or found
        return found


# Unreserved characters, the sub-delimiters that ids and names may hold, and percent escapes of anything but the
# separators: what else a path may carry has been a way round somebody's router.
_SEGMENT: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%(?!2[fF]|5[cC]|00|2[eE])[0-9A-Fa-f]{2})+")


def canonical_path(raw_path: str) -> str | None:
    """The path as services know it: ends in `/` unless its last segment is like a file's name.

    None for a path that no service may see: empty, `.` or `..` segments, escaped separators or dots, NUL, backslashes.
    """
    if not raw_path.startswith("/"):
        return None
    if raw_path == "/":
        return raw_path
    segments = raw_path[1:].split("/")
    if segments[-1] == "":
        segments.pop()
    for segment in segments:
        if segment in {".", ".."} or not _SEGMENT.fullmatch(segment):
            return None
    path = "/" + "/".join(segments)
    return path if is_file_like(segments) else path + "/"


def is_file_like(segments: list[str]) -> bool:
    """`export.csv`, `/.well-known/…` and tiles (`/tiles/0/x001/067`) are files: they never end in a slash."""
    return (
        segments[0] in {".well-known", "docs", "metrics", "health"}
        or not {"tile", "tiles"}.isdisjoint(segments[:-1])
        or "." in segments[-1]
    )
