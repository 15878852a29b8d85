"""Applications, their documents, the frozen submission, their history, and objects nobody refers to any more."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)

from applications.adapters.tables.base import SCORE, TIME, metadata, one_of, time_column

STATUSES = (
    "draft",
    "video_pending",
    "ai_interview_pending",
    "ai_interview_completed",
    "under_review",
    "approved",
    "rejected",
    "withdrawn",
)

applications = Table(
    "applications",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("program_id", Uuid, ForeignKey("programs.program_id"), nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("status", String(32), nullable=False),
    Column("version", BigInteger, nullable=False),
    # JSON of the answers, sealed under the applicant's key.
    Column("sealed_answers", LargeBinary, nullable=False),
    Column("interview_started_at", TIME),
    Column("submitted_at", TIME),
    Column("reviewed_at", TIME),
    Column("approved_at", TIME),
    Column("final_score", SCORE),
    # The event that announced the decision: the block that records it carries this id.
    Column("decision_event_id", Uuid, unique=True),
    Column("blockchain_hash", String(64)),
    time_column("created_at"),
    time_column("updated_at"),
    one_of("status", STATUSES),
    CheckConstraint("final_score BETWEEN 0 AND 100", name="final_score"),
    CheckConstraint("status <> 'approved' OR approved_at IS NOT NULL", name="approved_at"),
    CheckConstraint(
        "status NOT IN ('under_review', 'approved', 'rejected') OR submitted_at IS NOT NULL", name="submitted_at"
    ),
    Index(
        "uq_applications_live",
        "user_id",
        "program_id",
        unique=True,
        postgresql_where=text("status NOT IN ('withdrawn', 'rejected')"),
    ),
    Index("ix_applications_user_id", "user_id", "id"),
    Index("ix_applications_program_id", "program_id", "id"),
    Index("ix_applications_status", "status", "id"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid, ForeignKey("applications.id"), nullable=False),
    Column("requirement_id", Uuid, nullable=False),
    Column("object_key", String(200), nullable=False, unique=True),
    # What its owner called it: may be a name, so it is sealed.
    Column("sealed_file_name", LargeBinary, nullable=False),
    Column("content_type", String(100), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    # No scanner is configured by default, and that is shown as such, never as clean.
    Column("scan", String(20), nullable=False, server_default=text("'unscanned'")),
    time_column("created_at"),
    time_column("updated_at"),
    one_of("scan", ["unscanned", "clean", "infected"]),
    Index("ix_documents_application_id", "application_id", "id"),
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid, ForeignKey("applications.id"), nullable=False, unique=True),
    # The exact canonical bytes that were hashed, sealed under the applicant's key.
    Column("sealed_snapshot", LargeBinary, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("submitted_at", TIME, nullable=False),
)

application_history = Table(
    "application_history",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid, ForeignKey("applications.id"), nullable=False),
    Column("event", String(64), nullable=False),
    Column("status", String(32), nullable=False),
    # Why the applicant withdrew, and the like; sealed under the applicant's key.
    Column("sealed_reason", LargeBinary),
    Column("at", TIME, nullable=False),
    Index("ix_application_history_application_id", "application_id", "id"),
)

appeals = Table(
    "appeals",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid, ForeignKey("applications.id"), nullable=False),
    Column("decision_id", Uuid, ForeignKey("decisions.id"), nullable=False),
    Column("sealed_reason", LargeBinary, nullable=False),
    Column("outcome", String(20)),
    Column("decided_by", Uuid),
    Column("sealed_outcome_reason", LargeBinary),
    Column("opened_at", TIME, nullable=False),
    Column("decided_at", TIME),
    one_of("outcome", ["upheld", "dismissed"]),
    CheckConstraint("(outcome IS NULL) = (decided_by IS NULL)", name="decided_by"),
    UniqueConstraint("decision_id"),
    Index("ix_appeals_application_id", "application_id"),
)

abandoned_objects = Table(
    "abandoned_objects",
    metadata,
    Column("object_key", String(200), primary_key=True),
    Column("due_at", TIME, nullable=False),
    Index("ix_abandoned_objects_due_at", "due_at"),
)
