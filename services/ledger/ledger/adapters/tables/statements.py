"""Bank statements as they came, which line is which movement of the books, and what each day's comparison found."""

from sqlalchemy import (
    BigInteger,
    Boolean,
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

from ledger.adapters.tables.base import MONEY, metadata, now_column

statement_files = Table(
    "statement_files",
    metadata,
    Column("file_id", Uuid, primary_key=True),
    # The order of import.
    Column("number", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("sha256", String(64), nullable=False),
    # 1, and one more for each time that the same file was withdrawn and imported again.
    Column("occurrence", SmallInteger, nullable=False),
    Column("format", String(10), nullable=False),
    Column("mapping", String(50)),
    Column("size_bytes", Integer, nullable=False),
    Column("line_count", Integer, nullable=False),
    # Those that no file that counted had before it.
    Column("new_line_count", Integer, nullable=False),
    # Null: on the command line.
    Column("imported_by", Uuid, ForeignKey("actors.actor_id")),
    now_column("imported_at"),
    UniqueConstraint("sha256", "occurrence"),
)

statement_withdrawals = Table(
    "statement_withdrawals",
    metadata,
    Column("file_id", Uuid, ForeignKey("statement_files.file_id"), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("withdrawn_by", Uuid, ForeignKey("actors.actor_id"), nullable=False),
    now_column("withdrawn_at"),
)

bank_statements = Table(
    "bank_statements",
    metadata,
    Column("statement_id", Uuid, primary_key=True),
    Column("file_id", Uuid, ForeignKey("statement_files.file_id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("account", String(34), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("statement_number", String(20)),
    Column("covers_from", Date, nullable=False),
    Column("covers_to", Date, nullable=False),
    Column("opening", MONEY),
    Column("closing", MONEY),
    Column("line_count", Integer, nullable=False),
    UniqueConstraint("file_id", "ordinal"),
    Index("ix_bank_statements_account", "account", "currency", "covers_to"),
)

statement_lines = Table(
    "statement_lines",
    metadata,
    Column("statement_id", Uuid, ForeignKey("bank_statements.statement_id"), nullable=False),
    Column("position", Integer, nullable=False),
    # Where it stands in the file, for the person who looks it up.
    Column("file_row", Integer, nullable=False),
    # The same movement at the bank has the same identity in every statement that shows it.
    Column("identity", LargeBinary, nullable=False),
    Column("entry_date", Date, nullable=False),
    Column("value_date", Date, nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("is_reversal", Boolean, nullable=False),
    Column("bank_reference", String(64)),
    # What the bank's text names, read when it came; whether there is such a payment is asked when comparing.
    Column("payment_id", Uuid),
    PrimaryKeyConstraint("statement_id", "position"),
    Index("ix_statement_lines_identity", "identity"),
    Index("ix_statement_lines_entry_date", "entry_date", "statement_id"),
    Index("ix_statement_lines_payment_id", "payment_id", postgresql_where=text("payment_id IS NOT NULL")),
    Index("ix_statement_lines_bank_reference", "bank_reference", postgresql_where=text("bank_reference IS NOT NULL")),
)

# What the bank wrote about the lines: it may name people. Sealed under a key of its file, many lines together.
statement_texts = Table(
    "statement_texts",
    metadata,
    Column("statement_id", Uuid, ForeignKey("bank_statements.statement_id"), nullable=False),
    Column("chunk", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("statement_id", "chunk"),
)

# A projection, made anew whenever something changes: a line is one movement at most, a movement one line at most.
statement_matches = Table(
    "statement_matches",
    metadata,
    Column("identity", LargeBinary, primary_key=True),
    Column("block_index", BigInteger, ForeignKey("blocks.block_index"), nullable=False, unique=True),
    Column("kind", String(10), nullable=False),
    now_column("matched_at"),
)

# A projection as well: what comparing a day of an account found, for counting without comparing again.
reconciled_days = Table(
    "reconciled_days",
    metadata,
    Column("account", String(34), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("day", Date, nullable=False),
    # From this day on, what is missing or different counts as unreconciled.
    Column("overdue_on", Date, nullable=False),
    Column("height", BigInteger, nullable=False),
    Column("matched", Integer, nullable=False),
    Column("different", Integer, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("extra", Integer, nullable=False),
    Column("duplicate", Integer, nullable=False),
    Column("reversal_without_payment", Integer, nullable=False),
    now_column("reconciled_at"),
    PrimaryKeyConstraint("account", "currency", "day"),
    Index(
        "ix_reconciled_days_open",
        "overdue_on",
        postgresql_where=text("different + missing + extra + duplicate + reversal_without_payment > 0"),
    ),
)

# Which files' coming and going has been compared already.
reconciled_files = Table(
    "reconciled_files",
    metadata,
    Column("file_id", Uuid, ForeignKey("statement_files.file_id"), nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    now_column("reconciled_at"),
    PrimaryKeyConstraint("file_id", "withdrawn"),
)

# One row for each day on which the daily run has been done.
reconciliation_runs = Table(
    "reconciliation_runs",
    metadata,
    Column("day", Date, primary_key=True),
    Column("height", BigInteger, nullable=False),
    Column("days", Integer, nullable=False),
    now_column("ran_at"),
)
