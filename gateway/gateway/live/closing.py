"""Why a socket is closed: the codes of the contract, in one place."""

from enum import IntEnum


class Close(IntEnum):
    """WebSocket close codes (03). Clients reconnect on 1012, 1013, 4008 and, with a fresh token, on 4009."""

    GOING_AWAY = 1012
    # RFC 6455 registry, "try again later": a service or store that is needed to let anyone in is away.
    TRY_LATER = 1013
    UNAUTHENTICATED = 4001
    FORBIDDEN = 4003
    NOT_FOUND = 4004
    TOO_SLOW = 4008
    TOKEN_EXPIRED = 4009
    SESSION_REVOKED = 4010
    TOO_MANY = 4029


REASONS = {
    Close.GOING_AWAY: "going away",
    Close.TRY_LATER: "try again later",
    Close.UNAUTHENTICATED: "unauthenticated",
    Close.FORBIDDEN: "forbidden",
    Close.NOT_FOUND: "not found",
    Close.TOO_SLOW: "too slow",
    Close.TOKEN_EXPIRED: "token expired",
    Close.SESSION_REVOKED: "session revoked",
    Close.TOO_MANY: "too many sockets",
}


class CloseError(Exception):
    """Ends a socket's life with a code."""

    def __init__(self, code: Close) -> None:
        super().__init__(REASONS[code])
        self.code = code
