"""Accounts made at the terminal: the first super admin, and the demo users of a development system."""

from dataclasses import dataclass

from chassis.refusals import FieldRefusalError
from identity.domain.passwords import weakness_of
from identity.domain.people import Personal, Role, User
from identity.domain.refusals import SuperAdminExistsError
from identity.use_cases.change_role import give_role
from identity.use_cases.ports import Directory, OpenDirectory, Passwords
from identity.use_cases.register_user import Registration, add_account


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account as the terminal gives it; names in their normal spelling."""

    username: str
    personal: Personal
    password: str
    role: Role


async def create_super_admin(open_directory: OpenDirectory, passwords: Passwords, account: NewAccount) -> User:
    """The first super admin.

    Raises:
        SuperAdminExistsError, EmailTakenError, UsernameTakenError
        FieldRefusalError: the password is too weak.
    """
    registration = await _registration(passwords, account)
    async with open_directory() as directory:
        if await directory.users.super_admins():
            raise SuperAdminExistsError
        return await add_account(directory, registration, role="super_admin", email_verified=True)


async def seed_user(open_directory: OpenDirectory, passwords: Passwords, account: NewAccount) -> tuple[User, bool]:
    """Make one demo user with a verified address and their role; (user, False) for one who is there already.

    Raises:
        EmailTakenError, UsernameTakenError: the address and the name belong to two people.
        FieldRefusalError: the password is too weak.
    """
    async with open_directory() as directory:
        known = await _find(directory, account)
    if known is not None:
        return known, False
    registration = await _registration(passwords, account)
    async with open_directory() as directory:
        user = await add_account(directory, registration, role="member", email_verified=True)
        return (user if account.role == "member" else await give_role(directory, user, account.role)), True


async def _find(directory: Directory, account: NewAccount) -> User | None:
    user_id = await directory.users.find_id(email=account.personal.email)
    return None if user_id is None else await directory.users.find(user_id)


async def _registration(passwords: Passwords, account: NewAccount) -> Registration:
    weakness = weakness_of(account.password, username=account.username, email=account.personal.email)
    if weakness is not None:
        raise FieldRefusalError([("password", *weakness)])
    return Registration(account.username, account.personal, await passwords.hash(account.password))
