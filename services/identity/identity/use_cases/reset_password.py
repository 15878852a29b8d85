"""A person forgot their password: a mail to the account's address, and a new password by its link."""

from chassis.refusals import FieldRefusalError
from identity.domain.passwords import weakness_of
from identity.domain.refusals import InvalidLinkError, TooManyAttemptsError
from identity.domain.sessions import RESET_LINK
from identity.use_cases.log_in import LoginLimits, count_attempt
from identity.use_cases.ports import Directory, OpenDirectory
from identity.use_cases.revoke_sessions import revoke_all_sessions


async def ask_for_reset(open_directory: OpenDirectory, limits: LoginLimits, *, email: str, address: str) -> None:
    """Note the request, and no more: who it concerns, if anybody, is the worker's to find out.

    Raises:
        TooManyAttemptsError
    """
    async with open_directory() as directory:
        wait = await count_attempt(directory, limits, account=f"reset {email}", address=address)
        if not wait:
            await directory.mails.queue_reset(email)
    if wait:
        raise TooManyAttemptsError(wait)


async def answer_reset_request(directory: Directory) -> bool:
    """Mail a link to whom the next request concerns; False when none waits."""
    request = await directory.mails.next_reset()
    if request is None:
        return False
    (user_id,) = request
    if user_id is not None:
        user = await directory.users.get_locked(user_id)
        if user.is_active:
            token = await directory.links.issue(user_id, "reset_password", directory.now + RESET_LINK)
            await directory.mails.queue(user_id, "reset_password", token)
    return True


async def confirm_reset(directory: Directory, *, token: str, new_password: str, new_hash: str) -> None:
    """Set the password by the link's token; every session ends.

    Raises:
        InvalidLinkError
        FieldRefusalError: the password is too weak; the link still counts then.
    """
    user_id = await directory.links.use(token, "reset_password")
    if user_id is None:
        raise InvalidLinkError
    user = await directory.users.get_locked(user_id)
    weakness = weakness_of(new_password, username=user.username, email=user.personal.email)
    if weakness is not None:
        raise FieldRefusalError([("new_password", *weakness)])
    await directory.credentials.put(user_id, new_hash)
    await revoke_all_sessions(directory, user_id, "password_reset")
