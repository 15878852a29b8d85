"""The present state of every user and of the keys said again, for a read model that is built later."""

from typing import Any

from chassis.standing import known_signing_keys
from contracts.fact import Fact
from contracts.identity import (
    EmailVerified,
    RoleChanged,
    SigningKeysChanged,
    UserErased,
    UserRegistered,
    UserSuspended,
    UserVerified,
)
from identity.adapters.directory import Directories


async def publish_snapshot(directories: Directories) -> int:
    """Announce it; returns how many facts."""
    count = 0
    async with directories.database.unit_of_work() as work:
        work.announce(SigningKeysChanged(keys=await known_signing_keys(work.connection)))
        count += 1
        async for user in directories.of(work).users.everyone():
            for fact in _facts_of(user):
                work.announce(fact)
                count += 1
    return count


def _facts_of(user: Any) -> list[Fact]:
    user_id, role = user["user_id"], user["role"]
    if user["erased_at"] is not None:
        return [UserErased(user_id=user_id)]
    facts: list[Fact] = [UserRegistered(user_id=user_id, role=role)]
    if user["role_version"]:
        version = user["role_version"]
        facts.append(RoleChanged(user_id=user_id, role=role, previous_role=role, role_version=version))
    if user["email_verified"]:
        facts.append(EmailVerified(user_id=user_id))
    if user["is_verified"]:
        facts.append(UserVerified(user_id=user_id, method="admin"))
    if not user["is_active"]:
        facts.append(UserSuspended(user_id=user_id))
    return facts
