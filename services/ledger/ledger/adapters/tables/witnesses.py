"""What awaits witnesses, and what they said."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, PrimaryKeyConstraint, String, Table, Text

from ledger.adapters.tables.base import TIME, metadata, now_column

# Signed and not necessarily published; what is published stands in `checkpoints`.
signed_checkpoints = Table(
    "signed_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    now_column("created_at"),
)

checkpoint_cosignatures = Table(
    "checkpoint_cosignatures",
    metadata,
    Column("size", BigInteger, nullable=False),
    # Name and id of the witness's key, as in its line.
    Column("witness", String(200), nullable=False),
    Column("key_id", String(8), nullable=False),
    Column("line", Text, nullable=False),
    # The witness's own time; `created_at` is ours.
    Column("cosigned_at", TIME, nullable=False),
    now_column("created_at"),
    PrimaryKeyConstraint("size", "witness", "key_id"),
    Index("ix_checkpoint_cosignatures_witness", "witness", "key_id", "size"),
)
