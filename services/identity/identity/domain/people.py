"""Who a user is, what names and numbers may look like, and who may decide about whom."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from identity.domain.refusals import OwnAccountError, SuperAdminRequiredError

Role = Literal["member", "executive", "admin", "super_admin"]
ROLES: Final[tuple[Role, ...]] = ("member", "executive", "admin", "super_admin")
_ADMINS: Final = frozenset({"admin", "super_admin"})

# RFC 5321 4.5.3.1: 64 octets before the @; 254 in all is what fits in a path (RFC 3696 erratum 1690).
EMAIL_CHARACTERS_MAX: Final = 254
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL: Final = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}")
_USERNAME: Final = re.compile(r"[a-z0-9_.-]{3,30}")
# ITU-T E.164: at most 15 digits; shorter than 7 is no subscriber's number.
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_NIN: Final = re.compile(r"[0-9]{11}")


@dataclass(frozen=True, slots=True)
class Personal:
    """What is personal about a user: held as one ciphertext under the user's own key."""

    email: str
    full_name: str
    phone: str
    location: str | None


@dataclass(frozen=True, slots=True)
class User:
    """A user as identity knows them. `version` moves with every change that its owner or an admin can see."""

    user_id: UUID
    username: str
    personal: Personal
    role: Role
    role_version: int
    avatar: str | None
    is_active: bool
    is_verified: bool
    email_verified: bool
    nin_status: Literal["pending", "verified"] | None
    applications_count: int
    approved_applications: int
    last_login_at: datetime | None
    erasure_requested_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


def normal_email(text: str) -> str | None:
    """The address in the one spelling we keep (lower case), or None when it is none."""
    if len(text) > EMAIL_CHARACTERS_MAX or not _EMAIL.fullmatch(text):
        return None
    return text.lower()


def normal_username(text: str) -> str | None:
    """The username in lower case, or None when it is none."""
    lowered = text.lower()
    return lowered if _USERNAME.fullmatch(lowered) else None


def is_phone(text: str) -> bool:
    """Whether this is an E.164 number with its plus sign."""
    return _PHONE.fullmatch(text) is not None


def is_nin(text: str) -> bool:
    """Whether this has the form of a National Identification Number: 11 digits."""
    return _NIN.fullmatch(text) is not None


def require_may_decide(actor_id: UUID, actor_role: str, target: User) -> None:
    """Admins decide about others, and only super admins about admins.

    Raises:
        OwnAccountError, SuperAdminRequiredError
    """
    if actor_id == target.user_id:
        raise OwnAccountError
    if target.role in _ADMINS and actor_role != "super_admin":
        raise SuperAdminRequiredError


def require_may_give_role(actor_id: UUID, actor_role: str, target: User, role: Role) -> None:
    """Nobody raises themselves, and only a super admin makes or unmakes admins.

    Raises:
        OwnAccountError, SuperAdminRequiredError
    """
    require_may_decide(actor_id, actor_role, target)
    if role in _ADMINS and actor_role != "super_admin":
        raise SuperAdminRequiredError
