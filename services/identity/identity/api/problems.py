"""The one table: what identity refuses, as HTTP statuses."""

from typing import Final

from chassis.api.problems import ProblemTable
from identity.domain import refusals

PROBLEMS: Final = ProblemTable(
    {
        refusals.EmailTakenError: 409,
        refusals.UsernameTakenError: 409,
        refusals.NinTakenError: 409,
        refusals.InvalidCredentialsError: 401,
        refusals.AccountSuspendedError: 403,
        refusals.InvalidRefreshTokenError: 401,
        refusals.InvalidLinkError: 422,
        refusals.OwnAccountError: 403,
        refusals.SuperAdminRequiredError: 403,
        refusals.SuperAdminExistsError: 409,
        refusals.LastSuperAdminError: 409,
        refusals.TooManyAttemptsError: 429,
        refusals.BusyError: 503,
    }
)
