"""Sums for public reading, kept by statement triggers: projections that no role can write by hand."""

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String, Table

from ledger.adapters.tables.base import MONEY_SUM, metadata

block_counts = Table(
    "block_counts",
    metadata,
    Column("transaction_type", String(20), primary_key=True),
    Column("number", BigInteger, nullable=False),
)

# Of `programs` and `beneficiaries`.
row_counts = Table(
    "row_counts",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("number", BigInteger, nullable=False),
)

# What the blocks' data say of money.
money_totals = Table(
    "money_totals",
    metadata,
    Column("currency", String(3), primary_key=True),
    Column("received", MONEY_SUM, nullable=False),
    Column("committed", MONEY_SUM, nullable=False),
    Column("disbursed", MONEY_SUM, nullable=False),
    Column("refunded", MONEY_SUM, nullable=False),
)

# What the postings say: `external`, `available`, `committed`, `bank`, `beneficiary`.
account_totals = Table(
    "account_totals",
    metadata,
    Column("kind", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("balance", MONEY_SUM, nullable=False),
    PrimaryKeyConstraint("kind", "currency"),
)

# `program_id` as accounts carry it.
program_balances = Table(
    "program_balances",
    metadata,
    Column("program_id", String(200), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("available", MONEY_SUM, nullable=False),
    Column("committed", MONEY_SUM, nullable=False),
    PrimaryKeyConstraint("program_id", "currency"),
)
