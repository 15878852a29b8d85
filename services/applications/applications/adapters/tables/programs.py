"""The read model of programmes and their boards, built from events of `programs`."""

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from applications.adapters.tables.base import TIME, metadata, one_of, time_column

programs = Table(
    "programs",
    metadata,
    Column("program_id", Uuid, primary_key=True),
    Column("status", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("revision", BigInteger, nullable=False),
    # The last whole snapshot (`programs.program_published` or `program_updated`); null before the first one.
    Column("snapshot", JSONB),
    time_column("created_at"),
    time_column("updated_at"),
    one_of("status", ["draft", "open", "closed", "archived"]),
)

board_seats = Table(
    "board_seats",
    metadata,
    Column("executive_id", Uuid, primary_key=True),
    Column("program_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("is_chair", Boolean, nullable=False),
    # A seat that was left keeps its reviews; they no longer count.
    Column("left_at", TIME),
    time_column("created_at"),
    Index("uq_board_seats_present", "program_id", "user_id", unique=True, postgresql_where=text("left_at IS NULL")),
    Index("ix_board_seats_user_id", "user_id"),
)
