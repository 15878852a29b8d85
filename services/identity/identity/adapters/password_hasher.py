"""argon2id in a few threads of its own: a storm of logins queues here, it does not starve the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from identity.domain.passwords import normal_password
from identity.domain.refusals import BusyError

T = TypeVar("T")

# 06-security: argon2id with at least 19 MiB, t=2, p=1 (the OWASP floor). About 30 ms on one core.
MEMORY_KIB: Final = 19 * 1024
TIME_COST: Final = 2
PARALLELISM: Final = 1
# Checked in place of a hash that is not there: it costs the same and no password is known to have it.
_DECOY: Final = f"$argon2id$v=19$m={MEMORY_KIB},t={TIME_COST},p={PARALLELISM}${'A' * 22}${'A' * 43}"


class ArgonPasswords:
    """Hashes and checks passwords. An async context manager: the threads end with it."""

    def __init__(self, *, threads: int, waiting_max: int) -> None:
        """`threads` hash at once; when `waiting_max` more wait, the next is refused with BusyError."""
        self._hasher = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)
        self._threads = threads
        self._waiting_max = waiting_max
        self._busy = 0
        self._pool = ThreadPoolExecutor(threads, "argon2")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # Without waiting on the loop: what still runs takes milliseconds, what waits is dropped.
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """A new hash in the PHC string format.

        Raises:
            BusyError
        """
        return await self._run(self._hasher.hash, normal_password(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether they match; None costs as much and never does.

        Raises:
            BusyError
        """
        return await self._run(self._matches, normal_password(password), password_hash)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(password_hash)

    def _matches(self, password: str, password_hash: str | None) -> bool:
        try:
            self._hasher.verify(password_hash or _DECOY, password)
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        if self._busy >= self._threads + self._waiting_max:
            raise BusyError
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        finally:
            self._busy -= 1
