"""What the feed answers."""

from datetime import datetime
from typing import Self
from uuid import UUID

from chassis.api.values import Answer
from feed.domain.notification import Group
from feed.domain.post import Content, Post
from feed.domain.preferences import Preferences
from feed.domain.wording import notification_body, notification_title, post_body
from feed.use_cases.ports import Reply, Report, ShownNotification, ShownPost


class Author(Answer):
    """An opaque id: the name to it is at `/api/v1/profiles/{id}/`, as far as its owner shows it."""

    id: UUID


class Counts(Answer):
    likes: int
    replies: int

    @classmethod
    def of(cls, post: Post) -> Self:
        return cls(likes=post.likes, replies=post.replies)


class PostAnswer(Answer):
    """A post; `author` is null for what the platform wrote (impact posts, news of programmes)."""

    id: UUID
    kind: str
    author: Author | None
    body: str
    media: list[str]
    program_id: UUID | None
    transaction_id: UUID | None
    created_at: datetime
    updated_at: datetime
    counts: Counts
    liked: bool

    @classmethod
    def of(cls, shown: ShownPost) -> Self:
        post = shown.post
        if post.author_id is None:
            content = Content(post_body(post.kind, shown.program_title, post.amount, post.currency))
        else:
            # A text whose author was erased a moment ago cannot be read any more; the next read has no such post.
            content = post.content or Content("")
        return cls(
            id=post.id,
            kind=post.kind.value,
            author=None if post.author_id is None else Author(id=post.author_id),
            body=content.body,
            media=list(content.media),
            program_id=post.program_id,
            transaction_id=post.transaction_id,
            created_at=post.created_at,
            updated_at=post.updated_at,
            counts=Counts.of(post),
            liked=shown.liked,
        )


class PostPage(Answer):
    items: list[PostAnswer]
    next_cursor: str | None


class LikeAnswer(Answer):
    liked: bool
    counts: Counts


class ReplyAnswer(Answer):
    id: UUID
    post_id: UUID
    author: Author
    body: str
    created_at: datetime

    @classmethod
    def of(cls, reply: Reply) -> Self:
        return cls(
            id=reply.id,
            post_id=reply.post_id,
            author=Author(id=reply.author_id),
            body=reply.body,
            created_at=reply.created_at,
        )


class ReplyPage(Answer):
    items: list[ReplyAnswer]
    next_cursor: str | None


class ReportAnswer(Answer):
    id: UUID
    post_id: UUID
    reason: str
    created_at: datetime

    @classmethod
    def of(cls, report: Report) -> Self:
        return cls.model_validate(report)


class ReportPage(Answer):
    items: list[ReportAnswer]
    next_cursor: str | None


class NotificationAnswer(Answer):
    """A notification; `link` is a path of the frontend."""

    id: UUID
    kind: str
    title: str
    body: str
    read_at: datetime | None
    created_at: datetime
    link: str | None

    @classmethod
    def of(cls, shown: ShownNotification) -> Self:
        notification = shown.notification
        return cls(
            id=notification.id,
            kind=notification.kind.value,
            title=notification_title(notification.kind),
            body=notification_body(notification, shown.program_title),
            read_at=notification.read_at,
            created_at=notification.created_at,
            link=notification.link,
        )


class NotificationPage(Answer):
    items: list[NotificationAnswer]
    next_cursor: str | None
    unread_count: int


class UnreadAnswer(Answer):
    unread_count: int


class PreferencesAnswer(Answer):
    """Which notifications are wanted: about applications, reviews to give, payments, donations, replies."""

    applications: bool
    reviews: bool
    payments: bool
    donations: bool
    community: bool

    @classmethod
    def of(cls, preferences: Preferences) -> Self:
        return cls(**{group.value: preferences.wanted[group] for group in Group})
