"""Videos, interviews and their messages: what people said, sealed under their key."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from applications.adapters.tables.base import SCORE, TIME, metadata, one_of, time_column

videos = Table(
    "videos",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid, ForeignKey("applications.id"), nullable=False),
    Column("status", String(20), nullable=False),
    Column("object_key", String(200), nullable=False, unique=True),
    Column("thumbnail_key", String(200)),
    Column("content_type", String(100), nullable=False),
    # As declared for an upload-url until the bytes are there, then as counted.
    Column("size_bytes", BigInteger),
    Column("sha256", String(64)),
    # Where a signed address lets the client put it (null once it has been moved to `object_key`, which no signed
    # address can change), and what the object store calls an upload in parts.
    Column("incoming_key", String(200)),
    Column("storage_upload_id", String(1024)),
    Column("upload_expires_at", TIME),
    Column("duration_milliseconds", BigInteger),
    Column("sealed_transcript", LargeBinary),
    Column("transcriber", String(100)),
    Column("scan", String(20), nullable=False, server_default=text("'unscanned'")),
    Column("refusal_code", String(64)),
    Column("uploaded_at", TIME),
    # When the worker may take it up; moved into the future by the one that did, which is its claim and its fence.
    Column("process_after", TIME),
    Column("process_attempts", Integer, nullable=False, server_default=text("0")),
    # A later upload took its place.
    Column("superseded_at", TIME),
    time_column("created_at"),
    time_column("updated_at"),
    one_of("status", ["awaiting_upload", "processing", "ready", "refused"]),
    one_of("scan", ["unscanned", "clean", "infected"]),
    CheckConstraint("(status = 'refused') = (refusal_code IS NOT NULL)", name="refusal_code"),
    CheckConstraint("status <> 'ready' OR duration_milliseconds IS NOT NULL", name="duration"),
    Index(
        "uq_videos_current",
        "application_id",
        unique=True,
        postgresql_where=text("superseded_at IS NULL AND status <> 'awaiting_upload'"),
    ),
    Index("ix_videos_application_id", "application_id", "id"),
    Index("ix_videos_process_after", "process_after", postgresql_where=text("process_after IS NOT NULL")),
)

interviews = Table(
    "interviews",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid, ForeignKey("applications.id"), nullable=False, unique=True),
    Column("status", String(20), nullable=False),
    Column("model", String(100), nullable=False),
    Column("prompt_version", String(20), nullable=False),
    Column("parameters", JSONB, nullable=False, server_default=text("'{}'")),
    Column("questions_total", Integer, nullable=False),
    Column("question_number", Integer, nullable=False),
    Column("turns", Integer, nullable=False, server_default=text("0")),
    Column("tokens_used", Integer, nullable=False, server_default=text("0")),
    # Until when the interviewer may still be answering the last message: one request at a time asks it.
    Column("answering_until", TIME),
    Column("version", BigInteger, nullable=False, server_default=text("1")),
    Column("started_at", TIME, nullable=False),
    Column("completed_at", TIME),
    # Canonical JSON `[{role, message, timestamp}]`, fixed when the interview is completed; its hash is salted, for
    # it goes into a block.
    Column("sealed_transcript", LargeBinary),
    Column("sealed_transcript_salt", LargeBinary),
    Column("transcript_sha256", String(64)),
    Column("ai_score", SCORE),
    Column("sealed_ai_recommendation", LargeBinary),
    Column("scored_at", TIME),
    Column("scoring_due_at", TIME),
    Column("scoring_attempts", Integer, nullable=False, server_default=text("0")),
    time_column("created_at"),
    time_column("updated_at"),
    one_of("status", ["in_progress", "paused", "completed"]),
    CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="completed_at"),
    CheckConstraint("ai_score BETWEEN 0 AND 100", name="ai_score"),
    Index("ix_interviews_scoring_due_at", "scoring_due_at", postgresql_where=text("scored_at IS NULL")),
)

# Append-only: a trigger refuses UPDATE, DELETE and TRUNCATE.
interview_messages = Table(
    "interview_messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("interview_id", Uuid, ForeignKey("interviews.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("role", String(10), nullable=False),
    Column("sealed_content", LargeBinary, nullable=False),
    Column("timestamp", TIME, nullable=False),
    # Of an assistant's turn: what said it, and how it was asked.
    Column("model", String(100)),
    Column("prompt_version", String(20)),
    Column("parameters", JSONB),
    Column("response_id", String(200)),
    Column("tokens", Integer),
    one_of("role", ["user", "assistant"]),
    UniqueConstraint("interview_id", "position"),
)

# What the interviewer found in an answer: the answer itself is stored before the interviewer sees it. Append-only too.
interview_findings = Table(
    "interview_findings",
    metadata,
    Column("message_id", Uuid, ForeignKey("interview_messages.id"), primary_key=True),
    Column("answer_verified", Boolean, nullable=False),
    Column("flagged_for_review", Boolean, nullable=False),
    # JSON `{flag_reason, quotes}`: quotes the applicant, so it is sealed.
    Column("sealed_details", LargeBinary, nullable=False),
    time_column("created_at"),
)

message_contests = Table(
    "message_contests",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("message_id", Uuid, ForeignKey("interview_messages.id"), nullable=False, unique=True),
    Column("sealed_reason", LargeBinary, nullable=False),
    time_column("created_at"),
)
