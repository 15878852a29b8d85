"""Who is calling: access tokens checked against identity's public keys, and sessions that no longer count."""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import aiohttp
import orjson
import structlog

from chassis.tokens import AccessToken, InvalidTokenError, KeysUnavailableError, TokenVerifier
from gateway.headers import Headers
from gateway.metrics import TOKENS_REFUSED
from gateway.problems import Problem, ProblemError, keys_unavailable, unauthenticated
from gateway.routes import Access
from gateway.settings import GatewaySettings
from gateway.standing import SessionRevokedError, Standing

log = structlog.get_logger(__name__)

# Checking a signature costs about 100 us; ten thousand remembered tokens about 15 MB.
_REMEMBERED_TOKENS_MAX: Final = 10_000
# Identity answers its JWKS from memory; a longer wait would hold requests up.
_FETCH_SECONDS: Final = 2.0
_FETCH_RETRY_SECONDS: Final = 1.0
_FETCH_AGAIN_SECONDS: Final = 300.0
# Tokens that name unknown keys may make us ask identity only this often.
_UNKNOWN_KEY_REST_SECONDS: Final = 5.0


class SigningKeys:
    """Keeps the verifier's keys fresh: from events, and from identity's JWKS where there was no event yet."""

    def __init__(self, settings: GatewaySettings, verifier: TokenVerifier, client: aiohttp.ClientSession) -> None:
        self._url = settings.jwks_url
        self._file = settings.keys_file
        self._verifier = verifier
        self._client = client
        self._fetched_at = 0.0
        self._asked_at = -_UNKNOWN_KEY_REST_SECONDS
        self._fetching: asyncio.Task[bool] | None = None
        # Rises whenever the keys were replaced: what was verified with older ones is verified again.
        self.generation = 0

    async def run(self) -> None:
        """Fetch until there are keys, then now and then; runs until cancelled."""
        self._recall()
        while True:
            await self.fetch()
            await asyncio.sleep(_FETCH_AGAIN_SECONDS if self._verifier.has_keys else _FETCH_RETRY_SECONDS)

    def learn(self, keys: Iterable[Mapping[str, Any]], said_at: datetime) -> None:
        """Take the keys of an event, unless identity itself has answered since it was said."""
        if said_at.timestamp() > self._fetched_at:
            self._replace(list(keys))

    async def ask_about_unknown_key(self) -> None:
        """Fetch once for a key that nobody knows: a rotation whose event is still on its way."""
        now = time.monotonic()
        if now - self._asked_at >= _UNKNOWN_KEY_REST_SECONDS:
            self._asked_at = now
            await self.fetch()

    async def fetch(self) -> bool:
        """Ask identity; callers at the same time share one request. Whether it answered."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        return await asyncio.shield(self._fetching)

    async def _fetch(self) -> bool:
        started = time.time()
        try:
            timeout = aiohttp.ClientTimeout(total=_FETCH_SECONDS)
            async with self._client.get(self._url, timeout=timeout, allow_redirects=False) as response:
                response.raise_for_status()
                keys = orjson.loads(await response.read())["keys"]
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
            log.warning("jwks_unavailable", url=self._url, error=type(error).__name__)
            return False
        if self._replace(keys):
            self._fetched_at = started
        return True

    def _replace(self, keys: list[Mapping[str, Any]]) -> bool:
        try:
            self._verifier.replace_keys(keys)
        except (InvalidTokenError, KeyError, ValueError, TypeError) as error:
            log.error("jwks_refused", error=str(error))
            return False
        self.generation += 1
        self._keep(keys)
        return True

    def _recall(self) -> None:
        """Begin with the keys of before: 04 wants a start that does not depend on identity."""
        if self._file is None or not self._file.exists():
            return
        try:
            self._verifier.replace_keys(orjson.loads(self._file.read_bytes())["keys"])
        except (OSError, InvalidTokenError, KeyError, ValueError, TypeError) as error:
            log.warning("kept_keys_unreadable", error=type(error).__name__)

    def _keep(self, keys: list[Mapping[str, Any]]) -> None:
        if self._file is None:
            return
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_bytes(orjson.dumps({"keys": keys}))
            fresh.replace(self._file)
        except OSError as error:
            log.warning("keys_not_kept", error=str(error))


class Authentication:
    """Turns a bearer token into who is calling."""

    def __init__(self, verifier: TokenVerifier, keys: SigningKeys, standing: Standing) -> None:
        self._verifier = verifier
        self._keys = keys
        self._standing = standing
        self._remembered: OrderedDict[str, AccessToken] = OrderedDict()
        self._generation = 0

    @property
    def has_keys(self) -> bool:
        """Whether any token can be checked at all."""
        return self._verifier.has_keys

    async def verify(self, token: str) -> AccessToken:
        """Check a token completely.

        Raises:
            InvalidTokenError: it does not count.
            SessionRevokedError: it did once.
            KeysUnavailableError: no keys are known.
        """
        if self._generation != self._keys.generation:
            self._remembered.clear()
            self._generation = self._keys.generation
        found = self._remembered.get(token)
        if found is None or found.expires_at.timestamp() <= time.time():
            found = await self._verify_anew(token)
            self._remembered[token] = found
            if len(self._remembered) > _REMEMBERED_TOKENS_MAX:
                self._remembered.popitem(last=False)
        self._standing.check(found)
        return found

    async def of_request(self, headers: Headers, access: Access) -> tuple[AccessToken | None, str | None]:
        """The caller of a request and the token that says so; (None, None) for an anonymous one that may come in.

        Raises:
            ProblemError: 401, or 503 when no keys are known.
        """
        if access is Access.PUBLIC:
            return None, None
        values = [value for name, value in headers if name == b"authorization"]
        if not values:
            if access is Access.OPTIONAL:
                return None, None
            raise ProblemError(unauthenticated("This needs an access token: Authorization: Bearer …"))
        token = bearer_of(values)
        if token is None:
            raise ProblemError(_refused("malformed"))
        try:
            return await self.verify(token), token
        except InvalidTokenError as error:
            raise ProblemError(_refused(str(error))) from error
        except SessionRevokedError as error:
            raise ProblemError(_refused("session revoked")) from error
        except KeysUnavailableError as error:
            raise ProblemError(keys_unavailable()) from error

    async def _verify_anew(self, token: str) -> AccessToken:
        if not self._verifier.has_keys:
            self._verifier.kid_of(token)
            await self._keys.ask_about_unknown_key()
        elif not self._verifier.knows(self._verifier.kid_of(token)):
            with contextlib.suppress(TimeoutError):
                await self._keys.ask_about_unknown_key()
        return self._verifier.verify(token)


def bearer_of(values: list[bytes]) -> str | None:
    """The token of `Authorization: Bearer <token>`, or None when it is anything else, or sent twice."""
    if len(values) != 1:
        return None
    scheme, _, token = values[0].partition(b" ")
    if scheme.lower() != b"bearer" or not token.isascii():
        return None
    return token.strip().decode("ascii") or None


def _refused(reason: str) -> Problem:
    TOKENS_REFUSED.labels(reason.split(":", 1)[0][:40]).inc()
    return unauthenticated("The access token does not count; log in again or refresh it.", error="invalid_token")
