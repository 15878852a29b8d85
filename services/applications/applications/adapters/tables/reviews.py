"""Reviews, recusals and decisions of boards."""

from sqlalchemy import (
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

RECOMMENDATIONS = ("approve", "reject", "revise")

reviews = Table(
    "reviews",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid, ForeignKey("applications.id"), nullable=False),
    Column("executive_id", Uuid, ForeignKey("board_seats.executive_id"), nullable=False),
    Column("reviewer_id", Uuid, nullable=False),
    Column("revision", Integer, nullable=False),
    # {criterion id: decimal string}
    Column("scores", JSONB, nullable=False),
    Column("total_score", SCORE, nullable=False),
    # About the applicant, so it is sealed under the applicant's key.
    Column("sealed_notes", LargeBinary),
    Column("recommendation", String(10), nullable=False),
    Column("reviewed_at", TIME, nullable=False),
    time_column("created_at"),
    time_column("updated_at"),
    one_of("recommendation", RECOMMENDATIONS),
    CheckConstraint("total_score BETWEEN 0 AND 100", name="total_score"),
    UniqueConstraint("application_id", "executive_id"),
    UniqueConstraint("application_id", "reviewer_id"),
    Index("ix_reviews_reviewer_id", "reviewer_id"),
)

# What a review said before it was revised.
review_revisions = Table(
    "review_revisions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("review_id", Uuid, ForeignKey("reviews.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("scores", JSONB, nullable=False),
    Column("total_score", SCORE, nullable=False),
    Column("sealed_notes", LargeBinary),
    Column("recommendation", String(10), nullable=False),
    Column("reviewed_at", TIME, nullable=False),
    UniqueConstraint("review_id", "revision"),
)

recusals = Table(
    "recusals",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid, ForeignKey("applications.id"), nullable=False),
    Column("executive_id", Uuid, ForeignKey("board_seats.executive_id"), nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("sealed_reason", LargeBinary, nullable=False),
    Column("recused_at", TIME, nullable=False),
    # By person, not only by seat: leaving the board and coming back heals no conflict of interest.
    UniqueConstraint("application_id", "user_id"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid, ForeignKey("applications.id"), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("state", String(20), nullable=False),
    Column("refusal_code", String(64)),
    Column("decider_id", Uuid, nullable=False),
    Column("executive_id", Uuid, ForeignKey("board_seats.executive_id"), nullable=False),
    Column("sealed_reason", LargeBinary, nullable=False),
    Column("final_score", SCORE, nullable=False),
    Column("reviews", Integer, nullable=False),
    Column("decided_at", TIME, nullable=False),
    Column("settled_at", TIME),
    one_of("outcome", ["approved", "rejected"]),
    # reserving: waits for the ledger; lapsed: the applicant withdrew meanwhile; overturned: an appeal was upheld.
    one_of("state", ["reserving", "confirmed", "refused", "lapsed", "overturned"]),
    CheckConstraint("(state = 'refused') = (refusal_code IS NOT NULL)", name="refusal_code"),
    Index(
        "uq_decisions_live",
        "application_id",
        unique=True,
        postgresql_where=text("state IN ('reserving', 'confirmed')"),
    ),
    Index("ix_decisions_application_id", "application_id", "id"),
    Index("ix_decisions_decided_at", "decided_at"),
)
