"""What identity says: users, sessions, signing keys."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from contracts.fact import Code, Count, Fact, Id, Time

Role = Literal["member", "executive", "admin", "super_admin"]


class SigningKeysChanged(Fact):
    """The public JWKS (RFC 7517) as it now stands; old keys stay until the last token they signed has expired."""

    TYPE: ClassVar[str] = "identity.signing_keys_changed.v1"
    SUBJECT: ClassVar[str] = "=signing-keys"
    keys: Annotated[list[dict[str, Any]], Field(max_length=16)]


class UserRegistered(Fact):
    TYPE: ClassVar[str] = "identity.user_registered.v1"
    SUBJECT: ClassVar[str] = "user_id"
    user_id: Id
    role: Role


class UserVerified(Fact):
    """The person behind the account is known: by NIN or by an admin."""

    TYPE: ClassVar[str] = "identity.user_verified.v1"
    SUBJECT: ClassVar[str] = "user_id"
    user_id: Id
    method: Literal["nin", "admin"]


class EmailVerified(Fact):
    """The owner of the account can read mail at its address."""

    TYPE: ClassVar[str] = "identity.email_verified.v1"
    SUBJECT: ClassVar[str] = "user_id"
    user_id: Id


class RoleChanged(Fact):
    """Tokens with a lower `role_version` are refused from now on."""

    TYPE: ClassVar[str] = "identity.role_changed.v1"
    SUBJECT: ClassVar[str] = "user_id"
    user_id: Id
    role: Role
    previous_role: Role
    role_version: Count


class UserSuspended(Fact):
    """Suspended: no token of this user counts any more."""

    TYPE: ClassVar[str] = "identity.user_suspended.v1"
    SUBJECT: ClassVar[str] = "user_id"
    user_id: Id


class SessionRevoked(Fact):
    """No token of this session counts any more."""

    TYPE: ClassVar[str] = "identity.session_revoked.v1"
    SUBJECT: ClassVar[str] = "session_id"
    session_id: Id
    user_id: Id
    reason: Code
    revoked_at: Time


class UserErased(Fact):
    """The grace is over: forget everything personal about this user, within 24 hours, everywhere."""

    TYPE: ClassVar[str] = "identity.user_erased.v1"
    SUBJECT: ClassVar[str] = "user_id"
    user_id: Id


class ConsentChanged(Fact):
    TYPE: ClassVar[str] = "identity.consent_changed.v1"
    SUBJECT: ClassVar[str] = "user_id"
    user_id: Id
    consent: Code
    version: Code
    given: bool


FACTS: tuple[type[Fact], ...] = (
    SigningKeysChanged,
    UserRegistered,
    UserVerified,
    EmailVerified,
    RoleChanged,
    UserSuspended,
    SessionRevoked,
    UserErased,
    ConsentChanged,
)
