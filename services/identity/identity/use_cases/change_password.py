"""A person changes their password: every other session ends."""

from uuid import UUID

from chassis.refusals import FieldRefusalError
from identity.domain.passwords import weakness_of
from identity.domain.refusals import InvalidCredentialsError
from identity.use_cases.log_in import LoginLimits, check_password
from identity.use_cases.ports import OpenDirectory, Passwords
from identity.use_cases.revoke_sessions import revoke_all_sessions


async def change_password(
    open_directory: OpenDirectory,
    passwords: Passwords,
    limits: LoginLimits,
    *,
    user_id: UUID,
    session_id: UUID,
    current_password: str,
    new_password: str,
    address: str,
) -> None:
    """Replace the password of a person who knows the present one.

    Raises:
        InvalidCredentialsError, TooManyAttemptsError, BusyError
        FieldRefusalError: the new one is too weak.
    """
    met = await check_password(
        open_directory, passwords, limits, user_id=user_id, password=current_password, address=address
    )
    await require_strong(open_directory, user_id, new_password, field="new_password")
    new_hash = await passwords.hash(new_password)
    async with open_directory() as directory:
        await directory.users.get_locked(user_id)
        current = await directory.credentials.find(user_id)
        if current is None or current.hash != met:
            raise InvalidCredentialsError
        await directory.credentials.put(user_id, new_hash)
        await revoke_all_sessions(directory, user_id, "password_changed", except_session_id=session_id)


async def require_strong(open_directory: OpenDirectory, user_id: UUID, password: str, *, field: str) -> None:
    """Refuse a weak password for this user, naming the field."""
    async with open_directory() as directory:
        user = await directory.users.find(user_id)
    if user is None:
        raise InvalidCredentialsError
    weakness = weakness_of(password, username=user.username, email=user.personal.email)
    if weakness is not None:
        raise FieldRefusalError([(field, *weakness)])
