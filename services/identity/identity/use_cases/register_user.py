"""A person registers: the account, its password, the consent to the terms, a mail to verify the address."""

from dataclasses import dataclass
from uuid import UUID

from chassis.ids import new_id
from identity.domain.consents import CONSENT_VERSION, Consent
from identity.domain.people import Personal, Role, User
from identity.domain.sessions import EMAIL_LINK
from identity.use_cases.ports import Directory


@dataclass(frozen=True, slots=True)
class Registration:
    """What is needed of a new user: names in their normal spelling, the password already hashed."""

    username: str
    personal: Personal
    password_hash: str


async def register_user(directory: Directory, registration: Registration) -> User:
    """A new member.

    Raises:
        EmailTakenError, UsernameTakenError
    """
    user = await add_account(directory, registration, role="member", email_verified=False)
    agreed = Consent("terms", CONSENT_VERSION, given=True, changed_at=directory.now)
    await directory.consents.record(user.user_id, agreed)
    directory.announce.consent_changed(user.user_id, agreed)
    await send_verification(directory, user.user_id)
    return user


async def add_account(directory: Directory, registration: Registration, *, role: Role, email_verified: bool) -> User:
    """The account alone; what every way of becoming a user has in common."""
    user_id = new_id()
    user = await directory.users.add(
        user_id, registration.username, registration.personal, role, email_verified=email_verified
    )
    await directory.credentials.put(user_id, registration.password_hash)
    await directory.standing.set_role(user_id, role, user.role_version)
    directory.announce.user_registered(user_id, role)
    if email_verified:
        directory.announce.email_verified(user_id)
    return user


async def send_verification(directory: Directory, user_id: UUID) -> None:
    """Queue a mail with a fresh link."""
    token = await directory.links.issue(user_id, "verify_email", directory.now + EMAIL_LINK)
    await directory.mails.queue(user_id, "verify_email", token)
