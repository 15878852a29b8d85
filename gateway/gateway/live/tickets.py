"""One-use tickets for sockets: the caller's token, sealed, for browsers that cannot send headers with a WebSocket."""

import base64
import binascii
import secrets
import time
from collections.abc import Callable
from typing import Final

import orjson
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from gateway.settings import GatewaySettings

log = structlog.get_logger(__name__)

# 09: a ticket lives 30 s.
TICKET_SECONDS: Final = 30
# Clocks of two gateways may differ by this much (09).
_SKEW_SECONDS: Final = 30
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"impactnet ws ticket 1"
# A sealed token of 4 KiB in base64, and then some; more is no ticket of ours.
_CHARACTERS_MAX: Final = 8192
# Longer than any answer of a store that is there; a socket may wait this long.
_STORE_SECONDS: Final = 0.5


class BadTicketError(Exception):
    """Not a ticket, or one that is used up or too old."""


class TicketStoreAwayError(Exception):
    """Whether a ticket was used before cannot be known now."""


class Tickets:
    """Seals and opens tickets; any gateway with the same key opens them, once.

    With Valkey a ticket is used once among all gateways; without it, once per gateway (and within 30 s, by its owner).
    """

    def __init__(self, settings: GatewaySettings, *, now: Callable[[], float] = time.time) -> None:
        self._cipher = AESGCM(base64.b64decode(settings.ticket_key.get_secret_value()))
        self._now = now
        self._used: dict[bytes, float] = {}
        self._store: Valkey | None = None
        if settings.valkey_url is not None:
            url = settings.valkey_url.get_secret_value()
            self._store = Valkey.from_url(url, socket_timeout=_STORE_SECONDS, socket_connect_timeout=_STORE_SECONDS)

    async def close(self) -> None:
        """Let go of the store's connections."""
        if self._store is not None:
            await self._store.aclose()

    def issue(self, token: str) -> str:
        """A ticket for this access token: URL-safe, opaque, good for 30 s."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        content = orjson.dumps({"token": token, "until": self._now() + TICKET_SECONDS})
        sealed = self._cipher.encrypt(nonce, content, _PURPOSE)
        return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode("ascii")

    async def redeem(self, ticket: str) -> str:
        """The access token inside; the ticket is used up by this.

        Raises:
            BadTicketError
            TicketStoreAwayError
        """
        if not ticket.isascii() or len(ticket) > _CHARACTERS_MAX:
            raise BadTicketError
        try:
            raw = base64.b64decode(ticket + "=" * (-len(ticket) % 4), altchars=b"-_", validate=True)
            nonce, sealed = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
            content = orjson.loads(self._cipher.decrypt(nonce, sealed, _PURPOSE))
        except (binascii.Error, ValueError, InvalidTag) as error:
            raise BadTicketError from error
        if content["until"] <= self._now():
            raise BadTicketError
        await self._use_up(nonce)
        token: str = content["token"]
        return token

    async def _use_up(self, nonce: bytes) -> None:
        now = self._now()
        self._used = {used: until for used, until in self._used.items() if until > now}
        if nonce in self._used:
            raise BadTicketError
        self._used[nonce] = now + TICKET_SECONDS + _SKEW_SECONDS
        if self._store is None:
            return
        try:
            key = f"impactnet:ws-ticket:{nonce.hex()}"
            first = await self._store.set(key, "1", nx=True, ex=TICKET_SECONDS + _SKEW_SECONDS)
        except (ValkeyError, OSError, TimeoutError) as error:
            log.warning("ticket_store_away", error=type(error).__name__)
            raise TicketStoreAwayError from error
        if not first:
            raise BadTicketError
