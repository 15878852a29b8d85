"""Awards, their tranches, and who asked for and approved each disbursement."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
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

from applications.adapters.tables.base import MONEY, TIME, metadata, one_of, time_column

awards = Table(
    "awards",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid, ForeignKey("applications.id"), nullable=False),
    Column("decision_id", Uuid, ForeignKey("decisions.id"), nullable=False, unique=True),
    Column("amount", MONEY, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("state", String(20), nullable=False),
    Column("refusal_code", String(64)),
    Column("committed_at", TIME),
    Column("cancelled_by", Uuid),
    Column("sealed_cancel_reason", LargeBinary),
    time_column("created_at"),
    time_column("updated_at"),
    one_of("state", ["reserving", "committed", "refused", "completed", "cancelled"]),
    CheckConstraint("amount > 0", name="amount"),
    Index(
        "uq_awards_live",
        "application_id",
        unique=True,
        postgresql_where=text("state IN ('reserving', 'committed', 'completed')"),
    ),
    Index("ix_awards_application_id", "application_id", "id"),
)

# A deferred trigger holds the sum of an award's tranches to its amount.
tranches = Table(
    "tranches",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("award_id", Uuid, ForeignKey("awards.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("condition", String(500), nullable=False),
    Column("state", String(20), nullable=False),
    Column("paid_at", TIME),
    time_column("created_at"),
    time_column("updated_at"),
    one_of("state", ["planned", "requested", "approved", "paid", "failed", "reversed", "cancelled"]),
    CheckConstraint("amount > 0", name="amount"),
    UniqueConstraint("award_id", "position"),
)

disbursement_requests = Table(
    "disbursement_requests",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tranche_id", Uuid, ForeignKey("tranches.id"), nullable=False),
    Column("award_id", Uuid, ForeignKey("awards.id"), nullable=False),
    Column("application_id", Uuid, ForeignKey("applications.id"), nullable=False),
    Column("payee_id", Uuid, nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("status", String(20), nullable=False),
    Column("requested_by", Uuid, nullable=False),
    Column("decided_by", Uuid),
    Column("reason", String(10_000)),
    Column("transaction_id", Uuid),
    Column("failure_code", String(64)),
    Column("requested_at", TIME, nullable=False),
    Column("decided_at", TIME),
    Column("settled_at", TIME),
    one_of("status", ["requested", "approved", "refused", "paid", "failed", "reversed"]),
    # Two people for every payment, and neither is paid (01-product, rule 3).
    CheckConstraint("decided_by <> requested_by OR status = 'refused'", name="two_people"),
    CheckConstraint("requested_by <> payee_id", name="requester_is_not_payee"),
    CheckConstraint("decided_by <> payee_id", name="approver_is_not_payee"),
    CheckConstraint("status IN ('requested', 'refused') OR decided_by IS NOT NULL", name="approved_by_someone"),
    Index(
        "uq_disbursement_requests_live",
        "tranche_id",
        unique=True,
        postgresql_where=text("status IN ('requested', 'approved', 'paid')"),
    ),
    Index("ix_disbursement_requests_application_id", "application_id", "id"),
    Index("ix_disbursement_requests_award_id", "award_id"),
)
