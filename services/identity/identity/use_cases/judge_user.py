"""An admin vouches for a user, or suspends one."""

from dataclasses import replace
from uuid import UUID

from identity.domain.people import User, require_may_decide
from identity.use_cases.ports import Directory
from identity.use_cases.revoke_sessions import revoke_all_sessions


async def verify_user(directory: Directory, *, actor_id: UUID, actor_role: str, user_id: UUID) -> User:
    """The person behind the account is known to an admin.

    Raises:
        NotFoundError, OwnAccountError, SuperAdminRequiredError
    """
    user = await directory.users.get_locked(user_id)
    require_may_decide(actor_id, actor_role, user)
    if user.is_verified:
        return user
    directory.announce.user_verified(user_id, "admin")
    return await directory.users.save(replace(user, is_verified=True))


async def suspend_user(directory: Directory, *, actor_id: UUID, actor_role: str, user_id: UUID, reason: str) -> User:
    """Nothing of this user's counts any more: sessions end, logins are refused.

    Raises:
        NotFoundError, OwnAccountError, SuperAdminRequiredError
    """
    user = await directory.users.get_locked(user_id)
    require_may_decide(actor_id, actor_role, user)
    if not user.is_active:
        return user
    await directory.users.set_suspension_reason(user_id, reason)
    await directory.standing.set_suspended(user_id)
    await revoke_all_sessions(directory, user_id, "user_suspended")
    directory.announce.user_suspended(user_id)
    return await directory.users.save(replace(user, is_active=False))
