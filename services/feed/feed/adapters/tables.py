"""The tables of the feed."""

from typing import Any, Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    func,
    text,
)

from chassis.tables import service_metadata

metadata = service_metadata()

# 18 digits before the point, two after it: every amount of numeric(20,2).
MONEY: Final = Numeric(20, 2)
TIME: Final = DateTime(timezone=True)
# What a ciphertext is bound to (see the chassis' Vault): its table and column.
POST_PURPOSE: Final = "posts.sealed_content"
REPLY_PURPOSE: Final = "replies.sealed_body"
REPORT_PURPOSE: Final = "reports.sealed_reason"


def _times() -> tuple[Column[Any], Column[Any]]:
    now = func.clock_timestamp()
    return (
        Column("created_at", TIME, nullable=False, server_default=now),
        Column("updated_at", TIME, nullable=False, server_default=now),
    )


# What is kept of programmes, from their snapshots.
programs = Table(
    "programs",
    metadata,
    Column("program_id", Uuid, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("title", String(200), nullable=False),
    *_times(),
)

board_members = Table(
    "board_members",
    metadata,
    Column("program_id", Uuid, ForeignKey("programs.program_id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Uuid, nullable=False),
    PrimaryKeyConstraint("program_id", "user_id"),
)

posts = Table(
    "posts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("author_id", Uuid),
    # Under the author's key; null for what the platform wrote, whose words are made when it is read.
    Column("sealed_content", LargeBinary),
    # Of the platform's posts. The programme's title is joined when it is read, and may arrive later.
    Column("program_id", Uuid),
    Column("transaction_id", Uuid, unique=True),
    Column("request_id", Uuid),
    Column("update_id", Uuid, unique=True),
    Column("amount", MONEY),
    Column("currency", String(3)),
    Column("version", Integer, nullable=False),
    Column("likes", Integer, nullable=False, server_default=text("0")),
    Column("replies", Integer, nullable=False, server_default=text("0")),
    Column("hidden_at", TIME),
    Column("hidden_by", Uuid),
    *_times(),
    CheckConstraint("kind IN ('post', 'impact', 'update')", name="kind"),
    CheckConstraint("(kind = 'post') = (author_id IS NOT NULL)", name="author"),
    CheckConstraint("likes >= 0 AND replies >= 0", name="counts"),
    Index("ix_posts_visible", text("id DESC"), postgresql_where=text("hidden_at IS NULL")),
    Index("ix_posts_visible_kind", "kind", text("id DESC"), postgresql_where=text("hidden_at IS NULL")),
    Index("ix_posts_visible_program_id", "program_id", text("id DESC"), postgresql_where=text("hidden_at IS NULL")),
    Index("ix_posts_author_id", "author_id", text("id DESC")),
    Index("ix_posts_request_id", "request_id"),
)

replies = Table(
    "replies",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("post_id", Uuid, ForeignKey("posts.id", ondelete="CASCADE"), nullable=False),
    Column("author_id", Uuid, nullable=False),
    Column("sealed_body", LargeBinary, nullable=False),
    *_times(),
    Index("ix_replies_post_id", "post_id", "id"),
    Index("ix_replies_author_id", "author_id"),
)

likes = Table(
    "likes",
    metadata,
    Column("post_id", Uuid, ForeignKey("posts.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Uuid, nullable=False),
    *_times(),
    PrimaryKeyConstraint("post_id", "user_id"),
    Index("ix_likes_user_id", "user_id"),
)

reports = Table(
    "reports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("post_id", Uuid, ForeignKey("posts.id", ondelete="CASCADE"), nullable=False),
    Column("reporter_id", Uuid, nullable=False),
    Column("sealed_reason", LargeBinary, nullable=False),
    *_times(),
    UniqueConstraint("post_id", "reporter_id"),
    Index("ix_reports_reporter_id", "reporter_id"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("link", String(500)),
    Column("cause_id", Uuid, nullable=False),
    Column("program_id", Uuid),
    Column("amount", MONEY),
    Column("currency", String(3)),
    Column("code", String(64)),
    Column("read_at", TIME),
    *_times(),
    UniqueConstraint("user_id", "cause_id"),
    # The list's two halves, each the newest first.
    Index("ix_notifications_unread", "user_id", text("id DESC"), postgresql_where=text("read_at IS NULL")),
    Index("ix_notifications_read", "user_id", text("id DESC"), postgresql_where=text("read_at IS NOT NULL")),
)

preferences = Table(
    "preferences",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("applications", Boolean, nullable=False),
    Column("reviews", Boolean, nullable=False),
    Column("payments", Boolean, nullable=False),
    Column("donations", Boolean, nullable=False),
    Column("community", Boolean, nullable=False),
    *_times(),
)
