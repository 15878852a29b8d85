"""What the use cases need from the outside; the adapters keep these promises."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from identity.domain.consents import Consent
from identity.domain.people import Personal, Role, User
from identity.domain.sessions import Session
from identity.domain.throttle import Limit

LinkPurpose = Literal["verify_email", "reset_password"]


@dataclass(frozen=True, slots=True)
class Credential:
    """What a password is checked against. `hash` in the PHC string format."""

    user_id: UUID
    hash: str


class Users(Protocol):
    async def add(self, user_id: UUID, username: str, personal: Personal, role: Role, *, email_verified: bool) -> User:
        """Raises EmailTakenError or UsernameTakenError."""
        ...

    async def find(self, user_id: UUID) -> User | None:
        """None for one that never was or has been erased."""
        ...

    async def get_locked(self, user_id: UUID) -> User:
        """Raises NotFoundError."""
        ...

    async def find_id(self, *, email: str | None = None, username: str | None = None) -> UUID | None: ...
    async def save(self, user: User) -> User:
        """Write what changed and move the version; the user was got locked."""
        ...

    async def set_nin(self, user_id: UUID, nin: str) -> None:
        """Raises NinTakenError."""
        ...

    async def find_nin(self, user_id: UUID) -> str | None: ...
    async def note_login(self, user_id: UUID) -> None: ...
    async def set_suspension_reason(self, user_id: UUID, reason: str) -> None: ...
    async def super_admins(self) -> int:
        """How many there are; whoever asks holds that number until the unit of work ends."""
        ...

    async def due_for_erasure(self, before: datetime) -> UUID | None:
        """One that asked before that instant and no other worker holds."""
        ...

    async def erase(self, user_id: UUID) -> None:
        """Remove everything that says who this was, and destroy the key; the row keeps the opaque id."""
        ...

    async def page(
        self, *, before: UUID | None, limit: int, role: str | None, is_active: bool | None, username: str | None
    ) -> Sequence[User]:
        """Up to `limit` users, the newest first, older than `before`; `username` is a prefix."""
        ...

    def everyone(self) -> AsyncIterator[Mapping[str, Any]]:
        """Ids, roles and flags of all, erased ones too, the oldest first."""
        ...


class Credentials(Protocol):
    async def find(self, user_id: UUID) -> Credential | None: ...
    async def put(self, user_id: UUID, password_hash: str) -> None: ...


class Sessions(Protocol):
    async def add(self, session: Session, refresh_token: str) -> None: ...
    async def find_by_refresh_token_locked(self, refresh_token: str) -> tuple[Session, bool] | None:
        """The session, and whether this token was used before."""
        ...

    async def rotate(self, session_id: UUID, old: str, new: str) -> None: ...
    async def find_locked(self, session_id: UUID) -> Session | None: ...
    async def confirm(self, session_id: UUID, auth_time: datetime) -> None: ...
    async def page(self, user_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Session]:
        """Up to `limit` living sessions of a user, the newest first, older than `before`, with their user agents."""
        ...

    async def alive_of(self, user_id: UUID) -> Sequence[Session]: ...
    async def revoke(self, session_id: UUID, reason: str) -> None:
        """No token of it counts from the commit on, here at once and elsewhere by event."""
        ...


class Links(Protocol):
    async def issue(self, user_id: UUID, purpose: LinkPurpose, expires_at: datetime) -> str:
        """A new one-use token; earlier ones of this purpose no longer count."""
        ...

    async def use(self, token: str, purpose: LinkPurpose) -> UUID | None:
        """Whose it is, once; None when it does not count."""
        ...


class Consents(Protocol):
    async def of(self, user_id: UUID) -> dict[str, Consent]: ...
    async def record(self, user_id: UUID, consent: Consent) -> None: ...
    async def history(self, user_id: UUID) -> list[Consent]: ...


class SigningKeys(Protocol):
    async def sign(self, *, session: Session, user: User) -> str:
        """An access token for a session."""
        ...

    async def hold(self) -> None:
        """One at a time changes the keys, until the unit of work ends."""
        ...

    async def newest_signs_from(self) -> datetime | None: ...
    async def add(self, signs_from: datetime) -> str:
        """Make a key; returns its id."""
        ...

    async def retire(self, stopped_before: datetime) -> None:
        """Forget keys that a newer one replaced before that instant."""
        ...

    async def publish(self) -> bool:
        """Make what verifies equal to the keys there are; False when it was so already."""
        ...


class Mails(Protocol):
    async def queue(self, user_id: UUID, purpose: LinkPurpose, token: str) -> None:
        """Sent after the commit, at least once."""
        ...

    async def queue_reset(self, email: str) -> None:
        """Ask the worker to answer a request for a reset: the same work whether or not anybody has this address."""
        ...

    async def next_reset(self) -> tuple[UUID | None] | None:
        """The next request, removed: (whose it is or None); None when there is none."""
        ...


class Throttle(Protocol):
    async def attempt(self, scope: str, limit: Limit) -> int:
        """Count an attempt; returns 0, or the seconds to wait when it is one too many (and was not counted)."""
        ...

    async def forgive(self, scope: str) -> None:
        """Forget the attempts counted so far."""
        ...


class ApplicationCounts(Protocol):
    async def add(self, user_id: UUID, application_id: UUID, what: Literal["submitted", "approved"]) -> None:
        """One more, unless this application is in that count already."""
        ...


class Announcements(Protocol):
    def user_registered(self, user_id: UUID, role: Role) -> None: ...
    def role_changed(self, user: User, previous_role: Role) -> None: ...
    def user_verified(self, user_id: UUID, method: Literal["nin", "admin"]) -> None: ...
    def email_verified(self, user_id: UUID) -> None: ...
    def user_suspended(self, user_id: UUID) -> None: ...
    def user_erased(self, user_id: UUID) -> None: ...
    def consent_changed(self, user_id: UUID, consent: Consent) -> None: ...


class Standing(Protocol):
    """What identity's own API checks tokens against, in the same transaction as the change."""

    async def set_role(self, user_id: UUID, role: Role, role_version: int) -> None: ...
    async def set_suspended(self, user_id: UUID) -> None: ...


class Directory(Protocol):
    """Everything above, in one unit of work."""

    @property
    def now(self) -> datetime: ...
    @property
    def users(self) -> Users: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def links(self) -> Links: ...
    @property
    def consents(self) -> Consents: ...
    @property
    def keys(self) -> SigningKeys: ...
    @property
    def mails(self) -> Mails: ...
    @property
    def application_counts(self) -> ApplicationCounts: ...
    @property
    def throttle(self) -> Throttle: ...
    @property
    def standing(self) -> Standing: ...
    @property
    def announce(self) -> Announcements: ...


OpenDirectory = Callable[[], AbstractAsyncContextManager[Directory]]


class Passwords(Protocol):
    """Hashes and checks passwords off the event loop, few at a time; raises BusyError when too many wait."""

    async def hash(self, password: str) -> str: ...
    async def verify(self, password: str, password_hash: str | None) -> bool:
        """The same time for None, which never matches."""
        ...

    def is_outdated(self, password_hash: str) -> bool: ...
