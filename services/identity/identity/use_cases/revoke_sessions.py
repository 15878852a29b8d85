"""Sessions end: by logout, by their owner's hand, or because the account changed."""

from uuid import UUID

from chassis.refusals import NotFoundError
from identity.use_cases.ports import Directory


async def revoke_session(directory: Directory, *, user_id: UUID, session_id: UUID, reason: str) -> None:
    """End one of the user's own sessions; ending it twice changes nothing.

    Raises:
        NotFoundError: none of theirs.
    """
    session = await directory.sessions.find_locked(session_id)
    if session is None or session.user_id != user_id:
        raise NotFoundError
    if session.revoked_at is None:
        await directory.sessions.revoke(session_id, reason)


async def revoke_all_sessions(
    directory: Directory, user_id: UUID, reason: str, *, except_session_id: UUID | None = None
) -> None:
    """End all of a user's sessions, perhaps but one."""
    for session in await directory.sessions.alive_of(user_id):
        if session.session_id != except_session_id:
            await directory.sessions.revoke(session.session_id, reason)
