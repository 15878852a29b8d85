"""Who opens a socket: by ticket, by header, or by the first message."""

from typing import Final
from urllib.parse import parse_qs

from chassis.tokens import AccessToken, InvalidTokenError, KeysUnavailableError
from gateway.authentication import Authentication, bearer_of
from gateway.exchange import Scope
from gateway.live.closing import Close, CloseError
from gateway.live.tickets import BadTicketError, Tickets, TicketStoreAwayError
from gateway.standing import SessionRevokedError

# `ticket` is the only parameter a socket's address has; a longer query is not parsed.
_QUERY_BYTES_MAX: Final = 16 * 1024


class Introduction:
    """Turns credentials into a caller, or into the code that the socket is closed with."""

    def __init__(self, authentication: Authentication, tickets: Tickets) -> None:
        self._authentication = authentication
        self._tickets = tickets

    async def from_handshake(self, scope: Scope) -> tuple[AccessToken, str] | None:
        """The caller and the token from `?ticket=` or `Authorization`; None when neither was sent.

        Raises:
            CloseError
        """
        query: bytes = scope["query_string"]
        if len(query) > _QUERY_BYTES_MAX:
            raise CloseError(Close.UNAUTHENTICATED)
        tickets = parse_qs(query.decode("ascii", "replace")).get("ticket", [])
        if tickets:
            token = await self._redeemed(tickets)
            return await self.of_token(token), token
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        if not values:
            return None
        bearer = bearer_of(values)
        if bearer is None:
            raise CloseError(Close.UNAUTHENTICATED)
        return await self.of_token(bearer), bearer

    async def of_token(self, token: object) -> AccessToken:
        """The caller that an access token names; raises CloseError."""
        if not isinstance(token, str):
            raise CloseError(Close.UNAUTHENTICATED)
        try:
            return await self._authentication.verify(token)
        except InvalidTokenError as error:
            raise CloseError(Close.UNAUTHENTICATED) from error
        except SessionRevokedError as error:
            raise CloseError(Close.SESSION_REVOKED) from error
        except KeysUnavailableError as error:
            raise CloseError(Close.TRY_LATER) from error

    async def _redeemed(self, tickets: list[str]) -> str:
        if len(tickets) != 1:
            raise CloseError(Close.UNAUTHENTICATED)
        try:
            return await self._tickets.redeem(tickets[0])
        except BadTicketError as error:
            raise CloseError(Close.UNAUTHENTICATED) from error
        except TicketStoreAwayError as error:
            raise CloseError(Close.TRY_LATER) from error
