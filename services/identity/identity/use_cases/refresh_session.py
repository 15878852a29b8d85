"""A refresh token is exchanged for new tokens, once; a second use means that two hold it, and ends the session."""

from chassis.refusals import NotFoundError
from identity.domain.refusals import InvalidRefreshTokenError
from identity.domain.sessions import Tokens
from identity.use_cases.log_in import new_refresh_token
from identity.use_cases.ports import Directory, OpenDirectory


async def refresh_session(open_directory: OpenDirectory, refresh_token: str) -> Tokens:
    """Rotate: the old token is used up, the new one belongs to the same session (family).

    Of two uses at once, the session's lock lets one win; the other is a reuse, as any later one: the session is
    revoked, and that is kept although the caller is refused.

    Raises:
        InvalidRefreshTokenError
    """
    async with open_directory() as directory:
        tokens = await _rotate(directory, refresh_token)
    if tokens is None:
        raise InvalidRefreshTokenError
    return tokens


async def _rotate(directory: Directory, refresh_token: str) -> Tokens | None:
    found = await directory.sessions.find_by_refresh_token_locked(refresh_token)
    if found is None:
        return None
    session, used_before = found
    if not session.is_alive(directory.now):
        return None
    if used_before:
        await directory.sessions.revoke(session.session_id, "refresh_token_reused")
        return None
    try:
        user = await directory.users.get_locked(session.user_id)
    except NotFoundError:
        return None
    if not user.is_active:
        return None
    following = new_refresh_token()
    await directory.sessions.rotate(session.session_id, refresh_token, following)
    return Tokens(await directory.keys.sign(session=session, user=user), following)
