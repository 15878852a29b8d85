"""Receipts in object storage."""

from chassis.migrations import execute_sql_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
