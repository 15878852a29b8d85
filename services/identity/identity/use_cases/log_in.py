"""A person logs in: throttled, with the same answer and the same work whether or not the name is known."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from chassis.ids import new_id
from chassis.refusals import NotFoundError
from identity.domain.people import User
from identity.domain.refusals import AccountSuspendedError, InvalidCredentialsError, TooManyAttemptsError
from identity.domain.sessions import REFRESH_ABSOLUTE, Session, Tokens
from identity.domain.throttle import Limit
from identity.use_cases.ports import Credential, Directory, OpenDirectory, Passwords

# An account that is tried from everywhere at once answers this much later: its owner gets in, guessing gets slow.
SLOWED_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class LoginLimits:
    """09-values, "limits": per account from one address, per address, per account over all addresses."""

    account_and_address: Limit
    address: Limit
    account: Limit


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """Either `email` or `username`, in its normal spelling; `address` is the client's network address."""

    email: str | None
    username: str | None
    password: str
    address: str
    user_agent: str | None


async def log_in(
    open_directory: OpenDirectory, passwords: Passwords, limits: LoginLimits, attempt: LoginAttempt
) -> tuple[Tokens, User]:
    """Check the password between two units of work, so that no connection waits for a hash.

    Raises:
        TooManyAttemptsError, InvalidCredentialsError, AccountSuspendedError, BusyError
    """
    async with open_directory() as directory:
        user_id = await directory.users.find_id(email=attempt.email, username=attempt.username)
        account = str(user_id or attempt.email or attempt.username)
        wait = await count_attempt(directory, limits, account=account, address=attempt.address)
        slow = wait == 0 and await directory.throttle.attempt(f"account {account}", limits.account) > 0
        credential = await directory.credentials.find(user_id or new_id())
    if wait:
        raise TooManyAttemptsError(wait)
    if slow:
        await asyncio.sleep(SLOWED_SECONDS)
    if not await passwords.verify(attempt.password, credential.hash if credential else None) or credential is None:
        raise InvalidCredentialsError
    renewed = await passwords.hash(attempt.password) if passwords.is_outdated(credential.hash) else None
    async with open_directory() as directory:
        return await _start_session(directory, credential, renewed, attempt.user_agent)


async def count_attempt(directory: Directory, limits: LoginLimits, *, account: str, address: str) -> int:
    """Count one guess at an account's password; returns the seconds to wait when it is one too many."""
    wait = await directory.throttle.attempt(f"address {address}", limits.address)
    return wait or await directory.throttle.attempt(f"account {account} from {address}", limits.account_and_address)


async def check_password(
    open_directory: OpenDirectory,
    passwords: Passwords,
    limits: LoginLimits,
    *,
    user_id: UUID,
    password: str,
    address: str,
) -> str:
    """Whether a person who is logged in knows their password. Returns the hash it met.

    Guesses are as limited as at login; one that was right clears the count, for confirming often is no guessing.

    Raises:
        TooManyAttemptsError, InvalidCredentialsError, BusyError
    """
    scope = f"confirmation of {user_id} from {address}"
    async with open_directory() as directory:
        wait = await directory.throttle.attempt(scope, limits.account_and_address)
        credential = await directory.credentials.find(user_id)
    if wait:
        raise TooManyAttemptsError(wait)
    if not await passwords.verify(password, credential.hash if credential else None) or credential is None:
        raise InvalidCredentialsError
    async with open_directory() as directory:
        await directory.throttle.forgive(scope)
    return credential.hash


async def _start_session(
    directory: Directory, credential: Credential, renewed_hash: str | None, user_agent: str | None
) -> tuple[Tokens, User]:
    try:
        user = await directory.users.get_locked(credential.user_id)
    except NotFoundError:
        # Erased while the password was being checked.
        raise InvalidCredentialsError from None
    current = await directory.credentials.find(user.user_id)
    if current is None or current.hash != credential.hash:
        # Changed while it was being checked: the old password must not open a session any more.
        raise InvalidCredentialsError
    if not user.is_active:
        raise AccountSuspendedError
    if renewed_hash is not None:
        await directory.credentials.put(user.user_id, renewed_hash)
    now = directory.now
    session = Session(
        session_id=new_id(),
        user_id=user.user_id,
        auth_time=now,
        created_at=now,
        last_used_at=now,
        expires_at=now + REFRESH_ABSOLUTE,
        revoked_at=None,
        user_agent=user_agent,
    )
    refresh_token = new_refresh_token()
    await directory.sessions.add(session, refresh_token)
    await directory.users.note_login(user.user_id)
    return Tokens(await directory.keys.sign(session=session, user=user), refresh_token), user


def new_refresh_token() -> str:
    """Opaque, 256 bits: nothing to guess, nothing to read."""
    return secrets.token_urlsafe(32)
