"""What paying by outside rails leaves behind: webhooks, transfers that people made, disputes, awards that are over."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from ledger.adapters.tables.base import MONEY, TIME, metadata, now_column

# What a webhook says and the hash of its bytes; never the bytes, for they name people and their accounts.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("delivery_id", BigInteger, Identity(always=True), primary_key=True),
    Column("provider", String(20), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("event", String(100), nullable=False),
    Column("kind", String(20)),
    Column("reference", String(100)),
    Column("status", String(50)),
    Column("amount", MONEY),
    Column("currency", String(3)),
    now_column("received_at"),
    UniqueConstraint("provider", "sha256"),
)

# Those that the worker has not applied yet.
webhooks_pending = Table(
    "webhooks_pending",
    metadata,
    Column("delivery_id", BigInteger, ForeignKey("webhook_deliveries.delivery_id"), primary_key=True),
)

webhook_outcomes = Table(
    "webhook_outcomes",
    metadata,
    Column("delivery_id", BigInteger, ForeignKey("webhook_deliveries.delivery_id"), primary_key=True),
    Column("outcome", String(20), nullable=False),
    Column("transaction_id", Uuid, ForeignKey("transactions.id")),
    now_column("applied_at"),
    Index("ix_webhook_outcomes_unmatched", "delivery_id", postgresql_where=text("outcome = 'unmatched'")),
)

# What people saw at the bank about transfers that people make; the latest row counts.
manual_transfers = Table(
    "manual_transfers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("transaction_id", Uuid, ForeignKey("transactions.id"), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("bank_reference", String(100), nullable=False),
    Column("proof_sha256", String(64)),
    Column("recorded_by", Uuid, ForeignKey("actors.actor_id"), nullable=False),
    now_column("recorded_at"),
    Index("ix_manual_transfers_transaction_id", "transaction_id", "id"),
    # The same proof never stands for two transfers, however it is written: as `bank_references.normalized` has it.
    Index(
        "uq_manual_transfers_bank_reference",
        text("\"left\"(upper(replace(bank_reference, ' ', '')), 64)"),
        unique=True,
        postgresql_where=text("outcome = 'paid'"),
    ),
)

# What was written beside a record about somebody's payment; goes with them.
manual_transfer_notes = Table(
    "manual_transfer_notes",
    metadata,
    Column("transfer_id", BigInteger, ForeignKey("manual_transfers.id"), primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
)

# The ids of people become actors' when they are erased.
disputes = Table(
    "disputes",
    metadata,
    Column("dispute_id", Uuid, primary_key=True),
    Column("transaction_id", Uuid, ForeignKey("transactions.id"), nullable=False),
    # Where the books had the money when it came up.
    Column("status_before", String(20), nullable=False),
    Column("code", String(64), nullable=False),
    Column("rail_status", String(20)),
    Column("rail_amount", MONEY),
    Column("rail_currency", String(10)),
    now_column("opened_at"),
    Column("outcome", String(20)),
    Column("reason", Text),
    Column("proposed_by", Uuid),
    Column("proposed_at", TIME),
    Column("approved_by", Uuid),
    Column("approved_at", TIME),
    Column("closed_at", TIME),
    Column("correction_id", Uuid, ForeignKey("transactions.id")),
    Index("uq_disputes_open", "transaction_id", unique=True, postgresql_where=text("closed_at IS NULL")),
    Index(
        "ix_disputes_approved",
        "approved_at",
        postgresql_where=text("approved_at IS NOT NULL AND closed_at IS NULL"),
    ),
)

# Awards that were cancelled: what comes back of them belongs to the programme.
closed_awards = Table(
    "closed_awards",
    metadata,
    Column("award_id", Uuid, ForeignKey("awards.award_id"), primary_key=True),
    now_column("closed_at"),
)
