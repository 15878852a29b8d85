"""Request bodies and queries, field by field as the contract has them."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from chassis.api.pages import PageQuery
from chassis.api.values import Body, Name, ShortText
from identity.domain.consents import CONSENT_VERSION, CONSENTS
from identity.domain.passwords import PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN
from identity.domain.people import Role, is_nin, is_phone, normal_email, normal_username

# Our own tokens have 43 characters; whatever is longer than this was not made here.
TOKEN_CHARACTERS_MAX = 200


def _email(value: str) -> str:
    normal = normal_email(value)
    if normal is None:
        raise PydanticCustomError("email_malformed", "must be an email address such as amina@example.ng")
    return normal


def _username(value: str) -> str:
    normal = normal_username(value)
    if normal is None:
        raise PydanticCustomError("username_malformed", "must have 3 to 30 letters, digits, dots, dashes, underscores")
    return normal


def _phone(value: str) -> str:
    if not is_phone(value):
        raise PydanticCustomError("phone_malformed", "must be in E.164 form, such as +2348000000000")
    return value


def _nin(value: str) -> str:
    if not is_nin(value):
        raise PydanticCustomError("nin_malformed", "must be 11 digits")
    return value


def _single_line(value: str) -> str:
    if any(character in value for character in "\r\n\t"):
        raise PydanticCustomError("line_break", "must be a single line")
    return value


Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(_email)]
Username = Annotated[str, StringConstraints(max_length=30), AfterValidator(_username)]
Phone = Annotated[str, StringConstraints(max_length=20), AfterValidator(_phone)]
Nin = Annotated[str, StringConstraints(max_length=11), AfterValidator(_nin)]
FullName = Annotated[Name, AfterValidator(_single_line)]
Location = Annotated[ShortText, AfterValidator(_single_line)]
# 09-values: URLs 500. Only https: a profile is public, its picture must not be what breaks a page's security.
AvatarUrl = Annotated[str, StringConstraints(max_length=500, pattern=r"^https://[^\s\x00-\x1f]+$")]
# Spaces at its ends belong to a password.
NewPassword = Annotated[
    str,
    StringConstraints(strip_whitespace=False, min_length=PASSWORD_CHARACTERS_MIN, max_length=PASSWORD_CHARACTERS_MAX),
]
Password = Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=PASSWORD_CHARACTERS_MAX)]
OpaqueToken = Annotated[str, StringConstraints(min_length=1, max_length=TOKEN_CHARACTERS_MAX)]


class RegisterBody(Body):
    email: Email
    username: Username
    password: NewPassword
    full_name: FullName
    phone: Phone
    location: Location | None = None


class LoginBody(Body):
    """Either `email` or `username`."""

    email: Email | None = None
    username: Username | None = None
    password: Password

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.email is None) == (self.username is None):
            raise PydanticCustomError("one_name", "send either email or username")
        return self


class RefreshBody(Body):
    refresh_token: OpaqueToken


class PasswordBody(Body):
    password: Password


class TokenBody(Body):
    token: OpaqueToken


class ChangePasswordBody(Body):
    current_password: Password
    new_password: NewPassword


class ResetBody(Body):
    email: Email


class ConfirmResetBody(Body):
    token: OpaqueToken
    new_password: NewPassword


class ProfileBody(Body):
    """What is named changes; the rest stays. Location and avatar may be null."""

    full_name: FullName | None = None
    phone: Phone | None = None
    location: Location | None = None
    avatar: AvatarUrl | None = None

    @field_validator("full_name", "phone")
    @classmethod
    def _not_null(cls, value: str | None) -> str:
        if value is None:
            raise PydanticCustomError("null", "must not be null")
        return value

    def changes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}


class NinBody(Body):
    nin: Nin


class ConsentChange(Body):
    consent: Annotated[str, StringConstraints(max_length=64)]
    given: bool
    version: Annotated[str, StringConstraints(max_length=64)] = CONSENT_VERSION

    @field_validator("consent")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in CONSENTS:
            raise PydanticCustomError("consent_unknown", f"must be one of {', '.join(CONSENTS)}")
        return value

    @field_validator("version")
    @classmethod
    def _current(cls, value: str) -> str:
        if value != CONSENT_VERSION:
            raise PydanticCustomError("consent_outdated", f"the present text is {CONSENT_VERSION}")
        return value


class ConsentsBody(Body):
    items: Annotated[list[ConsentChange], Field(max_length=len(CONSENTS))]

    @field_validator("items")
    @classmethod
    def _each_once(cls, value: list[ConsentChange]) -> list[ConsentChange]:
        if len({item.consent for item in value}) != len(value):
            raise PydanticCustomError("consent_repeated", "must name each consent once")
        return value


class RoleBody(Body):
    role: Role


class UsersQuery(PageQuery):
    role: Role | None = None
    is_active: bool | None = None
    username: Annotated[str, StringConstraints(min_length=1, max_length=30)] | None = Field(
        None, description="The beginning of a username."
    )
