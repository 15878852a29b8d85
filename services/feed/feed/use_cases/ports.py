"""What the use cases need from the outside, all within one unit of work; the adapters keep these promises."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from chassis.database import UnitOfWork
from feed.domain.notification import Group, Notification
from feed.domain.post import Post
from feed.domain.preferences import Preferences


@dataclass(frozen=True, slots=True)
class Reply:
    id: UUID
    post_id: UUID
    author_id: UUID
    body: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """Someone says that a post should not stand there; `reason` is for admins."""

    id: UUID
    post_id: UUID
    reporter_id: UUID
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ShownPost:
    """A post with the title of its programme and whether its reader likes it."""

    post: Post
    program_title: str | None
    liked: bool


@dataclass(frozen=True, slots=True)
class ShownNotification:
    notification: Notification
    program_title: str | None


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of a list: what comes after `after`, at most `limit` and one more, which says that there is more."""

    after: UUID | None
    limit: int


class Posts(Protocol):
    async def get_locked(self, post_id: UUID) -> Post:
        """A visible post, which nobody else changes until the unit of work ends. Raises NotFoundError."""
        ...

    async def add(self, post: Post) -> bool:
        """False when there is one of the same transaction or update already."""
        ...

    async def save(self, post: Post) -> None: ...
    async def shown_of_request_locked(self, request_id: UUID) -> list[Post]:
        """A payment that was corrected has a post of its own, beside the hidden one of the same request."""
        ...

    async def add_like(self, post_id: UUID, user_id: UUID) -> bool:
        """False when it was liked already."""
        ...

    async def remove_like(self, post_id: UUID, user_id: UUID) -> bool: ...
    async def add_reply(self, reply: Reply) -> None: ...
    async def put_report(self, report: Report) -> Report:
        """One report a person and post: a second one replaces the reason of the first."""
        ...

    async def forget_person(self, user_id: UUID) -> None:
        """Nothing they wrote, liked or reported stays visible."""
        ...


class Notifications(Protocol):
    async def add(self, notification: Notification) -> bool:
        """False when this person has heard of this cause already."""
        ...

    async def wants(self, user_id: UUID, group: Group) -> bool:
        """Whether there is such a person and they have not switched the group off."""
        ...

    async def mark_read(self, notification_id: UUID, user_id: UUID) -> ShownNotification:
        """Raises NotFoundError when it is not theirs."""
        ...

    async def mark_all_read(self, user_id: UUID) -> None: ...
    async def forget_person(self, user_id: UUID) -> None: ...
    async def list_of(
        self, user_id: UUID, *, unread: bool | None, after: tuple[bool, UUID] | None, limit: int
    ) -> list[ShownNotification]:
        """Unread ones first, the newest first among each; one more than `limit` when there is more.

        `after`: whether the last one seen is read, and its id.
        """
        ...

    async def count_unread(self, user_id: UUID) -> int: ...
    async def preferences_of(self, user_id: UUID) -> Preferences: ...
    async def put_preferences(self, user_id: UUID, wanted: Preferences) -> None: ...


class Programs(Protocol):
    async def put(self, program_id: UUID, *, revision: int, title: str, board: Sequence[UUID]) -> None:
        """Keeps the newest revision."""
        ...

    async def find_board(self, program_id: UUID) -> list[UUID] | None:
        """None when nothing has been heard of the programme yet."""
        ...


class Reader(Protocol):
    """What one person, or anybody, may read."""

    async def feed(self, part: Slice, *, kind: str | None, program_id: UUID | None) -> list[ShownPost]:
        """Visible posts, the newest first."""
        ...

    async def get(self, post_id: UUID) -> ShownPost:
        """Raises NotFoundError."""
        ...

    async def replies(self, post_id: UUID, part: Slice) -> list[Reply]:
        """Replies to a visible post, the oldest first. Raises NotFoundError."""
        ...

    async def reports(self, part: Slice) -> list[Report]:
        """Reports about visible posts, the newest first."""
        ...


class Announcements(Protocol):
    def post_created(self, post: Post) -> None: ...
    def reply_created(self, reply: Reply) -> None: ...
    def notification_created(self, notification: Notification) -> None: ...


class Desk(Protocol):
    """Everything above, in one unit of work."""

    @property
    def now(self) -> datetime: ...
    @property
    def posts(self) -> Posts: ...
    @property
    def notifications(self) -> Notifications: ...
    @property
    def programs(self) -> Programs: ...
    @property
    def announce(self) -> Announcements: ...
    def reader(self, user_id: UUID | None) -> Reader:
        """The feed as this person sees it; None: as anybody does."""
        ...


# Bootstrap hands this to routers and consumers: they know no adapter.
DeskOpener = Callable[[UnitOfWork], Desk]
