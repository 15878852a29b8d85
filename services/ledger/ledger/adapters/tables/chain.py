"""The chain and its writer: blocks, tree, checkpoints, postings, balances, what was booked and verified."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from ledger.adapters.tables.base import MONEY, MONEY_SUM, TIME, metadata, now_column

blocks = Table(
    "blocks",
    metadata,
    Column("block_index", BigInteger, primary_key=True, autoincrement=False),
    Column("timestamp", TIME, nullable=False),
    Column("transaction_type", String(20), nullable=False),
    Column("transaction_id", String(100), nullable=False, unique=True),
    Column("data", JSONB, nullable=False),
    Column("previous_hash", String(64), nullable=False, unique=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("nonce", BigInteger, nullable=False),
    # The exact bytes that were hashed; the columns above are for reading and are checked against them.
    Column("preimage", LargeBinary, nullable=False),
)

# Neighbouring complete nodes of one level, as one batch completed them: `hashes` one after the other, from `first` on.
tree_spans = Table(
    "tree_spans",
    metadata,
    Column("level", SmallInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    PrimaryKeyConstraint("level", "first"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    now_column("created_at"),
)

postings = Table(
    "postings",
    metadata,
    # The trigger that posts an entry asks whether its block is there: once for all its lines.
    Column("block_index", BigInteger, nullable=False),
    Column("line", SmallInteger, nullable=False),
    Column("account", String(200), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", MONEY, nullable=False),
    PrimaryKeyConstraint("block_index", "line"),
    Index("ix_postings_account", "account", "block_index"),
)


head = Table(
    "head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("tip", String(64), nullable=False),
    Column("tip_at", TIME, nullable=False),
    Column("peaks", LargeBinary, nullable=False),
)

# Kept by a trigger on postings: a projection that no role can write by hand.
balances = Table(
    "balances",
    metadata,
    Column("account", String(200), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("balance", MONEY_SUM, nullable=False),
    now_column("updated_at"),
    PrimaryKeyConstraint("account", "currency"),
)

booked_events = Table(
    "booked_events",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("event_type", String(100), nullable=False),
    Column("event_hash", LargeBinary, nullable=False),
    now_column("booked_at"),
)

quarantined_events = Table(
    "quarantined_events",
    metadata,
    Column("event_id", Uuid, nullable=False),
    Column("event_hash", LargeBinary, nullable=False),
    Column("event_type", String(100), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    now_column("seen_at"),
    PrimaryKeyConstraint("event_id", "event_hash"),
)

block_verifications = Table(
    "block_verifications",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("from_index", BigInteger, nullable=False),
    Column("to_index", BigInteger, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("first_broken_index", BigInteger),
    Column("failure", String(200)),
    Column("verified_by", String(100), nullable=False),
    now_column("verified_at"),
    # Of `verify_blocks`: how much was looked at; and the moment whose view it was.
    Column("depth", SmallInteger, nullable=False, server_default=text("0")),
    Column("as_of", TIME),
    Index("ix_block_verifications_to_index", "to_index"),
    Index("ix_block_verifications_failures", "id", postgresql_where=text("NOT ok")),
)
