"""How long sessions, tokens and links live, and when one still counts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

# 09-values, "tokens".
ACCESS_SECONDS: Final = 15 * 60
REFRESH_ABSOLUTE: Final = timedelta(days=30)
REFRESH_IDLE: Final = timedelta(days=14)
EMAIL_LINK: Final = timedelta(hours=24)
RESET_LINK: Final = timedelta(hours=1)
CLOCK_SKEW: Final = timedelta(seconds=30)
# 06-security, "Erasure": the days in which a person may change their mind.
ERASURE_GRACE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Session:
    """A login and everything that came of it: the family of its refresh tokens.

    `auth_time` is when the person last proved who they are: at login or at a step-up; a refresh keeps it.
    """

    session_id: UUID
    user_id: UUID
    auth_time: datetime
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    user_agent: str | None = None

    def is_alive(self, now: datetime) -> bool:
        """Not revoked, not past its absolute end, not idle for too long."""
        return self.revoked_at is None and now < self.expires_at and now < self.last_used_at + REFRESH_IDLE


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client gets. `refresh_token` is None where the client keeps the one it has."""

    access_token: str
    refresh_token: str | None
    expires_in: int = ACCESS_SECONDS
