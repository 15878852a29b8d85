"""Who is calling: the verified token as a dependency of routers, checked by every service for itself."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import httpx
import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from chassis.api.problems import ProblemError
from chassis.database import Database, UnitOfWork
from chassis.execution import acting_as
from chassis.refusals import ForbiddenError, StepUpRequiredError
from chassis.standing import known_signing_keys, token_still_counts
from chassis.tokens import AccessToken, InvalidTokenError, KeysUnavailableError, TokenVerifier

log = structlog.get_logger(__name__)

# A confirmation counts as fresh this long (09-values; RFC 9470 max_age).
STEP_UP_SECONDS_MAX: Final = 300
# Keys are read again this often, so that a rotation is noticed; an unknown key id asks at once, once a second.
KEYS_REFRESH_SECONDS: Final = 30
KEYS_RETRY_SECONDS: Final = 1
JWKS_TIMEOUT_SECONDS: Final = 2

_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="impactnet"'}
_INVALID_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="impactnet", error="invalid_token"'}


@dataclass(frozen=True, slots=True)
class Caller:
    """The person behind a request. Roles say what kind of things one may do; objects decide the rest."""

    user_id: UUID
    session_id: UUID
    role: str
    auth_time: datetime
    expires_at: datetime

    @property
    def is_admin(self) -> bool:
        """Admins and super admins."""
        return self.role in ("admin", "super_admin")

    @property
    def is_super_admin(self) -> bool:
        return self.role == "super_admin"

    @property
    def is_executive(self) -> bool:
        return self.role == "executive"

    def require_admin(self) -> None:
        """Refuse others with `ForbiddenError`."""
        if not self.is_admin:
            raise ForbiddenError("This needs the role admin.")

    def has_stepped_up(self, now: datetime) -> bool:
        """Whether the last confirmation is not older than five minutes."""
        return now - self.auth_time <= timedelta(seconds=STEP_UP_SECONDS_MAX)

    def require_step_up(self, now: datetime) -> None:
        """Refuse with `StepUpRequiredError` when the last confirmation is older than five minutes."""
        if not self.has_stepped_up(now):
            raise StepUpRequiredError


class SigningKeyring:
    """Keeps a verifier's keys fresh: from this service's own table, or identity's JWKS address at first start."""

    def __init__(self, verifier: TokenVerifier, database: Database, jwks_url: str) -> None:
        self._verifier = verifier
        self._database = database
        self._jwks_url = jwks_url
        self._read_at = 0.0

    async def verify(self, token: str) -> AccessToken:
        """Check a token with fresh keys; raises `InvalidTokenError` or `KeysUnavailableError`."""
        kid = self._verifier.kid_of(token)
        age_seconds = time.monotonic() - self._read_at
        stale = age_seconds > KEYS_REFRESH_SECONDS or not self._verifier.has_keys
        if stale or (not self._verifier.knows(kid) and age_seconds > KEYS_RETRY_SECONDS):
            await self._read_keys()
        return self._verifier.verify(token)

    async def _read_keys(self) -> None:
        self._read_at = time.monotonic()
        async with self._database.reading() as connection:
            keys: Sequence[Any] = await known_signing_keys(connection)
        if not keys and not self._verifier.has_keys:
            keys = await self._fetch()
        if keys:
            self._verifier.replace_keys(keys)

    async def _fetch(self) -> list[dict[str, Any]]:
        try:
            async with httpx.AsyncClient(timeout=JWKS_TIMEOUT_SECONDS) as client:
                answer = await client.get(self._jwks_url)
                answer.raise_for_status()
                return list(answer.json()["keys"])
        except (httpx.HTTPError, KeyError, ValueError) as error:
            log.warning("jwks_unavailable", error=type(error).__name__)
            return []


def _bearer(request: Request) -> str | None:
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ProblemError(
            401, "unauthenticated", "The Authorization header is not a bearer token.", headers=_CHALLENGE
        )
    return token.strip()


async def find_caller(request: Request) -> Caller | None:
    """The caller, or None for a request without a token; a token that does not count is 401 even where none is needed.

    The result is kept on the request, so that several dependencies cost one check.
    """
    if hasattr(request.state, "caller"):
        known: Caller | None = request.state.caller
        return known
    token = _bearer(request)
    caller = None if token is None else await _check(request, token)
    request.state.caller = caller
    if caller is not None:
        acting_as(str(caller.user_id))
    return caller


async def _check(request: Request, token: str) -> Caller:
    keyring: SigningKeyring = request.app.state.keyring
    database: Database = request.app.state.database
    work: UnitOfWork | None = getattr(request.state, "work", None)
    try:
        verified = await keyring.verify(token)
        if work is not None:
            counts = await token_still_counts(work.connection, verified)
        else:
            async with database.reading() as connection:
                counts = await token_still_counts(connection, verified)
        if not counts:
            raise InvalidTokenError("revoked")
    except InvalidTokenError as error:
        log.info("token_refused", reason=str(error))
        detail = "The access token is not valid (any more)."
        raise ProblemError(401, "unauthenticated", detail, headers=_INVALID_CHALLENGE) from error
    except KeysUnavailableError as error:
        detail = "No signing key is known yet, so no token can be checked."
        raise ProblemError(503, "keys_unavailable", detail, headers={"Retry-After": "2"}) from error
    return Caller(verified.user_id, verified.session_id, verified.role, verified.auth_time, verified.expires_at)


# Declares the scheme in the OpenAPI document; the checking is done above, with our own answers.
_Scheme = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(auto_error=False, description="Access token from POST /api/v1/auth/login/")),
]


def require_token(request: Request) -> None:
    """401 for a request without a token; whether it counts is for `require_caller` to say."""
    if _bearer(request) is None:
        raise ProblemError(401, "unauthenticated", "This needs an access token.", headers=_CHALLENGE)


async def require_caller(request: Request, _: _Scheme = None) -> Caller:
    """The caller; 401 without a token."""
    caller = await find_caller(request)
    if caller is None:
        raise ProblemError(401, "unauthenticated", "This needs an access token.", headers=_CHALLENGE)
    return caller


async def require_admin(request: Request, _: _Scheme = None) -> Caller:
    """The caller, who must be an admin."""
    caller = await require_caller(request)
    caller.require_admin()
    return caller


AuthenticatedCaller = Annotated[Caller, Depends(require_caller)]
OptionalCaller = Annotated[Caller | None, Depends(find_caller)]
AdminCaller = Annotated[Caller, Depends(require_admin)]
