"""Header hygiene: what a client may say to a service, what a service may say to a client, and what only we may say."""

import re
import secrets
from collections.abc import Iterable
from typing import Final

Headers = Iterable[tuple[bytes, bytes]]

# RFC 9110, 7.6.1, and what proxies have historically treated alike. `expect` is answered by our own server;
# `content-length` is set by whoever writes the message.
HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
        b"expect",
    }
)
# Set afresh by us, whatever the client says.
OURS: Final = frozenset(
    {
        b"forwarded",
        b"x-real-ip",
        b"x-request-id",
        b"traceparent",
        b"host",
        b"content-length",
        # Ways to make a framework see another path or method than the one that was checked here.
        b"x-original-url",
        b"x-rewrite-url",
        b"x-original-uri",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
    }
)
OUR_PREFIXES: Final = (b"x-user-", b"x-forwarded-")

# What a request id may look like, here as in the services: long enough for any id format, harmless in a log line.
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,100}")
# W3C Trace Context, version 00: https://www.w3.org/TR/trace-context/
_TRACEPARENT: Final = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

# Dropped from answers: our server writes its own date and name, and we decide on CORS alone.
_NOT_FROM_SERVICES: Final = frozenset({b"date", b"server", b"x-request-id", b"content-length"})


def find(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a header (names are lower case), or None."""
    for key, value in headers:
        if key == name:
            return value
    return None


def named_by_connection(headers: Headers) -> frozenset[bytes]:
    """The headers that `Connection` declares to be for this hop only (RFC 9110, 7.6.1)."""
    named: set[bytes] = set()
    for key, value in headers:
        if key == b"connection":
            named.update(token.strip().lower() for token in value.split(b","))
    return frozenset(named)


def is_for_services(name: bytes) -> bool:
    """Whether a client's header may reach a service at all.

    Names with `_` are dropped: WSGI-like environments read `x_user_id` and `x-user-id` as one.
    """
    return b"_" not in name and name not in HOP_BY_HOP and name not in OURS and not name.startswith(OUR_PREFIXES)


def request_id_of(headers: Headers) -> str:
    """The client's `X-Request-ID` when it is sane, else a fresh one."""
    sent = find(headers, b"x-request-id")
    if sent is not None and _REQUEST_ID.fullmatch(sent):
        return sent.decode("ascii")
    return secrets.token_hex(16)


def traceparent_of(headers: Headers) -> str:
    """The client's W3C `traceparent` when it is well formed, else the start of a new trace."""
    sent = find(headers, b"traceparent")
    if sent is not None and _TRACEPARENT.fullmatch(sent):
        return sent.decode("ascii")
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def to_service(
    headers: Headers, *, client_address: str, scheme: str, request_id: str, traceparent: str
) -> list[tuple[str, str]]:
    """A client's headers as a service gets them, with ours set afresh."""
    headers = list(headers)
    for_this_hop = named_by_connection(headers)
    kept = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if is_for_services(name) and name not in for_this_hop
    ]
    host = find(headers, b"host")
    kept += [
        ("X-Forwarded-For", client_address),
        ("X-Real-IP", client_address),
        ("X-Forwarded-Proto", scheme),
        ("X-Request-ID", request_id),
        ("traceparent", traceparent),
    ]
    if host is not None:
        kept.append(("X-Forwarded-Host", host.decode("latin-1")))
    return kept


def to_client(raw_headers: Headers) -> list[tuple[bytes, bytes]]:
    """A service's headers as the client gets them; length and request id are added by the caller."""
    lowered = [(name.lower(), value) for name, value in raw_headers]
    for_this_hop = named_by_connection(lowered)
    return [
        (name, value)
        for name, value in lowered
        if name not in HOP_BY_HOP
        and name not in _NOT_FROM_SERVICES
        and name not in for_this_hop
        and not name.startswith(b"access-control-")
    ]
