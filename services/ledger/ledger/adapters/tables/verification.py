"""What has been verified, sealed; and how far the rounds of verification have come."""

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table, Text, text

from ledger.adapters.tables.base import TIME, metadata, now_column

# Sealed by a key that the database does not hold: whoever edits history cannot edit what was said of it.
verified_states = Table(
    "verified_states",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    now_column("created_at"),
)

# `scrub` and `nightly`. `position` is the next block to read again; `slice_from` where the present twenty-fourth began.
verification_rounds = Table(
    "verification_rounds",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("position", BigInteger, nullable=False, server_default=text("0")),
    Column("slice_from", BigInteger, nullable=False, server_default=text("0")),
    Column("due_at", TIME, nullable=False, server_default=text("clock_timestamp()")),
    now_column("updated_at"),
)
