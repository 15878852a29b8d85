"""A person confirms that it is them: a new `auth_time`, for what asks for a fresh confirmation."""

from dataclasses import replace
from uuid import UUID

from identity.domain.refusals import InvalidCredentialsError
from identity.domain.sessions import Tokens
from identity.use_cases.log_in import LoginLimits, check_password
from identity.use_cases.ports import OpenDirectory, Passwords


async def step_up(
    open_directory: OpenDirectory,
    passwords: Passwords,
    limits: LoginLimits,
    *,
    user_id: UUID,
    session_id: UUID,
    password: str,
    address: str,
) -> Tokens:
    """A new access token of the same session; its refresh token stays, and keeps the new `auth_time`.

    Raises:
        InvalidCredentialsError, TooManyAttemptsError, BusyError
    """
    await check_password(open_directory, passwords, limits, user_id=user_id, password=password, address=address)
    async with open_directory() as directory:
        session = await directory.sessions.find_locked(session_id)
        if session is None or session.user_id != user_id or not session.is_alive(directory.now):
            raise InvalidCredentialsError
        user = await directory.users.get_locked(user_id)
        await directory.sessions.confirm(session_id, directory.now)
        confirmed = replace(session, auth_time=directory.now)
        return Tokens(await directory.keys.sign(session=confirmed, user=user), None)
