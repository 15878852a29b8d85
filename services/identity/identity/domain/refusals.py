"""What identity refuses, as facts with stable codes."""

from chassis.refusals import RefusalError


class EmailTakenError(RefusalError):
    """Someone has registered with this email address already."""

    CODE = "email_taken"


class UsernameTakenError(RefusalError):
    """This username is taken."""

    CODE = "username_taken"


class NinTakenError(RefusalError):
    """This NIN belongs to another account."""

    CODE = "nin_taken"


class InvalidCredentialsError(RefusalError):
    """The name or the password is wrong."""

    CODE = "invalid_credentials"


class AccountSuspendedError(RefusalError):
    """This account is suspended."""

    CODE = "account_suspended"


class InvalidRefreshTokenError(RefusalError):
    """The refresh token does not count (any more): log in again."""

    CODE = "invalid_refresh_token"


class InvalidLinkError(RefusalError):
    """The token from the mail is wrong, has been used, or is too old: ask for a new one."""

    CODE = "invalid_token"
    FIELD = "token"


class OwnAccountError(RefusalError):
    """Nobody decides about their own account."""

    CODE = "own_account"


class SuperAdminRequiredError(RefusalError):
    """Only a super admin decides about admins."""

    CODE = "super_admin_required"


class SuperAdminExistsError(RefusalError):
    """There is a super admin already; they can make others."""

    CODE = "super_admin_exists"


class LastSuperAdminError(RefusalError):
    """The last super admin cannot go: make another one first."""

    CODE = "last_super_admin"


class TooManyAttemptsError(RefusalError):
    """Too many attempts: wait, then try again."""

    CODE = "too_many_attempts"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(None, retry_after_seconds=retry_after_seconds)


class BusyError(RefusalError):
    """More passwords are waiting to be checked than can be: try again in a moment."""

    CODE = "busy"

    def __init__(self) -> None:
        super().__init__(None, retry_after_seconds=1)
