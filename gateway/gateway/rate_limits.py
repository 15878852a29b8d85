"""How often one may call: windows per user, per address and per account; shared in Valkey where there is one."""

import hashlib
import math
import time
from dataclasses import dataclass
from typing import Final

import structlog
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from gateway.addresses import rate_limit_key
from gateway.metrics import RATE_LIMITED, RATE_STORE_FAILURES
from gateway.routes import Limit
from gateway.settings import GatewaySettings
from gateway.window_storage import WindowStorage

log = structlog.get_logger(__name__)

# 06: with the store gone, logins and money are closed, for there the limit is the protection; the rest goes on with
# windows in this process's memory.
CLOSED_WITHOUT_STORE: Final = frozenset({Limit.LOGIN, Limit.STEP_UP, Limit.MONEY})
# Longer than any answer of a store that is there, short enough to be no outage of ours.
_STORE_TIMEOUT_SECONDS: Final = 0.5
# After a failure nobody waits for the store again for this long.
_STORE_REST_SECONDS: Final = 1.0


class RateStoreAwayError(Exception):
    """The shared store does not answer and this class of calls does not go on without it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit that is used up. `policy` names it; quota per window; all times in whole seconds."""

    policy: str
    quota: int
    window_seconds: int
    retry_after_seconds: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`Retry-After`, and the fields of draft-ietf-httpapi-ratelimit-headers (structured fields, RFC 9651)."""
        return [
            (b"retry-after", str(self.retry_after_seconds).encode()),
            (b"ratelimit-policy", f'"{self.policy}";q={self.quota};w={self.window_seconds}'.encode()),
            (b"ratelimit", f'"{self.policy}";r=0;t={self.retry_after_seconds}'.encode()),
        ]


@dataclass(frozen=True, slots=True)
class _Policy:
    name: str
    item: RateLimitItem


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is counted. `accounts` are what a login names (e-mail address, user name), never kept in the clear."""

    address: str
    user_id: str | None = None
    accounts: tuple[str, ...] = ()


class RateLimits:
    """Counts calls; `refusal` says no, `slows_down` says wait."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._memory = FixedWindowRateLimiter(WindowStorage())
        url = None if settings.valkey_url is None else settings.valkey_url.get_secret_value()
        self._shared = None if url is None else FixedWindowRateLimiter(_valkey(url))
        self._store_rests_until = 0.0
        per_minute = RateLimitItemPerMinute
        self._anonymous = _Policy("anonymous", per_minute(settings.reads_per_address_per_minute))
        self._login_account = _Policy("login-account", per_minute(settings.logins_per_account_per_minute))
        self._login_address = _Policy("login-address", per_minute(settings.logins_per_address_per_minute))
        self._account = _Policy("account", per_minute(settings.logins_per_account_everywhere_per_minute))
        writes = _Policy("writes", per_minute(settings.writes_per_minute))
        self._policies = {
            Limit.READS: _Policy("reads", per_minute(settings.reads_per_user_per_minute)),
            Limit.WRITES: writes,
            # Money counts as the writes it is; only without the store it differs.
            Limit.MONEY: writes,
            Limit.UPLOADS: _Policy("uploads", RateLimitItemPerHour(settings.uploads_per_hour)),
            Limit.STEP_UP: _Policy("step-up", per_minute(settings.step_ups_per_user_per_minute)),
            Limit.WEBHOOKS: _Policy("webhooks", per_minute(settings.webhooks_per_address_per_minute)),
        }

    async def refusal(self, limit: Limit, caller: Caller) -> Refusal | None:
        """Count this call; the limit that it goes over, or None.

        Raises:
            RateStoreAwayError: the store is away and `limit` is one of `CLOSED_WITHOUT_STORE`.
        """
        for policy, key in self._counted(limit, caller):
            limiter = self._limiter(limit)
            try:
                refusal = await _hit(limiter, policy, key)
            except StorageError as error:
                self._store_failed(error)
                refusal = await _hit(self._limiter(limit), policy, key)
            if refusal is not None:
                RATE_LIMITED.labels(policy.name).inc()
                return refusal
        return None

    async def slows_down(self, caller: Caller) -> bool:
        """Whether an account is being tried from everywhere at once: then answers take longer, for everyone alike.

        Raises:
            RateStoreAwayError: the store is away.
        """
        try:
            limiter = self._limiter(Limit.LOGIN)
            used_up = [await _hit(limiter, self._account, _hashed(account)) for account in caller.accounts]
        except StorageError as error:
            self._store_failed(error)
            raise RateStoreAwayError from error
        return any(refusal is not None for refusal in used_up)

    async def store_answers(self) -> bool:
        """Whether the shared store is there, or none is configured."""
        if self._shared is None:
            return True
        try:
            return await self._shared.storage.check()
        except StorageError:
            return False

    def _counted(self, limit: Limit, caller: Caller) -> list[tuple[_Policy, str]]:
        address = rate_limit_key(caller.address)
        who = f"u:{caller.user_id}" if caller.user_id else f"a:{address}"
        if limit is Limit.LOGIN:
            counted = [(self._login_address, address)]
            counted += [(self._login_account, f"{_hashed(account)}@{address}") for account in caller.accounts]
            return counted
        if limit is Limit.READS and caller.user_id is None:
            return [(self._anonymous, who)]
        return [(self._policies[limit], who)]

    def _limiter(self, limit: Limit) -> FixedWindowRateLimiter:
        if self._shared is None:
            return self._memory
        if time.monotonic() >= self._store_rests_until:
            return self._shared
        if limit in CLOSED_WITHOUT_STORE:
            raise RateStoreAwayError
        return self._memory

    def _store_failed(self, error: StorageError) -> None:
        RATE_STORE_FAILURES.inc()
        self._store_rests_until = time.monotonic() + _STORE_REST_SECONDS
        log.warning("rate_store_away", error=str(error))


async def _hit(limiter: FixedWindowRateLimiter, policy: _Policy, key: str) -> Refusal | None:
    if await limiter.hit(policy.item, policy.name, key):
        return None
    stats = await limiter.get_window_stats(policy.item, policy.name, key)
    return Refusal(
        policy=policy.name,
        quota=policy.item.amount,
        window_seconds=policy.item.get_expiry(),
        retry_after_seconds=max(1, math.ceil(stats.reset_time - time.time())),
    )


def _hashed(account: str) -> str:
    """Accounts are personal data: the store sees a digest of the folded name."""
    return hashlib.sha256(account.strip().casefold().encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _valkey(url: str) -> Storage:
    storage = storage_from_string(
        f"async+{url}",
        implementation="valkey",
        wrap_exceptions=True,
        socket_timeout=_STORE_TIMEOUT_SECONDS,
        socket_connect_timeout=_STORE_TIMEOUT_SECONDS,
    )
    if not isinstance(storage, Storage):
        raise TypeError(f"{url.split(':', 1)[0]} is not an asynchronous store")
    return storage
