"""What feed says: posts, replies, notifications; their texts are read over HTTP."""

from typing import ClassVar, Literal

from contracts.fact import Code, Fact, Id


class PostCreated(Fact):
    """`author_id` is null for posts that the platform itself wrote (impact posts)."""

    TYPE: ClassVar[str] = "feed.post_created.v1"
    SUBJECT: ClassVar[str] = "post_id"
    post_id: Id
    kind: Literal["post", "impact", "update"]
    author_id: Id | None
    program_id: Id | None
    transaction_id: Id | None


class ReplyCreated(Fact):
    TYPE: ClassVar[str] = "feed.reply_created.v1"
    SUBJECT: ClassVar[str] = "reply_id"
    reply_id: Id
    post_id: Id
    author_id: Id


class NotificationCreated(Fact):
    TYPE: ClassVar[str] = "feed.notification_created.v1"
    SUBJECT: ClassVar[str] = "notification_id"
    notification_id: Id
    user_id: Id
    kind: Code
    link: str | None


FACTS: tuple[type[Fact], ...] = (PostCreated, ReplyCreated, NotificationCreated)
