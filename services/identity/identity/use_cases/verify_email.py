"""The link from the mail came back: whoever holds it reads mail at the account's address."""

from dataclasses import replace
from uuid import UUID

from identity.domain.people import User
from identity.domain.refusals import InvalidLinkError
from identity.use_cases.ports import Directory
from identity.use_cases.register_user import send_verification


async def verify_email(directory: Directory, token: str) -> User:
    """Mark the address as verified.

    Raises:
        InvalidLinkError
    """
    user_id = await directory.links.use(token, "verify_email")
    if user_id is None:
        raise InvalidLinkError
    user = await directory.users.get_locked(user_id)
    if user.email_verified:
        return user
    directory.announce.email_verified(user_id)
    return await directory.users.save(replace(user, email_verified=True))


async def ask_for_verification(directory: Directory, user_id: UUID) -> None:
    """Another mail, when the address is not verified yet."""
    user = await directory.users.get_locked(user_id)
    if not user.email_verified:
        await send_verification(directory, user_id)
