"""The tables that every service's schema has: outbox, inbox, idempotency keys, who may still use a token, keys."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# The chassis' own tables, without a schema: each role's search_path is its service's schema.
metadata = MetaData(naming_convention=NAMING)

_now = func.clock_timestamp()

outbox = Table(
    "outbox",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    # Orders rows of one aggregate (assigned while its sequence row is locked); says nothing across aggregates.
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("topic", String(100), nullable=False),
    Column("subject", String(100), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("event_type", String(100), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_now),
    # State, not "id > last seen": rows that commit late are still found.
    Column("published_at", DateTime(timezone=True)),
    UniqueConstraint("subject", "sequence", name="uq_outbox_subject_sequence"),
    Index("ix_outbox_unpublished", "position", postgresql_where=text("published_at IS NULL")),
    Index("ix_outbox_published_at", "published_at"),
)

aggregate_sequences = Table(
    "aggregate_sequences",
    metadata,
    Column("subject", String(100), primary_key=True),
    Column("last_sequence", BigInteger, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", String(200), nullable=False),
    Column("renewed_at", DateTime(timezone=True), nullable=False),
)

inbox = Table(
    "inbox",
    metadata,
    Column("consumer", String(100), nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("handled_at", DateTime(timezone=True), nullable=False, server_default=_now),
    PrimaryKeyConstraint("consumer", "event_id"),
    Index("ix_inbox_handled_at", "handled_at"),
)

consumer_offsets = Table(
    "consumer_offsets",
    metadata,
    Column("consumer", String(100), nullable=False),
    Column("topic", String(100), nullable=False),
    Column("partition", Integer, nullable=False),
    # Where this database goes on reading: the first record whose effect it does not hold.
    Column("next_offset", BigInteger, nullable=False),
    PrimaryKeyConstraint("consumer", "topic", "partition"),
)

parked_events = Table(
    "parked_events",
    metadata,
    Column("consumer", String(100), nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("arrival", BigInteger, Identity(always=True), nullable=False),
    Column("subject", String(100), nullable=False),
    Column("topic", String(100), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("reason", String(20), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    Column("parked_at", DateTime(timezone=True), nullable=False, server_default=_now),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=_now),
    PrimaryKeyConstraint("consumer", "event_id"),
    Index("ix_parked_events_consumer_subject", "consumer", "subject", "arrival"),
    Index("ix_parked_events_due_at", "consumer", "due_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    # SHA-256 over caller, method, path and key: the key itself is not kept.
    Column("scope_hash", LargeBinary, primary_key=True),
    Column("payload_hash", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    # The answer, sealed under a key derived from the client's own: unreadable at rest.
    Column("sealed_answer", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_now),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(100), primary_key=True),
    Column("jwk", JSONB, nullable=False),
)

revoked_sessions = Table(
    "revoked_sessions",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("revoked_at", DateTime(timezone=True), nullable=False, server_default=_now),
)

user_standings = Table(
    "user_standings",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("role", String(20), nullable=False),
    Column("role_version", BigInteger, nullable=False),
    Column("suspended", Boolean, nullable=False, server_default=text("false")),
    Column("erased", Boolean, nullable=False, server_default=text("false")),
)

subject_keys = Table(
    "subject_keys",
    metadata,
    Column("subject_id", Uuid, primary_key=True),
    # A data key per person, wrapped by the master key; null once destroyed, so that no new one is made by mistake.
    Column("wrapped_key", LargeBinary),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_now),
    Column("destroyed_at", DateTime(timezone=True)),
)

STANDARD_TABLES = tuple(metadata.sorted_tables)


def service_metadata() -> MetaData:
    """A service's own MetaData, which already holds the tables above."""
    own = MetaData(naming_convention=NAMING)
    for table in STANDARD_TABLES:
        table.to_metadata(own)
    return own
