"""People under the ledger's own random ids, and the mapping that erasure cleans."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
    text,
)

from ledger.adapters.tables.base import MONEY_SUM, metadata, now_column

donors = Table(
    "donors",
    metadata,
    Column("donor_id", Uuid, primary_key=True),
    Column("user_id", Uuid, unique=True),
    Column("reference", String(100), unique=True),
    # Who an admin recorded on behalf of; sealed under the donor id's own key.
    Column("sealed_name", LargeBinary),
    now_column("created_at"),
    now_column("updated_at"),
)

deciders = Table(
    "deciders",
    metadata,
    Column("decider_id", Uuid, primary_key=True),
    Column("user_id", Uuid, unique=True),
    now_column("created_at"),
)

# Whoever asked, approved, confirmed or recorded something: one id for a person in all tables, so that two stay two.
actors = Table(
    "actors",
    metadata,
    Column("actor_id", Uuid, primary_key=True),
    Column("user_id", Uuid, unique=True),
    now_column("created_at"),
)

payees = Table(
    "payees",
    metadata,
    Column("payee_id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False, unique=True),
    Column("sealed_account", LargeBinary, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("version", Integer, nullable=False),
    now_column("created_at"),
    now_column("updated_at"),
)

beneficiaries = Table(
    "beneficiaries",
    metadata,
    Column("beneficiary_id", Uuid, primary_key=True),
    Column("user_id", Uuid),
    Column("program_id", Uuid, nullable=False),
    Column("application_id", Uuid, nullable=False, unique=True),
    # Story, display name and location, as JSON, sealed under the person's key.
    Column("sealed_page", LargeBinary),
    Column("amount_received", MONEY_SUM, nullable=False, server_default=text("0")),
    Column("currency", String(3), nullable=False),
    Column("is_public", Boolean, nullable=False, server_default=text("false")),
    Column("joined_date", Date, nullable=False),
    Column("completion_date", Date),
    Column("version", Integer, nullable=False, server_default=text("1")),
    now_column("created_at"),
    now_column("updated_at"),
    Index("ix_beneficiaries_user_id", "user_id"),
    Index("ix_beneficiaries_public", "beneficiary_id", postgresql_where=text("is_public")),
    Index("ix_beneficiaries_public_program", "program_id", "beneficiary_id", postgresql_where=text("is_public")),
)

beneficiary_consents = Table(
    "beneficiary_consents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("beneficiary_id", Uuid, ForeignKey("beneficiaries.beneficiary_id"), nullable=False),
    Column("consent_version", String(20), nullable=False),
    Column("given", Boolean, nullable=False),
    now_column("created_at"),
    Index("ix_beneficiary_consents_beneficiary_id", "beneficiary_id"),
)
