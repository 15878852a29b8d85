"""An admin gives a user a role; tokens with the old one stop counting, a refresh brings the new one."""

from dataclasses import replace
from uuid import UUID

from identity.domain.people import Role, User, require_may_give_role
from identity.use_cases.ports import Directory


async def change_role(directory: Directory, *, actor_id: UUID, actor_role: str, user_id: UUID, role: Role) -> User:
    """The user with the new role; the same role again changes nothing.

    Raises:
        NotFoundError, OwnAccountError, SuperAdminRequiredError
    """
    user = await directory.users.get_locked(user_id)
    require_may_give_role(actor_id, actor_role, user, role)
    return user if user.role == role else await give_role(directory, user, role)


async def give_role(directory: Directory, user: User, role: Role) -> User:
    """The change itself; who may make it has been decided."""
    changed = await directory.users.save(replace(user, role=role, role_version=user.role_version + 1))
    await directory.standing.set_role(user.user_id, role, changed.role_version)
    directory.announce.role_changed(changed, user.role)
    return changed
