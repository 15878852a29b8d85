"""A person asks to be forgotten; seven days later their key is destroyed and everybody is told."""

from dataclasses import replace
from uuid import UUID

from identity.domain.people import User
from identity.domain.refusals import LastSuperAdminError
from identity.domain.sessions import ERASURE_GRACE
from identity.use_cases.ports import Directory
from identity.use_cases.revoke_sessions import revoke_all_sessions


async def ask_for_erasure(directory: Directory, user_id: UUID) -> User:
    """Start the days of grace; asking again does not start them anew.

    Raises:
        LastSuperAdminError
    """
    user = await directory.users.get_locked(user_id)
    if user.role == "super_admin" and await directory.users.super_admins() <= 1:
        raise LastSuperAdminError
    if user.erasure_requested_at is not None:
        return user
    return await directory.users.save(replace(user, erasure_requested_at=directory.now))


async def withdraw_erasure(directory: Directory, user_id: UUID) -> User:
    """The person changed their mind within the grace."""
    user = await directory.users.get_locked(user_id)
    if user.erasure_requested_at is None:
        return user
    return await directory.users.save(replace(user, erasure_requested_at=None))


async def erase_next(directory: Directory) -> bool:
    """Erase one whose grace is over; False when there is none."""
    user_id = await directory.users.due_for_erasure(directory.now - ERASURE_GRACE)
    if user_id is None:
        return False
    await revoke_all_sessions(directory, user_id, "user_erased")
    await directory.users.erase(user_id)
    directory.announce.user_erased(user_id)
    return True
