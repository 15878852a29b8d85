"""Answers, field by field as the contract has them."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from chassis.api.values import Answer
from identity.domain.consents import CONSENTS, Consent
from identity.domain.people import Role, User
from identity.domain.sessions import ACCESS_SECONDS, Session


class UserAnswer(Answer):
    """A user as they see themselves."""

    id: UUID
    email: str
    username: str
    full_name: str
    role: Role
    phone: str
    location: str | None
    avatar: str | None
    is_verified: bool
    email_verified: bool
    nin_status: Literal["pending", "verified"] | None
    applications_count: int
    approved_applications: int
    last_login_at: datetime | None
    erasure_requested_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        return cls(**_members(user))


class ManagedUserAnswer(UserAnswer):
    """A user as admins see them."""

    is_active: bool
    role_version: int

    @classmethod
    def of(cls, user: User) -> Self:
        return cls(**_members(user), is_active=user.is_active, role_version=user.role_version)


def _members(user: User) -> dict[str, Any]:
    personal = user.personal
    names = set(UserAnswer.model_fields) - {"id", "email", "full_name", "phone", "location"}
    return {
        "id": user.user_id,
        "email": personal.email,
        "full_name": personal.full_name,
        "phone": personal.phone,
        "location": personal.location,
        **{name: getattr(user, name) for name in names},
    }


class AccessAnswer(Answer):
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 -- RFC 6750's name, not a secret
    expires_in: int = ACCESS_SECONDS


class TokensAnswer(Answer):
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 -- RFC 6750's name, not a secret
    expires_in: int = ACCESS_SECONDS


class LoginAnswer(TokensAnswer):
    user: UserAnswer


class SessionAnswer(Answer):
    """A login that still counts; `current` is the one that asks."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    auth_time: datetime
    user_agent: str | None
    current: bool

    @classmethod
    def of(cls, session: Session, current: UUID) -> Self:
        return cls(
            id=session.session_id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            auth_time=session.auth_time,
            user_agent=session.user_agent,
            current=session.session_id == current,
        )


class ConsentAnswer(Answer):
    consent: str
    version: str
    given: bool
    changed_at: datetime | None
    description: str

    @classmethod
    def of(cls, consent: Consent) -> Self:
        return cls(
            consent=consent.consent,
            version=consent.version,
            given=consent.given,
            changed_at=consent.changed_at,
            description=CONSENTS.get(consent.consent, ""),
        )


class ConsentsAnswer(Answer):
    items: list[ConsentAnswer]


class ProfileAnswer(Answer):
    """The public view: null where its owner did not consent."""

    id: UUID
    username: str
    display_name: str | None
    avatar: str | None
    location: str | None


class StatusAnswer(Answer):
    status: str


class ErasureAnswer(Answer):
    """When the person will be forgotten; until then they may change their mind."""

    status: Literal["scheduled"] = "scheduled"
    requested_at: datetime
    erase_after: datetime
