"""Programmes, awards, transactions, payments and the lots they draw on."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from ledger.adapters.tables.base import MONEY, TIME, metadata, now_column

_PAID: Final = "transaction_type = 'disbursement' AND status = 'completed'"

programs = Table(
    "programs",
    metadata,
    Column("program_id", Uuid, primary_key=True),
    Column("currency", String(3), nullable=False),
    Column("title", String(200)),
    Column("revision", BigInteger, nullable=False, server_default=text("0")),
    now_column("created_at"),
    now_column("updated_at"),
    # Taken back; the row stays, for the block does.
    Column("deleted_at", TIME),
    Index("ix_programs_deleted", "program_id", postgresql_where=text("deleted_at IS NOT NULL")),
)

transactions = Table(
    "transactions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("transaction_type", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("program_id", Uuid, nullable=False),
    Column("application_id", Uuid),
    Column("award_id", Uuid),
    Column("tranche_id", Uuid),
    Column("request_id", Uuid),
    Column("donation_id", Uuid),
    Column("amount", MONEY, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("earmark", Uuid),
    Column("donor_id", Uuid),
    Column("beneficiary_id", Uuid),
    # The person whose money it is (donor or payee); cleaned by erasure.
    Column("user_id", Uuid),
    # People; when they are erased, the ids of `actors` that stand for them.
    Column("requested_by", Uuid),
    Column("approved_by", Uuid),
    Column("code", String(64)),
    # Why a refund was asked for, in an admin's words; goes with the donor.
    Column("reason", Text),
    Column("blockchain_hash", String(64), unique=True),
    Column("previous_block_hash", String(64)),
    Column("block_index", BigInteger),
    Column("initiated_at", TIME, nullable=False),
    Column("completed_at", TIME),
    Column("version", Integer, nullable=False, server_default=text("1")),
    now_column("created_at"),
    now_column("updated_at"),
    # One live payment per tranche, whatever the code believes.
    Index(
        "uq_transactions_live_tranche",
        "tranche_id",
        unique=True,
        postgresql_where=text(
            "transaction_type = 'disbursement' AND (status IN ('pending','submitted','unknown','completed')"
            # A second debit is a contradiction beside the tranche's one payment.
            " OR status = 'disputed' AND code IS DISTINCT FROM 'second_debit')"
        ),
    ),
    Index(
        "uq_transactions_live_refund",
        "donation_id",
        unique=True,
        postgresql_where=text("transaction_type = 'refund' AND status IN ('pending','submitted','unknown')"),
    ),
    Index("ix_transactions_user_id", "user_id", "id"),
    Index("ix_transactions_requested_by", "requested_by", "id"),
    Index("ix_transactions_approved_by", "approved_by", postgresql_where=text("approved_by IS NOT NULL")),
    Index("ix_transactions_application_id", "application_id", "id"),
    Index("ix_transactions_program_id", "program_id", "id"),
    Index("ix_transactions_award_id", "award_id"),
    Index("ix_transactions_block_index", "block_index"),
    Index(
        "ix_transactions_unsettled",
        "initiated_at",
        postgresql_where=text("status IN ('pending','submitted','unknown','disputed')"),
    ),
    # For lists of one kind, and of what came to nothing: rare among the others, and not to be looked for among them.
    Index("ix_transactions_type", "transaction_type", "id"),
    Index("ix_transactions_in_vain", "status", "id", postgresql_where=text("status IN ('failed','reversed')")),
    Index("ix_transactions_paid", "id", postgresql_where=text(_PAID)),
    Index("ix_transactions_paid_program", "program_id", "id", postgresql_where=text(_PAID)),
    Index("ix_transactions_paid_beneficiary", "beneficiary_id", "id", postgresql_where=text(_PAID)),
)

payments = Table(
    "payments",
    metadata,
    Column("transaction_id", Uuid, ForeignKey("transactions.id"), primary_key=True),
    Column("direction", String(3), nullable=False),
    Column("rail", String(20), nullable=False),
    Column("reference", String(100), nullable=False, unique=True),
    # Snapshot of the payee's account and the salt of its commitment, sealed under the payee's key.
    Column("sealed_account", LargeBinary),
    Column("payee_commitment", String(64)),
    Column("called_at", TIME),
    Column("asked", Integer, nullable=False, server_default=text("0")),
    # When the rail is to be called or asked next; null when there is nothing left to ask.
    Column("due_at", TIME),
    Column("confirmed_by", Uuid),
    now_column("created_at"),
    now_column("updated_at"),
    # Money in does not stand in the way of money out; many may be due at the same instant.
    Index("ix_payments_due", "direction", "due_at", "transaction_id", postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_payments_confirmed_by", "confirmed_by", postgresql_where=text("confirmed_by IS NOT NULL")),
)

awards = Table(
    "awards",
    metadata,
    Column("award_id", Uuid, primary_key=True),
    Column("application_id", Uuid, nullable=False),
    Column("program_id", Uuid, ForeignKey("programs.program_id"), nullable=False),
    Column("beneficiary_id", Uuid, ForeignKey("beneficiaries.beneficiary_id"), nullable=False),
    Column("user_id", Uuid),
    Column("commitment_id", Uuid, ForeignKey("transactions.id"), nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("currency", String(3), nullable=False),
    # What has left or is leaving for the payee, and what was given back to the programme.
    Column("paid", MONEY, nullable=False, server_default=text("0")),
    Column("released", MONEY, nullable=False, server_default=text("0")),
    now_column("created_at"),
    now_column("updated_at"),
    Index("ix_awards_application_id", "application_id"),
    Index("ix_awards_user_id", "user_id", postgresql_where=text("user_id IS NOT NULL")),
)

tranches = Table(
    "tranches",
    metadata,
    Column("tranche_id", Uuid, primary_key=True),
    Column("award_id", Uuid, ForeignKey("awards.award_id"), nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("due_on", Date, nullable=False),
    now_column("created_at"),
    Index("ix_tranches_award_id", "award_id"),
)

lots = Table(
    "lots",
    metadata,
    Column("donation_id", Uuid, ForeignKey("transactions.id"), primary_key=True),
    Column("program_id", Uuid, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("taken", MONEY, nullable=False, server_default=text("0")),
    Column("earmark", Uuid),
    Column("received", BigInteger, nullable=False),
    now_column("created_at"),
    now_column("updated_at"),
    # Money that is free to give, in the order it came in, however many lots are spent already.
    Index("ix_lots_open", "program_id", "received", postgresql_where=text("earmark IS NULL AND taken < amount")),
    Index("ix_lots_earmark", "earmark", "received", postgresql_where=text("earmark IS NOT NULL AND taken < amount")),
)

# What has gone out of a lot and not come back, what of it was refunded, what awards have set aside and not released,
# and what of that was paid. Written by triggers on `transaction_links` and `award_lots`, by no role.
lot_sums = Table(
    "lot_sums",
    metadata,
    Column("donation_id", Uuid, ForeignKey("lots.donation_id"), primary_key=True),
    Column("amount", MONEY, nullable=False),
    Column("given", MONEY, nullable=False),
    Column("refunded", MONEY, nullable=False, server_default=text("0")),
    Column("promised", MONEY, nullable=False, server_default=text("0")),
    Column("paid", MONEY, nullable=False, server_default=text("0")),
)

award_lots = Table(
    "award_lots",
    metadata,
    Column("award_id", Uuid, ForeignKey("awards.award_id"), nullable=False),
    Column("donation_id", Uuid, ForeignKey("lots.donation_id"), nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("paid", MONEY, nullable=False, server_default=text("0")),
    Column("released", MONEY, nullable=False, server_default=text("0")),
    now_column("created_at"),
    now_column("updated_at"),
    PrimaryKeyConstraint("award_id", "donation_id"),
    Index("ix_award_lots_donation_id", "donation_id"),
)

transaction_links = Table(
    "transaction_links",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("from_transaction", Uuid, ForeignKey("transactions.id"), nullable=False),
    Column("to_transaction", Uuid, ForeignKey("transactions.id"), nullable=False),
    Column("amount", MONEY, nullable=False),
    now_column("created_at"),
    UniqueConstraint("from_transaction", "to_transaction"),
    # The largest first, for a payment may be made of a hundred thousand donations; and its sum without the rows.
    Index("ix_transaction_links_paid", "to_transaction", "amount", text("id DESC")),
)

receipts = Table(
    "receipts",
    metadata,
    Column("transaction_id", Uuid, ForeignKey("transactions.id"), primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("object_key", String(200), nullable=False),
    Column("sha256", String(64), nullable=False),
    # What the document is made of; receipts of before object storage are kept whole instead.
    Column("block_index", BigInteger, ForeignKey("blocks.block_index"), unique=True),
    Column("layout", SmallInteger),
    Column("proof", Text),
    Column("program_title", String(200)),
    Column("public_url", Text),
    Column("content", LargeBinary),
    now_column("issued_at"),
)

# The sandbox bank's own book: what a bank would remember, whatever happens to us.
sandbox_transfers = Table(
    "sandbox_transfers",
    metadata,
    Column("reference", String(100), primary_key=True),
    Column("amount", MONEY, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("behavior", String(2), nullable=False),
    now_column("accepted_at"),
)
